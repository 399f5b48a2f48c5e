"""A proxy on the loopback through which a browser asks everything: it connects to checked addresses only.

A browser follows redirects, loads what pages name and resolves names by itself. Behind this proxy each of its
connections is opened by us, to the very address that was checked (addresses.py).
"""

import asyncio
import contextlib
import re
from types import TracebackType
from typing import Self

import httpcore

from fastnlp_jobs.errors import Refused
from fastnlp_jobs.sources.web.addresses import CheckedBackend, Resolve, resolve
from fastnlp_jobs.sources.web.config import WebConfig

_HOST = "127.0.0.1"
_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_ANSWERS_A_CONNECTION = 10  # so many times the largest answer may come through one connection
# With a body: without one, Chromium reports a broken page instead of where it was led.
_FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: close\r\n\r\nforbidden"
_REQUEST_LINE = re.compile(
    rb"(?P<method>[A-Z]+) (?:http://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:\s\[\]@?#]+)(?::(?P<port>\d{1,5}))?"
    rb"(?P<target>[/?]\S*)? HTTP/1\.[01]\r\n"
)
_HOP_HEADER = re.compile(rb"^(?:Proxy-[\w-]+|Connection|Keep-Alive):[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)


class Gate:
    """Listens while the block runs."""

    address: str  # such as http://127.0.0.1:40000

    def __init__(self, config: WebConfig, refusals: dict[str, str], resolve_host: Resolve = resolve) -> None:
        """`refusals` is where it notes the hosts that it did not connect to, and why."""
        self._refusals = refusals
        self._timeout_s = config.timeout_s
        self._most_bytes = config.max_body_bytes * _ANSWERS_A_CONNECTION
        self._backend = CheckedBackend(config.allow_private, resolve_host)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, _HOST, 0, limit=_HEAD_BYTES)
        self.address = f"http://{_HOST}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError, httpcore.NetworkError, httpcore.TimeoutException):
                await self._connect(reader, writer)
        finally:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        asked = _REQUEST_LINE.match(head)
        if asked is None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        is_tunnel = asked["method"] == b"CONNECT"
        port = int(asked["port"] or (443 if is_tunnel else 80))
        stream = await self._open(asked["host"].decode("ascii", "replace").strip("[]"), port)
        if stream is None:
            writer.write(_FORBIDDEN)
            return
        try:
            if is_tunnel:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                await stream.write(_forwarded(asked, head))
            await self._pass_on(reader, writer, stream)
        finally:
            await stream.aclose()

    async def _open(self, host: str, port: int) -> httpcore.AsyncNetworkStream | None:
        try:
            return await self._backend.connect_tcp(host, port, timeout=self._timeout_s)
        except Refused as refusal:
            self._refusals[host] = str(refusal)
            return None

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: httpcore.AsyncNetworkStream
    ) -> None:
        """Both directions, until one side ends or too much came."""

        async def upwards() -> None:
            while part := await reader.read(_CHUNK_BYTES):
                await stream.write(part)

        async def downwards() -> None:
            left = self._most_bytes
            while left > 0 and (part := await stream.read(_CHUNK_BYTES)):
                left -= len(part)
                writer.write(part)
                await writer.drain()

        directions = [asyncio.create_task(upwards()), asyncio.create_task(downwards())]
        try:
            ended, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for direction in ended:
                direction.result()
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)


def _forwarded(asked: re.Match[bytes], head: bytes) -> bytes:
    """The head as the site gets it: its own path, and one request for each connection."""
    rest = _HOP_HEADER.sub(b"", head[asked.end() :])
    target = asked["target"] or b"/"
    return b"%s %s HTTP/1.1\r\nConnection: close\r\n%s" % (asked["method"], target, rest)
