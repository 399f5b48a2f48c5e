"""Rules and their significance against mlxtend, scipy and plain counting."""

import gzip
import warnings
from math import comb, inf, isnan, nan

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnlp_core import association_rules, benjamini_hochberg, frequent_itemsets
from fastnlp_core.errors import ColumnTypeError, InputError, MemoryLimitError

METRICS = [
    "antecedent support",
    "consequent support",
    "support",
    "confidence",
    "lift",
    "representativity",
    "leverage",
    "conviction",
    "zhangs_metric",
    "jaccard",
    "certainty",
    "kulczynski",
]

baskets = st.lists(st.lists(st.sampled_from(["茶", "tea", "milk", "🧋", "", "b"]), max_size=8), min_size=1, max_size=16)


@st.composite
def itemsets_and_total(draw):
    rows = draw(baskets)
    return frequent_itemsets(rows, draw(st.integers(1, len(rows))) / len(rows)), len(rows)


@pytest.fixture(scope="module")
def mushroom(require):
    with gzip.open(require("data") / "mushroom.dat.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    return frequent_itemsets(rows, 0.4), len(rows)


def count_of(itemsets):
    return dict(zip(map(frozenset, itemsets["items"].to_pylist()), itemsets["count"].to_pylist(), strict=True))


def mlxtend_rules(itemsets, metric, min_threshold, **options):
    from mlxtend.frequent_patterns import association_rules as reference
    from pandas import DataFrame

    frame = DataFrame(
        {"support": itemsets["support"].to_numpy(), "itemsets": map(frozenset, itemsets["items"].to_pylist())}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 0 / 0 in mlxtend's own metrics
        rules = reference(frame, metric=metric, min_threshold=min_threshold, **options)
    rows = rules.to_dict("records")
    return {(row["antecedents"], row["consequents"]): [bits(row[name]) for name in METRICS] for row in rows}


def our_rules(table):
    rows = table.to_pylist()
    rules = {
        (frozenset(row["antecedent"]), frozenset(row["consequent"])): [bits(row[name]) for name in METRICS]
        for row in rows
    }
    assert len(rules) == len(rows)
    return rules


def bits(value):
    """The exact value, and NaN as something that equals itself."""
    return "nan" if isnan(value) else float(value).hex()


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=10)
@given(drawn=itemsets_and_total(), min_threshold=st.sampled_from([-1.0, 0.0, 0.25, 0.8, 1.0, 1.2]))
def test_rules_equal_those_of_mlxtend_bit_for_bit(metric, drawn, min_threshold):
    itemsets, _ = drawn
    if itemsets.num_rows:
        rules = our_rules(association_rules(itemsets, metric, min_threshold))
        assert rules == mlxtend_rules(itemsets, metric, min_threshold)


def test_rules_by_support_alone_equal_those_of_mlxtend():
    itemsets = frequent_itemsets([["a", "b", "c"], ["a", "b"], ["c"]], 1 / 3).filter(pa.array([False] * 3 + [True] * 4))
    ours = our_rules(association_rules(itemsets, min_threshold=0.5, support_only=True))
    assert ours == mlxtend_rules(itemsets, "confidence", 0.5, support_only=True)
    assert len(ours) == 2


def test_rules_of_a_public_corpus_equal_those_of_mlxtend(mushroom):
    itemsets, _ = mushroom
    rules = our_rules(association_rules(itemsets, "lift", 1.05))
    assert rules == mlxtend_rules(itemsets, "lift", 1.05)
    assert len(rules) > 1000


def test_rules_stand_in_the_order_of_their_itemsets_with_items_in_text_order():
    itemsets = pl.DataFrame({"items": [["b", "a"], ["a"], ["b"]], "support": [0.5, 0.5, 0.5]})
    rules = association_rules(itemsets)
    assert rules.select(["antecedent", "consequent"]).to_pylist() == [
        {"antecedent": ["a"], "consequent": ["b"]},
        {"antecedent": ["b"], "consequent": ["a"]},
    ]
    assert rules["conviction"].to_pylist() == [inf, inf]


def test_no_itemsets_give_no_rules_in_the_same_schema():
    none = association_rules(frequent_itemsets([], 0.5), num_transactions=0)
    some = association_rules(frequent_itemsets([["a", "b"]], 0.5), num_transactions=1)
    assert none.num_rows == 0
    assert none.schema == some.schema
    assert none.column_names == ["antecedent", "consequent", *METRICS, "p_value", "redundant"]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            [["a", "b"], ["a"]],
            'itemsets[0]: expected every subset of ["a", "b"], but ["b"] is not there; mine with kind=',
        ),
        (
            [["a", "b"], ["b", "a"]],
            'itemsets[1]: ["a", "b"] stands in row 0 already; remove one of the rows',
        ),
        (
            [["a"], None],
            "itemsets[1]: expected a list of texts in `items`, got null; pass the table as frequent_itemsets gives it",
        ),
        (
            [["a"], [None]],
            "itemsets[1]: expected a list of texts in `items`, got a null item; pass the table as",
        ),
    ],
)
def test_an_itemset_that_cannot_be_used_is_named(items, message):
    with pytest.raises(InputError) as raised:
        association_rules(pl.DataFrame({"items": items, "support": [0.5] * len(items)}))
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("columns", "num_transactions", "message"),
    [
        ({"support": [0.5, 1.5, 0.5]}, None, "itemsets[1]: expected a share in [0, 1] in `support`, got 1.5"),
        ({"count": [2, 2, 9]}, 4, "itemsets[2]: expected at most num_transactions in `count`, got 9"),
        ({"count": [2, 2, 3]}, 4, "itemsets[2]: expected a count of at most that of each subset, got 3 for"),
        ({"count": [3, 3, 1]}, 4, "itemsets[2]: expected counts of the same transactions, got parts in 3 and 3 of 4"),
    ],
)
def test_supports_and_counts_that_contradict_are_named(columns, num_transactions, message):
    good = {"items": [["a"], ["b"], ["a", "b"]], "support": [0.5] * 3, "count": [2, 2, 2]}
    with pytest.raises(InputError) as raised:
        association_rules(pl.DataFrame(good | columns), "support", 0, num_transactions=num_transactions)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "\ud800"}, InputError, r"metric: expected UTF-8 text, got '\ud800'"),
        ({"metric": "lifts"}, InputError, "metric: expected 'antecedent support', "),
        ({"min_threshold": nan}, InputError, "min_threshold: expected a number, got NaN"),
        ({"itemsets": [["a"]]}, ColumnTypeError, "itemsets: expected a table (pyarrow, Polars, ...), got list"),
        ({"itemsets": pa.table({"a": [1]})}, InputError, "itemsets: expected the columns items, support, got a;"),
        (
            {"num_transactions": 4, "support_only": True},
            InputError,
            "num_transactions: expected none with support_only",
        ),
        ({"num_transactions": 2.0}, ColumnTypeError, "num_transactions: expected an integer, got float"),
        ({"min_threshold": 0, "max_memory": 100}, MemoryLimitError, "max_memory: the result does not fit in 100 bytes"),
    ],
)
def test_an_option_of_rules_that_cannot_be_used_is_named(arguments, error, message):
    itemsets = frequent_itemsets([["a", "b"]], 0.5)
    with pytest.raises(error) as raised:
        association_rules(**{"itemsets": itemsets} | arguments)
    assert str(raised.value).startswith(message)


