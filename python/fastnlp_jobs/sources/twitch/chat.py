"""What Twitch's messages mean: which are comments, and which delete comments."""

import datetime
import hashlib
import re
from typing import NamedTuple

from fastnlp_jobs.sources.live import RawComment
from fastnlp_jobs.sources.twitch.emotes import EXTRA, name_words, read_tag
from fastnlp_jobs.sources.twitch.inbox import Inbox
from fastnlp_jobs.sources.twitch.messages import Message

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


def note(message: Message, received: Received, inbox: Inbox) -> None:
    """Put a comment or a deletion into the inbox; other messages say nothing about comments."""
    match message.command:
        case "CLEARMSG":
            if target := _id(message.tags.get("target-msg-id")):
                inbox.delete(target)
        case "CLEARCHAT":  # somebody is named by a tag, or by login
            login = message.params[1].lower() if len(message.params) > 1 else None
            inbox.clear(channel_of(message), _id(message.tags.get("target-user-id")) or login)
        case "PRIVMSG" | "USERNOTICE":
            if comment := read_comment(message, received):
                inbox.add(comment)
            elif message.command == "PRIVMSG":
                inbox.reject("no text")


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
