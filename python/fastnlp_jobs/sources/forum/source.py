"""Goes through a forum: index pages, the threads they list, the pages of each thread."""

import contextlib
import datetime
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import httpx

from fastnlp_jobs.sources.forum.comments import CommentMaker
from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.forum.parsing import Html, Parser, Unparsed
from fastnlp_jobs.sources.forum.posts import Post
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher, ForbiddenByRobots, Missing

CursorOf = Callable[[str], str | None]
Read = Callable[[str], Awaitable[Html]]  # an address to its page


@dataclass(frozen=True)
class ForumSource:
    """Posts of the threads that are given, or that index pages list.

    A thread is a stream, and so is an index. One of which something could not be read does not end but starts again:
    nothing is known to be deleted.
    """

    config: ForumConfig
    web: WebConfig
    fetcher: Fetcher
    on_event: Callable[..., None]
    parsing_limit_s: float = 10.0  # for one page
    name: str = "forum"
    extra: tuple[str, ...] = ()

    async def pages(self, cursor_of: CursorOf) -> AsyncGenerator[Page, None]:
        """Read one start after the other.

        Raises:
            BadInput: a selector or an address is none, or there is no index where one should start.
            BudgetUsedUp, Unavailable, Refused: as `Fetcher.get`.
        """
        async with Parser(self.config, self.parsing_limit_s) as parser, self._reader() as read:
            reading = _Reading(self.config, read, parser, cursor_of)
            for start in self.config.starts:
                await self.fetcher.check(start)
                path = _path(httpx.URL(start))
                async for page in reading.index(path) if self.config.thread else reading.thread(path):
                    yield page

    @contextlib.asynccontextmanager
    async def _reader(self) -> AsyncGenerator[Read, None]:
        """What gives pages: as the site sends them, or as a browser shows them."""
        if self.config.browser is None:
            yield self._fetch
            return
        from fastnlp_jobs.sources.forum.rendering import Rendered
        from fastnlp_jobs.sources.web.browser import open_page

        wanted = ", ".join(filter(None, (self.config.post, self.config.thread)))
        browser = open_page(self.web, self.config.browser, None, self.fetcher.refusals, self.on_event)
        async with browser as tab:
            yield Rendered(self.fetcher, self.web, tab, wanted).read

    async def _fetch(self, url: str) -> Html:
        answer = await self.fetcher.get(url)
        return Html(answer.url, *answer.text())


@dataclass(frozen=True)
class _Shown:
    """A page; its links as paths of the forum's host."""

    posts: list[Post]
    unreadable: int  # characters
    threads: list[str]
    next: str | None
    next_elsewhere: bool  # on another host


class _Walk:
    """Goes from page to page of one stream, and stops where a site leads in circles or to nothing."""

    def __init__(self, start: str, cursor: str | None) -> None:
        self.start = start
        self.at: str | None = cursor or start  # the page to read; None: the end
        self.trouble: tuple[str, ...] = ()
        self._pages: set[str] = set()
        self._found: set[str] = set()

    @property
    def cursor(self) -> str | None:
        """Where the stream goes on."""
        return self.start if self.trouble else self.at

    def go_on(self, shown: _Shown, found: list[str]) -> None:
        """Go to the next page; `found` is what this one shows."""
        here = self.at or self.start
        self._pages.add(here)
        following = None if shown.next == here else shown.next  # the last page may link to itself
        if not found:
            self.stop(f"{here}: the selectors find nothing; is it a page for members, or has its layout changed?")
        elif self._found.issuperset(found):
            self.stop(f"{here}: shows nothing but what earlier pages show")
        elif following in self._pages:
            self.stop(f"{here}: its next page is an earlier one ({following})")
        elif shown.next_elsewhere:
            self.stop(f"{here}: its next page is on another host")
        else:
            self.at = following
        self._found.update(found)

    def stop(self, why: str) -> None:
        """End here, though this is not the end."""
        self.at, self.trouble = None, (why,)


