"""Everything that differs between POSIX and Windows: processes, signals, locks, memory, renames on disk.

No POSIX-only module is imported before it is known to be there.
"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, TypeVar

from fastnlp_jobs.errors import BadInput

Outcome = TypeVar("Outcome")
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
_LONGEST_CALL_S = 1.0
_LOOK_EVERY_S = 0.02
SIGTERM, SIGKILL = 15, 9  # the numbers, also where the system has no such signals


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived; not an Exception, so that no handler swallows it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def stop_on_signals() -> None:
    """Turn the first SIGINT or SIGTERM into `Stopped`, the second into an immediate exit.

    A handler runs only between Python instructions. A thread sees the signals even while a long native call is
    running, and ends the process when that call does not return soon: what is half-written, the next run clears.
    """
    heard = threading.Event()

    def stop(signal_number: int, _frame: FrameType | None) -> None:
        heard.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # the clean-up is not interrupted; the thread ends it
        raise Stopped(_exit_code(signal_number))

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_exit_at_last, args=(ours, theirs, heard), daemon=True).start()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def _exit_at_last(received: socket.socket, _keep_open: socket.socket, heard: threading.Event) -> None:
    """Exit at the second signal, or when the first is not heard within a second."""
    code = _next_stop(received)
    print("stopping; once more stops at once", file=sys.stderr, flush=True)
    received.settimeout(_LONGEST_CALL_S)
    with contextlib.suppress(TimeoutError):
        os._exit(_next_stop(received))
    if heard.is_set():
        received.settimeout(None)
        code = _next_stop(received)
    os._exit(code)


def _next_stop(received: socket.socket) -> int:
    """Wait for a signal that asks to stop; its exit code."""
    while True:
        (signal_number,) = received.recv(1)
        if signal_number in (signal.SIGINT, signal.SIGTERM):
            return _exit_code(signal_number)


def _exit_code(signal_number: int) -> int:
    return EXIT_INTERRUPTED if signal_number == signal.SIGINT else EXIT_TERMINATED


@contextlib.contextmanager
def collected_signals() -> Iterator[list[int]]:
    """Collect what asks this process to stop, for a process that must end its children first.

    Yields:
        The exit code each request stands for, in the order they came: 130 after Ctrl-C, 143 after SIGTERM,
        129 when the terminal was closed.
    """
    requests: list[int] = []
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    before = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}  # nohup
    for number in before:
        signal.signal(number, lambda number, _frame: requests.append(128 + number))
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Stopped` while the block runs, for a process that has nothing to clean up."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(_exit_code(number))

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_until_stopped(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What a coroutine returns; a signal that would raise `Stopped` first cancels it, and it lets go of what it holds.

    Raised inside an event loop, `Stopped` could end up as the result of any task and stop nothing.
    """
    import asyncio  # takes a tenth of a second, which most commands need not pay

    stopped: list[Stopped] = []
    is_heard = threading.current_thread() is threading.main_thread()  # no other thread gets signals
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if is_heard}

    async def stoppable() -> Outcome:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "a coroutine that runs is a task"

        def stop(number: int, frame: FrameType | None) -> None:
            try:
                before[signal.Signals(number)](number, frame)  # type: ignore[misc, operator]  # only callable ones
            except Stopped as asked:
                stopped.append(asked)
                loop.call_soon_threadsafe(task.cancel)

        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, stop)
        return await work

    try:
        outcome = asyncio.run(stoppable())
    except asyncio.CancelledError:
        if not stopped:
            raise
    finally:
        if not stopped:
            for number, handler in before.items():
                signal.signal(number, handler)
    if stopped:
        raise stopped[0]
    return outcome


def start(
    command: Sequence[str], stdout: BinaryIO, stderr: BinaryIO, environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own: a Ctrl-C on the terminal reaches only its starter."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        cwd=folder,
        start_new_session=sys.platform != "win32",
        creationflags=flags,
    )


def ask_to_stop(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM (on Windows Ctrl-Break) to a started command and its children."""
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        _signal_group(process, signal.SIGTERM)


def end_at_once(process: subprocess.Popen[bytes]) -> None:
    """Kill a started command and its children."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True)
    else:
        _signal_group(process, signal.SIGKILL)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a started command is at its end; it is not reaped, so that its group keeps its number."""
    if sys.platform == "win32" or process.returncode is not None:
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def end_group(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask a started command to stop; kill what is left of it and its children after `grace_s`, and reap it.

    Children that outlive the command are killed too: as it was not reaped (`has_ended`), the group is still its own.
    """
    if not has_ended(process):
        ask_to_stop(process)
    deadline = time.monotonic() + grace_s
    while not has_ended(process) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    if sys.platform == "win32":
        end_at_once(process)
    else:
        kill_group(process.pid)
    process.wait()


def kill_group(group: int) -> None:
    """Kill a process group, which may have ended."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    if sys.platform != "win32" and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended after the question
            os.killpg(process.pid, number)


def wait_for_end(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; a process ended by signal N gives 128 + N, as in a shell and in a container."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def shown(command: Sequence[str]) -> str:
    """A command as one line for this machine's shell."""
    if sys.platform == "win32":
        return subprocess.list2cmdline(command)
    return shlex.join(command)


def point(link: Path, folder: Path) -> None:
    """Make `link` a symbolic link to the folder beside it; on Windows, where that takes rights, do nothing."""
    if sys.platform == "win32" or (link.exists() and not link.is_symlink()):
        return
    beside = link.with_name(f"{link.name}.{os.getpid()}")
    beside.symlink_to(folder.name)
    beside.replace(link)


def usable_cores() -> int:
    """Cores this process may run on; taskset, or the limit of a container, can give fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2
    return min(cores, _cores_of_quota(limit.read_text(encoding="ascii")) or cores) if limit.is_file() else cores


def _cores_of_quota(text: str) -> int | None:
    """`150000 100000`, microseconds of processor time in each period, as 2 cores; None without a limit."""
    quota, _, period = text.strip().partition(" ")
    return None if quota == "max" else max(1, -(-int(quota) // int(period)))


def memory_bytes() -> int:
    """Memory of this machine, or of the container this process runs in where that is less."""
    if sys.platform == "win32":
        return _windows_memory_bytes()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")  # cgroup v2
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return memory if text == "max" else min(memory, int(text))


def _windows_memory_bytes() -> int:
    import ctypes

    class MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "page", "page_free", "own", "own_free", "more")),
        )

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]  # only on Windows
    return int(status.total)


@contextlib.contextmanager
def locked(path: Path, folder: Path, key: str = "output") -> Iterator[None]:
    """Hold `path` as the lock file of a folder; it is freed with the process, however that ends.

    Args:
        path: the lock file.
        folder: what it locks, for the message.
        key: of the config, which names the folder.

    Raises:
        BadInput: another process holds it, or nothing can be written there.
    """
    try:
        handle = path.open("a+")
    except OSError as error:
        raise BadInput(f"{key}: cannot write {path} ({error.strerror}); choose another {key}") from error
    try:
        try:
            _lock(handle.fileno())
        except OSError as error:
            raise BadInput(f"{key}: another run is writing {folder}; wait for it or choose another {key}") from error
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
