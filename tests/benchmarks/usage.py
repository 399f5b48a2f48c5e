"""Seconds and memory of a command, watched from outside: what it says of itself leaves out its start. Linux only."""

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_EVERY_S = 0.01


@dataclass(frozen=True)
class Usage:
    """What a process used from start to end."""

    wall_s: float
    cpu_s: float  # of all its threads, in user and kernel mode
    own_bytes: int


def measured(command: list[str], folder: Path) -> Usage:
    """Run a command in `folder` and watch it; end with its messages if it fails."""
    with (folder / "log").open("w+", encoding="utf-8") as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        own_bytes, ended = 0, 0
        while not ended:
            own_bytes = max(own_bytes, _own_bytes(process.pid))
            time.sleep(_SAMPLE_EVERY_S)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}\n{log.read()}")
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, own_bytes)


def _own_bytes(process: int) -> int:
    """RssAnon of a process: its heaps and stacks, not the files it maps or the kernel's cache of them."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended a moment ago
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0
