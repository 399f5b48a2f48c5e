"""When a host may be asked next, and how much a run may still ask: one request at a time and per delay for a host."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastnlp_jobs.clock import Clock
from fastnlp_jobs.sources.live import BudgetUsedUp
from fastnlp_jobs.sources.web.config import WebConfig


@dataclass
class Host:
    """What is known of a host's patience."""

    delay_s: float
    next_allowed: float
    too_many: int = 0  # answers "429 too many requests" in a row
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """Gives every host its turns, and counts them."""

    def __init__(self, config: WebConfig, clock: Clock) -> None:
        """The budget of seconds starts now."""
        self._config = config
        self._clock = clock
        self._end = clock.monotonic() + config.max_seconds
        self._hosts: dict[str, Host] = {}
        self.requests = 0

    def host(self, name: str) -> Host:
        """The state of a host, under its name in URLs."""
        name = name.rstrip(".")
        if name not in self._hosts:
            self._hosts[name] = Host(self._config.least_delay_s(name), self._clock.monotonic())
        return self._hosts[name]

    @contextlib.asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Host]:
        """Wait until a host may be asked, and let nobody else ask it meanwhile.

        Raises:
            BudgetUsedUp: the run may ask no more, or the turn would come after its end.
        """
        host = self.host(name)
        async with host.lock:
            wait_s = max(0.0, host.next_allowed - self._clock.monotonic())
            self._spend(wait_s)
            if wait_s:
                await self._clock.sleep(wait_s)
            try:
                yield host
            finally:
                self.postpone(host, host.delay_s)

    def postpone(self, host: Host, seconds: float) -> None:
        """Leave a host alone for at least so long."""
        host.next_allowed = max(host.next_allowed, self._clock.monotonic() + seconds)

    def left(self) -> dict[str, float]:
        """What the run may still ask: requests and seconds."""
        seconds = max(0.0, self._end - self._clock.monotonic())
        return {"requests": self._config.max_requests - self.requests, "seconds": round(seconds, 1)}

    def next_allowed_s(self) -> float:
        """Seconds until some host may be asked again."""
        turns = [host.next_allowed for host in self._hosts.values()]
        return round(max(0.0, min(turns, default=0.0) - self._clock.monotonic()), 1)

    def _spend(self, wait_s: float) -> None:
        if self.requests >= self._config.max_requests:
            raise BudgetUsedUp(f"all {self._config.max_requests} requests are used up (web.max_requests)")
        if self._clock.monotonic() + wait_s >= self._end:
            raise BudgetUsedUp(f"the {self._config.max_seconds:g} seconds are used up (web.max_seconds)")
        self.requests += 1
