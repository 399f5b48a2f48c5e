"""Which words of a message are emotes, in a form that outlives masking, and the table of a chat's emotes.

Twitch says where emotes stand by code points of the message as it was sent. A masked @name moves what follows it, so
positions become numbers of words, which no mask moves: `25:0,2/1902:1` says that the first and third word (split at
white space, from 0) are the emote 25, the second is 1902. The words themselves are the emotes' names.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from fastnlp_jobs.schemas import COMMENTS, EMOTES, KEPT_PREFIX, MASKS
from fastnlp_jobs.tables import TableWriter, read_schema, scan_table

EXTRA = "emotes"  # the name in RawComment.extra
CHANNEL = "channel"  # in RawComment.extra where the thread is no channel
_WORDS, _CHANNEL = KEPT_PREFIX + EXTRA, KEPT_PREFIX + CHANNEL  # the columns they become
FILE = "emotes.parquet"

_WORD = re.compile(r"\S+")
_ID = re.compile(r"[\w-]{1,100}", re.ASCII)
_POSITION = re.compile(r"([0-9]{1,5})-([0-9]{1,5})", re.ASCII)
_NO_NAME = re.compile(rf"[@＠].*|{MASKS}", re.DOTALL)
_MAX_NAME = 100


class Span(NamedTuple):
    """An emote in a message, by code points; `end` is the position after its last."""

    id: str
    begin: int
    end: int


def read_tag(tag: str) -> list[Span]:
    """The spans of an `emotes` tag (`25:0-4,12-16/1902:6-10`, ends included); what is no span is left out."""
    spans = []
    for emote in tag.split("/") if tag else []:
        emote_id, _, positions = emote.partition(":")
        spans += [Span(emote_id, begin, end) for begin, end in read_positions(positions)]
    return spans


def read_positions(text: str) -> Iterator[tuple[int, int]]:
    """`0-4,12-16`, ends included, as (0, 5) and (12, 17)."""
    for position in text.split(","):
        if found := _POSITION.fullmatch(position):
            yield int(found[1]), int(found[2]) + 1


def name_words(text: str, spans: Iterable[Span]) -> str | None:
    """The words of `text` that are emotes, as `id:word,word/id:word` by first appearance; None without any.

    A span that is no whole word, or a word that names a person, is left out.
    """
    wanted = {(span.begin, span.end): span.id for span in spans if _ID.fullmatch(span.id)}
    if not wanted:
        return None
    found: dict[str, list[str]] = {}
    for number, word in enumerate(_WORD.finditer(text)):
        emote_id = wanted.get(word.span())
        if emote_id is not None and is_name(word[0]):
            found.setdefault(emote_id, []).append(str(number))
    return "/".join(f"{emote_id}:{','.join(numbers)}" for emote_id, numbers in found.items()) or None


def is_name(word: str) -> bool:
    """Whether a word can be the name of an emote: it is no @name and no mask."""
    return len(word) <= _MAX_NAME and not _NO_NAME.fullmatch(word)


def read_words(words: str, text: str) -> Iterator[tuple[str, str]]:
    """Name and id of every emote in a text, from what `name_words` gave; numbers beyond the text are left out."""
    names = text.split()
    for emote in words.split("/"):
        emote_id, _, numbers = emote.partition(":")
        for number in numbers.split(","):
            if number.isdecimal() and int(number) < len(names) and is_name(names[int(number)]):
                yield names[int(number)], emote_id


def write_emotes(folder: Path) -> int:
    """Write emotes.parquet beside comments.parquet in `folder`: each emote of each channel and its uses.

    Returns:
        How many rows it has; 0, and no file, where the comments hold no column of emotes.
    """
    comments = folder / "comments.parquet"
    if _WORDS not in read_schema(comments, COMMENTS).names:
        return 0
    uses: Counter[tuple[str, str, str]] = Counter()
    for batch in scan_table(comments, COMMENTS):
        uses.update(_uses(batch))
    rows = [
        {"name": name, "id": emote_id, "channel": channel, "uses": count}
        for (channel, name, emote_id), count in sorted(uses.items())
    ]
    with TableWriter(folder / FILE, EMOTES) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=EMOTES))
    return len(rows)


def _uses(comments: pa.RecordBatch) -> Iterator[tuple[str, str, str]]:
    """Channel, name and id of every emote in the texts."""
    threads = comments["thread_id"].to_pylist()
    channels = comments[_CHANNEL].to_pylist() if _CHANNEL in comments.schema.names else threads
    texts = comments["text"].to_pylist()
    for words, text, channel, thread in zip(comments[_WORDS].to_pylist(), texts, channels, threads, strict=True):
        for name, emote_id in read_words(words or "", text):
            yield channel or thread, name, emote_id
