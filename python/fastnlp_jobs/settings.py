"""Settings of a workflow run: one YAML file with the input, the config of each step and what the cluster offers."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fastnlp_jobs.config import MAX_CONFIG_BYTES, YamlFile, read_yaml, validate
from fastnlp_jobs.errors import BadInput, suggest
from fastnlp_jobs.job import load_job, secrets

VARIABLE = "FASTNLP_SETTINGS"
DEFAULT = "demo"
S3, MODELS = "s3://", "/models"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")  # a part of a Kubernetes name
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretSource(_Group):
    """Where Argo finds the value of an environment variable; here and in docker it is the submitter's own variable."""

    secret: str = Field("fastnlp", description="name of the Kubernetes Secret")
    key: str | None = Field(None, description="key in it; by default the variable's own name")


class Images(_Group):
    """Where the images `job-NAME` come from; by default what this machine has built."""

    registry: str | None = Field(None, description="prefix of each image, such as registry.example.org/team")
    tag: str | None = Field(None, description="tag of each image")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(None, description="as Kubernetes has it")
    pull_secrets: list[str] = Field([], description="Secrets with the registry's credentials")


class Toleration(_Group):
    """A taint that a node may have."""

    key: str = Field(description="of the taint")
    value: str | None = Field(None, description="of the taint; by default any")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(None, description="by default any")


class NodeClass(_Group):
    """What a step asks of the machine it runs on."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # `cpu: 4` is as good as `cpu: "4"`

    cpu: str = Field("1", pattern=_QUANTITY, description="cores that must be free")
    memory: str = Field("2Gi", pattern=_QUANTITY, description="memory that must be free")
    memory_limit: str | None = Field(None, pattern=_QUANTITY, description="a step that takes more is killed (137)")
    gpus: int = Field(0, ge=0, description="GPUs on one node")
    shared_memory: str | None = Field(None, pattern=_QUANTITY, description="size of /dev/shm, which counts as memory")
    deadline_s: int = Field(24 * 3600, gt=0, description="seconds after which a try is ended")
    node_selector: dict[str, str] = Field({}, description="labels of the nodes it may run on")
    tolerations: list[Toleration] = Field([], description="taints of the nodes it may run on")


class Storage(_Group):
    """Where `s3://BUCKET/KEY` lies: the input, or a file or folder that a step's config names."""

    endpoint: str = Field(description="host, and :port, of the S3 service, without https://")
    region: str | None = Field(None, description="of the bucket, where the service asks for it")
    insecure: bool = Field(False, description="http instead of https")
    secret: str | None = Field(
        None, description="Secret with the keys accessKey and secretKey; by default what the pod's service account may"
    )


class State(_Group):
    """The volume on which jobs keep what lets another try go on where the last one stopped."""

    claim: str | None = Field(None, description="an existing claim; by default each workflow gets one of its own")
    size: str = Field("10Gi", pattern=_QUANTITY, description="of a workflow's own claim")
    folder: str | None = Field(
        None,
        pattern=rf"^{_NAME.pattern}$",
        description="folder of `claim` that outlives the workflow: a later run of the settings goes on from what is "
        "there; by default each workflow has one of its own",
    )

    @model_validator(mode="after")
    def _outlives(self) -> Self:
        if self.folder and not self.claim:
            raise ValueError("`folder` needs `claim`: a workflow's own claim ends with it")
        return self


class Models(_Group):
    """The volume with models and word lists that configs name as paths in /models."""

    claim: str = Field(description="an existing claim; mounted read-only")


class SettingsFile(_Group):
    """The keys of a settings file."""

    input: str | None = Field(None, description="the files crawl reads; without it, `-p input=…` must be given")
    steps: dict[str, dict[str, Any] | None] = Field(
        min_length=1, description="config of each step; a step not named here is off"
    )
    shards: int = Field(1, ge=1, le=1000, description="parts in which prepare and mine work side by side")
    secrets: dict[str, SecretSource | None] = Field(
        {}, description="by environment variable; one that a step cannot do without is passed anyway"
    )
    images: Images = Field(Images(), description="where images come from")
    nodes: dict[str, str] = Field({}, description="node class by step, where another than the step's own is wanted")
    classes: dict[str, NodeClass] = Field({}, description="changes to node classes, by class")
    storage: Storage | None = Field(None, description="the S3 service of s3://BUCKET/KEY")
    models: Models | None = Field(None, description="volume at /models of steps whose config names a path there")
    state: State = Field(State(), description="volume at /state of jobs that keep state")
    service_account: str | None = Field(None, description="ServiceAccount of the pods")
    queue: str | None = Field(None, description="LocalQueue of Kueue that admits each step")
    priority_class: str | None = Field(None, description="PriorityClass of the pods")


@dataclass(frozen=True)
class StepSettings:
    """What a settings file says about one step."""

    config_text: str
    secrets: dict[str, SecretSource]  # by environment variable: those the config needs, and those the file names
    needs_network: bool
    keeps_state: bool


