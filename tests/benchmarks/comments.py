"""Comments that nobody wrote, as many as wanted, as CSV files of the Douyin study: what the jobs are measured on.

Words come from jieba's dictionary, as often as it says they are used. Phrases of them follow Zipf's law, so words occur
together as in a language. A share of the comments repeats a popular one, to the letter or with a change. The same
rows and seed give the same bytes; more rows begin with the files of fewer.
"""

import csv
import functools
import importlib.util
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = ("userName", "userAddress", "date", "comments", "likeNuns")
ROWS_OF_A_VIDEO = 20_000
COLLECTED_AT = "2023-06-01 12:00:00"  # the "now" of 3天前
WORDS, PHRASES, POPULAR, PEOPLE = 40_000, 30_000, 5_000, 1_000_000
COPIES, EDITS = 0.2, 0.1  # shares of all comments
_ENDINGS = ("", "。", "！", "？", "～", "[捂脸]", "😂", "👍👍", "哈哈哈哈哈哈", "yyds", " @小鱼儿", "666")
_ENDING_WEIGHTS = (40, 10, 8, 5, 3, 8, 6, 4, 6, 2, 5, 3)
_REGIONS = ("广东", "江苏", "山东", "浙江", "河南", "四川", "北京", "上海", "湖南", "辽宁", "福建", "法国", "")
_DATES = ("3天前", "1周前·{}", "昨天 20:15", "2023-05-2{}", "2022-1{}-08 09:30", "5小时前·{}", "01-0{}", "刚刚")


def write_comments(folder: Path, rows: int, seed: int = 1) -> None:
    """Write `rows` comments into `folder`, a file for every video."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    texts = _texts(draw)
    for video, first_row in enumerate(range(0, rows, ROWS_OF_A_VIDEO), 1):
        with (folder / f"video{video:04}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            for text in itertools.islice(texts, min(ROWS_OF_A_VIDEO, rows - first_row)):
                writer.writerow((*_circumstances(draw), text, _likes(draw)))


def _circumstances(draw: random.Random) -> tuple[str, str, str]:
    """Who, where and when; some people write often."""
    region = draw.choice(_REGIONS)
    date = draw.choice(_DATES)
    date = date.format(draw.randrange(3) if "-" in date else region or "美国")
    return f"用户{int(PEOPLE * draw.random() ** 2)}", region and f"IP属地：{region}", date


def _likes(draw: random.Random) -> str:
    likes = int(draw.paretovariate(0.8)) - 1
    return str(likes) if likes < 10_000 else f"{min(likes, 10**7) / 10_000:.1f}万"


def _texts(draw: random.Random) -> Iterator[str]:
    """Comments without end: new ones, popular ones again, and popular ones with a change."""
    phrases = _phrases(draw)
    popular = list(itertools.islice(_new_texts(draw, phrases), POPULAR))
    new, again = _new_texts(draw, phrases), _by_rank(draw, popular)
    while True:
        kind = draw.random()
        if kind < COPIES:
            yield next(again)
        elif kind < COPIES + EDITS:
            yield _edited(draw, next(again))
        else:
            yield next(new)


def _new_texts(draw: random.Random, phrases: list[str]) -> Iterator[str]:
    """One to eight phrases, most often two, with or without punctuation, and an ending."""
    ranked = _by_rank(draw, phrases)
    while True:
        number = min(8, 1 + int(draw.expovariate(0.6)))
        text = draw.choice("，， ").join(itertools.islice(ranked, number))
        yield text + draw.choices(_ENDINGS, _ENDING_WEIGHTS)[0]


def _edited(draw: random.Random, text: str) -> str:
    """With another ending, or with one character changed."""
    if draw.random() < 0.5:
        return text + draw.choices(_ENDINGS, _ENDING_WEIGHTS)[0]
    at = draw.randrange(len(text))
    return text[:at] + chr(draw.randrange(0x4E00, 0x9FA6)) + text[at + 1 :]


def _phrases(draw: random.Random) -> list[str]:
    """Distinct phrases of two to five words."""
    words, weights = _words()
    sums = list(itertools.accumulate(weights))
    drawn = ("".join(draw.choices(words, cum_weights=sums, k=draw.randint(2, 5))) for _ in itertools.count())
    return list(itertools.islice(dict.fromkeys(itertools.islice(drawn, 2 * PHRASES)), PHRASES))


def _by_rank(draw: random.Random, values: list[str]) -> Iterator[str]:
    """Draw by Zipf's law: the value of rank 100 comes about a tenth as often as that of rank 10."""
    sums = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(values))))
    while True:
        yield from draw.choices(values, cum_weights=sums, k=1_000)


@functools.cache
def _words() -> tuple[list[str], list[int]]:
    """The most frequent words of jieba's dictionary, and how often they were counted."""
    package = importlib.util.find_spec("jieba")
    if package is None or package.origin is None:
        raise SystemExit("jieba is not installed; run `make bench`")
    lines = (Path(package.origin).parent / "dict.txt").read_text(encoding="utf-8").splitlines()
    entries = sorted((-int(line.split()[1]), line.split()[0]) for line in lines)[:WORDS]
    return [word for _, word in entries], [-negative for negative, _ in entries]
