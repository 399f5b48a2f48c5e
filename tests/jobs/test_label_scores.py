from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.jobs.label.scores import accuracy, alpha, macro_f1, mean_absolute_error, most_usual, with_interval

# Krippendorff (2011), sections A to D; `.` is a missing value. The packages krippendorff 0.9.0 and nltk 3.10.4 give the
# same four figures, and on 5,130 random tables with gaps the same as ours; neither is installed for the tests (the one
# is GPL, the other large), so that the definition by pairs stands in for them below.
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


def alpha_by_pairs(rows, difference):
    """Observed by expected difference, each a sum over ordered pairs of values; None where all are the same."""
    known = [[label for label in row if label is not None] for row in rows]
    paired = [labels for labels in known if len(labels) > 1]
    values = [label for labels in paired for label in labels]
    expected = sum(difference(a, b) for a in values for b in values)
    if not expected:
        return None
    observed = sum(difference(a, b) / (len(labels) - 1) for labels in paired for a in labels for b in labels)
    return 1 - (len(values) - 1) * observed / expected


def tables(values):
    """Rows of what two to five people say; any of them may say nothing."""
    return st.integers(2, 5).flatmap(
        lambda people: st.lists(st.tuples(*[st.none() | values] * people), min_size=1, max_size=20)
    )


@given(tables(st.sampled_from("abcd")))
def test_alpha_of_words_matches_its_definition_by_pairs(rows):
    assert alpha(counted(rows)) == pytest.approx(alpha_by_pairs(rows, lambda a, b: a != b))


@given(tables(st.integers(0, 100).map(float)))
def test_alpha_of_numbers_matches_its_definition_by_pairs(rows):
    assert alpha(counted(rows)) == pytest.approx(alpha_by_pairs(rows, lambda a, b: (a - b) ** 2))


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
    few = with_interval([[("a", "a")], [("a", "b")]] * 10, accuracy, seed=1)
    many = with_interval([[("a", "a")], [("a", "b")]] * 500, accuracy, seed=1)
    assert few is not None
    assert many is not None
    assert few[1] <= few[0] <= few[2]
    assert many[2] - many[1] < (few[2] - few[1]) / 3


def test_an_interval_is_the_same_for_the_same_seed():
    rows = [[("a", "a")], [("a", "b")], [("b", "b")]] * 5
    assert with_interval(rows, alpha, seed=3) == with_interval(rows, alpha, seed=3)


def test_an_interval_is_no_narrower_where_ten_people_say_the_same_of_each_text():
    one = [[("a", "a")], [("a", "b")]] * 20
    ten = [10 * text for text in one]
    assert with_interval(ten, accuracy, seed=1) == with_interval(one, accuracy, seed=1)