@dataclass(frozen=True)
class Settings:
    """A checked settings file."""

    name: str
    values: SettingsFile
    file: YamlFile

    def placed(self, job: str) -> dict[str, str]:
        """By key of a step's config the inputs that lie in S3 (s3://BUCKET/KEY) or on the volume /models.

        Raises:
            BadInput: the settings do not say where that is.
        """
        config, inputs = self.values.steps[job] or {}, load_job(job).Config.path_fields("input")
        texts = {key: value for key, value in config.items() if key in inputs and isinstance(value, str)}
        found = {key: value for key, value in texts.items() if value.startswith((S3, f"{MODELS}/"))}
        for key, value in found.items():
            name, there = ("storage", self.values.storage) if value.startswith(S3) else ("models", self.values.models)
            if there is None:
                cure = "{endpoint: HOST}" if name == "storage" else "{claim: NAME}"
                raise BadInput(f"{self.file.where(('steps', job, key))}: {value} needs `{name}: {cure}`; add it")
        return found

    def step(self, job: str, given: Mapping[str, str | None]) -> StepSettings:
        """What the file sets for a job.

        Args:
            job: a step that is on.
            given: by key of the job's Config, what the workflow itself sets; None where it leaves the default.

        Raises:
            BadInput: a key that the job does not know, a bad value, or a key the workflow sets itself.
        """
        part = self.file.part(("steps", job))
        placed = self.placed(job)
        config = {key: value for key, value in part.values.items() if key not in placed}
        for key in given:
            if key in config:
                raise BadInput(f"{part.where((key,))}: `{key}` of step {job} is set by the workflow; remove the line")
        part.values |= given
        job_config = load_job(job).Config
        _refuse_replaced(job_config, part)
        checked = validate(job_config, part)
        needed = checked.needed_secrets()
        known = dict.fromkeys([*secrets(job_config).values(), *sorted(needed)])
        named = [name for name in known if name in self.values.secrets or name in needed]
        sources = {name: self.values.secrets.get(name) or SecretSource() for name in named}
        return StepSettings(self._config_text(job, config), sources, checked.needs_network(), checked.keeps_state())

    def _config_text(self, job: str, config: dict[str, Any]) -> str:
        """The config as YAML; escapes and anchors in the file can make of it what the file's own text is not."""
        text = str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        where = self.file.where(("steps", job))
        if "{{" in text:
            raise BadInput(f"{where}: `{{{{` is not allowed in the config of {job}, workflows would expand it")
        if len(text.encode()) > MAX_CONFIG_BYTES:
            raise BadInput(f"{where}: the config of {job} is larger than {MAX_CONFIG_BYTES} bytes; read files instead")
        return text


def load_settings(folder: Path, known_steps: Collection[str], known_classes: Collection[str]) -> Settings:
    """Read the settings that the environment variable FASTNLP_SETTINGS names: a file of `folder`, or a path.

    Raises:
        BadInput: no such settings, or a mistake in them; names file, line and key.
    """
    path = _find(folder, os.environ.get(VARIABLE) or DEFAULT)
    if not _NAME.fullmatch(path.stem):
        raise BadInput(f"{path}: the file's name becomes part of the workflow's: use a-z, 0-9 and -, at most 40")
    file = read_yaml(str(path))
    values = validate(SettingsFile, file)
    for step in values.steps:
        _refuse_unknown(file, ("steps", step), "step", step, known_steps)
    for step, node_class in values.nodes.items():
        _refuse_unknown(file, ("nodes", step), "step", step, values.steps)
        _refuse_unknown(file, ("nodes", step), "node class", node_class, known_classes)
    for node_class in values.classes:
        _refuse_unknown(file, ("classes", node_class), "node class", node_class, known_classes)
    read = {variable for step in values.steps for variable in secrets(load_job(step).Config).values()}
    read |= set(_key_variables(values.steps))
    for variable in values.secrets:
        _refuse_unknown(file, ("secrets", variable), "secret", variable, read)
    if (values.input or "").startswith(S3) and values.storage is None:
        raise BadInput(f"{file.where(('input',))}: an input s3://… needs `storage: {{endpoint: HOST}}`; add it")
    return Settings(name=path.stem, values=values, file=file)


def _key_variables(config: Any) -> Iterator[str]:
    """The variables that blocks such as `endpoint` name, wherever they stand in a config."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _key_variables(value)
        elif key == "key_variable":
            yield str(value)


def _find(folder: Path, name_or_path: str) -> Path:
    """A name stands for a file in `folder`; anything with a folder or an ending is a path."""
    if Path(name_or_path).name != name_or_path or Path(name_or_path).suffix:
        return Path(name_or_path)
    path = folder / f"{name_or_path}.yaml"
    if not path.is_file():
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        raise BadInput(f"settings `{name_or_path}`: no {path.name} in {folder}; {suggest(name_or_path, names)}")
    return path


def _refuse_replaced(job_config: type[BaseModel], part: YamlFile) -> None:
    """Refuse keys that mean something only on the machine where a job is run by itself."""
    for key in part.values:
        field = job_config.model_fields.get(key)
        extra = field.json_schema_extra if field else None
        if isinstance(extra, dict) and "in_workflows" in extra:
            raise BadInput(f"{part.where((key,))}: in a workflow {extra['in_workflows']} stands for `{key}`; remove it")


def _refuse_unknown(file: YamlFile, key: tuple[str, str], kind: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        raise BadInput(f"{file.where(key)}: unknown {kind} `{word}`; {suggest(word, sorted(known))}")
