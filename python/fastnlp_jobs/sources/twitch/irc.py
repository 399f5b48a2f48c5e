"""One connection to an IRC server: lines in and out, PING, silence, and how often channels may be joined."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fastnlp_jobs.errors import Refused
from fastnlp_jobs.sources.twitch.messages import TOO_LONG, LineSplitter, Malformed, Message, parse

JOINS = 20  # in JOIN_PERIOD_S: what Twitch allows a user
JOIN_PERIOD_S = 10.0
GOODBYE_S = 2.0  # for the server to close
_MOST_UNSENT_BYTES = 1 << 16
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try again."""

    connect_s: float = 15.0  # for the connection, and for the server's welcome
    silence_s: float = 60.0  # then the server is asked with PING; silent as long again, the connection counts as lost
    first_retry_s: float = 1.0  # doubled for every try that fails; the wait is anything up to that
    longest_retry_s: float = 60.0
    attempts: int = 10  # that fail one after another

    def retry_s(self, failures: int) -> float:
        """The longest wait before the next try, after so many that failed."""
        return float(min(self.longest_retry_s, self.first_retry_s * 2 ** min(failures - 1, 30)))


class Lost(Exception):
    """The connection is gone, or never came about; says why."""


@dataclass
class Reader:
    """What a connection does with what it reads."""

    message: Callable[[Message], None]
    rejected: Callable[[str], None]  # reason for a line that is no message
    is_full: Callable[[], bool]  # asked after each piece read: is there too much waiting to read on?


class Connection(asyncio.Protocol):
    """Reads as data arrives, so that nothing received is lost with the connection; answers PING at once."""

    def __init__(self, reader: Reader) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()  # why
        self._reader = reader
        self._lines = LineSplitter()
        self._transport: asyncio.Transport
        self._heard_at = 0.0
        self._paused = False

    def send(self, line: str) -> None:
        """Send one line; a connection that is gone takes nothing."""
        if self._transport.is_closing():
            return
        self._transport.write(line.encode() + b"\r\n")
        if self._transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self.drop("the server reads nothing of what it asked for")

    def resume(self) -> None:
        """Read on, if reading was paused because too much was waiting."""
        if self._paused and not self._reader.is_full():
            self._paused = False
            self._heard_at = self._now()
            self._transport.resume_reading()

    def drop(self, why: str) -> None:
        """Close now."""
        self._transport.close()
        self._end(why)

    async def say_goodbye(self) -> None:
        """Ask the server to close, and read what it had sent until then."""
        self.send("QUIT")
        await asyncio.wait([self.lost], timeout=GOODBYE_S)
        self.drop("closed by us")

    async def watch(self, silence_s: float) -> str:
        """Wait until the connection is lost; ask a server that says nothing, and close if it does not answer.

        Returns:
            Why it was lost.
        """
        asked = False
        while not self.lost.done():
            before = self._heard_at
            await asyncio.wait([self.lost], timeout=silence_s)
            if self._heard_at > before or self._paused:
                asked = False
            elif asked:
                self.drop(f"no answer to PING within {silence_s:g} s")
            else:
                self.send("PING :fastnlp")
                asked = True
        return self.lost.result()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport), "a stream"
        self._transport = transport
        self._heard_at = self._now()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with whatever arrived."""
        self._heard_at = self._now()
        for line in self._lines.feed(data):
            if line is None:
                self._reader.rejected(TOO_LONG)
            elif line:
                self._read(line)
        if self._reader.is_full() and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio at the end of the connection."""
        self._end("the server closed the connection" if error is None else shown(str(error)))

    def _read(self, line: bytes) -> None:
        try:
            message = parse(line)
        except Malformed as error:
            self._reader.rejected(str(error))
            return
        if message.command == "PING":
            self.send(f"PONG :{message.params[-1] if message.params else ''}")
        else:
            self._reader.message(message)

    def _end(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def connect(server: str, port: int, reader: Reader, *, tls: bool, timeout_s: float) -> Connection:
    """Connect to a server.

    Raises:
        Lost: nobody answers.
        Refused: its certificate is not valid.
    """
    context = ssl.create_default_context() if tls else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(lambda: Connection(reader), server, port, ssl=context)
    except TimeoutError as error:
        raise Lost(f"no connection within {timeout_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{server}:{port}: its certificate is not valid ({error.verify_message}); is `server` right, "
            "and does this machine trust who signed it?"
        ) from error
    except OSError as error:
        raise Lost(f"cannot connect ({shown(str(error))})") from error
    return connection


@dataclass
class JoinPace:
    """When the next channel may be joined: never more than `JOINS` in `JOIN_PERIOD_S`, whatever the connection."""

    _sent_at: deque[float] = field(default_factory=lambda: deque(maxlen=JOINS))

    def wait_s(self, now: float) -> float:
        """Seconds until the next JOIN may be sent."""
        if len(self._sent_at) < JOINS:
            return 0.0
        return max(0.0, self._sent_at[0] + JOIN_PERIOD_S - now)

    def sent(self, now: float) -> None:
        """Note a JOIN."""
        self._sent_at.append(now)


def shown(text: str) -> str:
    """What a server or the system said, fit for a message: one line, cut short."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"
