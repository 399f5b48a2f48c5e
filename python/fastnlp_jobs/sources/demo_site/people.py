"""The people of the demo site: none exists. Their names are such that a search for them finds nothing else."""

import hashlib
import random
from dataclasses import dataclass

from fastnlp_jobs.sources.demo_site.planted import PLANTED, SITE

_WHO = ("企鹅", "松鼠", "刺猬", "水獭", "考拉", "海豚", "鹦鹉", "骆驼", "狐狸", "小熊", "猫头鹰", "长颈鹿")
_LIKES = (
    "爱吃火锅的",
    "早睡早起的",
    "不想上班的",
    "正在减肥的",
    "喜欢下雨的",
    "常常迷路的",
    "收集邮票的",
    "努力读书的",
)
# What names on real sites do to programs: the first people, who write most, have these.
_AWKWARD = ("=1+2 cmd", "<b>粗体</b>", "两 个 词 的 名字", "@双重@", 'O\'Neil "引号"', "☀晴天☀", "-2+3", "回复 某人")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comments."""

    uid: str
    sec_uid: str
    handle: str
    nickname: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every string that must not be found in what a crawl wrote."""
        return (self.uid, self.sec_uid, self.handle, self.nickname)


def invent_people() -> tuple[Person, ...]:
    """All of them, always the same ones."""
    generator = random.Random(f"people {PLANTED.seed}")
    return tuple(_invent(number, generator) for number in range(PLANTED.people))


def _invent(number: int, generator: random.Random) -> Person:
    digest = hashlib.sha256(f"{SITE} {number}".encode()).hexdigest()
    drawn = _LIKES[int(generator.random() * len(_LIKES))] + _WHO[int(generator.random() * len(_WHO))]
    name = _AWKWARD[number] if number < len(_AWKWARD) else drawn
    return Person(
        uid=f"71{number:05d}{int(digest[:8], 16):010d}",
        sec_uid=f"MS4wLjABAAAA{digest[:40]}",
        handle=f"demo_{digest[40:50]}",
        nickname=f"{name}{number:04d}",
    )
