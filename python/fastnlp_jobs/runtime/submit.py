"""`hera submit`: run a workflow on this machine."""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastnlp_jobs import settings
from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_FAILED, BadInput

if TYPE_CHECKING:
    from hera.workflows import models


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
    from fastnlp_jobs.runtime.loading import load_workflow
    from fastnlp_jobs.runtime.machine import run_on_machine

    workflow = load_workflow(options.file)
    _set_parameters(workflow, options.parameter)
    return run_on_machine(workflow, on=options.on, run_dir=options.run_dir).exit_code


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
