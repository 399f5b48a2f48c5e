"""The same mining by mlxtend and scipy: slower, independent of our core, for comparison."""

from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from mlxtend.frequent_patterns import association_rules, fpgrowth
from mlxtend.preprocessing import TransactionEncoder
from scipy.stats import hypergeom

from fastnlp_jobs.jobs.mine import Config
from fastnlp_jobs.schemas import RULES

Counts = dict[frozenset[str], int]


def mine_with_mlxtend(transactions: pl.Series, config: Config) -> tuple[pa.Table, pa.Table]:
    """All frequent itemsets, and all rules between their parts with p-value and redundancy."""
    encoder = TransactionEncoder()
    matrix = encoder.fit_transform(transactions.to_list(), sparse=True)
    table = pd.DataFrame.sparse.from_spmatrix(matrix, columns=encoder.columns_)
    itemsets = fpgrowth(table, config.min_support, use_colnames=True, max_len=config.max_length)
    itemsets["count"] = (itemsets["support"] * len(transactions)).round().astype("uint64")
    return _itemset_table(itemsets), _rule_table(_rules(itemsets, len(transactions)))


def _rules(itemsets: pd.DataFrame, total: int) -> pd.DataFrame:
    counts: Counts = {items: int(count) for items, count in zip(itemsets["itemsets"], itemsets["count"], strict=True)}
    counts[frozenset()] = total
    with np.errstate(divide="ignore", invalid="ignore"):  # mlxtend divides by 0 and then takes another value
        rules = association_rules(itemsets, metric="support", min_threshold=0.0)
    sides = list(zip(rules["antecedents"], rules["consequents"], strict=True))
    both = [counts[left | right] - 1 for left, right in sides]
    right_counts, left_counts = [counts[right] for _, right in sides], [counts[left] for left, _ in sides]
    rules["p_value"] = hypergeom.sf(both, total, right_counts, left_counts)
    rules["redundant"] = [_is_redundant(left, right, counts) for left, right in sides]
    return rules


def _is_redundant(antecedent: frozenset[str], consequent: frozenset[str], counts: Counts) -> bool:
    """Whether a part of the antecedent, or none of it, predicts the consequent as surely."""
    parts = [frozenset(part) for size in range(len(antecedent)) for part in combinations(antecedent, size)]
    both, alone = counts[antecedent | consequent], counts[antecedent]
    return any(counts[part | consequent] * alone >= both * counts[part] for part in parts)


def _itemset_table(itemsets: pd.DataFrame) -> pa.Table:
    items = [sorted(items) for items in itemsets["itemsets"]]
    return pa.table({"items": items, "count": itemsets["count"], "support": itemsets["support"]})


def _rule_table(rules: pd.DataFrame) -> pa.Table:
    sides = {name: [sorted(items) for items in rules[f"{name}s"]] for name in ("antecedent", "consequent")}
    tested = pa.schema([field for field in RULES if field.name != "q_value"])
    numbers = {name: rules[name] for name in tested.names if name not in sides}
    return pa.table({**sides, **numbers}, schema=tested)
