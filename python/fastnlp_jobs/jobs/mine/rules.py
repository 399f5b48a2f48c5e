"""From transactions to itemsets and rules: every rule is tested, then the weak ones are left out."""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from fastnlp_core import benjamini_hochberg
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
    """Mine and test `transactions`; q-values are computed before any rule is left out.

    Raises:
        BadInput: there is nothing to mine.
        MemoryLimitError: the itemsets or rules do not fit the memory the config allows.
    """
    if transactions.is_empty():
        raise BadInput(f"{config.input}: no document holds any item to mine; look at prepare's filters and stopwords")
    if config.engine == "mlxtend":
        from fastnlp_jobs.jobs.mine.reference import mine_with_mlxtend as engine
    else:
        engine = _mine_with_core
    itemsets, tested = engine(transactions, config)
    rules = _worth_reading(tested, config)
    redundant = rules.get_column("redundant").sum()
    return Found(itemsets, rules.to_arrow(), tested.num_rows, int(redundant))


def _mine_with_core(transactions: pl.Series, config: Config) -> tuple[pa.Table, pa.Table]:
    """All frequent itemsets, and all rules between their parts with p-value and redundancy."""
    from fastnlp_core import association_rules, frequent_itemsets

    max_memory = config.max_memory_mb * 1_000_000
    itemsets = frequent_itemsets(transactions, config.min_support, config.max_length, max_memory=max_memory)
    tested = association_rules(
        itemsets, metric="support", min_threshold=0.0, num_transactions=len(transactions), max_memory=max_memory
    )
    return itemsets, tested


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
