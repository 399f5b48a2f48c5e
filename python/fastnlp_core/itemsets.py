"""Frequent itemsets, association rules and their significance."""

from typing import Any, Literal

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_count, as_flag, as_name, as_number
from fastnlp_core._columns import ArrowArray, ArrowStream, Column, as_column
from fastnlp_core.errors import ColumnTypeError, InputError

_MOST = 2**63 - 1
_TRANSACTIONS = pa.large_list(pa.large_string())


def frequent_itemsets(
    transactions: Column,
    min_support: float,
    max_length: int | None = None,
    kind: Literal["all", "closed", "maximal"] = "all",
    max_memory: int | None = None,
) -> pa.Table:
    """Find the sets of items that occur together in many transactions.

    Zaki (2000), "Scalable algorithms for association mining"; closed and maximal: Uno, Kiyomi,
    Arimura (2004), "LCM ver. 2".

    Args:
        transactions: list<string>, n rows. A null row is a transaction without items and counts in
            n; an item that a row repeats counts once.
        min_support: share of the n transactions that hold an itemset, in (0, 1]. An itemset is
            frequent if count / n >= min_support. (mlxtend's `fpgrowth` compares rounded counts:
            of 100 transactions it asks for 8 at 0.07, its `apriori` for 7, as here.)
        max_length: longest itemset to report, at least 1; None for no limit.
        kind: "all" frequent itemsets; only the "closed" ones, to which no item can be added without
            losing a transaction; or only the "maximal" ones, to which none can be added at all.
            Neither depends on `max_length`, which then leaves out the longer ones.
        max_memory: bytes the numbered transactions and the itemsets may take until they are in the
            table (the far smaller buffers of the search are not counted); None for no limit.

    Returns:
        items: large_list<large_string>, in text order (by code point), never null or empty;
        count: uint64, transactions that hold the itemset; support: float64, count / n in (0, 1].
        Ordered by length, then falling count, then items.

    Raises:
        InputError: an option outside its range, or a null item; names the row.
        ColumnTypeError: transactions are not list<string>, or an option is not a number.
        MemoryLimitError: the itemsets do not fit in `max_memory`; raised before they are taken.

    >>> table = frequent_itemsets([["tea", "milk"], ["tea", "milk", "tea"], ["tea"], []], min_support=0.5)
    >>> table.to_pydict()["items"], table.to_pydict()["count"]
    ([['tea'], ['milk'], ['milk', 'tea']], [3, 2, 2])
    """
    column = as_column("transactions", transactions, _TRANSACTIONS)
    return _table(
        _native.frequent_itemsets(
            column,
            as_number("min_support", min_support),
            _whole_number("max_length", max_length),
            as_name("kind", kind),
            _whole_number("max_memory", max_memory),
        )
    )


def count_itemsets(transactions: Column, itemsets: Column) -> pa.UInt64Array:
    """Count the transactions that hold each of the given itemsets.

    The second pass of mining in parts: Savasere, Omiecinski, Navathe (1995), "An efficient algorithm
    for mining association rules in large databases". An itemset that `frequent_itemsets` finds in
    the whole is found at the same `min_support` in at least one part; the sums of its counts over
    all parts are exact.

    Args:
        transactions: list<string>, n rows; null rows and repeated items as in `frequent_itemsets`.
        itemsets: list<string>, the items of each itemset in any order; a repeated item counts once.

    Returns:
        uint64 in [0, n], one count per itemset, in their order: n for an itemset without items, null
        where `itemsets` is null.

    Raises:
        InputError: a null item; names the column and row.
        ColumnTypeError: a column is not list<string>.

    >>> count_itemsets([["tea", "milk"], ["tea"], []], [["tea"], ["milk", "tea"], ["salt"]]).to_pylist()
    [2, 1, 0]
    """
    column = as_column("transactions", transactions, _TRANSACTIONS)
    return pa.array(_native.count_itemsets(column, as_column("itemsets", itemsets, _TRANSACTIONS)))


