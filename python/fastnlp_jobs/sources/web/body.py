"""The body of an answer, unpacked piece by piece: a few bytes that unpack to gigabytes are cut off at the limit."""

import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterator

import httpcore

ACCEPTED = "gzip"
_PIECE_BYTES = 64 * 1024
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class BrokenBody(Exception):
    """A body that cannot be unpacked, or ends too early."""


async def read_body(response: httpcore.Response, packing: str, max_bytes: int) -> tuple[bytes, bool]:
    """The first `max_bytes` of a body, and whether there is more; `packing` is its header content-encoding.

    Raises:
        BrokenBody: it is packed in a way nobody asked for, or damaged.
    """
    body = bytearray()
    async with contextlib.aclosing(_unpacked(response, packing.strip().lower())) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > max_bytes:
                return bytes(body[:max_bytes]), True
    return bytes(body), False


async def _unpacked(response: httpcore.Response, packing: str) -> AsyncGenerator[bytes]:
    if packing in ("identity", ""):
        async for part in response.aiter_stream():
            yield part
        return
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise BrokenBody(f"its content-encoding is {packing[:40]!r}, which nobody asked for")
    unpacker = _Unpacker()
    async for part in response.aiter_stream():
        for piece in unpacker.pieces(part):
            yield piece
    yield unpacker.end()


class _Unpacker:
    """gzip (also several members in a row) and zlib."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)

    def pieces(self, packed: bytes) -> Iterator[bytes]:
        try:
            while packed:
                if self._stream.eof:
                    self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
                yield self._stream.decompress(packed, _PIECE_BYTES)
                packed = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
        except zlib.error as error:
            raise BrokenBody(f"it cannot be unpacked ({error})") from error

    def end(self) -> bytes:
        rest = self._stream.flush()
        if not self._stream.eof:
            raise BrokenBody("its packed body ends too early")
        return rest
