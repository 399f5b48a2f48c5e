"""Running a built workflow on this machine: the run folder, the signals, the end."""

import datetime
import json
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hera.workflows import models

from fastnlp_jobs import processes
from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, BadInput
from fastnlp_jobs.runtime import model, view
from fastnlp_jobs.runtime.check import check, order
from fastnlp_jobs.runtime.interpreter import LocalRun
from fastnlp_jobs.runtime.offer import refuse_too_large, this_machine
from fastnlp_jobs.runtime.record import STATE_FILE, RunRecord
from fastnlp_jobs.runtime.secrets import secret_values
from fastnlp_jobs.runtime.supported import refuse_unsupported

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    state: dict[str, Any]  # what run.json holds
    exit_code: int  # 0 succeeded, 1 not, 129, 130 or 143 stopped by a signal
    folder: Path


def run_on_machine(workflow: models.Workflow, *, on: str, run_dir: Path) -> Ended:
    """Run every step of a built workflow here, in a new folder below `run_dir`.

    Args:
        workflow: its parameters have their values already.
        on: how a step's container runs; local: as a process.
        run_dir: holds a folder per run and `latest`; made when missing.

    Raises:
        BadInput: the workflow cannot run here; nothing was started and no folder made.
    """
    if on != "local":
        raise BadInput(f"--on {on}: expected local; steps run as processes of this machine")
    manifest = workflow.model_dump(exclude_none=True, by_alias=True)
    refuse_unsupported(manifest)
    check(workflow)
    refuse_too_large(workflow, this_machine())
    values = secret_values(workflow)
    folder = _make_run_folder(run_dir, workflow)
    (folder / "workflow.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    exit_code = _run(workflow, folder, values)
    return Ended(json.loads((folder / STATE_FILE).read_text(encoding="utf-8")), exit_code, folder)


def _run(workflow: models.Workflow, folder: Path, secrets: dict[str, str]) -> int:
    """Run the steps in threads, while this one watches for signals."""
    tasks = model.entry_tasks(workflow)
    values = {parameter.name: parameter.value or "" for parameter in model.parameters(workflow)}
    record = RunRecord(folder, values, order(tasks))
    run = LocalRun(workflow, record, slots=processes.usable_cores(), secrets=secrets)
    with processes.collected_signals() as requests, view.shown(record):
        _watch(run, requests)
    waited_for = {name for task in tasks for name in model.dependencies(task)}
    view.print_end(record, [task.name for task in tasks if task.name not in waited_for])
    if requests:
        return requests[0]
    return EXIT_DONE if record.phase == "Succeeded" else EXIT_FAILED


def _watch(run: LocalRun, requests: list[int]) -> None:
    """Wait for the run; the first signal asks its steps to stop, the second ends them at once."""
    seen = 0
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(run.run)
        while not wait([future], timeout=_LOOK_EVERY_S).done:
            if len(requests) == seen:
                continue
            seen += 1
            if seen == 1:
                print("stopping; once more ends the steps at once", file=sys.stderr)
                run.stop()
            else:
                run.kill()
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
