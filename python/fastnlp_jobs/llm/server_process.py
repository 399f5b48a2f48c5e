"""A server of a language model as a child: started, waited for, and surely ended, also when this process is killed."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import NoReturn

from fastnlp_jobs import watchdog
from fastnlp_jobs.errors import JobError
from fastnlp_jobs.processes import end_group, has_ended, shown, start

_LOOK_EVERY_S = 0.05
_ANSWER_TIMEOUT_S = 2.0
_GRACE_S = 1.0  # between SIGTERM and SIGKILL: a job has two seconds to stop
_LOG_LINES = 5  # how many of its last lines an error shows
Address = tuple[str, int]


class ServerProcess:
    """A running server."""

    def __init__(self, process: Popen[bytes], command: Sequence[str], log: Path, log_start: int) -> None:
        self._process = process
        self._command = command
        self._log = log
        self._log_start = log_start  # an earlier server's lines may stand before

    def wait_until_healthy(self, address: Callable[[], Address | None], timeout_s: float) -> Address:
        """Ask for /health until it answers 200.

        Args:
            address: gives host and port as soon as they are known.
            timeout_s: how long loading a model may take.

        Raises:
            JobError: the server ended, or did not become healthy in time; shows the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.fail_if_ended()
            found = address()
            if found is not None and is_healthy(found):
                return found
            time.sleep(_LOOK_EVERY_S)
        raise JobError(
            f"{self._name()} was not ready after {timeout_s:g} s; set a longer start_timeout_s{self._said()}"
        )

    def wait(self) -> NoReturn:
        """Wait until it ends; whatever stops the caller ends the wait.

        Raises:
            JobError: always, as a server does not end by itself.
        """
        while True:
            self.fail_if_ended()
            time.sleep(_LOOK_EVERY_S)

    def fail_if_ended(self) -> None:
        """Do nothing while it runs.

        Raises:
            JobError: it ended; says how, and what it wrote last.
        """
        if not has_ended(self._process):
            return
        code = self._process.wait()
        if code == -9:
            raise JobError(
                f"{self._name()} was killed, most likely for want of memory: "
                f"take a smaller model, or a shorter context{self._said()}"
            )
        raise JobError(f"{self._name()} ended with exit code {code}{self._said()}")

    def written(self) -> str:
        """What it wrote to its log so far."""
        return self._log.read_bytes()[self._log_start :].decode(errors="replace")

    def _name(self) -> str:
        return f"the server `{shown(self._command)}`"

    def _said(self) -> str:
        lines = [line for line in self.written().splitlines() if line.strip()][-_LOG_LINES:]
        return "; it wrote nothing" if not lines else "; it wrote last:\n" + "\n".join(f"  {line}" for line in lines)


@contextlib.contextmanager
def running(command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Run a server while the block lasts; what it writes is added to `log`.

    Raises:
        FileNotFoundError: there is no such program.
    """
    with log.open("ab") as log_file:
        log_start = log_file.seek(0, os.SEEK_END)
        process = start(command, log_file, log_file, {**os.environ, **variables}, Path.cwd())
    watchdog.guard(process.pid)
    try:
        yield ServerProcess(process, command, log, log_start)
    finally:
        end_group(process, _GRACE_S)
        watchdog.release(process.pid)


def is_healthy(address: Address) -> bool:
    """Whether GET /health answers 200; never through a proxy."""
    import http.client  # slow to import, and not needed to read a config

    connection = http.client.HTTPConnection(*address, timeout=_ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False  # it does not listen yet
    finally:
        connection.close()


def local_host(host: str) -> str:
    """Where this machine itself reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def base_url(address: Address) -> str:
    """What an OpenAI client wants to know."""
    host, port = address
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
