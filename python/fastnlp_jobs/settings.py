"""Settings of a workflow run: one YAML file with the input and the config of each step."""

import difflib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fastnlp_jobs.config import YamlFile, read_yaml, validate
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import load_job, secrets

VARIABLE = "FASTNLP_SETTINGS"
DEFAULT = "demo"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")  # a part of a Kubernetes name


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretSource(_Group):
    """Where Argo finds the value of an environment variable; here and in docker it is the submitter's own variable."""

    secret: str = Field("fastnlp", description="name of the Kubernetes Secret")
    key: str | None = Field(None, description="key in it; by default the variable's own name")


class _Schema(_Group):
    input: str | None = Field(None, description="what crawl reads; without it, `-p input=…` must be given")
    steps: dict[str, dict[str, Any] | None] = Field(description="config of each step; a step not named here is off")
    secrets: dict[str, SecretSource | None] = Field(
        {}, description="environment variables that steps read secrets from"
    )


@dataclass(frozen=True)
class StepSettings:
    """What a settings file says about one step."""

    config: dict[str, Any]
    secrets: dict[str, SecretSource]  # by environment variable: those the config needs, and those the file names


@dataclass(frozen=True)
class Settings:
    """A checked settings file."""

    name: str
    input: str | None
    steps: Collection[str]
    secrets: dict[str, SecretSource]
    file: YamlFile

    def step(self, job: str, given: Collection[str]) -> StepSettings:
        """What the file sets for a job.

        Args:
            job: a step that is on.
            given: paths of the job's Config that the workflow sets itself.

        Raises:
            BadInput: a key that the job does not know, a bad value, or a key the workflow sets itself.
        """
        part = self.file.part(("steps", job))
        config = dict(part.values)
        for key in given:
            if key in config:
                raise BadInput(f"{part.where((key,))}: `{key}` of step {job} is set by the workflow; remove the line")
            part.values[key] = "set-by-the-workflow"
        job_config = load_job(job).Config
        needed = validate(job_config, part).needed_secrets()
        named = [name for name in secrets(job_config).values() if name in self.secrets or name in needed]
        return StepSettings(config, {name: self.secrets.get(name, SecretSource()) for name in named})


def load_settings(folder: Path, known_steps: Collection[str]) -> Settings:
    """Read the settings that the environment variable FASTNLP_SETTINGS names: a file of `folder`, or a path.

    Raises:
        BadInput: no such settings, or a mistake in them; names file, line and key.
    """
    path = _find(folder, os.environ.get(VARIABLE) or DEFAULT)
    if not _NAME.fullmatch(path.stem):
        raise BadInput(f"{path}: the file's name becomes part of the workflow's: use a-z, 0-9 and -, at most 40")
    file = read_yaml(str(path))
    schema = validate(_Schema, file)
    for step in schema.steps:
        if step not in known_steps:
            raise BadInput(f"{file.where(('steps', step))}: unknown step `{step}`; {_suggest(step, known_steps)}")
    _refuse_unread_secrets(schema, file)
    sources = {variable: source or SecretSource() for variable, source in schema.secrets.items()}
    return Settings(name=path.stem, input=schema.input, steps=schema.steps.keys(), secrets=sources, file=file)


def _refuse_unread_secrets(schema: _Schema, file: YamlFile) -> None:
    read = {variable for step in schema.steps for variable in secrets(load_job(step).Config).values()}
    for variable in schema.secrets:
        if variable not in read:
            where = file.where(("secrets", variable))
            raise BadInput(f"{where}: no step reads the secret `{variable}`; {_suggest(variable, read or {'none'})}")


def _find(folder: Path, name_or_path: str) -> Path:
    """A name stands for a file in `folder`; anything with a folder or an ending is a path."""
    if Path(name_or_path).name != name_or_path or Path(name_or_path).suffix:
        return Path(name_or_path)
    path = folder / f"{name_or_path}.yaml"
    if not path.is_file():
        names = [file.stem for file in folder.glob("*.yaml")]
        raise BadInput(f"settings `{name_or_path}`: no {path.name} in {folder}; {_suggest(name_or_path, names)}")
    return path


def _suggest(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(sorted(known))}"
