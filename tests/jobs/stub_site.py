"""A web site that answers as a test wants, and a clock that a test moves."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fastnlp_jobs.clock import Clock
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
START = 1_700_000_000.0  # what the stub clock shows at first
HOST = "stub.test"  # leads to the loopback, and may


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test to its end."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


@dataclass
class StubClock:
    """Time passes only when somebody sleeps."""

    now: float = START

    def seconds(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        await asyncio.sleep(0)  # others may go on, or fall asleep as well
        self.now = max(self.now, end)

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=self.seconds, utc=self.seconds, sleep=self.sleep)


@dataclass
class StubSite:
    """Answers of each path (or host and path) in turn, the last one again and again; 404 elsewhere."""

    port: int
    config: WebConfig
    fetcher: Fetcher
    clock: StubClock
    asked: list[tuple[float, str]] = field(default_factory=list)  # seconds since the start, host and path
    requests: list[web.Request] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def url(self, path: str, host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path.partition("/")[2] for _, path in self.asked]

    def times(self) -> list[float]:
        return [seconds for seconds, _ in self.asked]


def unheard(_message: str, **_fields: Any) -> None:
    """Take events that a test does not look at."""


def text(body: str = "", status: int = 200, **headers: str) -> Handler:
    """Answer with a page."""
    return raw(body.encode(), status, **{"content-type": "text/html; charset=utf-8", **headers})


def packed(body: bytes, encoding: str = "gzip") -> Handler:
    """Answer with bytes that are packed already."""
    return raw(body, content_encoding=encoding)


def raw(body: bytes, status: int = 200, **headers: str) -> Handler:
    """Answer with bytes; `content_type="…"` gives the header content-type."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


def redirect(location: str, status: int = 302) -> Handler:
    """Lead elsewhere."""
    return text("", status, location=location)


def to_host(host: str, path: str) -> Handler:
    """Lead to the same port under another name."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"location": f"http://{host}:{request.url.port}{path}"})

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    """Hang up in the middle of the body."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b"half of")
    assert request.transport is not None
    request.transport.close()
    return response


async def trickle(request: web.Request) -> web.StreamResponse:
    """Send a byte now and then, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b".")
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def stub_site(pages: dict[str, list[Handler]], **settings: Any) -> AsyncIterator[StubSite]:
    """A stub site, and a fetcher whose names all lead to it."""
    clock = StubClock()
    turns = {path: iter(answers) for path, answers in pages.items()}
    latest: dict[str, Handler] = {}

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        site.asked.append((clock.now - START, f"{request.url.host}{request.path_qs}"))
        site.requests.append(request)
        on_host = f"{request.url.host}{request.path}"
        key = on_host if on_host in pages else request.path
        if key not in pages:
            return web.Response(status=404)
        latest[key] = next(turns[key], None) or latest[key]
        return await latest[key](request)

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        config = WebConfig.model_validate(
            {"contact": "me@example.org", "delay_s": 2, "allow_private": [HOST], **settings}
        )
        events: list[dict[str, Any]] = []
        async with Fetcher(
            config,
            lambda message, **fields: events.append({"message": message, **fields}),
            clock=clock.clock,
            resolve_host=resolve,
            jitter=lambda _, longest: longest,
        ) as fetcher:
            site = StubSite(runner.addresses[0][1], config, fetcher, clock, events=events)
            yield site
    finally:
        await runner.cleanup()
