"""What the entries of downloaded chat mean: comments of TwitchDownloader, messages of chat-downloader."""

import datetime
import re
from collections.abc import Iterable
from typing import Any

from fastnlp_jobs.sources.live import RawComment
from fastnlp_jobs.sources.twitch.emotes import CHANNEL, EXTRA, Span, is_name, name_words, read_positions
from fastnlp_jobs.sources.twitch.inbox import Inbox

OFFSET = "offset_s"  # seconds since the start of the broadcast
EXTRA_NAMES = (EXTRA, CHANNEL, OFFSET)

_WORD = re.compile(r"\S+")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_YEAR = 2000  # TwitchDownloader writes the year 1 where it knows no time
_LARGEST_TIME = 10**17  # microseconds: the year 5138


class Broadcast:
    """What a file of TwitchDownloader says of all its comments."""

    def __init__(self, thread: str) -> None:
        """`thread` is what the comments stand under if nothing names the video."""
        self.thread = thread
        self.channel: str | None = None
        self.emotes: dict[str, str] = {}  # name to id, of those that BTTV, FFZ and 7TV add: no comment marks them

    def learn(self, key: str, value: Any) -> None:
        """Read the members `streamer` and `video` of the file."""
        if key == "video":
            self.thread = _text(value, "id") or self.thread
        else:
            self.channel = (_text(value, "login") or _text(value, "name") or "").lower() or None

    def add_emotes(self, entries: Iterable[Any]) -> None:
        """Read the member `thirdParty` of `embeddedData`."""
        for entry in entries:
            name, emote_id = _text(entry, "name"), _text(entry, "id")
            if name and emote_id and _WORD.fullmatch(name) and is_name(name):
                self.emotes[name] = emote_id


def note_comment(broadcast: Broadcast, entry: Any, inbox: Inbox) -> None:
    """Put a comment of TwitchDownloader into the inbox."""
    message, commenter = _member(entry, "message"), _member(entry, "commenter")
    text, spans = _join(_member(message, "fragments"))
    text = text or _text(message, "body") or ""
    words = _WORD.finditer(text)
    spans += [Span(broadcast.emotes[word[0]], *word.span()) for word in words if word[0] in broadcast.emotes]
    if comment_id := _id_if_usable(_text(entry, "_id"), text, inbox):
        inbox.add(
            RawComment(
                id=comment_id,
                thread_id=_text(entry, "content_id") or broadcast.thread,
                text=text,
                author=_text(commenter, "_id") or _text(commenter, "name"),
                names=_names(commenter),
                created_at=_read_iso(_text(entry, "created_at")),
                extra={
                    EXTRA: name_words(text, spans),
                    CHANNEL: broadcast.channel or _text(entry, "channel_id"),
                    OFFSET: _number(entry, "content_offset_seconds"),
                },
            )
        )


def note_message(thread: str, entry: Any, inbox: Inbox) -> None:
    """Put a message of chat-downloader, or a deletion it saw, into the inbox."""
    kind, author, parent = _text(entry, "action_type"), _member(entry, "author"), _member(entry, "in_reply_to")
    if kind == "delete_message" and (target := _text(entry, "target_message_id")):
        inbox.delete(target)
        return
    if kind == "clear_chat":
        inbox.clear(thread, _text(entry, "target_author_id") or _text(entry, "banned_user"))
        return
    text = _text(entry, "message") or ""
    if comment_id := _id_if_usable(_text(entry, "message_id"), text, inbox):
        inbox.add(
            RawComment(
                id=comment_id,
                thread_id=thread,
                text=text,
                author=_text(author, "id") or _text(author, "name"),
                names=_names(author, _member(parent, "author")),
                parent_id=_text(parent, "message_id"),
                created_at=_read_microseconds(_number(entry, "timestamp")),
                extra={
                    EXTRA: name_words(text, _located(_member(entry, "emotes"))),
                    CHANNEL: _text(entry, "channel_id"),
                    OFFSET: _number(entry, "time_in_seconds"),
                },
            )
        )


def _id_if_usable(entry_id: str | None, text: str, inbox: Inbox) -> str | None:
    if entry_id and text.strip():
        return entry_id
    inbox.reject("no text" if entry_id else "no id of a message")
    return None


def _names(*people: Any) -> tuple[str, ...]:
    names = (_text(person, key) for person in people for key in ("name", "display_name"))
    return tuple(dict.fromkeys(name for name in names if name))


def _join(fragments: Any) -> tuple[str, list[Span]]:
    """The text that fragments make, and the emotes among them."""
    text, spans = "", []
    for fragment in fragments if isinstance(fragments, list) else []:
        piece = _text(fragment, "text") or ""
        if emote_id := _text(_member(fragment, "emoticon"), "emoticon_id"):
            spans.append(Span(emote_id, len(text), len(text) + len(piece)))
        text += piece
    return text, spans


def _located(emotes: Any) -> list[Span]:
    """The spans of emotes with `locations`, which are a list or one text."""
    spans = []
    for emote in emotes if isinstance(emotes, list) else []:
        emote_id, locations = _text(emote, "id"), _member(emote, "locations")
        places = locations if isinstance(locations, list) else [locations]
        for begin, end in read_positions(",".join(place for place in places if isinstance(place, str))):
            spans.append(Span(emote_id or "", begin, end))
    return spans


def _member(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: Any, key: str) -> str | None:
    """A member that is text, or a whole number as text; None where it is neither or empty."""
    found = _member(value, key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found or None if isinstance(found, str) else None


def _number(value: Any, key: str) -> int | float | None:
    found = _member(value, key)
    is_number = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < _LARGEST_TIME
    return found if is_number else None


def _read_iso(text: str | None) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return moment if moment.year >= _FIRST_YEAR else None


def _read_microseconds(since_epoch: float | None) -> datetime.datetime | None:
    if since_epoch is None or since_epoch < 0:
        return None
    return _EPOCH + datetime.timedelta(microseconds=since_epoch)
