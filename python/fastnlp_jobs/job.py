"""What every job is: a module `fastnlp_jobs.jobs.<name>` with `Config`, `Result`, `run(config) -> Result`, `EXTRA`.

`EXTRA` is the extra of the distribution that holds the job's libraries. A job that has something to say of a single
text has `run_on_text(config, text) -> dict` too. Everything around `run` is in `execution.py`: `fastnlp <job> --help`
imports nothing of it.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

RoleName = Literal["input", "output", "state", "parts"]


@dataclass(frozen=True)
class Role:
    """What a path in a config is for; the framework hashes inputs, checks parts and replaces outputs."""

    name: RoleName


def _refuse_empty(value: Any) -> Any:
    """An empty text would be the current directory, and all below it read or replaced."""
    if value == "":
        raise ValueError("expected the path of a file or folder")
    return value


_NotEmpty = BeforeValidator(_refuse_empty)
Input = Annotated[Path, Role("input"), _NotEmpty]
OptionalInput = Annotated[Path | None, Role("input"), _NotEmpty]
Output = Annotated[Path, Role("output"), _NotEmpty]
State = Annotated[Path | None, Role("state"), _NotEmpty]


class JobConfig(BaseModel):
    """Base of every Config: frozen, unknown keys are errors."""

    # Built at the first use: help is printed without it.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)

    @classmethod
    def path_fields(cls, role: RoleName) -> list[str]:
        """Names of the fields that hold paths of one role."""
        return [name for name, field in cls.model_fields.items() if Role(role) in field.metadata]

    def paths(self, role: RoleName) -> dict[str, Path]:
        """The paths of one role by field name, without those that are not set."""
        return {name: getattr(self, name) for name in self.path_fields(role) if getattr(self, name) is not None}

    def make_ready(self) -> None:
        """Create what a run needs beside its output before it is identified; `--dry-run` does not call this."""

    def needed_secrets(self) -> set[str]:
        """Environment variables that a run with this config needs; a job says which of its secrets it will use."""
        return set()

    def needs_network(self) -> bool:
        """Whether a run with this config reads more than files; in docker a step has no network otherwise."""
        return False

    def keeps_state(self) -> bool:
        """Whether a run with this config has to go on from what an earlier one left in `state`."""
        return bool(self.path_fields("state"))

    def can_change(self) -> bool:
        """Whether the same config and inputs may give something else tomorrow; such a run is never up to date."""
        return False

    def more_of_plan(self) -> dict[str, Any]:
        """What a plan says beside inputs and output."""
        return {}

    def printable(self) -> dict[str, Any]:
        """The config as a plan shows it: without secrets; a job takes out what else no terminal or log should hold."""
        return self.model_dump(mode="json", exclude=set(secrets(type(self))))

    def identity(self) -> dict[str, Any]:
        """What decides the output besides the inputs' bytes; a job adds what its config only points to."""
        secret_or_path = {*self.paths("input"), *self.paths("output"), *self.path_fields("state"), *secrets(type(self))}
        return self.model_dump(mode="json", exclude=secret_or_path)


class ServiceConfig(JobConfig):
    """Base of the Config of a service: a job that lasts until it is stopped and writes no output.

    Its module has no `Result`, and its `run` never returns.
    """

    run_folder: Annotated[Path, _NotEmpty] = Field(
        Path("serve.run"), description="folder for what happens while it runs: run.json, logs/, the lock"
    )


class Result(BaseModel):
    """Base of every Result: counts, printed as JSON and recorded in the lineage."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RowResult(Result):
    """Result of a job that passes rows on: every row that came in is accounted for."""

    rows_in: int
    rows_out: int
    rows_rejected: int
    rows_removed: int = 0

    @model_validator(mode="after")
    def _no_row_is_lost(self) -> "RowResult":
        accounted = self.rows_out + self.rows_rejected + self.rows_removed
        if self.rows_in != accounted:
            raise ValueError(
                f"{self.rows_in} rows in, but {self.rows_out} out + {self.rows_rejected} rejected "
                f"+ {self.rows_removed} removed = {accounted}: rows were lost; please report this"
            )
        return self


def secrets(config_class: type[BaseModel]) -> dict[str, str]:
    """Field name to environment variable of every secret (a field with the extra `environment`)."""
    found = {}
    for name, field in config_class.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "environment" in extra:
            found[name] = str(extra["environment"])
    return found


def job_names() -> list[str]:
    """Every job there is: the modules and packages of `fastnlp_jobs.jobs`, sorted."""
    from fastnlp_jobs import jobs

    return sorted(module.name for module in pkgutil.iter_modules(jobs.__path__))


def step_names() -> list[str]:
    """The jobs that end, and so can be steps of a workflow."""
    return [name for name in job_names() if not issubclass(load_job(name).Config, ServiceConfig)]


def load_job(name: str) -> ModuleType:
    """The module of a job; light, since a job imports its libraries only in `run`."""
    return importlib.import_module(f"fastnlp_jobs.jobs.{name}")
