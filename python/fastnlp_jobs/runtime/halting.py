"""Stopping a run: what may still start, and who is told when nothing may."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from fastnlp_jobs.runtime.capacity import Capacity
from fastnlp_jobs.runtime.executor import Running, Why

STOPPED = "Stopped with strategy 'Stop'"  # what Argo says of a step that a stop ended or kept from starting


class Halt(IntEnum):
    """What keeps further steps from starting; a later one is stronger."""

    NOT = 0
    DEADLINE = 1  # the workflow's
    ASKED = 2
    ENDED = 3  # also no exit handler


class Halting:
    """Shared by the threads of a run."""

    def __init__(self) -> None:
        """Nothing is halted."""
        self.state = Halt.NOT
        self._lock = threading.Lock()
        self._running: set[Running] = set()
        self._limits: list[Capacity] = []
        self._halted, self._ended = threading.Event(), threading.Event()

    def may_start(self, *, in_exit_handler: bool) -> bool:
        """Whether a step may still start."""
        return self.state < (Halt.ENDED if in_exit_handler else Halt.DEADLINE)

    def pause(self, seconds: float, *, in_exit_handler: bool) -> bool:
        """Wait before a retry; False: it may not start any more."""
        (self._ended if in_exit_handler else self._halted).wait(seconds)
        return self.may_start(in_exit_handler=in_exit_handler)

    def watch(self, limit: Capacity) -> Capacity:
        """Let those who wait for `limit` know of a halt."""
        with self._lock:
            self._limits.append(limit)
        return limit

    @contextmanager
    def reaching(self, running: Running, *, in_exit_handler: bool) -> Iterator[None]:
        """A halt during the block reaches `running`; one that came before it reaches it now."""
        with self._lock:
            self._running.add(running)
        if not self.may_start(in_exit_handler=in_exit_handler):
            running.stop(Why.DEADLINE if self.state is Halt.DEADLINE else Why.ASKED)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(running)

    def deadline(self) -> None:
        """The workflow's deadline has passed: end what runs, start only the exit handler."""
        self._halt(Halt.DEADLINE, lambda running: running.stop(Why.DEADLINE))

    def stop(self) -> None:
        """Start no more steps but the exit handler's, and ask the running ones to stop."""
        self._halt(Halt.ASKED, lambda running: running.stop(Why.ASKED))

    def kill(self) -> None:
        """Start no more steps and end the running ones at once."""
        self._halt(Halt.ENDED, lambda running: running.kill())

    def _halt(self, state: Halt, end: Callable[[Running], None]) -> None:
        with self._lock:
            self.state = max(self.state, state)
            running, limits = list(self._running), list(self._limits)
        self._halted.set()
        if self.state is Halt.ENDED:
            self._ended.set()
        for one in running:
            end(one)
        for limit in limits:
            limit.look_again()