class _Reading:
    """One run through a forum."""

    def __init__(self, config: ForumConfig, read: Read, parser: Parser, cursor_of: CursorOf) -> None:
        self._config = config
        self._read_html = read
        self._parser = parser
        self._cursor_of = cursor_of
        self._home = httpx.URL(config.starts[0])
        self._maker = CommentMaker(config, datetime.datetime.now(datetime.UTC))
        self._begun: set[str] = set()  # threads; an index that changes meanwhile lists one twice

    async def index(self, start: str) -> AsyncGenerator[Page, None]:
        """The threads of each page; a cursor is the path of the page and, behind a #, of the last thread read."""
        stream = f"threads of {self._config.site}{start}"
        at, _, last_read = (self._cursor_of(stream) or start).partition("#")
        walk = _Walk(start, at)
        while walk.at is not None:
            at = walk.at
            shown = await self._turn(walk)
            if shown is not None:
                for thread in _behind(last_read, shown.threads):
                    async for page in self.thread(thread):
                        yield page
                    yield Page(stream, f"{at}#{thread}", [])
                last_read = ""
                walk.go_on(shown, shown.threads)
            yield Page(stream, walk.cursor, [], missed=walk.trouble)

    async def thread(self, start: str) -> AsyncGenerator[Page, None]:
        """The posts of each page; a cursor is the path of a page."""
        if start in self._begun:
            return
        self._begun.add(start)
        thread_id = f"{self._config.site}{start}"
        stream = f"thread {thread_id}"
        walk = _Walk(start, self._cursor_of(stream))
        while walk.at is not None:
            starts = walk.at == start
            try:
                shown = await self._turn(walk)
            except Missing:
                yield Page(stream, None, [], gone_threads=(thread_id,), missed=("the site has no such thread",))
                return
            if shown is None:
                yield Page(stream, walk.cursor, [], missed=walk.trouble)
                return
            comments, rejected = self._maker.make(thread_id, shown.posts, shown.unreadable)
            walk.go_on(shown, [post["id"] or "" for post in shown.posts])
            yield Page(stream, walk.cursor, comments, starts=starts, rejected=rejected, missed=walk.trouble)

    async def _turn(self, walk: _Walk) -> _Shown | None:
        """The page at which a walk is; None where that page stops it.

        Raises:
            Missing: there is no such page, and it is the first.
        """
        at = walk.at or walk.start
        try:
            return await self._read(at)
        except Missing as error:
            if at == walk.start:
                raise
            walk.stop(str(error))
        except (ForbiddenByRobots, Unparsed) as error:
            walk.stop(f"{at}: {error}")
        return None

    async def _read(self, path: str) -> _Shown:
        html = await self._read_html(str(self._home.join(path)))
        shown = await self._parser.parse(html.text)
        here = httpx.URL(html.url)
        following = _link(here, shown["next"])
        threads = (_link(here, link) for link in shown["threads"])
        return _Shown(
            posts=shown["posts"],
            unreadable=html.unreadable,
            threads=list(dict.fromkeys(_path(link) for link in threads if link and link.netloc == here.netloc)),
            next=_path(following) if following and following.netloc == here.netloc else None,
            next_elsewhere=following is not None and following.netloc != here.netloc,
        )


def _link(here: httpx.URL, written: str | None) -> httpx.URL | None:
    """Where a link leads, if it leads to a web page."""
    try:
        link = here.join(written or "javascript:")
    except httpx.InvalidURL:
        return None
    return link if link.scheme in ("http", "https") else None


def _path(url: httpx.URL) -> str:
    return url.raw_path.decode()


def _behind(last_read: str, threads: list[str]) -> list[str]:
    """Those that were not read when the reading stopped; all where the last one is not listed here any more."""
    return threads[threads.index(last_read) + 1 :] if last_read in threads else threads
