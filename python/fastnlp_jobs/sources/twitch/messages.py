"""Lines of IRC with tags: bytes as they arrive, cut into lines, each parsed or refused with a reason.

The grammar is RFC 1459 with the IRCv3 extension "Message Tags". Tags may take 8,191 bytes. RFC 1459 gives the rest of
a line 512 bytes; Twitch counts 500 *characters* for the text alone, so that a text in Chinese has 1,500 bytes: the
rest may take 4,096 here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_TAG_BYTES = 8_191
MAX_REST_BYTES = 4_096
MAX_LINE_BYTES = MAX_TAG_BYTES + MAX_REST_BYTES
TOO_LONG = f"a line above {MAX_LINE_BYTES:,} bytes"

_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {":": ";", "s": " ", "r": "\r", "n": "\n"}
_COMMAND = re.compile(r"[A-Za-z]+|[0-9]{3}")


class Malformed(ValueError):
    """A line that is no IRC message; says why, never what it held."""


@dataclass(frozen=True, slots=True)
class Message:
    """One parsed line."""

    command: str  # upper case, or three digits
    params: tuple[str, ...]
    prefix: str = field(default="", repr=False)
    tags: dict[str, str] = field(default_factory=dict, repr=False)  # unescaped; a tag without a value is ""

    @property
    def nick(self) -> str:
        """Who sent it: the prefix up to its `!`."""
        return self.prefix.partition("!")[0]


class LineSplitter:
    """Cuts bytes into lines, however they arrive; of a line that is too long only the fact is kept."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that end in `data`, without their ends; None for each that is too long."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False  # this was the end of the long one
            else:
                yield line.removesuffix(b"\r") if len(line) <= MAX_LINE_BYTES else None
        if len(rest) > MAX_LINE_BYTES and not self._skipping:
            yield None
            self._skipping = True
        self._rest = b"" if self._skipping else rest


def parse(line: bytes) -> Message:
    """Parse one line, without its end.

    Raises:
        Malformed: it is no message, or has more tags or text than may be.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Malformed("bytes that are no UTF-8") from error
    if "\0" in text or "\r" in text:
        raise Malformed("a NUL byte or a stray carriage return")
    tags, text = _take("@", text)
    if len(tags.encode()) > MAX_TAG_BYTES or len(text.encode()) > MAX_REST_BYTES:
        raise Malformed(f"tags above {MAX_TAG_BYTES:,} bytes or a text above {MAX_REST_BYTES:,}")
    prefix, text = _take(":", text)
    middle, has_trailing, trailing = text.partition(" :")
    command, *params = middle.split(" ")
    if not _COMMAND.fullmatch(command):
        raise Malformed("no command")
    params = [param for param in params if param]
    return Message(command.upper(), (*params, *([trailing] if has_trailing else [])), prefix, _parse_tags(tags))


def _take(sign: str, text: str) -> tuple[str, str]:
    """The first word where it starts with `sign`, without the sign; and the rest."""
    if not text.startswith(sign):
        return "", text
    word, _, rest = text.partition(" ")
    return word[1:], rest.lstrip(" ")


def _parse_tags(text: str) -> dict[str, str]:
    if not text:
        return {}
    pairs = (tag.partition("=") for tag in text.split(";"))
    return {key: _unescape(value) for key, _, value in pairs if key}


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)
