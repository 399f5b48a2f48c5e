"""Documents as transactions: one per distinct text, and per author and thread where authors are known.

Fisher's test takes transactions for independent. Copies of a text, and one person repeating
themselves in one thread, are the two plain ways in which comments are not.
"""

from dataclasses import dataclass

import polars as pl

from fastnlp_jobs.jobs.mine import Config
from fastnlp_jobs.schemas import DOCUMENTS, MASKS
from fastnlp_jobs.tables import count_rows, read_columns

_BETWEEN_CLAUSES = r"[\p{P}\p{S}\s]+"
ROW_COUNTS = ("transactions", "equal_texts", "same_author_and_thread", "empty")


@dataclass(frozen=True)
class Transactions:
    """The rows to mine, in the order of the documents, and why the others are not among them."""

    items: pl.Series  # list<str>, no repeats within a row
    rows: dict[str, int]  # ROW_COUNTS: how many are mined, and how many are left out by each rule


def read_transactions(config: Config) -> Transactions:
    """Read the documents, or those of the config's shard, and keep those that may count as independent of all before.

    Raises:
        BadInput: the file is not a DOCUMENTS table.
    """
    path = config.input / "documents.parquet"
    rows = config.own_rows(count_rows(path))
    columns = read_columns(path, DOCUMENTS, ["thread_id", "author", "clean"], range(rows.stop))
    documents = pl.DataFrame(columns).with_row_index("row")
    distinct = documents.unique("clean", keep="first", maintain_order=True)
    anonymous = pl.col("author").is_null()
    speaks_first = pl.struct("author", "thread_id").is_first_distinct()
    independent = distinct.filter(anonymous | speaks_first)
    is_own = pl.col("row") >= rows.start
    num_distinct, own = len(distinct.filter(is_own)), independent.filter(is_own)
    if config.items == "clauses":
        found = own.select(_clauses()).to_series()
    else:
        tokens = pl.Series("tokens", read_columns(path, DOCUMENTS, ["tokens"], rows)["tokens"])
        found = tokens.gather(own["row"] - rows.start).list.unique(maintain_order=True)
    kept = found.filter(found.list.len() > 0)
    counts = (len(kept), len(rows) - num_distinct, num_distinct - len(own), len(found) - len(kept))
    return Transactions(kept, dict(zip(ROW_COUNTS, counts, strict=True)))


def _clauses() -> pl.Expr:
    text = pl.col("clean").str.replace_all(MASKS, "\n").str.replace_all(_BETWEEN_CLAUSES, "\n")
    return (
        text.str.strip_chars("\n")
        .str.split("\n")
        .list.drop_nulls()
        .list.filter(pl.element() != "")
        .list.unique(maintain_order=True)
    )
