"""The plan of `augment`: targets by rule, and the smallest plan that reaches a goal, against exhaustive search."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment import Targets
from fastnlp_jobs.jobs.augment.plan import asked_in_turn, fewest_samples, gini, plan_samples, ratio

STUDY = dict(zip(map(str, range(34)), [1961, *range(900, 180, -24), 2, 1, 1], strict=True))
NO_LIMIT = 2**31


def plans(counts: dict[str, int], limits: dict[str, int]) -> Iterator[dict[str, int]]:
    """Every plan that raises no class above the largest."""
    largest = max(counts.values())
    ranges = [range(min(limits[name], largest - rows) + 1) for name, rows in counts.items()]
    for added in itertools.product(*ranges):
        yield dict(zip(counts, added, strict=True))


def reaches(counts: dict[str, int], plan: dict[str, int], max_ratio: float | None, max_gini: float | None) -> bool:
    rows = [counts[name] + plan[name] for name in counts]
    return (max_ratio is None or ratio(rows) <= max_ratio) and (max_gini is None or gini(rows) <= max_gini)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=4),
    st.none() | st.floats(1, 4),
    st.none() | st.floats(0, 0.5),
)
def test_no_smaller_plan_reaches_the_goal(classes, max_ratio, max_gini):
    counts = {str(number): rows for number, (rows, _) in enumerate(classes)}
    limits = {str(number): limit for number, (_, limit) in enumerate(classes)}
    reaching = [plan for plan in plans(counts, limits) if reaches(counts, plan, max_ratio, max_gini)]
    found = fewest_samples(counts, limits, max_ratio, max_gini)
    if found is None:
        assert reaching == []
    else:
        assert reaches(counts, found, max_ratio, max_gini)
        assert sum(found.values()) == min(sum(plan.values()) for plan in reaching)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_gini_matches_its_definition(rows):
    mean = sum(rows) / len(rows)
    differences = sum(abs(a - b) for a in rows for b in rows)
    assert gini(rows) == pytest.approx(differences / (2 * len(rows) ** 2 * mean))


def test_the_targets_follow_how_many_rows_a_class_has():
    counts = {"a": 1961, "b": 60, "c": 49, "d": 10, "e": 9, "f": 1}
    assert plan_samples(counts, Targets()) == {"a": 0, "b": 140, "c": 151, "d": 190, "e": 291, "f": 299}


def test_single_classes_may_have_targets_of_their_own():
    counts = {"a": 300, "b": 5, "c": 5}
    targets = Targets(classes={"b": 20}, only=["b", "a"], max_added=12)
    assert plan_samples(counts, targets) == {"a": 0, "b": 12, "c": 0}


def test_a_dose_is_the_same_for_every_minority_class():
    assert plan_samples({"a": 80, "b": 49, "c": 1}, Targets(dose=30)) == {"a": 0, "b": 30, "c": 30}


def test_ten_to_one_needs_197_rows_of_every_class_where_the_largest_has_1961():
    added = plan_samples(STUDY, Targets(max_ratio=10))
    assert min(STUDY[name] + added[name] for name in STUDY) == 197
    assert all(STUDY[name] + more == 197 for name, more in added.items() if more)


def test_a_goal_that_cannot_be_reached_is_refused_with_what_can():
    with pytest.raises(BadInput, match=r"ratio 10 cannot be reached: the largest class has 1961 rows.*ratio is 19\.4"):
        plan_samples(STUDY, Targets(max_ratio=10, max_added=100))


def test_a_class_that_train_does_not_have_is_refused():
    with pytest.raises(BadInput, match="targets: no row of train has the class `bb`; did you mean `b`"):
        plan_samples({"a": 1, "b": 1}, Targets(only=["bb"]))


def test_targets_of_single_classes_and_a_goal_for_all_are_not_mixed():
    with pytest.raises(ValueError, match="the goal decides, not `classes`; name them in `only`"):
        Targets(classes={"a": 250}, max_ratio=10)


def test_classes_are_asked_in_turn_within_the_budget():
    assert asked_in_turn({"a": 25, "b": 0, "c": 10}, 10, None) == [("a", 0), ("c", 0), ("a", 1), ("a", 2)]
    assert asked_in_turn({"a": 25, "b": 0, "c": 10}, 10, 2) == [("a", 0), ("c", 0)]
