"""Ends steps and servers when the process that started them is gone, however it went: also by kill -9.

POSIX only. One small process for all of them reads from a pipe which process groups and containers run; when the pipe
ends because its writer is gone, it kills those that are left. This file is also its program and imports nothing that
is not of the standard library or in `processes.py`.
"""

import atexit
import subprocess
import sys
import threading
from pathlib import Path

from fastnlp_jobs.processes import kill_group

_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from fastnlp_jobs.watchdog import watch; watch()"
_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None


def guard(group: int) -> None:
    """End this process group when this process ends."""
    _tell(f"+{group}\n")


def release(group: int) -> None:
    """The group has ended by itself."""
    _tell(f"-{group}\n")


def guard_container(docker: str, container: str) -> None:
    """Remove this container when this process ends."""
    _tell(f"+{container} {docker}\n")


def release_container(docker: str, container: str) -> None:
    """The container was removed."""
    _tell(f"-{container} {docker}\n")


def _tell(line: str) -> None:
    if sys.platform == "win32":
        return
    with _lock:
        stdin = _started().stdin
        assert stdin is not None, "it was started with a pipe"
        stdin.write(line.encode())
        stdin.flush()


def _started() -> subprocess.Popen[bytes]:
    """The watching process; in a session of its own, so that no Ctrl-C reaches it."""
    global _process
    if _process is None:
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(Path(__file__).parents[1])]
        _process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        atexit.register(_process.communicate)
    return _process


def watch() -> None:
    """Read who runs and who has ended, line by line; at the end of the lines, kill who is left."""
    running: set[str] = set()
    for line in sys.stdin:
        change, one = line[0], line[1:].strip()
        running.add(one) if change == "+" else running.discard(one)
    for one in running:
        if one.isdigit():
            kill_group(int(one))
        else:
            container, docker = one.split(" ", 1)
            subprocess.run([docker, "rm", "--force", "--volumes", container], capture_output=True, check=False)
