"""Chat of past broadcasts, from the JSON of TwitchDownloader and chat-downloader; also as .gz.

TwitchDownloader writes one object: `streamer`, `video`, `comments`, `embeddedData`. chat-downloader writes an array of
messages; a message a line is read too. Each is read in pieces, in memory for one message or picture.
"""

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.files import open_text
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.twitch.downloads import EXTRA_NAMES, Broadcast, note_comment, note_message
from fastnlp_jobs.sources.twitch.inbox import Inbox
from fastnlp_jobs.sources.twitch.json_stream import BrokenJson, JsonStream

Kind = Literal["broadcast", "array", "lines"]

_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_FIRST_KEYS = {"FileInfo", "streamer", "video", "comments", "embeddedData"}  # of what TwitchDownloader writes
_LONGEST_LINE = 1 << 20


class TwitchVodSource:
    """Reads downloaded chat: each file is a stream, its cursor the number of entries read."""

    name = "twitch_vod"
    extra = EXTRA_NAMES

    def __init__(self, source: Path) -> None:
        """`source` is a file, or a folder that is searched for JSON with its subfolders.

        Raises:
            BadInput: the folder holds none.
        """
        self._files = _find(source)

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        """Read file after file; see `live.Source`.

        Raises:
            BadInput: a file cannot be read, or is no chat.
        """
        for name, path in self._files:
            for page in _read_file(path, name, int(cursor_of(name) or 0)):
                yield page


def _find(source: Path) -> list[tuple[str, Path]]:
    """Names and paths, sorted by name."""
    if not source.is_dir():
        return [(source.name, source)]
    paths = [path for path in source.rglob("*") if path.name.lower().endswith(_ENDINGS) and path.is_file()]
    if not paths:
        raise BadInput(f"input: {source}: found no file ending in {', '.join(_ENDINGS)}; check the folder")
    return sorted((path.relative_to(source).as_posix(), path) for path in paths)


def _read_file(path: Path, name: str, skipped: int) -> Iterator[Page]:
    """The pages of a file from an entry on, then one that says it is over."""
    kind = _kind(path)
    thread = path.name.split(".")[0]
    if kind == "broadcast":
        note = partial(note_comment, _read_broadcast(path, thread))
    else:
        note = partial(note_message, thread)
    inbox, number = Inbox(), 0
    for number, value in enumerate(_values(path, kind), start=1):
        if number <= skipped:
            continue
        if isinstance(value, BrokenJson):
            inbox.reject(str(value))
        else:
            note(value, inbox)
        while inbox.has_full_page and (page := inbox.take(name, str(number - inbox.unfilled))):
            yield page
    if page := inbox.take(name, str(number)):
        yield page
    yield Page(name, None, [])


def _kind(path: Path) -> Kind:
    with open_text(path, "utf-8-sig") as text:
        stream = JsonStream(text)
        first = stream.peek()
        if first == "[":
            return "array"
        if first not in ("{", ""):
            raise BadInput(f"{path}: expected JSON of TwitchDownloader or chat-downloader, got {first!r} at its start")
        try:
            return "broadcast" if next(stream.members(), None) in _FIRST_KEYS else "lines"
        except BrokenJson:
            return "lines"  # where a broken one is rejected alone


def _read_broadcast(path: Path, thread: str) -> Broadcast:
    """What the file says of the broadcast, before and after its comments."""
    broadcast = Broadcast(thread)
    with open_text(path, "utf-8-sig") as text:
        stream = JsonStream(text)
        try:
            for key in stream.members():
                if key in ("streamer", "video"):
                    broadcast.learn(key, stream.value())
                elif key == "embeddedData" and stream.peek() == "{":
                    for part in stream.members():
                        if part == "thirdParty" and stream.peek() == "[":
                            broadcast.add_emotes(stream.items())
                        else:
                            stream.skip()
                else:
                    stream.skip()
        except BrokenJson:
            return broadcast  # the comments tell where it breaks off
    return broadcast


def _values(path: Path, kind: Kind) -> Iterator[Any]:
    """Every entry; a `BrokenJson` for one that cannot be read, or where the file breaks off."""
    with open_text(path, "utf-8-sig") as text:
        if kind == "lines":
            yield from _lines(text)
            return
        stream = JsonStream(text)
        try:
            if kind == "array":
                yield from stream.items()
                return
            for key in stream.members():
                if key == "comments":
                    yield from stream.items()
                    return
                stream.skip()
        except BrokenJson as error:
            yield error


def _lines(text: IO[str]) -> Iterator[Any]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            while (rest := text.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            yield BrokenJson(f"a line above {_LONGEST_LINE:,} characters")
        elif not line.isspace():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield BrokenJson("broken JSON")
