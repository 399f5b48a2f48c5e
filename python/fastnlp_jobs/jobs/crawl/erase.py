"""`fastnlp erase`: take a person out of everything that crawls, jobs and runs have left in some folders."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, JobError
from fastnlp_jobs.execution import to_json
from fastnlp_jobs.jobs.crawl import pseudonyms
from fastnlp_jobs.jobs.crawl.erase_tables import Person
from fastnlp_jobs.jobs.crawl.erasure import Erasure

_STDERR = 2


def erase(arguments: Sequence[str]) -> int:
    """Run the command; 0, 1 where the person is still found afterwards, 2 where nothing was done."""
    options = _parser().parse_args(arguments)
    try:
        pseudonym = pseudonyms.pseudonymizer(_key(options))
        subjects = tuple(dict.fromkeys(subject.strip() for subject in options.subject))
        person = Person(options.source, subjects, tuple(map(pseudonym, subjects)))
        erasure = Erasure(person, options.paths)
        erasure.run()
        rebuilt = [run for run in erasure.resumable if _is_rebuilt(run)]
        report = _report(erasure, rebuilt)
    except JobError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(to_json(report))
    return EXIT_FAILED if report["still_found_in"] else EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastnlp erase",
        description="Take a person out of outputs, states and runs below PATH, and make again what runs made of their "
        "texts; prints what was changed, what else has to be made again, and which models were trained on the texts. "
        "Input files of your own are not touched.",
    )
    add = parser.add_argument
    add("paths", metavar="PATH", type=Path, nargs="+", help="folder of outputs, states or runs")
    what = "what the source knows the person by, before it became a pseudonym; may be repeated, also with names"
    add("--subject", action="append", required=True, metavar="ID", help=what)
    add("--source", required=True, metavar="NAME", help="`source` of their rows, such as douyin")
    where = f"the key, where {pseudonyms.ENVIRONMENT} is not set (default {pseudonyms.KEY_FILE})"
    add("--pseudonym-key-file", type=Path, default=pseudonyms.KEY_FILE, metavar="FILE", help=where)
    add("--public-example-key", action="store_true", help="the data were made with the public example key")
    return parser


def _key(options: argparse.Namespace) -> str:
    if options.public_example_key:
        return pseudonyms.PUBLIC_EXAMPLE_KEY
    if key := os.environ.get(pseudonyms.ENVIRONMENT):
        return pseudonyms.check_key(key, pseudonyms.ENVIRONMENT)
    return pseudonyms.read_key(pseudonyms.in_home(options.pseudonym_key_file))


def _is_rebuilt(run: Path) -> bool:
    """Make again what was deleted of a run; its own words go to stderr."""
    print(f"makes again: fastnlp resume {run}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "fastnlp_jobs", "resume", str(run)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=_STDERR).returncode == EXIT_DONE


def _report(erasure: Erasure, rebuilt: list[Path]) -> dict[str, Any]:
    by_hand = [run for run in erasure.resumable if run not in rebuilt]
    runs = [run.resolve() for run in erasure.resumable]
    alone = {
        path: job for path, job in erasure.deleted.items() if not any(run in path.resolve().parents for run in runs)
    }
    make_again = [f"{path}: run the job that wrote it, {job}, again" for path, job in alone.items()]
    return {
        "rows": erasure.rows,
        "states": list(map(str, erasure.states)),
        "calls_forgotten": {str(path): number for path, number in erasure.calls.items()},
        "edited": list(map(str, erasure.edited)),
        "deleted": list(map(str, erasure.deleted)),
        "rebuilt": list(map(str, rebuilt)),
        "make_again": [*(f"fastnlp resume {run}" for run in by_hand), *make_again],
        "models_trained_on_them": list(map(str, erasure.models)),
        "not_touched": [f"{name}: your own file; take the person out of it" for name in sorted(erasure.made_from)],
        "still_found_in": list(map(str, erasure.remaining())),
    }
