"""`hera submit`: run a workflow on this machine."""

import argparse
import datetime
import difflib
import os
import secrets
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from fastnlp_jobs import processes, settings
from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_FAILED, BadInput

if TYPE_CHECKING:
    from hera.workflows import models

    from fastnlp_jobs.runtime.interpreter import LocalRun

_LOOK_EVERY_S = 0.1


def submit(arguments: Sequence[str]) -> int:
    """Run the workflow a command line names.

    Returns:
        0 succeeded, 1 a step failed, 2 nothing was started because of a mistake, 130 or 143 stopped by a signal.
    """
    options = _parser().parse_args(arguments)
    if options.settings:
        os.environ[settings.VARIABLE] = options.settings
    try:
        return _submit(options)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except OSError as error:  # a full disk, a run folder that was taken away
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "hera":
            raise
        print("error: Hera is not installed; pip install 'fastnlp-core[workflows]'", file=sys.stderr)
        return EXIT_BAD_INPUT


def _submit(options: argparse.Namespace) -> int:
    from fastnlp_jobs.runtime.check import check
    from fastnlp_jobs.runtime.loading import load_workflow
    from fastnlp_jobs.runtime.supported import refuse_unsupported

    workflow = load_workflow(options.file)
    _set_parameters(workflow, options.parameter)
    manifest = workflow.model_dump(exclude_none=True, by_alias=True)
    refuse_unsupported(manifest)
    check(workflow)
    folder = _make_run_folder(options.run_dir, workflow)
    (folder / "workflow.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    return _run(workflow, folder)


def _run(workflow: "models.Workflow", folder: Path) -> int:
    """Run the steps in threads, while this one watches for signals."""
    from fastnlp_jobs.runtime import model, view
    from fastnlp_jobs.runtime.check import order
    from fastnlp_jobs.runtime.interpreter import LocalRun
    from fastnlp_jobs.runtime.record import RunRecord

    tasks = model.entry_tasks(workflow)
    values = {parameter.name: parameter.value or "" for parameter in model.parameters(workflow)}
    record = RunRecord(folder, values, order(tasks))
    run = LocalRun(workflow, record, slots=processes.usable_cores())
    with processes.collected_signals() as requests, view.shown(record):
        _watch(run, requests)
    waited_for = {name for task in tasks for name in model.dependencies(task)}
    view.print_end(record, [task.name for task in tasks if task.name not in waited_for])
    if requests:
        return requests[0]
    return EXIT_DONE if record.phase == "Succeeded" else EXIT_FAILED


def _watch(run: "LocalRun", requests: list[int]) -> None:
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


def _set_parameters(workflow: "models.Workflow", given: list[str]) -> None:
    from fastnlp_jobs.runtime.model import parameters

    known = {parameter.name: parameter for parameter in parameters(workflow)}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput(f"-p {text}: expected NAME=VALUE, such as -p input=comments.csv")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"it has: {', '.join(known) or 'none'}"
            raise BadInput(f"-p {text}: the workflow has no parameter `{name}`; {hint}")
        known[name].value = value


def _make_run_folder(parent: Path, workflow: "models.Workflow") -> Path:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hera submit", description="Run the Hera workflow of a Python file on this machine."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="Python file that defines the workflow")
    parser.add_argument("--settings", metavar="NAME|PATH", help="configs/workflows/NAME.yaml, or a path (default demo)")
    parser.add_argument(
        "-p", "--parameter", metavar="NAME=VALUE", action="append", default=[], help="set a parameter, may be repeated"
    )
    parser.add_argument("--on", choices=["local"], default="local", help="where it runs (default local: this machine)")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="where the run's folder is made (default runs)",
    )
    return parser
