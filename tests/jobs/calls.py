"""Generated calls to a hotline in the form of the intents study: turns joined by [SEP], classes of very unequal size.

Each class has words of its own; a call uses a few of them among words that all classes share. Nothing of it is real.
"""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastnlp_jobs.schemas import EXAMPLES
from fastnlp_jobs.tables import write_table

OPENING = "您好请讲"
SHARED = [
    "麻烦帮我看一下", "请问这个怎么弄", "我上个月打过电话", "稍等我找一下号码", "好的谢谢你", "现在能不能处理",
    "我不太清楚", "你再说一遍", "是用我的名字办的", "昨天收到短信", "家里人也在用", "我说得不清楚吗",
]  # fmt: skip
_CODES = range(0x4E00, 0x9FA5, 7)
_SIGNS = [chr(code) for code in _CODES]
_OWN_WORDS = 40  # of each class; a row shows a few of them, so few rows show few of them
STUDY_COUNTS = [1961, *range(900, 180, -24), 2, 1, 1]  # 34 classes


def words_of(label: str) -> list[str]:
    """The words that only this class uses: three signs each, no two classes with a word in common."""
    source = random.Random(f"words/{label}")
    return ["".join(source.sample(_SIGNS, 3)) for _ in range(_OWN_WORDS)]


def call(label: str, source: random.Random, own: int) -> str:
    """One call of a class; `own` of its words are the class's."""
    turns = source.sample(SHARED, 4)
    for word in source.sample(words_of(label), own):
        place = source.randrange(len(turns))
        turns[place] += word
    return "[SEP]".join([OPENING, *turns])


def calls(label: str, count: int, seed: object = 0, own: int = 3) -> list[str]:
    """So many calls of a class."""
    source = random.Random(f"{seed}/{label}")
    return [call(label, source, own) for _ in range(count)]


def write_examples(
    folder: Path, train: dict[str, int], test: dict[str, int], dev: dict[str, int] | None = None
) -> Path:
    """`folder`/examples.parquet with so many calls by class in each split."""
    rows: list[dict[str, Any]] = []
    for split, counts in (("train", train), ("dev", dev or {}), ("test", test)):
        for label, count in counts.items():
            texts = calls(label, count, seed=split)
            rows += [example(f"{split}-{label}-{n}", text, label, split) for n, text in enumerate(texts)]
    folder.mkdir(parents=True, exist_ok=True)
    write_table(pa.Table.from_pylist(rows, schema=EXAMPLES), folder / "examples.parquet", EXAMPLES)
    return folder


def example(key: str, text: str, label: str, split: str) -> dict[str, Any]:
    """One row of EXAMPLES that people wrote."""
    known = {"id": key, "text": text, "labels": [label], "intensity": None}
    return {**known, "origin": "real", "split": split, "group": None}


def write_candidates(path: Path, texts: dict[str, list[str]]) -> Path:
    """Samples of classes, as `candidates` reads them."""
    lines = [json.dumps({"label": label, "text": text}) for label, own in texts.items() for text in own]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


class HelpfulAugmenter:
    """Planted: writes new calls of the class, as if it knew how they are made."""

    def write(self, label: str, count: int, test: list[str]) -> list[str]:
        """So many samples."""
        del test
        return calls(label, count, seed="helpful")


class NoiseAugmenter:
    """Planted: writes signs that no call has, which say nothing of any class."""

    def write(self, label: str, count: int, test: list[str]) -> list[str]:
        """So many samples."""
        del test
        source = random.Random(label)
        return ["".join(chr(code + 1) for code in source.choices(_CODES, k=40)) for _ in range(count)]


class CopyingAugmenter:
    """Planted: copies the test, with a sign changed in each copy."""

    def write(self, label: str, count: int, test: list[str]) -> list[str]:
        """So many samples."""
        source = random.Random(label)
        return [f"{source.choice(test)}{source.choice('啊吧呢')}" for _ in range(count)]
