"""Printing what the steps of a run on this machine print, while they print it (`hera submit --log`)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fastnlp_jobs.runtime.record import RunRecord

_LOOK_EVERY_S = 0.2


@contextmanager
def step_logs_shown(record: RunRecord, out: TextIO) -> Iterator[None]:
    """Print each line of each step's standard output and error to `out` while the block runs, then the rest."""
    ended = threading.Event()
    thread = threading.Thread(target=_print_lines, args=(record, out, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _print_lines(record: RunRecord, out: TextIO, ended: threading.Event) -> None:
    read_bytes: dict[Path, int] = {}
    last = False
    while not last:
        last = ended.wait(_LOOK_EVERY_S)
        for node in list(record.nodes.values()):
            logs = [node.folder / name for name in ("stdout.log", "stderr.log")] if node.folder else []
            for log in logs:
                for line in _new_lines(log, read_bytes, last=last):
                    print(f"{node.display_name}: {line}", file=out, flush=True)


def _new_lines(log: Path, read_bytes: dict[Path, int], *, last: bool) -> list[str]:
    """What was added since the last look; an unfinished line waits for its end, or for the run's."""
    if not log.is_file():
        return []
    with log.open("rb") as handle:
        handle.seek(read_bytes.get(log, 0))
        added = handle.read()
    if not last:
        added = added[: added.rfind(b"\n") + 1]
    read_bytes[log] = read_bytes.get(log, 0) + len(added)
    return added.decode("utf-8", errors="replace").splitlines()
