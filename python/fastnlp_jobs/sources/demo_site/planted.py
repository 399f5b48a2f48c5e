"""What the demo site makes up, as numbers: what a later analysis of its comments has to find again.

Real: the text of a comment and its label. Everything else is drawn with `random.Random(seed)` from these numbers alone.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Label = Literal["negative", "positive"]

SITE = "demo-site"  # stands in every id, where the host would change from run to run
REAL = ("text", "label")
SIMULATED = (
    "id",
    "thread_id",
    "parent_id",
    "author",
    "created_at",
    "region",
    "likes",
    "@mentions at the start of texts",
)
# How often each is drawn where nothing is planted; "" is a comment without region.
# fmt: off
REGIONS = {
    "广东": 12, "江苏": 8, "山东": 8, "浙江": 7, "河南": 7, "四川": 6, "上海": 6, "北京": 6, "湖北": 5, "河北": 5,
    "湖南": 5, "安徽": 4, "福建": 4, "辽宁": 4, "陕西": 3, "广西": 3, "黑龙江": 2, "云南": 2, "重庆": 2,
    "中国香港": 1, "日本": 1, "美国": 1, "": 2,
}
# fmt: on


@dataclass(frozen=True)
class Burst:
    """Days on which more is written with one label."""

    label: Label
    first_day: date
    last_day: date  # counted in
    times: float  # as much as on an ordinary day of the same weekday


@dataclass(frozen=True)
class Planted:
    """The truth of the generator."""

    seed: int = 5
    videos: int = 240  # also the number of forum threads
    people: int = 3_000
    first_day: date = date(2025, 1, 6)  # a Monday; days are those of China, UTC+8
    days: int = 182
    # Monday to Sunday: how much is written, against a Monday.
    weekday_times: tuple[float, ...] = (1.0, 1.0, 1.0, 1.1, 1.4, 2.0, 1.8)
    bursts: tuple[Burst, Burst] = (
        Burst("negative", date(2025, 3, 11), date(2025, 3, 13), times=6.0),
        Burst("positive", date(2025, 5, 20), date(2025, 5, 23), times=5.0),
    )
    negative_region: str = "上海"  # people write from here this many times as often when they are negative
    negative_region_times: float = 3.0
    liked_region: str = "广东"  # the median of likes is this many times that of elsewhere
    liked_region_times: float = 3.0
    median_likes: float = 3.0
    most_likes: int = 50_000
    reply_share: float = 0.3  # of comments that have an earlier one to answer
    discussed: int = 4  # comments of a video that get replies at one time: those with most likes so far
    answer_share: float = 0.3  # of replies that answer the reply before them rather than the comment
    mention_share: float = 0.04  # of texts that start with @ and somebody's name
    vanished_share: float = 0.01  # of comments, from one revision to the next; their replies go too
    new_comments: int = 200  # in each revision: copies of older texts by other people


PLANTED = Planted()
