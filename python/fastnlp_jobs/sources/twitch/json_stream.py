"""A large JSON document read piece by piece: an array's values one at a time, in memory for one of them."""

import json
from collections.abc import Iterator
from typing import IO, Any

LARGEST_VALUE = 1 << 24  # characters: a picture that a downloader embedded
_CHUNK = 1 << 16
_SPACE = " \t\r\n\ufeff"
_AFTER_VALUE = set(",:]} \t\r\n")
_DECODER = json.JSONDecoder()


class BrokenJson(ValueError):
    """The document is no JSON from here on; says where."""


class JsonStream:
    """Reads a document from its start to its end; each call goes on where the last one stopped."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self._before = 0  # characters in front of the buffer
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._read_more():
                return ""

    def items(self) -> Iterator[Any]:
        """The values of the array that starts here.

        Raises:
            BrokenJson: it breaks off, or holds what is no value.
        """
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self._take("]")
                return
            self._take(",")

    def members(self) -> Iterator[str]:
        """The keys of the object that starts here; the caller reads each one's value before it takes the next.

        Raises:
            BrokenJson: it breaks off, or is none.
        """
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._broken("a key")
            self._take(":")
            yield key
            if self.peek() == "}":
                self._take("}")
                return
            self._take(",")

    def skip(self) -> None:
        """Pass over the value that starts here, an array piece by piece."""
        if self.peek() == "[":
            for _ in self.items():
                pass
        else:
            self.value()

    def value(self) -> Any:
        """The value that starts here, whole.

        Raises:
            BrokenJson: it breaks off, is none, or has more than `LARGEST_VALUE` characters.
        """
        self.peek()
        wanted = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError):
                end = None
            # `0` is a value, but `0.` may be on its way to be 0.5.
            if end is not None and (self._ended or self._buffer[end : end + 1] in _AFTER_VALUE):
                self._at = end
                return value
            if self._ended or len(self._buffer) - self._at > LARGEST_VALUE:
                raise self._broken("a value")
            while len(self._buffer) - self._at < wanted and self._read_more():
                pass
            wanted *= 2

    def _take(self, character: str) -> None:
        if self.peek() != character:
            raise self._broken(f"`{character}`")
        self._at += 1

    def _read_more(self) -> bool:
        """Read a piece more, and forget what has been read; False at the end."""
        piece = self._text.read(_CHUNK)
        self._before += self._at
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        self._ended = not piece
        return bool(piece)

    def _broken(self, expected: str) -> BrokenJson:
        return BrokenJson(f"broken JSON at character {self._before + self._at + 1:,}: expected {expected}")
