"""How well labels match those of people, each figure with an interval.

Agreement: Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability". Intervals: percentiles over resamples of
the texts (Efron 1979), not Krippendorff's own resampling of disagreements.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from random import Random

from fastnlp_jobs.llm.schema import Value

Label = str | float | frozenset[str] | None  # a value that can be counted; None: there is none
Pair = tuple[Label, Label]  # what people say, what the labeller says
Statistic = Callable[[Mapping[tuple[Label, ...], int]], float | None]

_DRAWS = 1_000
_TAIL = 0.025


def as_label(value: Value | None) -> Label:
    """A value as a label: the order of a list does not count."""
    return frozenset(value) if isinstance(value, list) else value


def accuracy(pairs: Mapping[tuple[Label, ...], int]) -> float | None:
    """Share of pairs that are equal; a missing label is a wrong one."""
    total = sum(pairs.values())
    return sum(count for (truth, label), count in pairs.items() if truth == label) / total if total else None


def macro_f1(pairs: Mapping[tuple[Label, ...], int]) -> float | None:
    """Mean F1 of the classes that people named; of lists, each class they may hold counts by itself."""
    found, named, hits = Counter[str](), Counter[str](), Counter[str]()
    for (truth, label), count in pairs.items():
        for one in _classes(truth):
            named[one] += count
        for one in _classes(label):
            found[one] += count
        for one in _classes(truth) & _classes(label):
            hits[one] += count
    return sum(2 * hits[one] / (named[one] + found[one]) for one in sorted(named)) / len(named) if named else None


def mean_absolute_error(pairs: Mapping[tuple[Label, ...], int]) -> float | None:
    """Mean distance of the numbers, where both sides have one."""
    distances = [
        (abs(truth - label), count)
        for (truth, label), count in pairs.items()
        if isinstance(truth, float) and isinstance(label, float)
    ]
    total = sum(count for _, count in distances)
    return sum(distance * count for distance, count in distances) / total if total else None


def alpha(units: Mapping[tuple[Label, ...], int]) -> float | None:
    """Krippendorff's alpha: 1 for full agreement, 0 for that of chance; None where there is nothing to tell apart.

    Words are nominal. Numbers have the interval metric, (a - b)². Of lists the difference is the number of classes that
    only one of them holds.

    Args:
        units: what the observers say of one row, None where one says nothing, and how many rows say the same.
    """
    values = Counter[Label]()
    disagreement = 0.0
    for unit, count in units.items():
        said = [label for label in unit if label is not None]
        if len(said) >= 2:  # a value that nobody else can agree with does not count
            disagreement += count * _disagreement(unit)
            for label in said:
                values[label] += count
    expected = _spread(values)
    return 1 - disagreement * (values.total() - 1) / expected if expected else None


def with_interval(
    texts: Sequence[Sequence[tuple[Label, ...]]], statistic: Statistic, seed: int
) -> tuple[float, float, float] | None:
    """A statistic and its 95 % interval; None where it is not defined.

    Args:
        texts: what is counted of each text. Judgements of one text are drawn together: two people who read it are not
            two texts.
        statistic: of what is counted.
        seed: of the draws.
    """
    value = statistic(Counter(chain.from_iterable(texts)))
    if value is None:
        return None
    random = Random(seed)
    draws = (statistic(Counter(chain.from_iterable(random.choices(texts, k=len(texts))))) for _ in range(_DRAWS))
    ordered = sorted(draw for draw in draws if draw is not None)
    return value, ordered[int(_TAIL * len(ordered))], ordered[-1 - int(_TAIL * len(ordered))]


def most_usual(truths: Iterable[Label]) -> Label:
    """What a labeller that never looks at the text says: the most frequent label, of numbers the median."""
    known = [truth for truth in truths if truth is not None]
    numbers = sorted(truth for truth in known if isinstance(truth, float))
    if numbers:
        return numbers[len(numbers) // 2]
    return Counter(known).most_common(1)[0][0] if known else None


def _classes(label: Label) -> frozenset[str]:
    if isinstance(label, frozenset):
        return label
    return frozenset([label]) if isinstance(label, str) else frozenset()


@lru_cache(maxsize=65_536)  # every draw asks for the same few
def _disagreement(unit: tuple[Label, ...]) -> float:
    """How far the values of one row differ, by pair of observers."""
    said = Counter[Label](label for label in unit if label is not None)
    return _spread(said) / (said.total() - 1)


def _spread(values: Mapping[Label, int]) -> float:
    """Sum of the differences of all ordered pairs of values."""
    total = sum(values.values())
    numbers = [(Fraction(value), count) for value, count in values.items() if isinstance(value, float)]
    if numbers:  # exact, so that equal numbers differ by 0 whatever their size
        mean_times_total = sum(value * count for value, count in numbers)
        return float(2 * (total * sum(value * value * count for value, count in numbers) - mean_times_total**2))
    if any(isinstance(value, frozenset) for value in values):
        held = Counter[str]()
        for value, count in values.items():
            for one in _classes(value):
                held[one] += count
        return float(sum(2 * count * (total - count) for count in held.values()))
    return float(total * total - sum(count * count for count in values.values()))
