"""Whether labels change in the course of a run: each thousand rows against the whole.

The distance of words is the total variation of their shares; of numbers the difference of the means as a share of the
range. Beside it stands what chance gives: 95 of 100 draws of as many rows from the whole are nearer than that.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from statistics import fmean

import polars as pl

from fastnlp_jobs.llm.schema import LabelField, Number, Value

_BLOCK_ROWS = 1_000
_DRAWS = 200
_LEVEL = 0.95

Distance = Callable[[list[Value]], float]


def drift(labels: Path, fields: Mapping[str, LabelField], seed: int) -> Iterator[dict[str, object]]:
    """The rows of DRIFT for each field of a LABELS table, block by block."""
    for name, field in fields.items():
        values = pl.read_parquet(labels, columns=[name])[name].to_list()
        distance = _distance(field, values)
        chance: dict[int, float] = {}
        for first in range(0, len(values), _BLOCK_ROWS):
            block = values[first : first + _BLOCK_ROWS]
            if len(block) not in chance:
                chance[len(block)] = _by_chance(values, len(block), distance, seed)
            yield {
                "field": name,
                "first_row": first + 1,
                "num_rows": len(block),
                "distance": distance(block),
                "chance": chance[len(block)],
            }


def _distance(field: LabelField, values: list[Value]) -> Distance:
    if isinstance(field, Number):
        whole, width = fmean(map(_number, values)) if values else 0.0, field.max - field.min
        return lambda block: abs(fmean(map(_number, block)) - whole) / width
    shares = _shares(values)
    return lambda block: _total_variation(_shares(block), shares)


def _by_chance(values: list[Value], num_rows: int, distance: Distance, seed: int) -> float:
    random = Random(seed)
    distances = sorted(distance(random.sample(values, num_rows)) for _ in range(_DRAWS))
    return distances[int(_LEVEL * _DRAWS) - 1]


def _shares(values: list[Value]) -> dict[str, float]:
    """How often each word stands there; of lists, each set of classes is a word."""
    words = [", ".join(value) if isinstance(value, list) else str(value) for value in values]
    return {word: count / len(words) for word, count in Counter(words).items()}


def _total_variation(block: Mapping[str, float], whole: Mapping[str, float]) -> float:
    """Half the sum of the differences; 0 for equal shares, 1 for nothing in common."""
    return sum(abs(block.get(word, 0.0) - share) for word, share in sorted(whole.items())) / 2


def _number(value: Value) -> float:
    assert isinstance(value, float), "a number field holds numbers"
    return value
