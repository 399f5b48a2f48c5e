"""`fastnlp resume`: go on with a run that was interrupted or failed."""

import argparse
import sys
from collections.abc import Sequence

from fastnlp_jobs.errors import EXIT_DONE
from fastnlp_jobs.runtime.run_folders import Run, find_run
from fastnlp_jobs.runtime.runs import add_run_folder
from fastnlp_jobs.runtime.submit import exit_code_of


def resume(arguments: Sequence[str]) -> int:
    """Run what is missing of a run, in its own folder; exit codes as of `hera submit`."""
    parser = argparse.ArgumentParser(
        prog="fastnlp resume",
        description="Go on with a run that was interrupted or failed: what succeeded is kept, the rest runs again.",
    )
    parser.add_argument("run", metavar="RUN", help="name or folder of a run, or latest")
    add_run_folder(parser)
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _resume(find_run(options.run_dir, options.run)))


def _resume(run: Run) -> int:
    if run.state["status"]["phase"] == "Succeeded":
        print(f"{run.name} has succeeded already; nothing to do", file=sys.stderr)
        return EXIT_DONE
    from fastnlp_jobs.runtime.machine import resume_on_machine

    return resume_on_machine(run).exit_code
