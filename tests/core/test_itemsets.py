"""Itemsets, rules and p-values against mlxtend, scipy and plain counting."""

import gzip
import resource
import subprocess
import sys
import warnings
from itertools import combinations
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

baskets = st.lists(st.lists(st.sampled_from(["茶", "tea", "milk", "🧋", "", "b", "c"]), max_size=9), min_size=1, max_size=16)


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


# --- itemsets ---------------------------------------------------------------------------------


@given(baskets_and_support())
def test_itemsets_are_the_subsets_that_enough_rows_hold(drawn):
    rows, min_support = drawn
    table = frequent_itemsets(rows, min_support)
    assert as_dict(table) == brute_force(rows, min_support)
    assert table["support"].to_pylist() == [count / len(rows) for count in table["count"].to_pylist()]


@settings(max_examples=40, deadline=None)
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


@pytest.mark.parametrize(("name", "min_support"), [("mushroom.dat.gz", 0.3), ("T10I4D100K.dat.gz", 0.02)])
def test_itemsets_of_a_public_corpus_equal_those_of_mlxtend(require, name, min_support):
    from mlxtend.frequent_patterns import fpgrowth

    rows = read_transactions(require, name)
    assert as_dict(frequent_itemsets(rows, min_support)) == mlxtend_counts(fpgrowth, rows, min_support)


@pytest.mark.parametrize(("name", "min_support"), [("mushroom.dat.gz", 0.1), ("T10I4D100K.dat.gz", 0.001)])
def test_itemsets_of_a_public_corpus_equal_those_of_pyfim(require, name, min_support):
    fim = pytest.importorskip("fim", reason="pyfim is compiled at installation; `make bench` asks for it")
    rows = read_transactions(require, name)
    # relim is one of pyfim's algorithms that keep itemsets made only of items in every row.
    expected = fim.relim(rows, target="s", supp=100 * min_support - 1e-9, report="a")
    assert as_dict(frequent_itemsets(rows, min_support)) == {frozenset(items): count for items, count in expected}


def test_the_result_does_not_depend_on_the_number_of_threads(require):
    folder = require("data")
    code = (
        "import gzip, hashlib, fastnlp_core as f;"
        f"rows = [line.split() for line in gzip.open({str(folder / 'mushroom.dat.gz')!r}, 'rt')];"
        "itemsets = f.frequent_itemsets(rows, 0.15);"
        "rules = f.association_rules(itemsets.slice(0, 900), 'lift', 1.0, num_transactions=len(rows));"
        "print(hashlib.sha256(repr([itemsets.to_pydict(), rules.to_pydict()]).encode()).hexdigest())"
    )
    digests = set()
    for threads in ("1", "2", "7"):
        run = subprocess.run([sys.executable, "-c", code], env={"RAYON_NUM_THREADS": threads}, capture_output=True)
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout)
    assert len(digests) == 1
