"""Which channels are read, which are not, since when and why: nothing is missed without being told."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Absence:
    """A channel is not read."""

    since: datetime.datetime
    why: str


class Channels:
    """The channels of a run. Each is waited for, read, or refused; one that was read and is not now is absent."""

    def __init__(
        self, names: list[str], cursor: str | None, miss: Callable[[str], None], on_event: Callable[..., None]
    ) -> None:
        """Start from where an earlier run stopped.

        Args:
            names: channels without #.
            cursor: what `cursor` gave at the end of the earlier run.
            miss: told which channel was not read for a time, and why.
            on_event: told how long, and since when, which is another time in each run (a message and fields).
        """
        self.refused: dict[str, str] = {}  # channel to reason
        self._names = list(dict.fromkeys(names))
        self._read: dict[str, None] = {}  # a set that keeps its order
        self._absent = _absences(cursor)
        self._miss = miss
        self._on_event = on_event

    @property
    def wanted(self) -> list[str]:
        """Those to join."""
        return [name for name in self._names if name not in self.refused]

    def cursor(self) -> str:
        """The time, and the channels that were read until then; those absent have been told of."""
        return " ".join([_now().isoformat(timespec="milliseconds"), *self._read, *self._absent])

    def opened(self, name: str) -> None:
        """A channel is read from now on."""
        if name in self._names and name not in self._read:
            self._read[name] = None
            if absence := self._absent.pop(name, None):
                self._tell(name, absence)

    def lost(self, why: str) -> None:
        """No channel is read from now on."""
        now = _now()
        self._absent.update({name: _Absence(now, why) for name in self._read})
        self._read.clear()

    def refuse(self, name: str, why: str) -> None:
        """The server does not let us read a channel."""
        if name in self.wanted:
            self.refused[name] = why
            self._read.pop(name, None)
            self._absent.pop(name, None)
            self._miss(f"#{name}: refused: {why}")

    def ended(self) -> None:
        """The run is over: tell of those that are still waited for."""
        for name in self.wanted:
            if name in self._absent:
                self._tell(name, self._absent[name])
            elif name not in self._read:
                self._miss(f"#{name}: never joined: the server did not answer; is it the name of a channel?")

    def _tell(self, name: str, absence: _Absence) -> None:
        seconds = (_now() - absence.since).total_seconds()
        since = absence.since.isoformat(timespec="seconds")
        self._on_event("a channel was not read", channel=name, seconds=round(seconds, 1), since=since, why=absence.why)
        self._miss(f"#{name}: not read for a time: {absence.why}")


def _absences(cursor: str | None) -> dict[str, _Absence]:
    if cursor is None:
        return {}
    since, *names = cursor.split(" ")
    absence = _Absence(datetime.datetime.fromisoformat(since), "no run since its last page")
    return dict.fromkeys(names, absence)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
