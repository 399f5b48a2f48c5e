"""What Twitch's messages mean: which are comments, which delete comments, and the pages both are put into."""

import datetime
import hashlib
import re
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from fastnlp_jobs.sources.live import Page, RawComment
from fastnlp_jobs.sources.twitch.emotes import EXTRA, name_words, read_tag
from fastnlp_jobs.sources.twitch.messages import Message

PAGE_ENTRIES = 1_000
MOST_WAITING = 20_000  # entries; beyond, nothing more is read from the server

_ID = re.compile(r"[\w-]{1,100}", re.ASCII)
_MILLISECONDS = re.compile(r"[0-9]{1,14}", re.ASCII)
_ACTION = re.compile(r"\x01ACTION (.*?)\x01?", re.DOTALL)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_NAME_TAGS = ("display-name", "login", "reply-parent-display-name", "reply-parent-user-login")


class Received(NamedTuple):
    """Where and when a message came in; makes an id for servers that give none."""

    server: str
    number: int  # of the message, in this run
    at: datetime.datetime

    def make_id(self, channel: str) -> str:
        """16 hex digits that no other message gets."""
        key = f"{self.server}\0{channel}\0{self.at.isoformat()}\0{self.number}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]


def channel_of(message: Message) -> str:
    """The channel a message is about, without its #; empty if none."""
    return message.params[0].removeprefix("#").lower() if message.params else ""


def read_comment(message: Message, received: Received) -> RawComment | None:
    """What somebody wrote with PRIVMSG or USERNOTICE; None where it holds no text."""
    if message.command not in ("PRIVMSG", "USERNOTICE") or len(message.params) < 2:
        return None
    tags, channel, text = message.tags, channel_of(message), message.params[1]
    if action := _ACTION.fullmatch(text):  # /me; positions of emotes count from the text
        text = action[1]
    if not text or text.isspace():
        return None
    login = tags.get("login") or message.nick  # the prefix of USERNOTICE is the server
    names = (login, *(tags.get(tag, "") for tag in _NAME_TAGS))
    words = name_words(text, read_tag(tags.get("emotes", "")))
    return RawComment(
        id=_id(tags.get("id")) or received.make_id(channel),
        thread_id=channel,
        text=text,
        author=_id(tags.get("user-id")) or login.lower() or None,
        names=tuple(dict.fromkeys(name for name in names if name)),
        parent_id=_id(tags.get("reply-parent-msg-id")),
        created_at=_moment(tags.get("tmi-sent-ts")) or received.at,
        extra={EXTRA: words},
    )


def _id(text: str | None) -> str | None:
    return text if text and _ID.fullmatch(text) else None


def _moment(text: str | None) -> datetime.datetime | None:
    if text is None or not _MILLISECONDS.fullmatch(text):
        return None
    return _EPOCH + datetime.timedelta(milliseconds=int(text))


@dataclass
class _Entries:
    """A page that is being filled."""

    comments: list[RawComment] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    gone_authors: dict[tuple[str, str], None] = field(default_factory=dict)  # a set that keeps its order
    gone_threads: dict[str, None] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))

    def page(self, stream: str, cursor: str) -> Page:
        return Page(
            stream,
            cursor,
            self.comments,
            gone=tuple(self.gone),
            gone_authors=tuple(self.gone_authors),
            gone_threads=tuple(self.gone_threads),
            rejected=tuple(self.rejected),
            missed=tuple(self.missed),
        )


class Inbox:
    """Puts what came in into pages, in the order it came."""

    def __init__(self) -> None:
        self.messages = 0  # comments so far
        self._full: deque[_Entries] = deque()
        self._open = _Entries()

    @property
    def waiting(self) -> int:
        """How many entries wait to be taken."""
        return sum(map(len, self._full)) + len(self._open)

    @property
    def has_full_page(self) -> bool:
        """Whether a page is full."""
        return bool(self._full)

    def add(self, message: Message, received: Received) -> None:
        """Note a comment or a deletion; other messages say nothing about comments."""
        if message.command == "CLEARMSG":
            if target := _id(message.tags.get("target-msg-id")):
                self._open.gone.append(target)
        elif message.command == "CLEARCHAT":
            self._clear(message)
        elif comment := read_comment(message, received):
            self._add_comment(comment)
        elif message.command == "PRIVMSG":
            self._open.rejected.append("no text")
        self._turn_page_if(len(self._open) >= PAGE_ENTRIES)

    def reject(self, reason: str) -> None:
        """Note a line that could not be read."""
        self._open.rejected.append(reason)
        self._turn_page_if(len(self._open) >= PAGE_ENTRIES)

    def miss(self, what: str) -> None:
        """Note that a channel was not read, when and why."""
        self._open.missed.append(what)

    def take(self, stream: str, cursor: str) -> Page | None:
        """The next page, though it may not be full; None if nothing waits."""
        self._turn_page_if(not self._full and len(self._open) > 0)
        return self._full.popleft().page(stream, cursor) if self._full else None

    def _add_comment(self, comment: RawComment) -> None:
        """A page deletes what was written before its end, so somebody who goes on after a deletion starts a new one."""
        author = (comment.thread_id, comment.author or "")
        self._turn_page_if(author in self._open.gone_authors or comment.thread_id in self._open.gone_threads)
        self._open.comments.append(comment)
        self.messages += 1

    def _clear(self, message: Message) -> None:
        """Everything in a channel, or what one of its users wrote there: a user named by a tag, or by login."""
        login = message.params[1].lower() if len(message.params) > 1 else None
        author = _id(message.tags.get("target-user-id")) or login
        if author is None:
            self._open.gone_threads[channel_of(message)] = None
        else:
            self._open.gone_authors[channel_of(message), author] = None

    def _turn_page_if(self, is_full: bool) -> None:
        if is_full:
            self._full.append(self._open)
            self._open = _Entries()
