"""When the next request may leave: so many requests and tokens a minute, and none too soon after the one before.

Nothing leaves while the server asks for quiet.
"""

from fastnlp_jobs.clock import Clock
from fastnlp_jobs.llm.config import Endpoint

_BURST_S = 1.0  # what a bucket holds: the share of one second
_MINUTE_S = 60.0


class Bucket:
    """A token bucket, kept as the moment at which it is full again; an amount larger than the bucket waits longer."""

    def __init__(self, per_minute: int) -> None:
        """Full at first."""
        self._seconds_each = _MINUTE_S / per_minute
        self._level_s = 0.0

    def take(self, amount: int, now: float) -> float:
        """Take an amount out; seconds until it may be used."""
        start = max(now - _BURST_S, self._level_s)
        self._level_s = start + amount * self._seconds_each
        return max(0.0, start - now)

    def give_back(self, amount: int) -> None:
        """Put back what was taken and not used; a negative amount was used on top."""
        self._level_s -= amount * self._seconds_each


class Limits:
    """The limits of one endpoint."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        """No limit where the endpoint names none."""
        self._clock = clock
        self._requests = Bucket(endpoint.requests_per_minute) if endpoint.requests_per_minute else None
        self._tokens = Bucket(endpoint.tokens_per_minute) if endpoint.tokens_per_minute else None
        self._delay_s = endpoint.delay_s
        self._quiet_until = clock.monotonic()

    async def turn(self, tokens: int) -> None:
        """Wait until a request of about so many tokens, in and out, may leave."""
        while True:
            while (quiet_s := self._quiet_until - self._clock.monotonic()) > 0:
                await self._clock.sleep(quiet_s)
            if (wait_s := self._take(tokens)) > 0:
                await self._clock.sleep(wait_s)
            if self._clock.monotonic() >= self._quiet_until:
                break
            self._give_back(tokens)  # the quiet began meanwhile; at its end all who waited would leave together
        self.be_quiet(self._delay_s)

    def _take(self, tokens: int) -> float:
        """Seconds until a request may leave that takes its share now."""
        now = self._clock.monotonic()
        wait_s = self._requests.take(1, now) if self._requests else 0.0
        return max(wait_s, self._tokens.take(tokens, now)) if self._tokens else wait_s

    def _give_back(self, tokens: int) -> None:
        if self._requests:
            self._requests.give_back(1)
        self.settle(tokens, 0)

    def settle(self, expected: int, used: int) -> None:
        """Count what a request really used instead of what was expected of it."""
        if self._tokens:
            self._tokens.give_back(expected - used)

    def be_quiet(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._quiet_until = max(self._quiet_until, self._clock.monotonic() + seconds)
