"""What every job shares: its config and result, and the order in which a run happens.

A job is a module `fastnlp_jobs.jobs.<name>` with `Config`, `Result`, `run(config) -> Result` and
`EXTRA`, the extra of the distribution that holds its libraries. Everything around `run` is here.
"""

import datetime
import importlib
import json
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from fastnlp_jobs import events, lineage, outputs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.processes import locked


@dataclass(frozen=True)
class Role:
    """What a path in a config is for; the framework hashes inputs and replaces outputs."""

    name: Literal["input", "output", "state"]


Input = Annotated[Path, Role("input")]
OptionalInput = Annotated[Path | None, Role("input")]
Output = Annotated[Path, Role("output")]
State = Annotated[Path | None, Role("state")]


class JobConfig(BaseModel):
    """Base of every Config: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def paths(self, role: str) -> dict[str, Path]:
        """The paths of one role by field name, without those that are not set."""
        fields = type(self).model_fields
        names = [name for name, field in fields.items() if Role(role) in field.metadata]  # type: ignore[arg-type]  # any word may be asked for
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def make_ready(self) -> None:
        """Create what a run needs beside its output before it is identified; `--dry-run` does not call this."""

    def needed_secrets(self) -> set[str]:
        """Environment variables that a run with this config needs; a job says which of its secrets it will use."""
        return set()

    def identity(self) -> dict[str, Any]:
        """What decides the output besides the inputs' bytes; a job adds what its config only points to."""
        secret_or_path = {*self.paths("input"), *self.paths("output"), *self.paths("state"), *secrets(type(self))}
        return self.model_dump(mode="json", exclude=secret_or_path)


class Result(BaseModel):
    """Base of every Result: counts, printed as JSON and recorded in the lineage."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


def load_job(name: str) -> ModuleType:
    """The module of a job; light, since a job imports its libraries only in `run`."""
    return importlib.import_module(f"fastnlp_jobs.jobs.{name}")


def plan(name: str, config: JobConfig) -> dict[str, Any]:
    """What a run would do, from a look at the inputs; touches nothing (`--dry-run`)."""
    _inputs_exist(config)
    output = _output(config)
    record = lineage.expected(name, config.identity(), config.paths("input"))
    return {
        "job": name,
        "config": config.model_dump(mode="json", exclude=set(secrets(type(config)))),
        "inputs": {field: lineage.describe_path(path) for field, path in config.paths("input").items()},
        "output": str(output),
        "state": "up to date" if outputs.is_current(output, record) else outputs.obstacle(output) or "would run",
    }


def execute(name: str, config: JobConfig, *, force: bool = False) -> dict[str, Any]:
    """Run a job so that its output appears whole or not at all.

    Returns:
        {"job", "state": "done" | "up to date", "output", "result": the counts}.

    Raises:
        BadInput: an input is missing, another run holds the output, or the output is in the way.
    """
    _inputs_exist(config)
    output = _output(config)
    run_folder = outputs.make_run_folder(output)
    with locked(run_folder / "lock", output):
        outputs.recover(output)
        config.make_ready()
        record = lineage.expected(name, config.identity(), config.paths("input"))
        if not force and outputs.is_current(output, record):
            counts = load_job(name).Result.model_validate(lineage.read(output)["counts"])
            return _answer(name, "up to date", output, counts.model_dump(mode="json"))
        outputs.refuse_foreign(output, force=force)
        result = _run_into(output, run_folder, name, config, record)
    return _answer(name, "done", output, result)


def _run_into(output: Path, run_folder: Path, name: str, config: JobConfig, record: dict[str, Any]) -> dict[str, Any]:
    started = datetime.datetime.now(datetime.UTC)
    with events.recorded(run_folder, name), outputs.staged(output) as staging:
        for state in config.paths("state").values():
            state.mkdir(parents=True, exist_ok=True)
        events.event("started", job=name, output=str(output))
        (output_field,) = config.paths("output")
        result = _call(name, config.model_copy(update={output_field: staging}))
        counts: dict[str, Any] = result.model_dump(mode="json")
        lineage.write(staging, record, counts)
        events.finish_run(run_folder, name, started, counts)
    events.event("finished", job=name, **counts)
    return counts


def _call(name: str, config: JobConfig) -> Result:
    module = load_job(name)
    try:
        result: Result = module.run(config)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fastnlp"):
            raise
        raise BadInput(f"{name} needs {error.name}: pip install 'fastnlp-core[{module.EXTRA}]'") from error
    return result


def _answer(name: str, state: str, output: Path, counts: dict[str, Any]) -> dict[str, Any]:
    return {"job": name, "state": state, "output": str(output), "result": counts}


def _output(config: JobConfig) -> Path:
    (output,) = config.paths("output").values()
    for field, path in config.paths("input").items():
        if output.resolve() in (path.resolve(), *path.resolve().parents):
            raise BadInput(f"output: {output} holds what `{field}` reads ({path}); choose another output")
    return output


def _inputs_exist(config: JobConfig) -> None:
    for field, path in config.paths("input").items():
        if not path.exists():
            raise BadInput(f"{field}: {path} does not exist; give the path of a file or folder that does")


def to_json(value: object) -> str:
    """JSON for people and programs: real characters, in the order they were given."""
    return json.dumps(value, ensure_ascii=False, indent=2)
