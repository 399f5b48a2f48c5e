"""What a job says while it runs: a progress bar on a terminal, one JSON line per event elsewhere.

Everything that varies by nature (times, memory, host) goes to the run folder beside the artifact,
never into it: `run.json`, `metrics.jsonl`, `logs/<job>.jsonl`.
"""

import contextlib
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeVar

from fastnlp_jobs.processes import peak_memory_bytes

Item = TypeVar("Item")
_PROGRESS_EVERY_S = 2.0
_log_file: TextIO | None = None


@contextlib.contextmanager
def recorded(run_folder: Path, job: str) -> Iterator[None]:
    """Keep the events of a run in `run_folder/logs/<job>.jsonl` as well."""
    global _log_file
    logs = run_folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{job}.jsonl").open("a", encoding="utf-8") as handle:
        _log_file = handle
        try:
            yield
        finally:
            _log_file = None


def event(message: str, **fields: Any) -> None:
    """Say that something happened; numbers and names go into `fields`, never comment texts."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "event": message, **fields}, ensure_ascii=False)
    if _log_file is not None:
        _log_file.write(line + "\n")
        _log_file.flush()
    if sys.stderr.isatty():
        line = " ".join([message, *(f"{key}={value}" for key, value in fields.items())])
    print(line, file=sys.stderr, flush=True)


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass `items` through and show how far it is; `total` is their number where it is known."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as rich_track

        yield from rich_track(items, what, total, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for number, item in enumerate(items):
        if time.monotonic() - last >= _PROGRESS_EVERY_S:
            last = time.monotonic()
            event("progress", what=what, done=number, total=total)
        yield item


@contextlib.contextmanager
def gauge(what: str) -> Iterator[Callable[..., None]]:
    """Give a function that shows numbers as they change: in one line on a terminal, else now and then as an event."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(what) as status:
            yield lambda **numbers: status.update(" ".join([what, *(f"{key}={one}" for key, one in numbers.items())]))
        return
    last = time.monotonic()

    def show(**numbers: Any) -> None:
        nonlocal last
        if time.monotonic() - last >= _PROGRESS_EVERY_S:
            last = time.monotonic()
            event("progress", what=what, **numbers)

    yield show


def finish_run(run_folder: Path, job: str, started: datetime.datetime, counts: dict[str, Any]) -> None:
    """Write `run.json` (this run) and add a line to `metrics.jsonl` (every run)."""
    finished = datetime.datetime.now(datetime.UTC)
    seconds = round((finished - started).total_seconds(), 3)
    run = {
        "job": job,
        "started": started.isoformat(),
        "finished": finished.isoformat(),
        "seconds": seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "git_revision": _git_revision(),
        "python": platform.python_version(),
        "machine": {"host": platform.node(), "system": platform.platform(), "cores": os.cpu_count()},
    }
    (run_folder / "run.json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    with (run_folder / "metrics.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps({"time": run["finished"], "seconds": seconds, **counts}) + "\n")


def _git_revision() -> str | None:
    """Revision of the checkout this package runs from; None for an installed wheel, or without git."""
    package = Path(__file__).parent
    if shutil.which("git") is None or not any((folder / ".git").exists() for folder in package.parents):
        return None
    command = ["git", "-C", str(package), "rev-parse", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
