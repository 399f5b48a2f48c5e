"""What is limited and shared: cores, memory and GPUs of the machine, and a workflow's own `parallelism`."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Capacity:
    """Amounts that steps hold while they run; the first in order goes first, unless only a smaller one fits."""

    def __init__(self, available: Mapping[str, float]) -> None:
        """Start with everything free.

        Args:
            available: by name; what is not named is not limited.
        """
        self._free = dict(available)
        self._condition = threading.Condition()
        self._waiting: list[tuple[int, Mapping[str, float]]] = []

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
        wanted = dict(wanted)  # one of its own, told from equal ones by identity
        with self._condition:
            self._waiting.append((order, wanted))
            self._waiting.sort(key=lambda one: one[0])
            self._condition.wait_for(lambda: not may_start() or self._is_next(wanted))
            self._remove(wanted)
            started = may_start()
            if started:
                self._change(wanted, -1)
            self._condition.notify_all()  # another may fit as well
        try:
            yield started
        finally:
            if started:
                with self._condition:
                    self._change(wanted, +1)
                    self._condition.notify_all()

    def look_again(self) -> None:
        """Let those who wait ask whether they may still start."""
        with self._condition:
            self._condition.notify_all()

    def _is_next(self, wanted: Mapping[str, float]) -> bool:
        first = next((one for _order, one in self._waiting if self._fits(one)), None)
        return first is wanted

    def _fits(self, wanted: Mapping[str, float]) -> bool:
        # the allowance is for sums of tenths, such as ten steps of 100m on one core
        return all(self._free[name] + 1e-9 >= amount for name, amount in wanted.items() if name in self._free)

    def _change(self, wanted: Mapping[str, float], sign: int) -> None:
        for name, amount in wanted.items():
            if name in self._free:
                self._free[name] += sign * amount

    def _remove(self, wanted: Mapping[str, float]) -> None:
        self._waiting = [one for one in self._waiting if one[1] is not wanted]
