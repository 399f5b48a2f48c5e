"""The live sources of a crawl, opened as its config says, and what a dry run tells of them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from fastnlp_jobs import events
from fastnlp_jobs.errors import JobError, Unavailable
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.processes import run_until_stopped
from fastnlp_jobs.sources.live import Source
from fastnlp_jobs.sources.web.config import WebConfig

if TYPE_CHECKING:
    from fastnlp_jobs.sources.web.fetcher import Fetcher

Value = TypeVar("Value")
_PLAN_TIMEOUT_S = 3.0
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
    async with contextlib.AsyncExitStack() as stack:
        yield await _open(config, stack)


async def _open(config: Config, stack: contextlib.AsyncExitStack) -> Opened:
    """A config has the input or the block that its source needs."""
    match config.source:
        case "demo":
            from fastnlp_jobs.sources.demo_site.server import running_site
            from fastnlp_jobs.sources.douyin.api import ApiSource

            site = stack.enter_context(running_site(revision=config.demo.revision))
            return await _asking(_DEMO, stack, lambda fetcher: ApiSource(fetcher, site.url, config.demo.videos))
        case "har":
            from fastnlp_jobs.sources.douyin.har import HarSource

            return Opened(HarSource(_there(config.input), events.event))
        case "douyin":
            from fastnlp_jobs.sources.douyin.browser import BrowserSource

            videos, web = _there(config.douyin), _there(config.web)
            return await _asking(web, stack, lambda fetcher: BrowserSource(videos, web, fetcher, events.event))
        case "twitch":
            from fastnlp_jobs.sources.twitch.source import TwitchSource

            return Opened(TwitchSource(_there(config.twitch), events.event))
        case "twitch_vod":
            from fastnlp_jobs.sources.twitch.vod import TwitchVodSource

            return Opened(TwitchVodSource(_there(config.input)))
        case "forum":
            from fastnlp_jobs.sources.forum.source import ForumSource

            forum, web = _there(config.forum), _there(config.web)
            return await _asking(web, stack, lambda fetcher: ForumSource(forum, web, fetcher, events.event))
        case _:
            raise AssertionError(f"no live source {config.source}")


def _there(value: Value | None) -> Value:
    assert value is not None, "Config refuses a source without what it needs"
    return value


async def _asking(web: WebConfig, stack: contextlib.AsyncExitStack, source_of: Callable[["Fetcher"], Source]) -> Opened:
    """A source that asks web sites."""
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    fetcher = await stack.enter_async_context(Fetcher(web, events.event))

    def limits() -> dict[str, Any]:
        left = {f"{name}_left": round(value) for name, value in fetcher.budget_left.items()}
        return {**left, "next_request_s": round(fetcher.next_allowed, 1)}

    return Opened(source_of(fetcher), limits, lambda: fetcher.refusals)


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
    """Whether each may be read; a plan has no patience with a site that does not answer."""
    from fastnlp_jobs.sources.web.fetcher import Fetcher

    hasty = web.model_copy(update={"timeout_s": min(web.timeout_s, _PLAN_TIMEOUT_S)})
    silent: dict[str, str] = {}  # host to what it answered instead
    async with Fetcher(hasty, events.event, max_tries=1) as fetcher:
        for address in addresses:
            host = urlsplit(address).netloc
            if host not in silent:
                try:
                    await fetcher.check(address)
                    verdicts[address] = "allowed"
                except Unavailable as error:
                    silent[host] = str(error)
                except JobError as error:
                    verdicts[address] = str(error)
            if host in silent:
                verdicts[address] = silent[host]
