"""Where the entries of a HAR file stand, found in one pass that holds a chunk of the file and no more.

A HAR file is one JSON object, `{"log": {"entries": [{…}, …]}}`, and easily hundreds of megabytes. Brackets outside of
strings tell where each entry begins and ends; what stands inside is for whoever reads it.
"""

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from fastnlp_jobs.errors import BadInput

_CHUNK_BYTES = 1 << 20
# Possessive (++, *+): a string with a million escapes costs no memory.
_UP_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_UP_TO_QUOTE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_ENTRIES_KEY = re.compile(rb'"entries"\s*:\s*\Z')
_KEY_BYTES = 64
_ENTRIES_DEPTH = 3  # {"log": {"entries": [
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Span(NamedTuple):
    """Where an entry stands in its file."""

    start: int
    length: int


def entry_spans(handle: IO[bytes], name: str, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[Span]:
    """Each entry of the HAR file in `handle`, in its order.

    Raises:
        BadInput: it is no HAR file, or ends before it is complete.
    """
    scanner = _Scanner()
    chunk = handle.read(chunk_bytes)
    if not chunk.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{"):
        raise BadInput(f'{name}: expected a HAR file (JSON that begins with {{"log": …), got something else')
    while chunk:
        yield from scanner.feed(chunk)
        chunk = handle.read(chunk_bytes)
    if not scanner.complete:
        raise BadInput(f"{name}: the file ends in the middle of its JSON; save it from the browser again")
    if not scanner.has_entries:
        raise BadInput(f"{name}: expected a HAR file, got JSON without `log.entries`")


class _Scanner:
    def __init__(self) -> None:
        self.has_entries = False
        self._in_entries = False
        self._in_string = False
        self._escaped = False  # the chunk ended between a backslash and what it escapes
        self._depth = 0
        self._chunk_start = 0
        self._entry_start = 0
        self._tail = b""

    @property
    def complete(self) -> bool:
        return self._depth == 0 and not self._in_string

    def feed(self, chunk: bytes) -> Iterator[Span]:
        """The entries that end in `chunk`."""
        at = 1 if self._escaped else 0
        self._escaped = False
        while at < len(chunk):
            if self._in_string:
                at = self._leave_string(chunk, at)
                continue
            at = _end(_UP_TO_BRACKET, chunk, at)
            found = chunk[at : at + 1]
            if found == b'"':  # a string that goes on in the next chunk
                self._in_string = True
            elif found in (b"{", b"["):
                self._open(found, chunk, at)
            elif found and self._close():
                yield Span(self._entry_start, self._chunk_start + at + 1 - self._entry_start)
            at += 1
        self._chunk_start += len(chunk)
        self._tail = (self._tail + chunk)[-_KEY_BYTES:]

    def _leave_string(self, chunk: bytes, at: int) -> int:
        at = _end(_UP_TO_QUOTE, chunk, at)
        self._in_string = at == len(chunk) or chunk[at : at + 1] == b"\\"
        self._escaped = at < len(chunk) and self._in_string
        return at + 1

    def _open(self, bracket: bytes, chunk: bytes, at: int) -> None:
        if self._depth == _ENTRIES_DEPTH and self._in_entries and bracket == b"{":
            self._entry_start = self._chunk_start + at
        self._depth += 1
        if self._depth == _ENTRIES_DEPTH and bracket == b"[":
            before = (
                self._tail + chunk[max(0, at - _KEY_BYTES) : at] if at < _KEY_BYTES else chunk[at - _KEY_BYTES : at]
            )
            self._in_entries = _ENTRIES_KEY.search(before) is not None
            self.has_entries |= self._in_entries

    def _close(self) -> bool:
        """Whether an entry ends here."""
        self._depth -= 1
        if self._depth < _ENTRIES_DEPTH:
            self._in_entries = False
        return self._in_entries and self._depth == _ENTRIES_DEPTH


def _end(pattern: re.Pattern[bytes], chunk: bytes, at: int) -> int:
    found = pattern.match(chunk, at)
    return found.end() if found else at
