"""What a site's robots.txt says to us (RFC 9309)."""

from protego import Protego

from fastnlp_jobs.sources.web.config import ROBOT

MAX_BYTES = 500 * 1024  # what RFC 9309 wants to be read at least
VALID_S = 24 * 3600.0


class Robots:
    """The rules of one origin."""

    def __init__(self, body: bytes, *, was_cut: bool, fetched_at: float) -> None:
        """`body` is empty where there is no robots.txt: then everything is allowed."""
        whole_lines = body.rpartition(b"\n")[0] if was_cut else body
        self._rules = Protego.parse(whole_lines.decode("utf-8-sig", errors="replace"))
        self.fetched_at = fetched_at

    def allows(self, url: str) -> bool:
        """Whether we may fetch a page."""
        return self._rules.can_fetch(url, ROBOT)

    def delay_s(self) -> float:
        """Seconds between requests that it asks for, by crawl-delay or request-rate."""
        rate = self._rules.request_rate(ROBOT)
        return max(self._rules.crawl_delay(ROBOT) or 0.0, rate.seconds / rate.requests if rate else 0.0)
