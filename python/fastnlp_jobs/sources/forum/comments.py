"""Posts of a forum as comments."""

import datetime
from zoneinfo import ZoneInfo

from fastnlp_jobs.sources.dates import DateReader, read_region
from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.forum.posts import Post
from fastnlp_jobs.sources.likes import read_likes
from fastnlp_jobs.sources.live import RawComment

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_REPLACED = "\ufffd"


class CommentMaker:
    """Turns the posts of a page into comments."""

    def __init__(self, config: ForumConfig, now: datetime.datetime) -> None:
        """`now` is what times such as 3天前 count from."""
        self._zone = ZoneInfo(config.timezone)
        self._time_format = config.time_format
        self._dates = DateReader(self._zone, now)

    def make(self, thread_id: str, posts: list[Post], unreadable: int) -> tuple[list[RawComment], tuple[str, ...]]:
        """The comments, and why others are none; `unreadable` is how many characters of the page could not be read."""
        comments: dict[str, RawComment] = {}
        rejected = []
        for post in posts:
            comment = self._comment(thread_id, post)
            if comment.id in comments:
                rejected.append("id twice on a page")
            elif unreadable and _REPLACED in comment.text:
                rejected.append("characters that are not of the page's charset")
            else:
                comments[comment.id] = comment
        return list(comments.values()), tuple(rejected)

    def _comment(self, thread_id: str, post: Post) -> RawComment:
        return RawComment(
            id=_id(thread_id, post["id"]) or "",
            thread_id=thread_id,
            text=post["text"] or "",
            author=post["author"],
            names=tuple(post["names"]),
            parent_id=_id(thread_id, post["parent"]),
            created_at=self._moment(post["created_at"]),
            region=read_region(post["region"]),
            likes=read_likes(post["likes"]),
            labels=tuple(post["labels"]),
        )

    def _moment(self, written: str | None) -> datetime.datetime | None:
        if self._time_format is None:
            microseconds = self._dates.read(written).microseconds
            return None if microseconds is None else _EPOCH + datetime.timedelta(microseconds=microseconds)
        try:
            moment = datetime.datetime.strptime(written or "", self._time_format)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)


def _id(thread_id: str, written: str | None) -> str | None:
    """As an address would name a post, but for the host: the thread, and behind a # the post."""
    anchor = (written or "").rpartition("#")[2]
    return f"{thread_id}#{anchor}" if anchor else None
