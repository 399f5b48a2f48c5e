"""Itemsets against mlxtend, pyfim and plain counting."""

import gzip
import json
import subprocess
import sys
import warnings
from itertools import combinations
from math import nan

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import pyfim_oracle

from fastnlp_core import count_itemsets, frequent_itemsets
from fastnlp_core.errors import ColumnTypeError, InputError, MemoryLimitError

baskets = st.lists(
    st.lists(st.sampled_from(["茶", "tea", "milk", "🧋", "", "b", "c"]), max_size=9), min_size=1, max_size=16
)


@st.composite
def baskets_and_support(draw):
    rows = draw(baskets)
    return rows, draw(st.integers(1, len(rows))) / len(rows)


def as_dict(table):
    """Itemsets as sets, so that neither order matters; no itemset twice."""
    rows = dict(zip(map(frozenset, table["items"].to_pylist()), table["count"].to_pylist(), strict=True))
    assert len(rows) == table.num_rows
    return rows


def brute_force(rows, min_support):
    """Every subset of every row, counted."""
    sets = [frozenset(row) for row in rows]
    candidates = {frozenset(c) for row in sets for size in range(1, len(row) + 1) for c in combinations(row, size)}
    counts = {candidate: sum(candidate <= row for row in sets) for candidate in candidates}
    return {itemset: count for itemset, count in counts.items() if count / len(rows) >= min_support}


def one_hot(rows):
    from mlxtend.preprocessing import TransactionEncoder
    from pandas import DataFrame

    encoder = TransactionEncoder().fit(rows)
    if len(rows) < 1000:
        return DataFrame(encoder.transform(rows), columns=encoder.columns_)
    return DataFrame.sparse.from_spmatrix(encoder.transform(rows, sparse=True), columns=encoder.columns_)


def mlxtend_counts(function, rows, min_support):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlxtend on the pandas of today
        found = function(one_hot(rows), min_support=min_support, use_colnames=True)
    counts = (found["support"] * len(rows)).round().astype(int)
    assert (counts / len(rows) == found["support"]).all()
    return dict(zip(found["itemsets"], counts, strict=True))


def read_transactions(require, name):
    with gzip.open(require("data") / name, "rt") as lines:
        return [line.split() for line in lines]


@given(baskets_and_support())
def test_itemsets_are_the_subsets_that_enough_rows_hold(drawn):
    rows, min_support = drawn
    table = frequent_itemsets(rows, min_support)
    assert as_dict(table) == brute_force(rows, min_support)
    assert table["support"].to_pylist() == [count / len(rows) for count in table["count"].to_pylist()]


@settings(max_examples=25)
@given(baskets_and_support())
def test_itemsets_equal_those_of_mlxtend(drawn):
    from mlxtend.frequent_patterns import apriori

    rows, min_support = drawn
    if any(rows):
        assert as_dict(frequent_itemsets(rows, min_support)) == mlxtend_counts(apriori, rows, min_support)


@given(baskets_and_support(), st.integers(1, 4))
def test_max_length_only_leaves_longer_itemsets_out(drawn, max_length):
    rows, min_support = drawn
    everything = frequent_itemsets(rows, min_support)
    short = [items for items in everything["items"].to_pylist() if len(items) <= max_length]
    assert frequent_itemsets(rows, min_support, max_length=max_length)["items"].to_pylist() == short


@given(baskets_and_support())
def test_itemsets_stand_by_length_then_falling_count_then_items(drawn):
    rows, min_support = drawn
    found = frequent_itemsets(rows, min_support).to_pylist()
    assert found == sorted(found, key=lambda row: (len(row["items"]), -row["count"], row["items"]))
    assert all(row["items"] == sorted(row["items"]) for row in found)


@pytest.mark.parametrize(("name", "min_support"), [("mushroom.dat.gz", 0.4), ("T10I4D100K.dat.gz", 0.04)])
def test_itemsets_of_a_public_corpus_equal_those_of_mlxtend(require, name, min_support):
    from mlxtend.frequent_patterns import fpgrowth

    rows = read_transactions(require, name)
    assert as_dict(frequent_itemsets(rows, min_support)) == mlxtend_counts(fpgrowth, rows, min_support)


@pytest.fixture(scope="module")
def bought():
    return pyfim_oracle.baskets()


