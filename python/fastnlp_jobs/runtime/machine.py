"""Running a built workflow on this machine: the run folder, the signals, the end."""

import contextlib
import datetime
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import yaml
from hera.workflows import models

from fastnlp_jobs import processes
from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, BadInput
from fastnlp_jobs.runtime import model, view
from fastnlp_jobs.runtime.check import check
from fastnlp_jobs.runtime.docker import DockerExecutor
from fastnlp_jobs.runtime.earlier import Earlier, outputs_of_runs, succeeded
from fastnlp_jobs.runtime.engine import Engine, Machine
from fastnlp_jobs.runtime.executor import Executor
from fastnlp_jobs.runtime.filling import as_declared
from fastnlp_jobs.runtime.local import LocalExecutor
from fastnlp_jobs.runtime.offer import refuse_too_large, this_machine
from fastnlp_jobs.runtime.record import RunRecord
from fastnlp_jobs.runtime.run_folders import LOCK_FILE, WORKFLOW_FILE, Run
from fastnlp_jobs.runtime.secrets import secret_values
from fastnlp_jobs.runtime.shared_paths import share_paths
from fastnlp_jobs.runtime.step_logs import step_logs_shown
from fastnlp_jobs.runtime.supported import refuse_unsupported

_LOOK_EVERY_S = 0.1
_EXECUTORS: dict[str, Callable[[], Executor]] = {"local": LocalExecutor, "docker": DockerExecutor}


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    state: dict[str, Any]  # what run.json holds
    exit_code: int  # 0 succeeded, 1 not, 129, 130 or 143 stopped by a signal
    folder: Path


def run_on_machine(
    workflow: models.Workflow, *, on: str, run_dir: Path, log: TextIO | None = None, anew: bool = False
) -> Ended:
    """Run every step of a built workflow here, in a new folder below `run_dir`.

    Args:
        workflow: its parameters have their values already.
        on: how a step's container runs; local: as a process; docker: in a container.
        run_dir: holds a folder per run and `latest`; made when missing.
        log: where the lines go that the steps print; their files have them in any case.
        anew: do not take over what earlier runs in `run_dir` wrote.

    Raises:
        BadInput: the workflow cannot run here; nothing was started and no folder made.
    """
    manifest = workflow.model_dump(exclude_none=True, by_alias=True)
    machine = _machine(workflow, on)
    earlier = Earlier() if anew else Earlier(outputs=outputs_of_runs(run_dir))
    folder = _make_run_folder(run_dir, workflow)
    (folder / WORKFLOW_FILE).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    return _run_in(folder, workflow, on, replace(machine, earlier=earlier), log)


def resume_on_machine(run: Run, log: TextIO | None = None) -> Ended:
    """Go on with an interrupted or failed run, in its folder: steps that succeeded are kept.

    Raises:
        BadInput: it is still running, or cannot run here any more.
    """
    text = (run.folder / WORKFLOW_FILE).read_text(encoding="utf-8")
    workflow = models.Workflow.model_validate(yaml.safe_load(text))
    on = run.state["here"]["on"]
    machine = replace(_machine(workflow, on), earlier=Earlier(kept=succeeded(run)))
    return _run_in(run.folder, workflow, on, machine, log)


def _machine(workflow: models.Workflow, on: str) -> Machine:
    """What the steps share, once it is sure that they can run here."""
    if on not in _EXECUTORS:
        raise BadInput(f"--on {on}: expected {' or '.join(_EXECUTORS)}")
    refuse_unsupported(workflow.model_dump(exclude_none=True, by_alias=True))
    check(workflow)
    executor = _EXECUTORS[on]()
    available = this_machine()
    refuse_too_large(workflow, available)
    _refuse_unable(workflow, executor)
    shared = share_paths(workflow) if on == "docker" else []
    return Machine(executor, available, secret_values(workflow), shared)


def _run_in(folder: Path, workflow: models.Workflow, on: str, machine: Machine, log: TextIO | None) -> Ended:
    with processes.locked(folder / LOCK_FILE, folder):
        name = workflow.metadata.name or folder.name
        record = RunRecord(folder, name, model.parameter_values(workflow), on, machine.earlier.kept.values())
        exit_code = _run(Engine(workflow, record, machine), log)
    return Ended(record.state(), exit_code, folder)


def _refuse_unable(workflow: models.Workflow, executor: Executor) -> None:
    """Raise for the first template that the executor cannot run."""
    for name, template in model.templates(workflow).items():
        if model.container(template) is None:
            continue
        reason = executor.refusal(as_declared(executor, template))
        if reason is not None:
            raise BadInput(f"template {name}: {reason}")


def _run(engine: Engine, log: TextIO | None) -> int:
    """Run the steps in threads, while this one watches for signals."""
    record = engine.record
    logs = contextlib.nullcontext() if log is None else step_logs_shown(record, log)
    with processes.collected_signals() as requests, view.shown(record, as_lines=log is not None), logs:
        _watch(engine, requests)
    view.print_end(record, engine.last_steps())
    if requests:
        return requests[0]
    return EXIT_DONE if record.phase == "Succeeded" else EXIT_FAILED


def _watch(engine: Engine, requests: list[int]) -> None:
    """Wait for the run; the first signal asks its steps to stop, the second ends them at once."""
    seen = 0
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(engine.run)
        while not wait([future], timeout=_LOOK_EVERY_S).done:
            if len(requests) == seen:
                continue
            seen += 1
            if seen == 1:
                print("stopping; once more ends the steps at once", file=sys.stderr)
                engine.halting.stop()
            else:
                engine.halting.kill()
        future.result()


def _make_run_folder(parent: Path, workflow: models.Workflow) -> Path:
    """A new folder named after workflow and moment, and `latest` beside it pointing there."""
    metadata = workflow.metadata
    prefix = (metadata.generate_name or metadata.name or "run").rstrip("-")
    moment = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    folder = parent.absolute() / f"{prefix}-{moment}-{secrets.token_hex(2)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"--run-dir {parent}: cannot create a folder in it ({error.strerror})") from error
    processes.point(parent / "latest", folder)
    return folder
