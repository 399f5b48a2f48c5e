"""The cleaned rows on their way: in batches, with what was decided about each."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_jobs.events import track
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages, languages
from fastnlp_jobs.jobs.prepare.words import Tokenizer
from fastnlp_jobs.schemas import DOCUMENTS
from fastnlp_jobs.tables import count_rows, scan_table

# Tokens are null in rows that do not go on.
SEGMENTED = pa.schema([*CLEANED, *(DOCUMENTS.field(name).with_nullable(True) for name in ("tokens", "num_emotes"))])


class Rows:
    """Rows in batches, each with its position `row`, its language, and the filter that removes it."""

    def __init__(
        self,
        paths: list[Path],
        batch_rows: int,
        *,
        threads: ThreadLanguages | None,
        wanted: list[str],
        schema: pa.Schema = CLEANED,
    ) -> None:
        """Take the tables in order.

        Args:
            paths: tables of `schema`.
            batch_rows: the largest batch.
            threads: what all rows say about the threads; None where the tables hold languages and filters already.
            wanted: the languages that stay; empty: all.
            schema: CLEANED, or SEGMENTED.
        """
        self._paths = paths
        self._batch_rows = batch_rows
        self._threads = None if threads is None else threads.decided()
        self._wanted = wanted
        self._schema = schema

    def batches(self, what: str) -> Iterator[pl.DataFrame]:
        """All rows, in order; `what` names the progress."""
        first_row = 0
        batches = chain.from_iterable(scan_table(path, self._schema, self._batch_rows) for path in self._paths)
        for batch in track(batches, what, sum(-(-count_rows(path) // self._batch_rows) for path in self._paths)):
            rows = pl.DataFrame(batch).with_row_index("row", first_row)
            first_row += len(rows)
            yield rows if self._threads is None else self._decide(rows, self._threads)

    def _decide(self, rows: pl.DataFrame, threads: pl.DataFrame) -> pl.DataFrame:
        rows = rows.with_columns(lang=languages(rows, threads))
        if not self._wanted:
            return rows
        unwanted = pl.when(~pl.col("lang").is_in(self._wanted)).then(pl.lit("language"))
        return rows.with_columns(reason=pl.coalesce("reason", unwanted))


def add_tokens(rows: pl.DataFrame, tokenizer: Tokenizer) -> pl.DataFrame:
    """Add the columns tokens and num_emotes to rows with language and clean text."""
    tokens, num_emotes = tokenizer.tokenize(rows["clean"], rows["lang"])
    return rows.with_columns(tokens=tokens, num_emotes=num_emotes + rows["num_kaomoji"])