@pytest.mark.parametrize(
    "answer",
    json.loads(pyfim_oracle.RECORD.read_text(encoding="utf-8")),
    ids=lambda answer: f"{answer['kind']} from {answer['min_support']}",
)
def test_itemsets_equal_those_that_pyfim_found(bought, answer):
    kind, min_support = answer["kind"], answer["min_support"]
    found = as_dict(frequent_itemsets(bought, min_support, kind=kind))
    assert {"kind": kind, "min_support": min_support, **pyfim_oracle.digest(found.items())} == answer


def closed_by_definition(counts):
    """The itemsets without a superset in as many rows."""
    return {a: n for a, n in counts.items() if not any(a < b and n == counts[b] for b in counts)}


def maximal_by_definition(counts):
    """The itemsets without a frequent superset."""
    return {a: n for a, n in counts.items() if not any(a < b for b in counts)}


@given(baskets_and_support())
def test_closed_and_maximal_itemsets_are_those_without_a_superset_as_good(drawn):
    rows, min_support = drawn
    everything = brute_force(rows, min_support)
    assert as_dict(frequent_itemsets(rows, min_support, kind="closed")) == closed_by_definition(everything)
    assert as_dict(frequent_itemsets(rows, min_support, kind="maximal")) == maximal_by_definition(everything)


@given(baskets_and_support(), st.integers(1, 4), st.sampled_from(["closed", "maximal"]))
def test_max_length_does_not_change_what_is_closed_or_maximal(drawn, max_length, kind):
    rows, min_support = drawn
    everything = frequent_itemsets(rows, min_support, kind=kind)
    short = [items for items in everything["items"].to_pylist() if len(items) <= max_length]
    assert frequent_itemsets(rows, min_support, max_length, kind)["items"].to_pylist() == short


def test_maximal_itemsets_of_a_public_corpus_equal_those_of_mlxtend(require):
    from mlxtend.frequent_patterns import fpmax

    rows = read_transactions(require, "mushroom.dat.gz")
    assert as_dict(frequent_itemsets(rows, 0.3, kind="maximal")) == mlxtend_counts(fpmax, rows, 0.3)


def test_the_result_does_not_depend_on_the_number_of_threads(require):
    folder = require("data")
    code = (
        "import gzip, hashlib, fastnlp_core as f;"
        f"rows = [line.split() for line in gzip.open({str(folder / 'mushroom.dat.gz')!r}, 'rt')];"
        "itemsets = f.frequent_itemsets(rows, 0.4);"
        "closed = f.frequent_itemsets(rows, 0.35, kind='closed');"
        "rules = f.association_rules(itemsets.slice(0, 900), 'lift', 1.0, num_transactions=len(rows));"
        "print(hashlib.sha256(repr([table.to_pydict() for table in (itemsets, closed, rules)]).encode()).hexdigest())"
    )
    digests = set()
    for threads in ("1", "3"):
        run = subprocess.run([sys.executable, "-c", code], env={"RAYON_NUM_THREADS": threads}, capture_output=True)
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "transactions",
    [
        pa.array([["a", "b"], ["a"], None, []], pa.list_(pa.string())),
        pa.array([["a", "b"], ["a"], None, []], pa.large_list(pa.string_view())),
        pa.chunked_array([[["a", "b"]], [["a"], None, []]], pa.list_(pa.large_string())),
        pa.array([["z"], ["a", "b"], ["a"], None, []], pa.list_(pa.string())).slice(1),
        pl.Series([["a", "b"], ["a"], None, []]),
        [("a", "b"), ["a"], None, []],
    ],
    ids=["list", "view", "chunked", "slice", "polars", "python"],
)
def test_every_kind_of_column_gives_the_same_itemsets(transactions):
    assert frequent_itemsets(transactions, 0.25).to_pydict() == {
        "items": [["a"], ["b"], ["a", "b"]],
        "count": [2, 1, 1],
        "support": [0.5, 0.25, 0.25],
    }


def test_the_schema_of_the_table_is_fixed_even_without_itemsets():
    schema = pa.schema({"items": pa.large_list(pa.large_string()), "count": pa.uint64(), "support": pa.float64()})
    assert frequent_itemsets([], 0.5).schema == schema
    assert frequent_itemsets([None, []], 0.5).schema == schema
    assert frequent_itemsets([["a"]], 0.5).schema == schema


