"""The comment answers that a video's page receives, and what is still missing of its comments."""

import asyncio
import contextlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from playwright.async_api import Error, Page, Response
from playwright.async_api import Request as Asked

from fastnlp_jobs.errors import JobError
from fastnlp_jobs.sources.douyin.comments import Answer, NotGiven, Request, Unreadable, read_answer, read_request
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher, Missing

_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer."""

    answer: Answer
    is_new: bool  # it brought the reading on


class Received:
    """Listens while the block runs."""

    def __init__(self, page: Page, video: str, fetcher: Fetcher, web: WebConfig) -> None:
        """`fetcher` is told how the site answers."""
        self.any = False
        self.failed = False  # the newest answer held no comments
        self._page = page
        self._video = video
        self._fetcher = fetcher
        self._timeout_s = web.timeout_s
        self._max_bytes = web.max_body_bytes
        self._heard: asyncio.Queue[Heard | JobError] = asyncio.Queue()
        self._unanswered: set[Asked] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # each reads an answer
        self._seen: set[str] = set()  # comments
        self._places: set[tuple[str | None, int | None]] = set()  # whose replies, and where they go on
        self._list_ended = False
        self._threads_left: set[str] = set()  # comments with replies that were not shown yet
        self._threads_ended: set[str] = set()
        self._refused: dict[str, None] = {}

    async def __aenter__(self) -> Self:
        self._page.on("request", self._ask)
        self._page.on("requestfailed", self._give_up)
        self._page.on("response", self._listen)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._page.remove_listener("request", self._ask)
        self._page.remove_listener("requestfailed", self._give_up)
        self._page.remove_listener("response", self._listen)
        for task in self._tasks:
            task.cancel()

    @property
    def complete(self) -> bool:
        """Whether everything was shown that the site has."""
        return self._list_ended and not self._threads_left and self._heard.empty()

    def missed(self) -> tuple[str, ...]:
        """What was not shown, in words."""
        reasons = list(self._refused)
        if not self._list_ended:
            reasons.append("the list of comments was not shown to its end")
        if self._threads_left:
            reasons.append(f"not all replies to {len(self._threads_left)} comments were shown")
        return tuple(reasons)

    async def next(self, patience_s: float) -> list[Heard]:
        """What came since the last call; nothing after `patience_s` in which the page asked for nothing.

        Raises:
            as `Fetcher.get`: how the site answered.
        """
        found = []
        try:
            found.append(await asyncio.wait_for(self._heard.get(), patience_s))
        except TimeoutError:
            if self._unanswered or self._tasks:
                with contextlib.suppress(TimeoutError):
                    found.append(await asyncio.wait_for(self._heard.get(), self._timeout_s))
        while not self._heard.empty():
            found.append(self._heard.get_nowait())
        return [_unless_error(heard) for heard in found]

    def _wanted(self, url: str) -> Request | None:
        request = read_request(url)
        return request if request and request.video == self._video else None

    def _ask(self, asked: Asked) -> None:
        if self._wanted(asked.url):
            self._unanswered.add(asked)

    def _give_up(self, asked: Asked) -> None:
        if asked in self._unanswered:
            self._unanswered.discard(asked)
            self._fail("the answer did not come whole")

    def _listen(self, response: Response) -> None:
        request = self._wanted(response.url)
        self._unanswered.discard(response.request)
        if request and response.status not in _REDIRECTS:
            task = asyncio.create_task(self._read(response, request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, response: Response, request: Request) -> None:
        try:
            answer = await self._answer(response, request)
        except JobError as error:
            self._heard.put_nowait(error)
        except NotGiven as error:
            self._refused[str(error)] = None
            self._fail()
        except Unreadable as error:
            self._fail(str(error))
        else:
            self._heard.put_nowait(Heard(answer, self._note(answer, request)))

    def _fail(self, *reasons: str) -> None:
        self.failed = True
        self._heard.put_nowait(Heard(Answer(None, rejected=list(reasons)), is_new=False))

    async def _answer(self, response: Response, request: Request) -> Answer:
        try:
            is_page = self._fetcher.heard(response.url, response.status, response.headers)
        except Missing:
            is_page = False
        if not is_page:
            raise Unreadable(f"the site answered {response.status}")
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await response.body()
        except (Error, TimeoutError) as error:
            raise Unreadable("the answer did not come whole") from error
        if len(body) > self._max_bytes:
            raise Unreadable("the answer is larger than web.max_body_mb")
        return read_answer(body, request)

    def _note(self, answer: Answer, request: Request) -> bool:
        """Whether there is anything new in it: a comment, or where a list goes on or ends."""
        self.any, self.failed = True, False
        place = (request.comment, answer.next_cursor)
        ids = {comment.id for comment in answer.comments}
        is_new = place not in self._places or not ids <= self._seen
        self._places.add(place)
        self._seen |= ids
        ended = answer.next_cursor is None
        if request.comment is None:
            self._list_ended |= ended
            self._threads_left |= set(answer.unread_replies) - self._threads_ended
        elif ended:
            self._threads_ended.add(request.comment)
            self._threads_left.discard(request.comment)
        return is_new


def _unless_error(heard: Heard | JobError) -> Heard:
    if isinstance(heard, JobError):
        raise heard
    return heard
