"""Live chat as pages of comments: connects again when the connection is lost, and tells what was missed."""

import asyncio
import contextlib
import datetime
import random
from collections.abc import AsyncGenerator, Callable

from fastnlp_jobs.errors import Unavailable
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.twitch.channels import Channels
from fastnlp_jobs.sources.twitch.chat import Received, note
from fastnlp_jobs.sources.twitch.config import TwitchConfig
from fastnlp_jobs.sources.twitch.emotes import EXTRA
from fastnlp_jobs.sources.twitch.inbox import Inbox
from fastnlp_jobs.sources.twitch.irc import GOODBYE_S, JoinPace, Lost, Patience, Reader, connect
from fastnlp_jobs.sources.twitch.messages import Message
from fastnlp_jobs.sources.twitch.session import RECONNECT, STOPPED, Session

STREAM = "live chat"
MOST_WAITING = 20_000  # entries; beyond, nothing more is read from the server
_PAGE_S = 1.0
_PATIENCE = Patience()


class TwitchSource:
    """Reads the chat of channels as it is written. What is written while it does not run is not seen."""

    name = "twitch"
    extra = (EXTRA,)

    def __init__(self, config: TwitchConfig, on_event: Callable[..., None], patience: Patience = _PATIENCE) -> None:
        """`on_event` is told of connections that come and go (a message and fields)."""
        self._config = config
        self._on_event = on_event
        self._patience = patience
        self._inbox = Inbox()
        self._page_is_due = asyncio.Event()
        self._stopped = asyncio.Event()
        self._session: Session | None = None
        self._received = 0

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        """Read until cancelled, or until as much was read as the config asks; see `live.Source`.

        Cancelled, it first takes leave and hands over what came until then, which nobody could fetch again.
        """
        self._channels = Channels(self._config.channels, cursor_of(STREAM), self._inbox.miss, self._on_event)
        reading = asyncio.create_task(self._read())
        reading.add_done_callback(lambda _: self._page_is_due.set())
        cancelled: asyncio.CancelledError | None = None
        try:
            while cancelled is None and not reading.done():
                try:
                    await self._wait_for_page()
                except asyncio.CancelledError as error:
                    cancelled = error
                    self._stop()
                    await asyncio.wait([reading], timeout=2 * GOODBYE_S)
                while page := self._take():
                    yield page
            self._channels.ended()
            while page := self._take():
                yield page
            yield Page(STREAM, self._channels.cursor(), [])  # until when the channels were read
            if cancelled is not None:
                raise cancelled
            reading.result()
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    def _take(self) -> Page | None:
        """The next page of what waits; makes room, so that reading may go on."""
        page = self._inbox.take(STREAM, self._channels.cursor())
        if page is not None and self._session is not None:
            self._session.resume()
        return page

    async def _wait_for_page(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAGE_S):
                await self._page_is_due.wait()
        self._page_is_due.clear()

    async def _read(self) -> None:
        """Connect, and connect again, until stopped.

        Raises:
            Unavailable: too many tries failed one after another.
            Refused: the server does not want us.
        """
        loop = asyncio.get_running_loop()
        end = None if self._config.duration_s is None else loop.call_later(self._config.duration_s, self._stop)
        pace, failures = JoinPace(), 0
        try:
            while not self._stopped.is_set():
                began = loop.time()
                why = await self._stay(pace)
                if not self._stopped.is_set():
                    failures = 1 if loop.time() - began > self._patience.longest_retry_s else failures + 1
                    await self._wait_for_retry(why, failures)
        finally:
            if end is not None:
                end.cancel()

    async def _stay(self, pace: JoinPace) -> str:
        """One connection, from its start to its end; says why it ended."""
        config = self._config
        session = Session(config, self._patience, self._channels, self._hear)
        reader = Reader(session.on_message, self._reject, lambda: self._inbox.waiting >= MOST_WAITING)
        try:
            connection = await connect(
                config.server, config.port, reader, tls=config.tls, timeout_s=self._patience.connect_s
            )
        except Lost as error:
            return str(error)
        self._session = session
        if self._stopped.is_set():
            session.end(STOPPED)
        return await session.run(connection, pace)

    async def _wait_for_retry(self, why: str, failures: int) -> None:
        """Note that the channels are not read; wait a random part of the longest wait, so that not all come at once."""
        self._channels.lost(why)
        server = f"{self._config.server}:{self._config.port}"
        if failures >= self._patience.attempts:
            raise Unavailable(f"{server}: {why}, {failures} times; run the same command again later")
        at_once = why == RECONNECT and failures == 1
        wait_s = 0.0 if at_once else random.uniform(0, self._patience.retry_s(failures))
        self._on_event("not connected to the chat", server=server, why=why, retry_s=round(wait_s, 1))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopped.wait()

    def _stop(self) -> None:
        """Let `_read` end."""
        self._stopped.set()
        if self._session is not None:
            self._session.end(STOPPED)

    def _hear(self, message: Message) -> None:
        most = self._config.max_messages
        if most is not None and self._inbox.comments >= most:
            return
        self._received += 1
        now = datetime.datetime.now(datetime.UTC)
        note(message, Received(self._config.server, self._received, now), self._inbox)
        if most is not None and self._inbox.comments >= most:
            self._stop()
        if self._inbox.has_full_page:
            self._page_is_due.set()

    def _reject(self, reason: str) -> None:
        self._inbox.reject(reason)
        if self._inbox.has_full_page:
            self._page_is_due.set()
