"""Comments out of HAR files: what the user's own browser received while they scrolled, saved by them.

HAR files hold cookies and names: they are read where they lie, and nothing of them but the comments goes on.
"""

import base64
import binascii
import datetime
import hashlib
import json
import re
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.douyin.comments import EXTRA, Request, Unreadable, read_answer, read_request
from fastnlp_jobs.sources.douyin.har_entries import Span, entry_spans
from fastnlp_jobs.sources.live import Page

MAX_ENTRY_BYTES = 32 << 20  # a page of comments has far below 1 MB; a larger entry is a picture or film
_COMMENT_ADDRESS = re.compile(rb'"url"\s*:\s*"[^"]*comment\\?/list')
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31  # zlib's number for gzip data
_UNKNOWN_TIME = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_HOW_TO = "open your browser's network tools, then the video, scroll through its comments, save all as HAR with content"


class _Place(NamedTuple):
    """A comment answer: when the browser asked, and where it stands; sorts by time."""

    started: datetime.datetime
    stream: str
    span: Span


@dataclass(frozen=True)
class HarSource:
    """The comment answers in a HAR file, or in those of a folder, in the order in which the browser got them.

    A comment that several answers hold comes several times: the latest is the last.
    """

    input: Path
    on_event: Callable[..., None]
    name: str = "douyin"
    extra: tuple[str, ...] = EXTRA

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:  # noqa: ARG002
        """Read all files; a run that was stopped reads them again, and what it had is found to be there.

        Raises:
            BadInput: no HAR file, one that is damaged, or no comment answers in any of them.
        """
        files = {_stream(path): path for path in find_har_files(self.input)}  # a copy of a file counts once
        places = sorted(_places(files))
        if not places:
            raise BadInput(f"input: {self.input}: no comment answers in it; {_HOW_TO}")
        self.on_event("comment answers found", files=len(files), answers=len(places))
        last = {place.stream: place for place in places}
        for place in places:
            path = files[place.stream]
            with _open(path) as handle:
                entry = _entry(handle, place.span, str(path))
            if entry is None:
                raise BadInput(f"{path}: the file changed while it was read; start again when it is complete")
            cursor = None if place is last[place.stream] else str(place.span.start)
            yield _page(entry, place.stream, cursor)


def find_har_files(source: Path) -> list[Path]:
    """`source`, or the HAR files in and below it, by name.

    Raises:
        BadInput: there is none.
    """
    if not source.is_dir():
        return [source]
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() == ".har" and path.is_file())
    if not files:
        raise BadInput(f"input: {source}: found no file ending in .har; {_HOW_TO}")
    return files


def _stream(path: Path) -> str:
    """Names a file by what it holds: what stands in an earlier recording only stays when that file is gone."""
    with _open(path) as handle:
        return f"har {hashlib.file_digest(handle, 'sha256').hexdigest()[:16]}"


def _places(files: dict[str, Path]) -> Iterator[_Place]:
    """Where the comment answers of all files stand.

    Raises:
        BadInput: a file cannot be read, is no HAR file or is damaged.
    """
    for stream, path in files.items():
        with _open(path) as scanned, _open(path) as read:
            for span in entry_spans(scanned, str(path)):
                entry = _entry(read, span, str(path))
                if entry:
                    yield _Place(entry.started, stream, span)


def _open(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot read the file ({error.strerror})") from error


class _Entry(NamedTuple):
    started: datetime.datetime
    request: Request
    response: dict[str, Any]


def _entry(handle: BufferedReader, span: Span, name: str) -> _Entry | None:
    """The entry at `span`; None where it can hold no comment answer."""
    if span.length > MAX_ENTRY_BYTES:
        return None
    handle.seek(span.start)
    text = handle.read(span.length)
    if not _COMMENT_ADDRESS.search(text):
        return None
    try:
        values = json.loads(text)
        request = read_request(values["request"]["url"])
        if request is None:
            return None
        return _Entry(_moment(values.get("startedDateTime")), request, dict(values["response"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"{name}: the entry at byte {span.start} is none of a HAR file ({type(error).__name__}); save it again"
        ) from error


def _moment(written: Any) -> datetime.datetime:
    """When the browser asked; times that cannot be read sort first."""
    try:
        moment = datetime.datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return _UNKNOWN_TIME
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _page(entry: _Entry, stream: str, cursor: str | None) -> Page:
    try:
        answer = read_answer(_body(entry.response), entry.request)
    except Unreadable as error:
        return Page(stream, cursor, [], rejected=(str(error),))
    return Page(stream, cursor, answer.comments, rejected=tuple(answer.rejected))


def _body(response: dict[str, Any]) -> str | bytes:
    """What the site answered.

    Raises:
        Unreadable: it failed, or the browser did not keep what came.
    """
    if response.get("status") != HTTPStatus.OK:
        raise Unreadable(f"the site answered {response.get('status')}")
    content = response.get("content")
    content = content if isinstance(content, dict) else {}
    text = content.get("text")
    if not isinstance(text, str) or not text:
        raise Unreadable("its content was not saved with the HAR file")
    if content.get("encoding") != "base64":
        return text
    try:
        body = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Unreadable("its content is no base64") from error
    return _unpacked(body) if body.startswith(_GZIP_MAGIC) else body


def _unpacked(body: bytes) -> bytes:
    """Gzip data unpacked, up to a limit: a few kilobytes can hold gigabytes."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(body, MAX_ENTRY_BYTES)
    except zlib.error as error:
        raise Unreadable("its gzip data is damaged") from error
    if not unpacker.eof:
        raise Unreadable(f"its gzip data is cut, or above {MAX_ENTRY_BYTES >> 20} MB")
    return unpacked
