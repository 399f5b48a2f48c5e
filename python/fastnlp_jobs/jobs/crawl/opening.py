"""The live sources of a crawl, opened as its config says, and what a dry run tells of them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.sources.live import Source


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Opened:
    """A source that can be read now."""

    source: Source
    limits: Callable[[], Mapping[str, Any]] = _nothing  # what it may still ask, and when
    refusals: Callable[[], Mapping[str, str]] = _nothing  # what it was refused, and why


@contextlib.asynccontextmanager
async def open_source(config: Config) -> AsyncIterator[Opened]:
    """Open what the config names, and close it after the reading."""
    if config.source != "demo":
        raise AssertionError(config.source)
    web = WebConfig(contact="demo@example.org", delay_s=0, max_requests=10**9, allow_private=("127.0.0.1",))
    with running_site() as site:
        async with Fetcher(web, events.event) as fetcher:
            yield Opened(ApiSource(fetcher, site.url, config.demo.videos))


def plan(config: Config) -> dict[str, Any]:
    """What would be asked of whom."""
    return {"source": config.source}
