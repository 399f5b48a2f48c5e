"""How politely a crawl asks, and when it stops asking."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from fastnlp_jobs.job import JobConfig

ROBOT = "fastnlp"  # what robots.txt calls us
LEAST_PUBLIC_DELAY_S = 1.0
_URL_OR_EMAIL = re.compile(r"https?://[!-~]+|[!-~]+@[!-~]+\.[!-~]+")


def _reachable(contact: str) -> str:
    if not _URL_OR_EMAIL.fullmatch(contact) or set(contact) & set("()<>"):
        raise ValueError("expected an e-mail address or a URL by which the site's operator can reach you")
    return contact


class WebConfig(JobConfig):
    """Politeness and limits of a crawl; robots.txt is always kept, there is no option for it."""

    contact: Annotated[str, AfterValidator(_reachable)] = Field(
        description="e-mail or URL by which a site's operator can reach you; goes into the user agent"
    )
    delay_s: float = Field(
        default=2.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds between an answer and the next request to the same host; a longer crawl-delay wins, and "
        f"under {LEAST_PUBLIC_DELAY_S:g} it counts for the hosts of `allow_private` only",
    )
    max_requests: int = Field(default=2_000, gt=0, description="budget: the run ends after so many requests")
    max_seconds: float = Field(default=3_600, gt=0, description="budget: the run ends after so many seconds")
    timeout_s: float = Field(default=30, gt=0, description="for one answer, from connecting to its last byte")
    max_body_mb: float = Field(default=10, gt=0, description="largest answer that is read, unpacked")
    allow_private: tuple[str, ...] = Field(
        default=(), description="hosts that may lie in your own network; all others must have a public address"
    )

    @property
    def user_agent(self) -> str:
        """How a crawl calls itself, so that it can be blocked by name and its operator be asked."""
        import importlib.metadata  # takes 20 ms, which help need not pay

        return f"{ROBOT}/{importlib.metadata.version('fastnlp-core')} (+{self.contact})"

    @property
    def max_body_bytes(self) -> int:
        """The largest answer that is read."""
        return round(self.max_body_mb * 1_000_000)

    def least_delay_s(self, host: str) -> float:
        """Seconds between requests to `host` before its robots.txt is known."""
        return self.delay_s if host in self.allow_private else max(self.delay_s, LEAST_PUBLIC_DELAY_S)

    def plan(self, urls: list[str]) -> dict[str, Any]:
        """What a crawl that starts at `urls` would do, for `--dry-run`; asks nobody."""
        parts = [urlsplit(url) for url in urls]
        hosts = sorted({part.hostname for part in parts if part.hostname})
        return {
            "user_agent": self.user_agent,
            "robots": sorted({f"{part.scheme}://{part.netloc.rpartition('@')[2]}/robots.txt" for part in parts}),
            "starts": urls,
            "seconds_between_requests": {host: self.least_delay_s(host) for host in hosts},
            "budget": {"requests": self.max_requests, "seconds": self.max_seconds},
        }
