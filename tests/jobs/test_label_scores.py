from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.jobs.label.scores import accuracy, alpha, macro_f1, mean_absolute_error, most_usual, with_interval

# Krippendorff (2011), sections A to D; `.` is a missing value.
TWO_BINARY = ["0100000010", "1110010000"]
TWO_NOMINAL = ["aabbdcccedda", "babbbccceddd"]
FOUR_WITH_GAPS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]


def counted(rows):
    return Counter(rows)


def units(observers, value=str):
    rows = zip(*observers, strict=True)
    return Counter(tuple(None if cell == "." else value(cell) for cell in row) for row in rows)


@pytest.mark.parametrize(
    ("observers", "value", "published"),
    [
        (TWO_BINARY, str, 0.095),
        (TWO_NOMINAL, str, 0.692),
        (FOUR_WITH_GAPS, str, 0.743),
        (FOUR_WITH_GAPS, float, 0.849),
    ],
)
def test_alpha_is_what_krippendorff_published(observers, value, published):
    assert alpha(units(observers, value)) == pytest.approx(published, abs=0.0005)


def test_alpha_of_lists_counts_the_classes_only_one_of_them_holds():
    both = frozenset(["joy", "love"])
    assert alpha(counted({(both, both): 3, (frozenset(["hate"]), frozenset(["hate"])): 2})) == 1.0
    partly = alpha(counted({(both, frozenset(["joy"])): 1, (frozenset(["hate"]), frozenset(["hate"])): 1}))
    assert partly is not None
    assert 0 < partly < 1


def test_alpha_of_lists_with_one_class_each_differs_from_that_of_words_by_nothing():
    words = units(TWO_NOMINAL)
    lists = counted({tuple(frozenset(label) for label in unit): count for unit, count in words.items()})
    assert alpha(lists) == pytest.approx(alpha(words))


def test_where_all_say_the_same_alpha_is_not_defined():
    assert alpha(counted({("a", "a"): 10})) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=30))
def test_alpha_matches_its_definition_by_pairs(rows):
    values = [label for row in rows for label in row]
    expected = sum(a != b for i, a in enumerate(values) for j, b in enumerate(values) if i != j)
    observed = sum(2 * (a != b) for a, b in rows)
    expected_share = expected / (len(values) * (len(values) - 1))
    measured = alpha(counted(rows))
    if expected == 0:
        assert measured is None
    else:
        assert measured == pytest.approx(1 - observed / len(values) / expected_share)


def test_a_missing_label_counts_as_wrong():
    pairs = counted({("a", "a"): 1, ("b", None): 1})
    assert (accuracy(pairs), macro_f1(pairs)) == (0.5, 0.5)


def test_macro_f1_weighs_classes_equally():
    pairs = counted({("a", "a"): 90, ("b", "a"): 10})
    assert macro_f1(pairs) == pytest.approx((180 / 190 + 0) / 2)


def test_macro_f1_of_lists_counts_each_class_by_itself():
    pairs = counted({(frozenset(["joy", "love"]), frozenset(["joy"])): 1})
    assert macro_f1(pairs) == 0.5


def test_the_error_of_numbers_is_their_mean_distance():
    assert mean_absolute_error(counted({(80.0, 70.0): 1, (20.0, 20.0): 1, (5.0, None): 1})) == 5.0


def test_the_trivial_labeller_says_the_most_frequent_word_or_the_median():
    assert most_usual(["a", "b", "b", None]) == "b"
    assert most_usual([1.0, 100.0, 2.0]) == 2.0
    assert most_usual([]) is None


def test_an_interval_holds_its_value_and_narrows_with_rows():
    few = with_interval([("a", "a"), ("a", "b")] * 10, accuracy, seed=1)
    many = with_interval([("a", "a"), ("a", "b")] * 500, accuracy, seed=1)
    assert few is not None
    assert many is not None
    assert few[1] <= few[0] <= few[2]
    assert many[2] - many[1] < (few[2] - few[1]) / 3


def test_an_interval_is_the_same_for_the_same_seed():
    rows = [("a", "a"), ("a", "b"), ("b", "b")] * 5
    assert with_interval(rows, alpha, seed=3) == with_interval(rows, alpha, seed=3)
