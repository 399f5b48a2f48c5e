"""`fastnlp runs` and `fastnlp logs`: what the run folders of this machine hold."""

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED, BadInput, suggest
from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.runtime.run_folders import Run, find_run, read_run, run_folders, try_number
from fastnlp_jobs.runtime.submit import exit_code_of
from fastnlp_jobs.runtime.submit_options import DEFAULT_RUN_FOLDER


def runs(arguments: Sequence[str]) -> int:
    """List the runs, or compare two; 1 where they differ."""
    parser = argparse.ArgumentParser(
        prog="fastnlp runs",
        description="List the runs of this machine, newest first, or compare what two of them wrote.",
    )
    add_run_folder(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    compare = commands.add_parser("diff", help="compare the artifacts of two runs; exit code 1 where they differ")
    compare.add_argument("left", metavar="A", help="name or folder of a run, or latest")
    compare.add_argument("right", metavar="B", help="as A")
    add_run_folder(compare, default=argparse.SUPPRESS)  # before `diff` or behind it
    options = parser.parse_args(arguments)
    if options.command == "diff":
        return exit_code_of(
            lambda: _compare(*(find_run(options.run_dir, run) for run in (options.left, options.right)))
        )
    return exit_code_of(lambda: _list(options.run_dir))


def logs(arguments: Sequence[str]) -> int:
    """Print what a step wrote to its standard output and error."""
    parser = argparse.ArgumentParser(prog="fastnlp logs", description="Print what a step of a run printed.")
    parser.add_argument("run", metavar="RUN", help="name or folder of a run, or latest")
    parser.add_argument("step", metavar="STEP", help="a step of it")
    parser.add_argument("--try", dest="number", type=int, metavar="N", help="which try, from 1 on (default the last)")
    add_run_folder(parser)
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _print_logs(find_run(options.run_dir, options.run), options.step, options.number))


def add_run_folder(parser: argparse.ArgumentParser, default: Path | str = DEFAULT_RUN_FOLDER) -> None:
    """The option that says where runs are."""
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=default,
        metavar="DIR",
        help=f"where the run folders are ({DEFAULT_RUN_FOLDER})",
    )


def _list(run_dir: Path) -> int:
    found = [read_run(folder) for folder in run_folders(run_dir)]
    if not found:
        print(f"no runs in {run_dir}", file=sys.stderr)
        return EXIT_DONE
    found.sort(key=lambda run: str(run.state["status"]["startedAt"]), reverse=True)
    width = max(len(run.name) for run in found)
    print(f"{'run':{width}}  {'phase':11}  {'started':19}  seconds")
    for run in found:
        started, seconds = _times(run.state["status"])
        print(f"{run.name:{width}}  {run.phase:11}  {started}  {seconds}")
    return EXIT_DONE


def _times(status: dict[str, Any]) -> tuple[str, str]:
    """Start in local time, and seconds to the end where there is one."""
    started = datetime.datetime.fromisoformat(status["startedAt"])
    finished = status.get("finishedAt")
    seconds = f"{(datetime.datetime.fromisoformat(finished) - started).total_seconds():.1f}" if finished else ""
    return started.astimezone().strftime("%Y-%m-%d %H:%M:%S"), seconds


def _compare(left: Run, right: Run) -> int:
    for run in (left, right):
        if run.phase != "Succeeded":
            print(f"{run.name} is {run.phase}: some artifacts may be missing", file=sys.stderr)
    lines, differ = [], False
    ours, theirs = left.artifacts(), right.artifacts()
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs:
            word = f"only in {(left if name in ours else right).name}"
        else:
            changed = list(_changed_files(ours[name], theirs[name]))
            word = f"different ({', '.join(changed)})" if changed else "same"
        differ |= word != "same"
        lines.append(f"{name}: {word}")
    print("\n".join(lines) or "neither run wrote an artifact")
    return EXIT_FAILED if differ else EXIT_DONE


def _changed_files(left: Path, right: Path) -> Iterator[str]:
    """The files of an artifact that are not in both with the same bytes; its name where it is one file."""
    if hash_path(left) == hash_path(right):
        return
    if not (left.is_dir() and right.is_dir()):
        yield left.name
        return
    ours, theirs = (
        {path.relative_to(root): path for path in root.rglob("*") if path.is_file()} for root in (left, right)
    )
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs or hash_path(ours[name]) != hash_path(theirs[name]):
            yield name.as_posix()


def _print_logs(run: Run, step: str, number: int | None) -> int:
    tries = run.tries()
    if step not in tries:
        raise BadInput(f"run {run.name} has no step `{step}` that was started; {suggest(step, list(tries))}")
    numbered = {try_number(path): path for path in tries[step]}
    chosen = max(numbered) if number is None else number
    if chosen not in numbered:
        raise BadInput(f"--try {chosen}: step {step} was tried {len(numbered)} times")
    for log in ("stdout.log", "stderr.log"):
        path = numbered[chosen] / log
        if path.is_file() and path.stat().st_size:
            print(f"==> {path.relative_to(run.folder)} <==", flush=True)
            sys.stdout.write(path.read_text(encoding="utf-8", errors="replace"))
    return EXIT_DONE
