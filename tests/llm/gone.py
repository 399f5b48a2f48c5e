"""Whether a process has really ended."""

import os
import time
from pathlib import Path

_DEADLINE_S = 30


def wait_until_gone(pid: int) -> None:
    """Return once the process is no more, or only waits to be reaped."""
    deadline = time.monotonic() + _DEADLINE_S
    while _is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (ProcessLookupError, FileNotFoundError):
        return False
