"""The order in which a run of any job happens: inputs, lock, up to date or not, the job itself, lineage."""

import datetime
import json
import os
from pathlib import Path
from typing import Any, NoReturn

from fastnlp_jobs import events, lineage, outputs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig, Result, ServiceConfig, load_job
from fastnlp_jobs.parts import refuse_foreign_parts
from fastnlp_jobs.processes import locked
from fastnlp_jobs.shards import StagedConfig

UP_TO_DATE = "up to date"  # state of a run that had nothing to do
EARLIER = "FASTNLP_EARLIER"  # environment variable: folders that earlier runs of a workflow's step wrote


def plan(name: str, config: JobConfig) -> dict[str, Any]:
    """What a run would do, from a look at the inputs; touches nothing (`--dry-run`)."""
    if isinstance(config, ServiceConfig):
        return {"job": name, "config": config.printable(), "state": "would run", **config.more_of_plan()}
    _inputs_exist(config)
    output = _output(config)
    record = lineage.expected(name, config.identity(), config.paths("input"))
    return {
        "job": name,
        "config": config.printable(),
        "inputs": {field: lineage.describe_path(path) for field, path in _reads(config).items()},
        "output": str(output),
        "state": _planned(output, config, record),
        **config.more_of_plan(),
    }


def _planned(output: Path, config: JobConfig, record: dict[str, Any]) -> str:
    if config.can_change():
        return "would run" if outputs.is_earlier(output, record) else outputs.obstacle(output) or "would run"
    return UP_TO_DATE if outputs.is_current(output, record) else outputs.obstacle(output) or "would run"


def execute(name: str, config: JobConfig, *, force: bool = False) -> dict[str, Any]:
    """Run a job so that its output appears whole or not at all.

    Returns:
        {"job", "state": "done" | "up to date", "output", "result": the counts}. Up to date are an output that holds
        what this run would write, and one that could be copied from a folder that FASTNLP_EARLIER lists.

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
        again = config.can_change()
        if not (force or again) and (outputs.is_current(output, record) or _taken_over(output, record)):
            counts = load_job(name).Result.model_validate(lineage.read(output)["counts"])
            return _answer(name, UP_TO_DATE, output, counts.model_dump(mode="json"))
        outputs.refuse_foreign(output, force=force or (again and outputs.is_earlier(output, record)))
        if isinstance(config, StagedConfig):
            refuse_foreign_parts(config, record)
        result = _run_into(output, run_folder, name, config, record)
    return _answer(name, "done", output, result)


def _taken_over(output: Path, record: dict[str, Any]) -> bool:
    """Make `output` from what an earlier run wrote, if one holds just what this run would write."""
    if output.exists():
        return False
    for earlier in filter(None, os.environ.get(EARLIER, "").split(os.pathsep)):
        if outputs.is_current(Path(earlier), record):
            outputs.copy(Path(earlier), output)
            return True
    return False


def _run_into(output: Path, run_folder: Path, name: str, config: JobConfig, record: dict[str, Any]) -> dict[str, Any]:
    started = datetime.datetime.now(datetime.UTC)
    with events.recorded(run_folder, name), outputs.staged(output) as staging:
        for key, state in config.paths("state").items():
            outputs.make_folder(state, key)
        events.event("started", job=name, output=str(output))
        (output_field,) = config.paths("output")
        result: Result = _call(name, "run", config.model_copy(update={output_field: staging}))
        counts: dict[str, Any] = result.model_dump(mode="json")
        lineage.write(staging, record, counts)
        events.finish_run(run_folder, name, started, counts)
    events.event("finished", job=name, **counts)
    return counts


def run_on_text(name: str, config: JobConfig, text: str) -> dict[str, Any]:
    """What a job that takes single texts makes of one; the paths in the config are not looked at."""
    answer: dict[str, Any] = _call(name, "run_on_text", config, text)
    return answer


def serve(name: str, config: ServiceConfig) -> NoReturn:
    """Run a service until it is stopped, or fails.

    Raises:
        Stopped: a signal asked for its end.
        BadInput: another one keeps its record in the same folder.
        JobError: it cannot start, or ended by itself.
    """
    folder = outputs.make_folder(config.run_folder, "run_folder")
    with locked(folder / "lock", folder, "run_folder"), events.recorded(folder, name):
        started = datetime.datetime.now(datetime.UTC)
        events.event("started", job=name)
        try:
            _call(name, "run", config)
        finally:
            events.finish_run(folder, name, started, {})
            events.event("stopped", job=name)
    raise AssertionError(f"the service {name} ended without an error")


def _call(name: str, function: str, *arguments: Any) -> Any:
    module = load_job(name)
    try:
        return getattr(module, function)(*arguments)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fastnlp"):
            raise
        raise BadInput(f"{name} needs {error.name}: pip install 'fastnlp-core[{module.EXTRA}]'") from error


def _answer(name: str, state: str, output: Path, counts: dict[str, Any]) -> dict[str, Any]:
    return {"job": name, "state": state, "output": str(output), "result": counts}


def _output(config: JobConfig) -> Path:
    (output,) = config.paths("output").values()
    for field, path in _reads(config).items():
        if output.resolve() in (path.resolve(), *path.resolve().parents):
            raise BadInput(f"output: {output} holds what `{field}` reads ({path}); choose another output")
    _state_lies_apart(config)
    return output


def _state_lies_apart(config: JobConfig) -> None:
    """Within the output it would be deleted with what a run replaces, within an input it would change what is read."""
    for key, state in config.paths("state").items():
        for field, path in (_reads(config) | config.paths("output")).items():
            if path.resolve() in (state.resolve(), *state.resolve().parents):
                raise BadInput(f"{key}: {state} lies in `{field}` ({path}); choose another {key}")


def _reads(config: JobConfig) -> dict[str, Path]:
    return config.paths("input") | config.paths("parts")


def _inputs_exist(config: JobConfig) -> None:
    for field, path in _reads(config).items():
        if not path.exists():
            raise BadInput(f"{field}: {path} does not exist; give the path of a file or folder that does")


def to_json(value: object) -> str:
    """JSON for people and programs: real characters, in the order they were given."""
    return json.dumps(value, ensure_ascii=False, indent=2)
