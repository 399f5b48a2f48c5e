"""What is limited and shared: cores, memory and GPUs of the machine, and a workflow's own `parallelism`."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Wait:
    order: int
    wanted: Mapping[str, float]
    may_start: Callable[[], bool]
    over: threading.Event = field(default_factory=threading.Event)
    held: bool = False


class Capacity:
    """Amounts that steps hold while they run; the first in order goes first, unless only a smaller one fits."""

    def __init__(self, available: Mapping[str, float]) -> None:
        """Start with everything free.

        Args:
            available: by name; what is not named is not limited.
        """
        self._free = dict(available)
        self._lock = threading.Lock()
        self._waiting: list[_Wait] = []

    @contextmanager
    def hold(self, wanted: Mapping[str, float], may_start: Callable[[], bool], order: int) -> Iterator[bool]:
        """Wait until the amounts are free and hold them during the block.

        Args:
            wanted: amounts by name, each at most what there is.
            may_start: asked again at each `look_again`; once false the wait is over.
            order: the place in the queue.

        Yields:
            Whether they are held; False: it may not start any more.
        """
        wait = _Wait(order, wanted, may_start)
        with self._lock:
            self._waiting.append(wait)
            self._waiting.sort(key=lambda one: one.order)
            self._serve()
        wait.over.wait()
        try:
            yield wait.held
        finally:
            if wait.held:
                with self._lock:
                    self._change(wanted, +1)
                    self._serve()

    def look_again(self) -> None:
        """Let those who wait ask whether they may still start."""
        with self._lock:
            self._serve()

    def _serve(self) -> None:
        """End the wait of all who fit or may not start, in order."""
        for wait in list(self._waiting):
            if not wait.may_start():
                self._end(wait)
            elif self._fits(wait.wanted):
                self._change(wait.wanted, -1)
                wait.held = True
                self._end(wait)

    def _end(self, wait: _Wait) -> None:
        self._waiting.remove(wait)
        wait.over.set()

    def _fits(self, wanted: Mapping[str, float]) -> bool:
        # the allowance is for sums of tenths, such as ten steps of 100m on one core
        return all(self._free[name] + 1e-9 >= amount for name, amount in wanted.items() if name in self._free)

    def _change(self, wanted: Mapping[str, float], sign: int) -> None:
        for name, amount in wanted.items():
            if name in self._free:
                self._free[name] += sign * amount