def test_a_null_item_is_named_by_its_row():
    with pytest.raises(InputError, match=r"^transactions\[1\]: expected texts, got a null item; remove the null items"):
        frequent_itemsets([["a"], ["a", None]], 0.5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"min_support": 0}, InputError, r"min_support: expected a share of the transactions in (0, 1], got 0"),
        ({"min_support": nan}, InputError, r"min_support: expected a share of the transactions in (0, 1], got NaN"),
        ({"min_support": "1"}, ColumnTypeError, "min_support: expected a number, got str"),
        ({"max_length": 0}, InputError, "max_length: expected at least 1, or none, got 0"),
        ({"max_length": 1.5}, ColumnTypeError, "max_length: expected an integer, got float"),
        ({"max_memory": -1}, InputError, "max_memory: expected 0 to 9223372036854775807, got -1"),
        ({"kind": None}, ColumnTypeError, "kind: expected a name, got NoneType"),
        ({"kind": "open"}, InputError, "kind: expected 'all', 'closed' or 'maximal', got 'open'"),
        (
            {"transactions": "tea"},
            ColumnTypeError,
            "transactions: expected an Arrow column (pyarrow, Polars, …) or a list, got str",
        ),
        (
            {"transactions": ["tea"]},
            ColumnTypeError,
            "transactions[0]: expected a list of text, got 'tea'",
        ),
        ({"transactions": pa.array([1])}, ColumnTypeError, "transactions: expected a list<string> column, got Int64"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(arguments, error, message):
    with pytest.raises(error) as raised:
        frequent_itemsets(**{"transactions": [["tea"]], "min_support": 0.5} | arguments)
    assert str(raised.value).startswith(message)


def test_a_result_above_the_memory_limit_is_refused_while_memory_stays_below_it(require):
    limit = 200 << 20
    code = (
        "import gzip, resource, fastnlp_core as f;"
        f"rows = [line.split() for line in gzip.open({str(require('data') / 'mushroom.dat.gz')!r}, 'rt')];"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "f.frequent_itemsets(rows, 0.5); before = peak()\n"
        f"try: f.frequent_itemsets(rows, 0.01, max_memory={limit})\n"
        "except f.errors.MemoryLimitError as error: print(peak() - before, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    grown, _, message = run.stdout.partition(" ")
    assert message == (
        "max_memory: the result does not fit in 209715200 bytes;"
        " raise min_support, set max_length, or allow more memory\n"
    )
    assert int(grown) * 1024 < limit


def test_a_result_within_the_memory_limit_is_complete():
    rows = [["a", "b", "c"]] * 4
    assert frequent_itemsets(rows, 0.5, max_memory=10_000).num_rows == 7
    with pytest.raises(MemoryLimitError):
        frequent_itemsets(rows, 0.5, max_memory=500)


@given(baskets, baskets)
def test_counts_of_given_itemsets_equal_plain_counting(rows, itemsets):
    expected = [sum(set(itemset) <= set(row) for row in rows) for itemset in itemsets]
    assert count_itemsets(rows, itemsets).to_pylist() == expected


@given(baskets_and_support(), st.integers(1, 5))
def test_parts_find_and_count_what_the_whole_holds(drawn, parts):
    rows, min_support = drawn
    shares = [rows[part::parts] for part in range(parts)]
    candidates = {items for share in shares for items in as_dict(frequent_itemsets(share, min_support))}
    itemsets = [sorted(items) for items in candidates]
    counts = [
        sum(found) for found in zip(*(count_itemsets(share, itemsets).to_pylist() for share in shares), strict=True)
    ]
    frequent = {frozenset(i): n for i, n in zip(itemsets, counts, strict=True) if n / len(rows) >= min_support}
    assert frequent == as_dict(frequent_itemsets(rows, min_support))


def test_a_null_or_empty_itemset_has_a_count_of_its_own():
    counts = count_itemsets([["tea", "milk"], None, ["tea"]], [None, [], ["tea", "tea"]])
    assert (counts.type, counts.to_pylist()) == (pa.uint64(), [None, 3, 2])


def test_a_null_item_to_count_is_named_by_column_and_row():
    with pytest.raises(InputError, match=r"^itemsets\[1\]: expected texts, got a null item; remove the null items"):
        count_itemsets([["a"]], [["a"], [None]])


def test_itemsets_that_are_no_lists_are_named():
    with pytest.raises(ColumnTypeError, match=r"^itemsets: expected a list<string> column, got Int64"):
        count_itemsets([["a"]], pa.array([1]))
