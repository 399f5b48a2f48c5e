"""The store of a live crawl into the tables of its artifact; the same rows give the same bytes, however they landed."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from fastnlp_jobs.jobs.crawl.masks import MENTION
from fastnlp_jobs.jobs.crawl.store import Row, Store
from fastnlp_jobs.schemas import COMMENTS, EXAMPLES, KEPT_PREFIX, REJECTED, REMOVED, with_kept
from fastnlp_jobs.tables import TableWriter

_BATCH_ROWS = 8_192
Item = TypeVar("Item")


@dataclass
class Written:
    """What the tables hold."""

    comments: int = 0
    authors: int = 0  # comments whose author is known
    mentions: int = 0  # @names in texts that became a mask
    dates_null: int = 0
    likes_null: int = 0
    labelled: int = 0

    def add(self, rows: list[Row]) -> None:
        """Count these rows."""
        self.comments += len(rows)
        self.authors += sum(row.author is not None for row in rows)
        self.mentions += sum(row.text.count(MENTION) for row in rows)
        self.dates_null += sum(row.created_at is None for row in rows)
        self.likes_null += sum(row.likes is None for row in rows)
        self.labelled += sum(bool(row.labels) for row in rows)


def export(store: Store, folder: Path) -> Written:
    """Write comments, examples (where a comment has labels), removed and rejected of `store` into `folder`."""
    written = _write_comments(store, folder)
    removed = ((id_, None, reason, None) for id_, reason in store.gone())
    _write(folder / "removed.parquet", REMOVED, removed)
    _write(folder / "rejected.parquet", REJECTED, store.rejected())
    return written


def _write_comments(store: Store, folder: Path) -> Written:
    source, extra = store.written_as()
    written, examples = Written(), None
    schema = with_kept(COMMENTS, list(extra))
    with ExitStack() as stack:
        comments = stack.enter_context(TableWriter(folder / "comments.parquet", schema))
        for batch in _batches(store.comments()):
            written.add(batch)
            comments.write(_table([_comment(row, source) for row in batch], schema))
            labelled = [_example(row) for row in batch if row.labels]
            if labelled:
                examples = examples or stack.enter_context(TableWriter(folder / "examples.parquet", EXAMPLES))
                examples.write(_table(labelled, EXAMPLES))
    return written


def _comment(row: Row, source: str) -> dict[str, Any]:
    kept = {KEPT_PREFIX + name: value for name, value in row.extra.items()}
    return row._asdict() | {"source": source} | kept


def _example(row: Row) -> dict[str, Any]:
    return {"id": row.id, "text": row.text, "labels": list(row.labels), "origin": "real"}


def _write(path: Path, schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> None:
    with TableWriter(path, schema) as writer:
        for batch in _batches(rows):
            writer.write(_table([dict(zip(schema.names, row, strict=True)) for row in batch], schema))


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH_ROWS)):
        yield batch
