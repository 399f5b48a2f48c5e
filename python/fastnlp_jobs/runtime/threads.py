"""Functions that run at the same time."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Threads(Generic[_T]):
    """Starts functions in threads of their own and hands back what they return, first come first served."""

    def __init__(self) -> None:
        """Nothing runs."""
        self.pending = 0
        self._done: queue.Queue[tuple[str, _T | None, BaseException | None]] = queue.Queue()

    def start(self, name: str, function: Callable[[], _T]) -> None:
        """Run it in a thread."""
        self.pending += 1
        threading.Thread(target=self._run, args=(name, function), daemon=True).start()

    def _run(self, name: str, function: Callable[[], _T]) -> None:
        try:
            self._done.put((name, function(), None))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            self._done.put((name, None, error))

    def next(self) -> tuple[str, _T]:
        """Wait for one that ends; what it raised is raised here."""
        name, value, error = self._done.get()
        self.pending -= 1
        if error is not None:
            raise error
        return name, value  # type: ignore[return-value]  # None only beside an error


def all_of(functions: Sequence[Callable[[], _T]]) -> list[_T]:
    """Run all at the same time; their values in order."""
    threads: Threads[_T] = Threads()
    for index, function in enumerate(functions):
        threads.start(str(index), function)
    values = dict(threads.next() for _ in functions)
    return [values[str(index)] for index in range(len(functions))]
