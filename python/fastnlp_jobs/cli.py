"""The command `fastnlp`: one subcommand per job, and those for whole workflows.

argparse rather than a larger library, so that `fastnlp <job> --help` answers in under 0.3 s; nothing here needs an
extra, so that `fastnlp doctor` can say what is missing.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence

from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_FAILED

# What is no job: module, function that takes the rest of the command line and gives the exit code, help.
_COMMANDS = {
    "submit": (
        "fastnlp_jobs.runtime.submit",
        "submit",
        "run a whole workflow: fastnlp submit workflows/full.py --settings demo",
    ),
    "watch": ("fastnlp_jobs.runtime.argo.commands", "watch", "wait for the end of a workflow on Argo"),
    "stop": ("fastnlp_jobs.runtime.argo.commands", "stop", "stop a workflow on Argo"),
    "demo-site": (
        "fastnlp_jobs.sources.demo_site.command",
        "demo_site",
        "serve comments of invented people on this machine, to crawl without asking anybody",
    ),
    "doctor": (
        "fastnlp_jobs.doctor",
        "doctor",
        "say what works on this machine, and what a missing thing switches off",
    ),
    "resume": ("fastnlp_jobs.runtime.resume", "resume", "go on with an interrupted or failed run"),
    "runs": ("fastnlp_jobs.runtime.runs", "runs", "list the runs of this machine, or compare two of them"),
    "logs": ("fastnlp_jobs.runtime.runs", "logs", "print what a step of a run printed"),
    "erase": (
        "fastnlp_jobs.jobs.crawl.erase",
        "erase",
        "take a person out of outputs, states and runs; say what has to be made again",
    ),
    "summary": ("fastnlp_jobs.summary", "write_summary", "write how a workflow ended: its exit handler runs this"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the returned exit code is documented in docs/jobs/README.md."""
    try:
        exit_code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return exit_code


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in _COMMANDS:
        module, function, _ = _COMMANDS[arguments[0]]
        command: Callable[[list[str]], int] = getattr(importlib.import_module(module), function)
        return command(arguments[1:])
    try:
        from fastnlp_jobs.job_command import run_job
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fastnlp"):
            raise
        print(f"error: fastnlp needs {error.name}: pip install 'fastnlp-core[jobs]'", file=sys.stderr)
        return EXIT_BAD_INPUT
    return run_job(arguments, {name: description for name, (_, _, description) in _COMMANDS.items()})
