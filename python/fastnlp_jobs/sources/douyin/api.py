"""Comments page by page over HTTP, from a site in the shape of Douyin's that lets programs ask: the demo site.

Douyin itself wants signed requests, which we do not make: see har.py and browser.py.
"""

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import NamedTuple, Self
from urllib.parse import urlencode

from fastnlp_jobs.errors import Unavailable
from fastnlp_jobs.sources.douyin.comments import (
    EXTRA,
    Answer,
    NotGiven,
    Request,
    Unreadable,
    read_answer,
    read_videos,
)
from fastnlp_jobs.sources.douyin.config import LIST_PATH
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.web.fetcher import Fetcher

VIDEOS_PATH = "/videos.json"
REPLIES_PATH = "/aweme/v1/web/comment/list/reply/"
COMMENTS_A_PAGE = 50
_LATER = "run the same command again later"


class Place(NamedTuple):
    """Where a video's comments were left: in the list, or in the replies to a comment of the page that starts there."""

    list_at: int = 0
    comment: str | None = None
    reply_at: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """The place that `write` wrote."""
        return cls() if cursor is None else cls(*json.loads(cursor))

    def write(self) -> str:
        """As a cursor."""
        return json.dumps(self)


@dataclass(frozen=True)
class ApiSource:
    """Comments and replies of videos, each video a stream."""

    fetcher: Fetcher
    site: str  # such as http://127.0.0.1:40000
    videos: int | None = None  # so many of those that it lists; None: all
    name: str = "demo"
    extra: tuple[str, ...] = EXTRA

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        """Read one video after the other.

        Raises:
            BudgetUsedUp: the run may ask no more.
            Unavailable: the site failed.
            Refused: it refuses.
        """
        for video in await self._listed():
            reading = _Reading(self, video)
            try:
                async for page in reading.pages(Place.read(cursor_of(reading.stream))):
                    yield page
            except NotGiven as error:
                left_at = cursor_of(reading.stream) or Place().write()
                yield Page(reading.stream, left_at, [], missed=(str(error),))

    async def _listed(self) -> tuple[str, ...]:
        answer = await self.fetcher.get(self.site + VIDEOS_PATH)
        try:
            return read_videos(answer.body)[: self.videos]
        except Unreadable as error:
            raise Unavailable(f"{self.site}{VIDEOS_PATH}: {error}; {_LATER}") from error

    async def ask(self, request: Request, cursor: int) -> Answer:
        """One page of comments or replies."""
        if request.comment is None:
            url, query = self.site + LIST_PATH, {"aweme_id": request.video}
        else:
            url, query = self.site + REPLIES_PATH, {"item_id": request.video, "comment_id": request.comment}
        asked = urlencode({**query, "cursor": cursor, "count": COMMENTS_A_PAGE})
        answer = await self.fetcher.get(f"{url}?{asked}")
        try:
            return read_answer(answer.body, request)
        except NotGiven:
            raise
        except Unreadable as error:
            raise Unavailable(f"{url}: {error}; {_LATER}") from error


class _Reading:
    """Goes through one video: a page of comments, the replies to each of them, the next page."""

    def __init__(self, source: ApiSource, video: str) -> None:
        self.stream = f"comments of {video}"
        self._source = source
        self._video = video
        self._missed: list[str] = []
        self._starts = False  # whether the next page is the stream's first

    async def pages(self, start: Place) -> AsyncGenerator[Page, None]:
        """From `start` on."""
        asked: set[int] = set()
        self._starts = start == Place()
        place: Place | None = start
        while place:
            answer = await self._source.ask(Request(self._video, None), place.list_at)
            list_at = self._unless_asked(answer.next_cursor, place.list_at, asked)
            following = None if list_at is None else Place(list_at)
            threads = _threads(answer, place)
            stops = [*threads, following]
            if place.comment not in answer.unread_replies:  # else the page landed before, and only says what is left
                yield self._page(answer, stops[0])
            for thread, after in zip(threads, stops[1:], strict=True):
                async for page in self._replies(thread, after):
                    yield page
            place = following

    async def _replies(self, thread: Place, after: Place | None) -> AsyncGenerator[Page, None]:
        asked: set[int] = set()
        reply_at: int | None = thread.reply_at
        while reply_at is not None:
            try:
                answer = await self._source.ask(Request(self._video, thread.comment), reply_at)
            except NotGiven as error:
                self._missed.append(f"replies: {error}")
                answer = Answer(None)
            reply_at = self._unless_asked(answer.next_cursor, reply_at, asked)
            yield self._page(answer, after if reply_at is None else thread._replace(reply_at=reply_at))

    def _unless_asked(self, cursor: int | None, current: int, asked: set[int]) -> int | None:
        """`cursor`, but None where the site leads back to what it was asked before."""
        asked.add(current)
        if cursor in asked:
            self._missed.append(f"the site led from cursor {current} back to {cursor}: what comes after was not read")
            return None
        return cursor

    def _page(self, answer: Answer, following: Place | None) -> Page:
        """A stream of which something was missed does not end but starts again: nothing is known to be deleted."""
        if following is None and self._missed:
            following = Place()
        cursor = None if following is None else following.write()
        starts, self._starts = self._starts, False
        rejected, missed = tuple(answer.rejected), tuple(self._missed)
        return Page(self.stream, cursor, answer.comments, starts=starts, rejected=rejected, missed=missed)


def _threads(answer: Answer, place: Place) -> list[Place]:
    """Where the replies to each comment of a page start, from those on at which `place` was left."""
    threads = [Place(place.list_at, comment) for comment in answer.unread_replies]
    left_at = [at for at, thread in enumerate(threads) if thread.comment == place.comment]
    return [place, *threads[left_at[0] + 1 :]] if left_at else threads
