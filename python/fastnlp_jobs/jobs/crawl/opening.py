"""The live sources of a crawl, opened as its config says, and what a dry run tells of them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastnlp_jobs import events
from fastnlp_jobs.errors import JobError
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.processes import run_until_stopped
from fastnlp_jobs.sources.live import Source
from fastnlp_jobs.sources.web.config import WebConfig

if TYPE_CHECKING:
    from fastnlp_jobs.sources.web.fetcher import Fetcher

_DEMO = WebConfig(
    contact="demo@demo-site.invalid",
    delay_s=0,
    max_requests=1_000_000,
    allow_private=("127.0.0.1",),
)


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
    match config.source:
        case "demo":
            async with _demo_site(config) as opened:
                yield opened
        case "har":
            from fastnlp_jobs.sources.douyin.har import HarSource

            assert config.input is not None, "the source `har` has one"
            yield Opened(HarSource(config.input, events.event))
        case "douyin":
            async with _videos(config) as opened:
                yield opened
        case "twitch":
            from fastnlp_jobs.sources.twitch.source import TwitchSource

            assert config.twitch is not None, "the source `twitch` has one"
            yield Opened(TwitchSource(config.twitch, events.event))
        case "twitch_vod":
            from fastnlp_jobs.sources.twitch.vod import TwitchVodSource

            assert config.input is not None, "the source `twitch_vod` has one"
            yield Opened(TwitchVodSource(config.input))
        case "forum":
            async with _forum(config) as opened:
                yield opened
        case _:
            raise AssertionError(f"no live source {config.source}")


@contextlib.asynccontextmanager
async def _demo_site(config: Config) -> AsyncIterator[Opened]:
    from fastnlp_jobs.sources.demo_site.server import running_site
    from fastnlp_jobs.sources.douyin.api import ApiSource
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    with running_site(revision=config.demo.revision) as site:
        async with Fetcher(_DEMO, events.event) as fetcher:
            source = ApiSource(fetcher, site.url, config.demo.videos)
            yield Opened(source, _limits_of(fetcher), lambda: fetcher.refusals)


@contextlib.asynccontextmanager
async def _videos(config: Config) -> AsyncIterator[Opened]:
    from fastnlp_jobs.sources.douyin.browser import BrowserSource
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    assert config.douyin is not None, "the source `douyin` has it"
    assert config.web is not None, "a source that asks a web site has it"
    async with Fetcher(config.web, events.event) as fetcher:
        source = BrowserSource(config.douyin, config.web, fetcher, events.event)
        yield Opened(source, _limits_of(fetcher), lambda: fetcher.refusals)


@contextlib.asynccontextmanager
async def _forum(config: Config) -> AsyncIterator[Opened]:
    from fastnlp_jobs.sources.forum.source import ForumSource
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    assert config.forum is not None, "the source `forum` has it"
    assert config.web is not None, "a source that asks a web site has it"
    async with Fetcher(config.web, events.event) as fetcher:
        source = ForumSource(config.forum, config.web, fetcher, events.event)
        yield Opened(source, _limits_of(fetcher), lambda: fetcher.refusals)


def _limits_of(fetcher: "Fetcher") -> Callable[[], dict[str, Any]]:
    """How far its budget goes, and when it may ask again."""

    def limits() -> dict[str, Any]:
        left = {f"{name}_left": round(value) for name, value in fetcher.budget_left.items()}
        return {**left, "next_request_s": round(fetcher.next_allowed, 1)}

    return limits


def plan(config: Config) -> dict[str, Any]:
    """What would be asked of whom; of the sites nothing but their robots.txt is read."""
    starts = list(config.forum.starts) if config.forum else []
    starts += config.douyin.addresses if config.douyin else []
    if config.web is not None:
        verdicts: dict[str, str] = {}
        run_until_stopped(_ask_robots(config.web, starts, verdicts))
        return {**config.web.plan(starts), "robots_say": verdicts}
    if config.twitch is not None:
        chat = config.twitch
        return {"asks": f"{chat.server}:{chat.port}", "channels": list(chat.channels), "seconds": chat.duration_s}
    if config.source == "demo":
        return {"asks": "the demo site, which is started in this process", "videos": config.demo.videos or "all"}
    return {"asks": "nobody: what it reads are files"}


async def _ask_robots(web: WebConfig, addresses: Sequence[str], verdicts: dict[str, str]) -> None:
    """Whether each may be read."""
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    async with Fetcher(web, events.event) as fetcher:
        for address in addresses:
            try:
                await fetcher.check(address)
                verdicts[address] = "allowed"
            except JobError as error:
                verdicts[address] = str(error)
