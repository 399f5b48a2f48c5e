"""The only way by which our own code asks a web site: politely, within a budget, and only where it may connect to."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpcore
import httpx

from fastnlp_jobs import retries
from fastnlp_jobs.clock import Clock
from fastnlp_jobs.errors import BadInput, JobError, Refused, Unavailable
from fastnlp_jobs.sources.web import body, robots
from fastnlp_jobs.sources.web.addresses import CheckedBackend, Resolve, resolve
from fastnlp_jobs.sources.web.answer import Answer
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.turns import Host, Turns

MAX_REDIRECTS = 5
_OK = 200
_TOO_MANY_REQUESTS = 429
_MAX_TOO_MANY = 3  # such answers in a row
_LONGEST_SHOWN = 200
_LARGEST_PORT = 65_535


class Missing(BadInput):
    """The site has no such page (404, 410)."""


class ForbiddenByRobots(Refused):
    """The site's robots.txt forbids the page."""


class _NotNow(Exception):
    """No answer came, a damaged one, or the wish to be left alone for some seconds."""

    def __init__(self, reason: str, asked_s: float = 0.0) -> None:
        super().__init__(reason)
        self.asked_s = asked_s


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    has_more: bool

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("location") if self.status in (301, 302, 303, 307, 308) else None


class Fetcher:
    """Fetches pages; hosts may be asked at the same time, one host is asked one thing after the other."""

    def __init__(
        self,
        config: WebConfig,
        on_event: Callable[..., None],
        *,
        clock: Clock | None = None,
        resolve_host: Resolve = resolve,
        jitter: Callable[[float, float], float] = random.uniform,
        max_tries: int = retries.MAX_TRIES,
    ) -> None:
        """The budget of seconds starts now; `on_event` is told what is waited for (a message and fields)."""
        self._max_tries = max_tries
        self._config = config
        self._on_event = on_event
        self._clock = clock or Clock()
        self._jitter = jitter
        self.turns = Turns(config, self._clock)
        self.refusals: dict[str, str] = {}  # address to why it was refused, for the manifest
        self._robots: dict[str, robots.Robots] = {}
        self._robots_locks: dict[str, asyncio.Lock] = {}
        # httpx's engine and not its client, which brings cookies, proxies, passwords of a .netrc and its own redirects.
        self._connections = httpcore.AsyncConnectionPool(
            max_connections=None,  # one a host
            network_backend=CheckedBackend(config.allow_private, resolve_host),
        )
        self._headers = [("user-agent", config.user_agent), ("accept", "*/*"), ("accept-encoding", body.ACCEPTED)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.aclose()

    async def get(self, url: str) -> Answer:
        """Fetch a page, through at most five redirects.

        Raises:
            BadInput: it is no http(s) address.
            Missing: the site has no such page.
            BudgetUsedUp: the run may ask no more.
            Unavailable: it failed for now, also when tried again.
            Refused: the site or its robots.txt refuses, or we do: no public address, too large.
        """
        target = _address(httpx.URL(), url, BadInput)
        with self._recorded(target):
            target, reply = await self._follow(target, self._config.max_body_bytes, self._ask_robots)
            _judge(target, reply)
            if reply.has_more:
                limit = f"{self._config.max_body_mb:g} MB"
                raise Refused(f"{shown(target)}: larger than {limit}; raise web.max_body_mb if you trust the site")
        return Answer(str(target), reply.headers, reply.body)

    async def check(self, url: str) -> None:
        """Ask robots.txt whether a page may be fetched, without fetching it.

        Raises:
            as `get`.
        """
        target = _address(httpx.URL(), url, BadInput)
        with self._recorded(target):
            await self._ask_robots(target)

    def heard(self, url: str, status: int, headers: Mapping[str, str]) -> bool:
        """Take an answer that a browser got as one of ours: False where its host is to be left alone for a while.

        Raises:
            as `get`.
        """
        target, reply = httpx.URL(url), _Reply(status, headers, b"", has_more=False)
        host = self.turns.host(target.host)
        with self._recorded(target):
            try:
                self._hear(target, host, reply)
            except _NotNow as not_now:
                self.turns.postpone(host, not_now.asked_s + retries.backoff_s(host.too_many, self._jitter))
                return False
            _judge(target, reply)
        return True

    @property
    def requests(self) -> int:
        """Requests so far, with those for robots.txt, redirects and second tries."""
        return self.turns.requests

    @property
    def budget_left(self) -> dict[str, float]:
        """Requests and seconds that are left."""
        return self.turns.left()

    @property
    def next_allowed(self) -> float:
        """Seconds until some host may be asked again."""
        return self.turns.next_allowed_s()

    @contextlib.contextmanager
    def _recorded(self, target: httpx.URL) -> Iterator[None]:
        try:
            yield
        except Refused as refusal:
            self.refusals[shown(target)] = str(refusal)
            raise

    async def _ask_robots(self, target: httpx.URL) -> None:
        rules = await self._robots_of(target)
        if not rules.allows(str(target)):
            raise ForbiddenByRobots(
                f"{shown(target)}: the robots.txt of {target.host} forbids this page to programs, and there is no "
                "option to read it all the same; ask the site's operator, or save the page in your own browser"
            )

    async def _robots_of(self, target: httpx.URL) -> robots.Robots:
        origin = f"{target.scheme}://{target.netloc.decode()}"
        async with self._robots_locks.setdefault(origin, asyncio.Lock()):
            known = self._robots.get(origin)
            if known is None or self._clock.monotonic() - known.fetched_at > robots.VALID_S:
                known = self._robots[origin] = await self._fetch_robots(target.join("/robots.txt"))
                host = self.turns.host(target.host)
                host.delay_s = max(host.delay_s, known.delay_s())
                self.turns.postpone(host, host.delay_s)
        return known

    async def _fetch_robots(self, target: httpx.URL) -> robots.Robots:
        target, reply = await self._follow(target, robots.MAX_BYTES)
        if reply.status == _OK:
            rules, was_cut = reply.body, reply.has_more
        elif 400 <= reply.status < 500:  # there is none
            rules, was_cut = b"", False
        else:
            raise Unavailable(f"{shown(target)}: answered {reply.status}, so that nothing may be fetched for now")
        return robots.Robots(rules, was_cut=was_cut, fetched_at=self._clock.monotonic())

    async def _follow(
        self, target: httpx.URL, max_bytes: int, check: Callable[[httpx.URL], Awaitable[None]] | None = None
    ) -> tuple[httpx.URL, _Reply]:
        """Go through redirects, each of them checked, and give where they end and what is there."""
        start = target
        for _ in range(MAX_REDIRECTS + 1):
            if check:
                await check(target)
            reply = await self._patiently(target, max_bytes)
            if reply.location is None:
                return target, reply
            target = _address(target, reply.location, Refused)
        raise Unavailable(f"{shown(start)}: redirects more than {MAX_REDIRECTS} times, last to {shown(target)}")

    async def _patiently(self, target: httpx.URL, max_bytes: int) -> _Reply:
        """Ask until there is an answer other than "not now"."""
        trouble, wait_s = "", 0.0
        for tries in range(self._max_tries):
            if trouble:
                self._on_event("leaving a host alone", address=shown(target), why=trouble, seconds=round(wait_s, 1))
            async with self.turns.turn(target.host) as host:
                try:
                    return await self._ask(target, host, max_bytes)
                except _NotNow as not_now:
                    trouble = str(not_now)
                    wait_s = not_now.asked_s + retries.backoff_s(tries, self._jitter)
                    self.turns.postpone(host, wait_s)
        often = f", {self._max_tries} times" if self._max_tries > 1 else ""
        raise Unavailable(f"{shown(target)}: {trouble}{often}; run the same command again later")

    async def _ask(self, target: httpx.URL, host: Host, max_bytes: int) -> _Reply:
        reply = await self._send(target, max_bytes)
        self._hear(target, host, reply)
        return reply

    def _hear(self, target: httpx.URL, host: Host, reply: _Reply) -> None:
        """Hear whether we asked too early or too often."""
        host.too_many = host.too_many + 1 if reply.status == _TOO_MANY_REQUESTS else 0
        if host.too_many >= _MAX_TOO_MANY:
            raise Refused(
                f"{shown(target)}: answered 429 (too many requests) {host.too_many} times in a row although we waited; "
                "the crawl stops, its state is kept: run the same command another day, with a larger web.delay_s"
            )
        if reply.status < 500 and reply.status != _TOO_MANY_REQUESTS:
            return
        asked_s = retries.asked_s(reply.headers.get("retry-after"), self._clock.utc())
        if asked_s > retries.LONGEST_WAIT_S:
            raise Unavailable(f"{shown(target)}: answered {reply.status} and asks to wait {asked_s:.0f} s; do so")
        raise _NotNow(f"answered {reply.status}", asked_s)

    async def _send(self, target: httpx.URL, max_bytes: int) -> _Reply:
        """Send one request; the body of what is no page stays unread."""
        address = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        try:
            async with (
                asyncio.timeout(self._config.timeout_s),
                self._connections.stream("GET", address, headers=self._headers) as response,
            ):
                headers = httpx.Headers(response.headers)
                if response.status != _OK:
                    return _Reply(response.status, headers, b"", has_more=False)
                packing = headers.get("content-encoding", "identity")
                return _Reply(_OK, headers, *await body.read_body(response, packing, max_bytes))
        except TimeoutError as error:
            raise _NotNow(f"gave no whole answer in {self._config.timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, body.BrokenBody) as error:
            raise _NotNow(f"gave no whole answer ({str(error) or type(error).__name__})") from error


def shown(url: httpx.URL) -> str:
    """An address as messages show it: host and path, for a query may hold secrets."""
    return f"{url.netloc.decode()}{url.raw_path.partition(b'?')[0].decode()}"[:_LONGEST_SHOWN]


def _address(base: httpx.URL, written: str, error_class: type[JobError]) -> httpx.URL:
    """An address that may be asked, relative to `base`."""
    try:
        url = httpx.URL(written)
        url = url if url.is_absolute_url else base.join(url)
    except httpx.InvalidURL as error:
        raise error_class(f"expected an http or https address, got one that cannot be read ({error})") from error
    in_range = url.port is None or 0 < url.port <= _LARGEST_PORT
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or not in_range:
        raise error_class(f"{shown(url)}: expected an http or https address without user and password")
    return url


def _judge(target: httpx.URL, reply: _Reply) -> None:
    """Let nothing but a whole page pass."""
    if reply.status in (404, 410):
        raise Missing(f"{shown(target)}: there is no such page (status {reply.status}); check the address")
    if 400 <= reply.status < 500:
        raise Refused(
            f"{shown(target)}: answered {reply.status}, so the crawl stops: the site refuses to be read by a program. "
            "Ask its operator, or save the page in your own browser (Douyin: `source: har`)"
        )
    if reply.status != _OK:
        raise Unavailable(f"{shown(target)}: expected a page (status 200), got status {reply.status}")
