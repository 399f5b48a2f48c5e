"""Servers and clients for the tests of live chat: a real ngircd, people who talk on it, and a stub for the rest."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

from fastnlp_jobs.sources.live import Page, RawComment
from fastnlp_jobs.sources.twitch.config import TwitchConfig
from fastnlp_jobs.sources.twitch.irc import Patience
from fastnlp_jobs.sources.twitch.source import TwitchSource

TIMEOUT_S = 60
# Against a server on the loopback nothing takes long; a machine that is busy gets many tries.
HASTY = Patience(connect_s=20, silence_s=20, first_retry_s=0.05, longest_retry_s=0.2, attempts=300)

_NGIRCD = """
[Global]
Name = irc.test.example
Info = test
Listen = 127.0.0.1
Ports = {port}
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = {nick_length}
MaxPenaltyTime = 0
PingTimeout = {ping_s}
PongTimeout = {ping_s}
[Options]
DNS = no
Ident = no
PAM = no
"""
_TLS = """
[SSL]
CertFile = {certificate}
KeyFile = {key}
Ports = {port}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def make_certificate(openssl: Path, folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, "req", "-x509", *subject, *made], check=True, capture_output=True)
    return certificate, key


class NgIrcd:
    """Debian's IRC server, in the foreground on a free port of the loopback."""

    def __init__(self, binary: Path, folder: Path, *, nick_length: int = 20, ping_s: int = 120) -> None:
        self.port = free_port()
        self._binary = binary
        self._config = folder / "ngircd.conf"
        values = {"port": self.port, "nick_length": nick_length, "ping_s": ping_s}
        self._config.write_text(_NGIRCD.format(**values), encoding="ascii")

    def listen_with_tls(self, certificate: Path, key: Path) -> int:
        """Open another port, which it gives."""
        port = free_port()
        with self._config.open("a", encoding="ascii") as config:
            config.write(_TLS.format(certificate=certificate, key=key, port=port))
        return port

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """Run a test while the server runs."""
        with self.running():
            asyncio.run(test)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        command = [str(self._binary), "--nodaemon", "--config", str(self._config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.rstrip().endswith("ready."):
                break
        else:
            raise AssertionError(f"ngircd did not start: {''.join(said)}")
        try:
            yield
        finally:
            process.terminate()
            process.communicate(timeout=TIMEOUT_S)


class Talker:
    """Somebody who talks on a server; knows nothing of our client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._heard: list[str] = []
        self._news = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def arrive(cls, port: int, nick: str, *channels: str) -> Self:
        """Log in, join, and wait until the server says so."""
        talker = cls(*await asyncio.open_connection("127.0.0.1", port))
        await talker.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        await talker.hears(" 001 ")
        for channel in channels:
            await talker.send(f"JOIN #{channel}")
            await talker.hears(f" 366 {nick} #{channel} ")
        return talker

    async def send(self, *lines: str | bytes) -> None:
        for line in lines:
            self._writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        await self._writer.drain()

    async def say(self, channel: str, *texts: str) -> None:
        await self.send(*(f"PRIVMSG #{channel} :{text}" for text in texts))

    async def hears(self, *parts: str) -> None:
        """Wait for a line with all these parts; lines before it are forgotten."""
        async with asyncio.timeout(TIMEOUT_S), self._news:
            while True:
                await self._news.wait_for(lambda: self._heard)
                while self._heard:
                    line = self._heard.pop(0)
                    if all(part in line for part in parts):
                        return

    async def meets_us(self, channel: str) -> None:
        """Wait until our client joins a channel."""
        await self.hears(":justinfan", f"JOIN :#{channel}")

    async def leave(self) -> None:
        self._listening.cancel()
        self._writer.close()
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionError):
            while line := (await self._reader.readline()).decode(errors="replace"):
                if line.startswith("PING"):
                    await self.send(line.replace("PING", "PONG", 1).strip())
                elif " PRIVMSG " not in line:  # nobody waits for these, and a flood has many
                    async with self._news:
                        self._heard.append(line)
                        self._news.notify_all()


class Reading:
    """Our client at work: collects what it gives."""

    def __init__(self, source: TwitchSource, cursor: str | None = None) -> None:
        self._source = source
        self.pages: list[Page] = []
        self._cursor = cursor
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._collect())

    @property
    def comments(self) -> list[RawComment]:
        return [comment for page in self.pages for comment in page.comments]

    @property
    def texts(self) -> list[str]:
        return [comment.text for comment in self.comments]

    @property
    def missed(self) -> list[str]:
        return [missed for page in self.pages for missed in page.missed]

    @property
    def rejected(self) -> list[str]:
        return [reason for page in self.pages for reason in page.rejected]

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT_S), self._news:
            await self._news.wait_for(lambda: is_so() or self._task.done())
        assert is_so(), self.pages

    async def end(self) -> None:
        """Wait for the end; raises what the source raised."""
        async with asyncio.timeout(TIMEOUT_S):
            await self._task

    async def stop(self) -> None:
        """As a signal does."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _collect(self) -> None:
        try:
            async for page in self._source.pages(lambda _: self._cursor):
                async with self._news:
                    self.pages.append(page)
                    self._news.notify_all()
        finally:
            async with self._news:
                self._news.notify_all()


def our_client(port: int, *channels: str, patience: Patience = HASTY, **config: Any) -> TwitchSource:
    """Our client for the loopback, without TLS unless `config` says so."""
    values = {"server": "127.0.0.1", "port": port, "tls": False, "channels": list(channels), **config}
    return TwitchSource(TwitchConfig.model_validate(values), lambda *_, **__: None, patience)


def read(port: int, *channels: str, cursor: str | None = None, **config: Any) -> Reading:
    """Start our client."""
    return Reading(our_client(port, *channels, **config), cursor)


class StubPeer:
    """The stub server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        await self.writer.drain()

    async def hears(self, part: str) -> str:
        """Wait for a line with this part."""
        async with asyncio.timeout(TIMEOUT_S):
            while line := (await self._reader.readline()).decode():
                if part in line:
                    return line
        raise AssertionError(f"our client closed the connection without {part!r}")

    async def stay(self) -> None:
        """Keep the connection until our client leaves."""
        async with asyncio.timeout(TIMEOUT_S):
            while (await self._reader.readline()) not in (b"QUIT\r\n", b""):
                pass

    async def welcome(self, *channels: str) -> None:
        """Let our client in, and into channels, as Twitch does."""
        nick = (await self.hears("NICK ")).split()[1]
        await self.send(":tmi.twitch.tv CAP * ACK :twitch.tv/tags twitch.tv/commands", f":tmi.twitch.tv 001 {nick} :hi")
        for channel in channels:
            await self.hears(f"JOIN #{channel}")
            await self.send(f":{nick}!{nick}@{nick}.tmi.twitch.tv JOIN #{channel}")


@contextlib.asynccontextmanager
async def stub_server(
    *visits: Callable[[StubPeer], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server that follows a script: one function for each connection, the last for all that come later."""
    scripts = list(visits)
    problems: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        try:
            await script(StubPeer(reader, writer))
        except ConnectionError:  # our client may leave in the middle
            return
        except Exception as problem:  # noqa: BLE001  # asyncio would only log it
            problems.append(problem)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
    if problems:
        raise problems[0]
