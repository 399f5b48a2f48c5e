"""Whether labels change in the course of a run: each thousand rows against the whole.

The distance of words is the total variation of their shares; of numbers the difference of the means as a share of the
range. Beside it stands what chance gives: 95 of 100 draws of as many rows from the whole are nearer than that.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import fmean

import pyarrow.parquet as pq

from fastnlp_jobs.llm.schema import LabelField, Number

_BLOCK_ROWS = 1_000
_DRAWS = 200
_LEVEL = 0.95

Values = Sequence[float]  # numbers, or one for each word
Distance = Callable[[Values], float]


def drift(labels: Path, fields: Mapping[str, LabelField], seed: int) -> Iterator[dict[str, object]]:
    """The rows of DRIFT for each field of a LABELS table, block by block."""
    for name, field in fields.items():
        values = _read(labels, name, field)
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


def _read(labels: Path, name: str, field: LabelField) -> Values:
    """A column in eight bytes a row: numbers as they are, of words the number of each."""
    with pq.ParquetFile(labels, pre_buffer=False) as file:  # a buffer would hold the whole column
        cells = (cell for batch in file.iter_batches(columns=[name]) for cell in batch[name].to_pylist())
        if isinstance(field, Number):
            return array("d", cells)
        numbers: dict[str, int] = {}
        return array("Q", (numbers.setdefault(_word(cell), len(numbers)) for cell in cells))


def _word(value: str | list[str]) -> str:
    """Of lists, each set of classes is a word."""
    return ", ".join(value) if isinstance(value, list) else value


def _distance(field: LabelField, values: Values) -> Distance:
    if isinstance(field, Number):
        whole, width = fmean(values) if values else 0.0, field.max - field.min
        return lambda block: abs(fmean(block) - whole) / width
    counts = Counter(values)
    return lambda block: _total_variation(Counter(block), len(block), counts, len(values))


def _by_chance(values: Values, num_rows: int, distance: Distance, seed: int) -> float:
    random = Random(seed)
    distances = sorted(distance(random.sample(values, num_rows)) for _ in range(_DRAWS))
    return distances[int(_LEVEL * _DRAWS) - 1]


def _total_variation(block: Mapping[float, int], num_block: int, whole: Mapping[float, int], num_whole: int) -> float:
    """Half the sum of the differences of shares; 0 for equal shares, 1 for nothing in common.

    In whole numbers up to the last step, so that no order of words decides how it is rounded.
    """
    within = sum(abs(count * num_whole - whole[word] * num_block) for word, count in block.items())
    beyond = num_whole - sum(whole[word] for word in block)
    return (within + beyond * num_block) / (2 * num_block * num_whole)