# --- significance -----------------------------------------------------------------------------


@given(itemsets_and_total())
def test_p_values_count_the_ways_to_meet_as_often(drawn):
    itemsets, total = drawn
    count = count_of(itemsets)
    for rule in association_rules(itemsets, "support", 0, num_transactions=total).to_pylist():
        left, right = count[frozenset(rule["antecedent"])], count[frozenset(rule["consequent"])]
        both = count[frozenset(rule["antecedent"] + rule["consequent"])]
        ways = sum(comb(left, k) * comb(total - left, right - k) for k in range(both, min(left, right) + 1))
        assert rule["p_value"] == pytest.approx(ways / comb(total, right), rel=1e-12)


def test_p_values_of_a_public_corpus_equal_those_of_scipy(mushroom):
    from scipy.stats import hypergeom

    itemsets, total = mushroom
    count = count_of(itemsets)
    rules = association_rules(itemsets, "support", 0, num_transactions=total)
    parts = zip(rules["antecedent"].to_pylist(), rules["consequent"].to_pylist(), strict=True)
    counts = [(count[frozenset(a + c)], count[frozenset(a)], count[frozenset(c)]) for a, c in parts]
    both, left, right = zip(*counts, strict=True)
    expected = hypergeom.sf([k - 1 for k in both], total, left, right)
    assert rules["p_value"].to_pylist() == pytest.approx(list(expected), rel=1e-8, abs=1e-300)


def test_p_values_equal_fisher_exact_of_scipy():
    from scipy.stats import fisher_exact

    rows = [["a", "b"]] * 30 + [["a"]] * 10 + [["b"]] * 20 + [[]] * 940
    (p_value, _) = association_rules(
        frequent_itemsets(rows, 0.01), num_transactions=1000, metric="support", min_threshold=0
    )["p_value"].to_pylist()
    assert p_value == pytest.approx(fisher_exact([[30, 10], [20, 940]], alternative="greater").pvalue, rel=1e-10)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_q_values_equal_those_of_scipy(p_values):
    from scipy.stats import false_discovery_control

    expected = false_discovery_control(p_values).tolist() if p_values else []
    assert benjamini_hochberg(p_values).to_pylist() == expected


def test_a_p_value_outside_its_range_is_named():
    with pytest.raises(InputError, match=r"^p_values\[1\]: expected a p-value in \[0, 1\], got 1.5"):
        benjamini_hochberg([None, 1.5])