def association_rules(
    itemsets: Any,
    metric: str = "confidence",
    min_threshold: float = 0.8,
    *,
    support_only: bool = False,
    num_transactions: int | None = None,
    max_memory: int | None = None,
) -> pa.Table:
    """Split frequent itemsets into rules "antecedent, then consequent" and score them.

    Names, values and thresholds of the metrics are those of mlxtend 0.25. Agrawal, Imieliński,
    Swami (1993), "Mining association rules between sets of items in large databases".

    Args:
        itemsets: table (pyarrow, Polars, ...) as `frequent_itemsets` gives it: `items:
            list<string>`, `support: float64` and, for p-values, `count: uint64`. Every subset of
            an itemset must be there (`kind="all"`), unless `support_only`.
        metric: the metric to compare with `min_threshold`: one of the metric columns below.
        min_threshold: rules that score less, or NaN, are left out.
        support_only: compare the support, whatever `metric` says, and leave every other metric NaN;
            the one way to make rules of itemsets whose subsets are not there.
        num_transactions: n of the transactions that were mined; adds `p_value` and `redundant`.
        max_memory: bytes the rules may take until they are in the table; None for no limit.

    Returns:
        antecedent, consequent: large_list<large_string>, items in text order, never null or empty;
        float64, never null: `antecedent support`, `consequent support`, `support`, `confidence`,
        `lift`, `representativity` (always 1: no item of a transaction is unknown), `leverage`,
        `conviction` (infinite for a rule without exceptions), `zhangs_metric`, `jaccard`,
        `certainty`, `kulczynski`; with `num_transactions` also `p_value`: Fisher's exact test,
        one-sided: the probability to see both parts together as often, if they were independent,
        and `redundant`: bool, whether a rule with a part of the antecedent, or with none, has the
        same consequent and at least this confidence (Bayardo et al. 2000).
        Rules stand in the order of their itemsets. No itemsets give no rules.

    Raises:
        InputError: an unknown metric, a missing column, an itemset twice or without one of its
            subsets, or counts that contradict each other; names the row.
        ColumnTypeError: `itemsets` is no table, or a column has another type.
        MemoryLimitError: the rules do not fit in `max_memory`; raised before they are taken.

    >>> itemsets = frequent_itemsets([["tea", "milk"], ["tea", "milk"], ["tea"], []], min_support=0.5)
    >>> rules = association_rules(itemsets, min_threshold=0.9, num_transactions=4)
    >>> rules.select(["antecedent", "consequent", "confidence", "p_value"]).to_pylist()
    [{'antecedent': ['milk'], 'consequent': ['tea'], 'confidence': 1.0, 'p_value': 0.5}]
    """
    items, support, count = _itemset_columns(itemsets, with_count=num_transactions is not None)
    return _table(
        _native.association_rules(
            items,
            support,
            count,
            (
                as_name("metric", metric),
                as_number("min_threshold", min_threshold),
                as_flag("support_only", support_only),
            ),
            _whole_number("num_transactions", num_transactions),
            _whole_number("max_memory", max_memory),
        )
    )


def benjamini_hochberg(p_values: Column) -> pa.DoubleArray:
    """Correct p-values for the number of tests: the false discovery rate at each.

    Benjamini and Hochberg (1995), "Controlling the false discovery rate".

    Args:
        p_values: float64 in [0, 1], one per test; a null is no test.

    Returns:
        float64 in [0, 1], the q-value of each p-value; null where `p_values` is null.

    Raises:
        InputError: a value outside [0, 1]; names the row.
        ColumnTypeError: p_values are not numbers.

    >>> benjamini_hochberg([0.01, 0.04, None, 0.03]).to_pylist()
    [0.03, 0.04, None, 0.04]
    """
    return pa.array(_native.benjamini_hochberg(as_column("p_values", p_values, pa.float64())))


def _table(batch: ArrowArray) -> pa.Table:
    return pa.Table.from_batches([pa.record_batch(batch)])


def _itemset_columns(itemsets: Any, *, with_count: bool) -> tuple[ArrowStream, ArrowStream, ArrowStream | None]:
    try:
        table = pa.table(as_column("itemsets", itemsets, pa.null()))
    except (pa.ArrowException, TypeError) as error:
        raise ColumnTypeError(
            f"itemsets: expected a table (pyarrow, Polars, ...), got {type(itemsets).__name__};"
            " pass what frequent_itemsets gives"
        ) from error
    needed = ["items", "support"] + (["count"] if with_count else [])
    for name in needed:
        if table.column_names.count(name) != 1:
            raise InputError(
                f"itemsets: expected the columns {', '.join(needed)}, got {', '.join(table.column_names)};"
                " pass what frequent_itemsets gives"
            )
    return table["items"], table["support"], table["count"] if with_count else None


def _whole_number(name: str, value: int | None) -> int | None:
    return None if value is None else as_count(name, value, _MOST)
