"""Douyin's comment JSON: the list under a video and the replies under a comment.

Fields that we do not know are passed over, fields that are missing are null. A field of another type than expected
costs its comment, never the whole answer: the reason names the field, and never what stood in it.
"""

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fastnlp_jobs.sources.dates import read_region
from fastnlp_jobs.sources.elements import MAX_TEXT
from fastnlp_jobs.sources.live import RawComment

EXTRA = ("reply_count",)  # what a comment has beyond the columns of COMMENTS
_NOBODY = "0"  # how the site writes an id that there is not
_ID = r"^[!-~]{1,200}$"  # stands in addresses and cursors
_ENDPOINT = re.compile(r"/comment/list/(?P<reply>reply/)?$")
_INT64 = 2**63 - 1
_LAST_SECOND = 253_402_300_799  # of the year 9999


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


Form = TypeVar("Form", bound=_Part)


class _User(_Part):
    uid: str | None = Field(default=None, max_length=200)
    sec_uid: str | None = Field(default=None, max_length=200)
    nickname: str | None = Field(default=None, max_length=200)


class _Mention(_Part):
    start: int | None = None
    end: int | None = None


class _Comment(_Part):
    cid: str = Field(pattern=_ID)
    text: str = Field(max_length=MAX_TEXT)
    aweme_id: str | None = Field(default=None, pattern=_ID)
    create_time: int | None = Field(default=None, ge=0, le=_LAST_SECOND)
    digg_count: int | None = Field(default=None, ge=0, le=_INT64)
    reply_comment_total: int | None = Field(default=None, ge=0, le=_INT64)
    ip_label: str | None = Field(default=None, max_length=200)
    reply_id: str | None = Field(default=None, pattern=_ID)
    reply_to_username: str | None = Field(default=None, max_length=200)
    text_extra: list[_Mention] | None = None
    user: _User | None = None
    demo_label: str | None = Field(default=None, max_length=200)  # the demo site's own
    reply_comment: list[Any] | None = None  # the first replies, where the site shows them at once


class _Answer(_Part):
    status_code: int = 0
    comments: list[Any] | None = None
    cursor: int | None = Field(default=None, ge=0, le=_INT64)
    has_more: int | bool = 0


class _Video(_Part):
    aweme_id: str = Field(pattern=_ID)


class _Videos(_Part):
    aweme_list: list[_Video]


class Unreadable(ValueError):
    """An answer that holds no comments; the message says what came instead, without what stood in it."""


class NotGiven(Unreadable):
    """The site answered that it has no such comments, or not for us."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the address of a comment answer asks for."""

    video: str | None
    comment: str | None  # whose replies; None: the list under the video


@dataclass(slots=True)
class Answer:
    """What one answer holds."""

    next_cursor: int | None  # None: there is no more
    comments: list[RawComment] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unread_replies: list[str] = field(default_factory=list)  # comments whose replies are not all in this answer


def read_request(url: str) -> Request | None:
    """What `url` asks for; None where it is not the comment list or the replies to a comment, on whatever host."""
    try:
        parts = urlsplit(url)
    except ValueError:  # what a browser recorded need not be an address
        return None
    found = _ENDPOINT.search(parts.path if parts.path.endswith("/") else parts.path + "/")
    if not found:
        return None
    query = parse_qs(parts.query)
    video = _first(query, "aweme_id") or _first(query, "item_id")
    return Request(video, _first(query, "comment_id") if found["reply"] else None)


def read_answer(body: str | bytes, request: Request) -> Answer:
    """Read the answer to `request`.

    Raises:
        NotGiven: it says that it failed.
        Unreadable: it is no JSON, or no comment answer.
    """
    head = _parsed(body, _Answer)
    if head.status_code != 0:
        raise NotGiven(f"the answer says status_code {head.status_code}")
    if head.comments is None and head.cursor is None:
        raise Unreadable("the answer holds neither comments nor a cursor")
    answer = Answer(head.cursor if head.has_more else None)
    for entry in head.comments or []:
        _add(entry, request, request.comment, answer)
    if head.has_more and head.cursor is None:
        answer.rejected.append("more was announced without a cursor to ask for it")
    return answer


def read_videos(body: bytes) -> tuple[str, ...]:
    """The ids in a list of videos.

    Raises:
        Unreadable: it is no such list.
    """
    return tuple(video.aweme_id for video in _parsed(body, _Videos).aweme_list)


def _parsed(body: str | bytes, form: type[Form]) -> Form:
    if not body.strip():
        raise Unreadable("the answer is empty")
    try:
        return form.model_validate(json.loads(body))
    except ValidationError as error:
        raise Unreadable(f"the answer has another form: {_mistake(error)}") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("the answer is no JSON") from error


def _add(entry: Any, request: Request, parent: str | None, answer: Answer) -> None:
    """Add one comment and the replies inside it."""
    try:
        comment = _Comment.model_validate(entry)
    except ValidationError as error:
        answer.rejected.append(_mistake(error))
        return
    video = request.video or comment.aweme_id
    if not video:
        answer.rejected.append("aweme_id: no video is named")
        return
    answer.comments.append(_raw(comment, video, parent))
    if parent is not None:  # replies to replies stand in the same list as replies
        return
    replies = comment.reply_comment or []
    if (comment.reply_comment_total or 0) > len(replies):
        answer.unread_replies.append(comment.cid)
    for reply in replies:
        _add(reply, Request(video, comment.cid), comment.cid, answer)


def _raw(comment: _Comment, video: str, parent: str | None) -> RawComment:
    user = comment.user or _User()
    return RawComment(
        id=comment.cid,
        thread_id=video,
        text=comment.text,
        author=_known(user.uid) or _known(user.sec_uid),
        names=tuple(dict.fromkeys(name for name in _names(comment, user) if name)),
        parent_id=_known(comment.reply_id) or parent,
        created_at=_moment(comment.create_time),
        region=read_region(comment.ip_label),
        likes=comment.digg_count,
        labels=(comment.demo_label,) if comment.demo_label else (),
        extra={"reply_count": comment.reply_comment_total},
    )


def _names(comment: _Comment, user: _User) -> Iterator[str | None]:
    """Names that may stand in texts: the author's, of whom the reply answers, of who is mentioned."""
    yield user.nickname
    yield comment.reply_to_username
    for mention in comment.text_extra or []:
        marked = comment.text[mention.start : mention.end]
        if marked.startswith(("@", "＠")):
            yield marked[1:].strip()


def _first(query: dict[str, list[str]], name: str) -> str | None:
    return next((value for value in query.get(name, []) if re.fullmatch(_ID, value)), None)


def _known(name: str | None) -> str | None:
    return name if name and name != _NOBODY else None


def _moment(seconds: int | None) -> datetime.datetime | None:
    """0 is how a missing number is written."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC) if seconds else None


def _mistake(error: ValidationError) -> str:
    """The first mistake as field and expectation; the value may be personal and is left out."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "entry"
    return f"{where}: {first['msg'].partition(' or instance of ')[0]}"
