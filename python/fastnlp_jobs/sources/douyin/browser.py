"""Comments as a real browser gets them: it opens a video's page and scrolls, we read what the page itself receives.

No signatures, no disguise: where the site's robots.txt, a login or a test for humans stands in the way, we stop.
A browser cannot start in the middle of a list: a run that goes on sees again what it has, and the store knows it.
"""

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.async_api import Error, Response
from playwright.async_api import Page as Tab
from playwright.async_api import TimeoutError as TooSlow

from fastnlp_jobs import retries
from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.sources.douyin.comments import EXTRA
from fastnlp_jobs.sources.douyin.config import DouyinConfig
from fastnlp_jobs.sources.douyin.received import Received
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.web.browser import LedElsewhere, load, open_page
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher, ForbiddenByRobots, Missing

AGAIN = "from the start"  # the cursor of a stream that was not read to its end
_INSTEAD = "`source: har` reads what your own browser saved (docs/jobs/crawl/douyin.md)"
_WALL = f"the page asks for a login or to prove being human, and the crawl stops: {_INSTEAD}"
_HUMAN = re.compile(r"登录|验证|captcha|verify", re.IGNORECASE)
_ANSWER_S = 2.0  # how long an answer to a step may take before the next step
_CLICK_MS = 2_000
_A_LITTLE_PX, _FAR_PX = 200, 20_000


@dataclass(frozen=True)
class BrowserSource:
    """Comments and replies of videos, each video a stream."""

    config: DouyinConfig
    web: WebConfig
    fetcher: Fetcher  # for robots.txt and the turns
    on_event: Callable[..., None]
    name: str = "douyin"
    extra: tuple[str, ...] = EXTRA

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:  # noqa: ARG002
        """Open one video after the other.

        Raises:
            BadInput: the browser does not start.
            BudgetUsedUp: the run may ask no more.
            Unavailable: a page did not load.
            Refused: the site, its robots.txt, a login or a test for humans.
        """
        config = self.config
        for address in config.addresses:
            await self._check(address)
        tab = open_page(self.web, config.browser, config.profile, self.fetcher.refusals, self.on_event)
        try:
            async with tab as page:
                for video in config.videos:
                    async with Received(page, video, self.fetcher, self.web) as received:
                        async for landed in _Visit(self, page, video, received).pages():
                            yield landed
        except Error as error:
            raise Unavailable(
                f"the browser failed: {str(error).splitlines()[0]}; start the same command again"
            ) from error

    async def _check(self, address: str) -> None:
        try:
            await self.fetcher.check(address)
        except ForbiddenByRobots as forbidden:
            raise Refused(f"{forbidden}: {_INSTEAD}") from forbidden


class _Visit:
    """Goes through the page of one video."""

    def __init__(self, source: BrowserSource, tab: Tab, video: str, received: Received) -> None:
        self._config = source.config
        self._fetcher = source.fetcher
        self._timeout_ms = source.web.timeout_s * 1000
        self._tab = tab
        self._video = video
        self._address = source.config.address(video)
        self._host = urlsplit(self._address).hostname or ""
        self._received = received
        self._stream = f"comments of {video}"
        self._fruitless = 0  # steps since anything new came

    async def pages(self) -> AsyncGenerator[Page, None]:
        """What the page receives, until it has all or nothing new comes."""
        received = self._received
        try:
            await self._open()
        except Missing:
            yield Page(self._stream, None, [], gone_threads=(self._video,), missed=("the site has no such video",))
            return
        starts = may_click = True
        while self._fruitless < self._config.quiet_steps:
            heard = await received.next(_ANSWER_S)
            for one in heard:
                rejected = tuple(one.answer.rejected)
                yield Page(self._stream, AGAIN, one.answer.comments, starts=starts, rejected=rejected)
                starts = False
            if any(one.is_new for one in heard):
                self._fruitless, may_click = 0, True
            await self._refuse_walls()
            if received.complete:
                break
            self._fruitless += 1
            if received.failed and not received.any:  # an empty page has nothing to click or to scroll
                await self._open()
            else:
                may_click = not await self._step(may_click=may_click)
        missed = received.missed() if received.any else (await self._explain(),)
        yield Page(self._stream, AGAIN if missed else None, [], starts=starts, missed=missed)

    async def _open(self) -> None:
        for _ in range(retries.MAX_TRIES):
            async with self._fetcher.turns.turn(self._host):
                response = await self._load()
            # A page that came does not end a row of 429: its comments may still be refused.
            if response is None or response.ok or self._fetcher.heard(response.url, response.status, response.headers):
                return
        raise Unavailable(f"{self._address}: no answer in {retries.MAX_TRIES} tries; run the same command again later")

    async def _load(self) -> Response | None:
        try:
            return await load(self._tab, self._address, self._fetcher.refusals, self._timeout_ms)
        except LedElsewhere as elsewhere:
            raise Refused(f"{elsewhere}: {_INSTEAD}") from elsewhere

    async def _refuse_walls(self) -> None:
        host = urlsplit(self._tab.url).hostname
        if host != self._host:  # by a script of the page
            raise Refused(f"{self._address}: led to {host}, and the crawl stops: {_INSTEAD}")
        if await self._tab.locator(self._config.wall_selector).locator("visible=true").count():
            raise Refused(f"{self._address}: {_WALL}")

    async def _explain(self) -> str:
        """Why not one answer came, where it was no wall."""
        shown = await self._tab.locator("body").inner_text(timeout=self._timeout_ms)
        if _HUMAN.search(shown):
            raise Refused(f"{self._address}: {_WALL}")
        return f"no comments came in {self._config.quiet_steps} steps; look at the page in a browser"

    async def _step(self, *, may_click: bool) -> bool:
        """Ask the page for more, by a click or by scrolling; whether it was a click."""
        async with self._fetcher.turns.turn(self._host):
            try:
                clicked = may_click and await self._click()
                if not clicked:
                    await self._scroll()
            except TooSlow:  # what was there is gone or covered: the next step tries something else
                return may_click
        return clicked

    async def _click(self) -> bool:
        """Click what shows more replies; what brought nothing new is passed over."""
        found = self._tab.locator(self._config.replies_selector).locator("visible=true")
        count = await found.count()
        if count == 0:
            return False
        await found.nth(self._fruitless // 2 % count).click(timeout=_CLICK_MS)
        return True

    async def _scroll(self) -> None:
        """Up a little and far down: at the end of a page, down alone would not move it."""
        comments = self._tab.locator(self._config.comment_selector)
        if await comments.count():
            last = comments.last
            await last.scroll_into_view_if_needed(timeout=_CLICK_MS)
            box = await last.bounding_box(timeout=_CLICK_MS)
            if box:
                await self._tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await self._tab.mouse.wheel(0, -_A_LITTLE_PX)
        await self._tab.mouse.wheel(0, _FAR_PX)
