"""How many samples each class gets: by the targets of the config, or the fewest with which a goal is reached."""

import heapq
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from fastnlp_jobs.errors import BadInput, suggest

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Targets

Counts = Mapping[str, int]


def gini(rows: Collection[int]) -> float:
    """Gini coefficient of the classes' rows: 0 where all have equally many. Gini (1912)."""
    ascending, total = sorted(rows), sum(rows)
    if not total:
        return 0.0
    weighted = sum(rank * value for rank, value in enumerate(ascending, start=1))
    return (2 * weighted - (len(ascending) + 1) * total) / (len(ascending) * total)


def ratio(rows: Collection[int]) -> float:
    """Rows of the largest class by those of the smallest; 1 without classes."""
    return max(rows) / min(rows) if rows else 1.0


def plan_samples(counts: Counts, targets: "Targets") -> dict[str, int]:
    """How many samples each class shall get, by class.

    Args:
        counts: rows of train by class, each at least 1.
        targets: of the config.

    Raises:
        BadInput: a class in the config that train does not have, or a goal that cannot be reached.
    """
    check_classes("targets", [*targets.classes, *targets.only], counts)
    open_classes = targets.only or counts
    limits = {name: _limit(targets) if name in open_classes else 0 for name in counts}
    if targets.has_goal:
        added = fewest_samples(counts, limits, targets.max_ratio, targets.max_gini)
        if added is None:
            raise BadInput(f"targets: {unreachable(counts, limits, targets)}")
        return added
    return {name: min(limits[name], _wanted(name, rows, targets)) for name, rows in counts.items()}


def check_classes(key: str, names: Iterable[str], counts: Counts) -> None:
    """Refuse a class that train does not have; `key` of the config names it.

    Raises:
        BadInput: says what was probably meant.
    """
    for name in names:
        if name not in counts:
            raise BadInput(f"{key}: no row of train has the class `{name}`; {suggest(name, sorted(counts))}")


def _limit(targets: "Targets") -> int:
    return targets.max_added if targets.max_added is not None else 2**31


def _wanted(name: str, rows: int, targets: "Targets") -> int:
    if name in targets.classes:
        return max(0, targets.classes[name] - rows)
    if targets.dose is not None:
        return targets.dose if rows < targets.minority_below else 0
    if rows < targets.ultra_minority_below:
        return max(0, targets.ultra_minority - rows)
    return max(0, (targets.minority if rows < targets.minority_below else targets.others) - rows)


def asked_in_turn(lacking: Counts, batch: int, budget: int | None) -> list[tuple[str, int]]:
    """The calls that would do if all samples passed, at most `budget`: one for each class in turn, counted by class."""
    calls = {label: -(-number // batch) for label, number in lacking.items()}
    turns = range(max(calls.values(), default=0))
    return [(label, turn) for turn in turns for label, most in calls.items() if turn < most][:budget]


def fewest_samples(
    counts: Counts, limits: Counts, max_ratio: float | None, max_gini: float | None
) -> dict[str, int] | None:
    """The smallest plan that reaches both goals; None if there is none.

    Each sample goes to the smallest class that may still get one. No other plan with as many samples has a smaller
    Gini coefficient or ratio (it majorizes this one: Marshall and Olkin 1979), so the first that reaches the goals is
    the smallest.
    """
    rows, largest = dict(counts), max(counts.values(), default=0)
    open_classes = [(size, name) for name, size in counts.items() if limits[name] > 0]
    heapq.heapify(open_classes)
    while not _reached(rows, max_ratio, max_gini):
        if not open_classes or open_classes[0][0] >= largest:
            return None
        size, name = heapq.heappop(open_classes)
        rows[name] = size + 1
        if rows[name] - counts[name] < limits[name]:
            heapq.heappush(open_classes, (size + 1, name))
    return {name: rows[name] - counts[name] for name in counts}


def _reached(rows: Counts, max_ratio: float | None, max_gini: float | None) -> bool:
    sizes = rows.values()
    return (max_ratio is None or ratio(sizes) <= max_ratio) and (max_gini is None or gini(sizes) <= max_gini)


def unreachable(counts: Counts, limits: Counts, targets: "Targets") -> str:
    """Why no plan reaches the goals, and what the best plan for each of them reaches."""
    largest = max(counts.values())
    best = [min(largest, rows + limits[name]) for name, rows in counts.items()]
    goals = {"ratio": targets.max_ratio, "Gini": targets.max_gini}
    wanted = [f"{name} {value:g}" for name, value in goals.items() if value is not None]
    return (
        f"{' and '.join(wanted)} cannot be reached: the largest class has {largest} rows, and with all samples that "
        f"`only` and `max_added` allow the ratio is {ratio(best):.2f} and the Gini coefficient {gini(best):.3f}; "
        "allow more, or ask for less"
    )
