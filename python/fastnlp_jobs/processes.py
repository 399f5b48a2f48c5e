"""Everything that differs between POSIX and Windows: signals, locks, memory, renames on disk.

No POSIX-only module is imported before it is known to be there.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from fastnlp_jobs.errors import BadInput

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived; not an Exception, so that no handler swallows it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def stop_on_signals() -> None:
    """Turn the first SIGINT or SIGTERM into `Stopped`, the second into an immediate exit.

    A handler runs only between Python instructions; the thread sees the second signal even while
    a long native call is running.
    """

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # the clean-up is not interrupted; the thread ends it
        raise Stopped(_exit_code(signal_number))

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_exit_on_second_signal, args=(ours, theirs), daemon=True).start()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _exit_on_second_signal(received: socket.socket, _keep_open: socket.socket) -> None:
    seen = 0
    while True:
        (signal_number,) = received.recv(1)
        seen += signal_number in (signal.SIGINT, signal.SIGTERM)
        if seen == 1:
            print("stopping; once more stops at once", file=sys.stderr, flush=True)
        elif seen == 2:
            os._exit(_exit_code(signal_number))


def _exit_code(signal_number: int) -> int:
    return EXIT_INTERRUPTED if signal_number == signal.SIGINT else EXIT_TERMINATED


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` as a lock file; it is freed with the process, however that ends.

    Raises:
        BadInput: another process holds it.
    """
    handle = path.open("a+")
    try:
        try:
            _lock(handle.fileno())
        except OSError as error:
            raise BadInput(
                f"{path.with_suffix('')}: another run is writing this output; wait for it or choose another output"
            ) from error
        yield
    finally:
        handle.close()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def peak_memory_bytes() -> int | None:
    """Largest resident set of this process so far; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def sync_tree(folder: Path) -> None:
    """Flush every file below `folder`, then the folders, so that a rename after it is durable."""
    paths = [folder, *sorted(folder.rglob("*"))]
    for path in reversed(paths):
        if path.is_dir() and sys.platform == "win32":
            continue  # Windows cannot open a folder
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
