"""Documents as transactions: one per distinct text, and per author and thread where authors are known.

Fisher's test takes transactions for independent. Copies of a text, and one person repeating
themselves in one thread, are the two plain ways in which comments are not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from fastnlp_jobs.schemas import DOCUMENTS, MASKS
from fastnlp_jobs.tables import read_table

_BETWEEN_CLAUSES = r"[\p{P}\p{S}\s]+"


@dataclass(frozen=True)
class Transactions:
    """The rows to mine, in the order of the documents, and why the others are not among them."""

    items: pl.Series  # list<str>, no repeats within a row
    equal_texts: int
    same_author_and_thread: int
    empty: int


def read_transactions(path: Path, items: Literal["tokens", "clauses"]) -> Transactions:
    """Read documents.parquet and keep the rows that may count as independent.

    Raises:
        BadInput: the file is not a DOCUMENTS table.
    """
    columns = ["thread_id", "author", "clean", "tokens"]
    documents = pl.from_arrow(read_table(path, DOCUMENTS).select(columns))
    assert isinstance(documents, pl.DataFrame)
    distinct = documents.unique("clean", keep="first", maintain_order=True)
    anonymous = pl.col("author").is_null()
    speaks_first = pl.struct("author", "thread_id").is_first_distinct()
    independent = distinct.filter(anonymous | speaks_first)
    found = independent.select(_clauses() if items == "clauses" else _tokens()).to_series()
    kept = found.filter(found.list.len() > 0)
    return Transactions(
        items=kept,
        equal_texts=len(documents) - len(distinct),
        same_author_and_thread=len(distinct) - len(independent),
        empty=len(found) - len(kept),
    )


def _tokens() -> pl.Expr:
    return pl.col("tokens").list.unique(maintain_order=True)


def _clauses() -> pl.Expr:
    text = pl.col("clean").str.replace_all(MASKS, "\n").str.replace_all(_BETWEEN_CLAUSES, "\n")
    return (
        text.str.strip_chars("\n")
        .str.split("\n")
        .list.drop_nulls()
        .list.filter(pl.element() != "")
        .list.unique(maintain_order=True)
    )
