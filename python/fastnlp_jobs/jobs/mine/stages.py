"""The stages of the job. Savasere, Omiecinski, Navathe (1995), "An efficient algorithm for mining association rules".

1. `count`: each shard finds the itemsets that are frequent among its own transactions. What is frequent in the whole
   is so, at the same support, in at least one shard: a share of the whole is no larger than the largest of its parts.
2. `verify`: each shard counts what any shard found, among its own transactions.
3. `merge`: sums the counts, which are exact, drops what is not frequent, and goes on as the whole job does.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import count_itemsets
from fastnlp_jobs.jobs.mine import Config
from fastnlp_jobs.jobs.mine.rules import find_itemsets
from fastnlp_jobs.jobs.mine.transactions import ROW_COUNTS
from fastnlp_jobs.parts import read_parts
from fastnlp_jobs.schemas import ITEMSETS
from fastnlp_jobs.tables import read_table, write_table

_FILE = "counts.parquet"
_COUNTS = pa.schema([field for field in ITEMSETS if field.name != "support"])


def count(transactions: pl.Series, config: Config) -> pa.Table:
    """Write and give the itemsets of the shard's stage with their counts in these transactions.

    Raises:
        BadInput: a part is missing.
        MemoryLimitError: the itemsets do not fit the memory the config allows.
    """
    if config.stage == "count":
        found = find_itemsets(transactions, config)
    else:
        items = _read_counts(config).unique("items").sort("items")["items"]
        found = pa.table([items.to_arrow(), count_itemsets(transactions, items)], names=["items", "count"])
    write_table(found, config.output / _FILE, _COUNTS)
    return found


def sum_counts(num_transactions: int, config: Config) -> pa.Table:
    """The frequent itemsets with count and support, in the order of `frequent_itemsets`."""
    totals = _read_counts(config).group_by("items").agg(pl.col("count").sum())
    # Not by Polars, which multiplies by 1 / n: the last bit would differ from what `frequent_itemsets` gives.
    supports = pc.divide(totals["count"].cast(pl.Float64).to_arrow(), float(num_transactions))
    itemsets = totals.with_columns(support=pl.Series(supports))
    frequent = itemsets.filter(pl.col("support") >= config.min_support)
    return frequent.sort(pl.col("items").list.len(), "count", "items", descending=[False, True, False]).to_arrow()


def sum_rows(config: Config) -> dict[str, int]:
    """How many rows all shards mined, and how many they left out and why; as `Transactions.rows`."""
    parts = read_parts(config)
    return {name: sum(part.counts[name] for part in parts) for name in ROW_COUNTS}


def _read_counts(config: Config) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(read_table(part.folder / _FILE, _COUNTS)) for part in read_parts(config)])
