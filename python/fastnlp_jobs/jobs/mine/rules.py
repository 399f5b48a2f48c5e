"""From transactions to itemsets and rules: every rule is tested, then the weak ones are left out."""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from fastnlp_core import association_rules, benjamini_hochberg, frequent_itemsets
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.mine import Config


@dataclass(frozen=True)
class Found:
    """What mining gives: ITEMSETS, RULES, and how many rules were tested to get there."""

    itemsets: pa.Table
    rules: pa.Table
    num_tests: int
    num_redundant: int


def mine(transactions: pl.Series, config: Config) -> Found:
    """Mine and test `transactions`.

    Raises:
        BadInput: there is nothing to mine.
        MemoryLimitError: the itemsets or rules do not fit the memory the config allows.
    """
    if config.engine == "core":
        return find_rules(find_itemsets(transactions, config), len(transactions), config)
    from fastnlp_jobs.jobs.mine.reference import mine_with_mlxtend

    _refuse_nothing(len(transactions), config)
    return _found(*mine_with_mlxtend(transactions, config), config)


def find_itemsets(transactions: pl.Series, config: Config) -> pa.Table:
    """All frequent itemsets; of no transactions there are none.

    Raises:
        MemoryLimitError: they do not fit the memory the config allows.
    """
    return frequent_itemsets(transactions, config.min_support, config.max_length, max_memory=_max_memory(config))


def find_rules(itemsets: pa.Table, num_transactions: int, config: Config) -> Found:
    """Test all rules between the parts of itemsets; q-values are computed before any rule is left out.

    Raises:
        BadInput: there was nothing to mine.
        MemoryLimitError: the rules do not fit the memory the config allows.
    """
    _refuse_nothing(num_transactions, config)
    tested = association_rules(
        itemsets,
        metric="support",
        min_threshold=0.0,
        num_transactions=num_transactions,
        max_memory=_max_memory(config),
    )
    return _found(itemsets, tested, config)


def _max_memory(config: Config) -> int:
    return config.max_memory_mb * 1_000_000


def _refuse_nothing(num_transactions: int, config: Config) -> None:
    if not num_transactions:
        raise BadInput(f"{config.input}: no document holds any item to mine; look at prepare's filters and stopwords")


def _found(itemsets: pa.Table, tested: pa.Table, config: Config) -> Found:
    rules = _worth_reading(tested, config)
    redundant = rules.get_column("redundant").sum()
    return Found(itemsets, rules.to_arrow(), tested.num_rows, int(redundant))


def _worth_reading(tested: pa.Table, config: Config) -> pl.DataFrame:
    """Rules that pass confidence and false discovery rate, the surest and strongest first."""
    q_values = benjamini_hochberg(tested["p_value"])
    rules = pl.from_arrow(tested.append_column("q_value", q_values))
    assert isinstance(rules, pl.DataFrame)
    kept = rules.filter(pl.col("confidence") >= config.min_confidence, pl.col("q_value") <= config.max_q_value)
    names = [pl.col(side).list.join("\0").alias(f"_{side}") for side in ("antecedent", "consequent")]
    return (
        kept.with_columns(names)
        .sort(["q_value", "lift", "_antecedent", "_consequent"], descending=[False, True, False, False])
        .drop("_antecedent", "_consequent")
    )
