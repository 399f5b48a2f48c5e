"""A batch of cells into rows of COMMENTS and EXAMPLES, and the rows that cannot be one."""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import pyarrow as pa

from fastnlp_jobs.jobs.crawl.labels import make_examples
from fastnlp_jobs.jobs.crawl.mapping import Mapping
from fastnlp_jobs.jobs.crawl.masks import mask_mentions
from fastnlp_jobs.schemas import COMMENTS, KEPT_PREFIX, with_kept
from fastnlp_jobs.sources.dates import DateKind, DateReader, read_region
from fastnlp_jobs.sources.files import UNDECODABLE, SourceFile
from fastnlp_jobs.sources.likes import read_likes
from fastnlp_jobs.sources.readers import Batch, Cells, Rejected

Value = TypeVar("Value")
ID_DIGITS = 16


class Rows(NamedTuple):
    """What a batch became."""

    comments: pa.RecordBatch
    examples: pa.RecordBatch | None  # None where the mapping names no labels
    rejected: list[Rejected]


class RowMaker:
    """Turns batches into rows and counts what it could not know."""

    def __init__(self, mapping: Mapping, dates: DateReader, author: Callable[[str], str] | None) -> None:
        """`author` gives the pseudonym of a name; None where no row names an author."""
        self.counts: Counter[str] = Counter()
        self.date_kinds: Counter[DateKind] = Counter()
        self.rejected: Counter[str] = Counter()
        self._mapping = mapping
        self._dates = dates
        self._author = author
        self._seen: set[int] = set()

    def make(self, file: SourceFile, batch: Batch) -> Rows:
        """Make the rows of one batch of `file`."""
        problems = self._problems(batch)
        texts = batch.columns[self._mapping.columns.text]
        unusable = [
            Rejected(batch.rows[at], reason, (texts[at] or "").strip() or None) for at, reason in problems.items()
        ]
        if problems:
            batch = batch.only([at for at in range(len(batch.rows)) if at not in problems])
        comments = self._comments(file, batch)
        examples = make_examples(self._mapping, file, batch, comments) if self._mapping.labels else None
        rejected = sorted([*batch.rejected, *unusable], key=lambda one: one.row)
        self.rejected.update(one.reason for one in rejected)
        return Rows(comments, examples, rejected)

    def _problems(self, batch: Batch) -> dict[int, str]:
        """Position to reason of every row that cannot be used."""
        columns = self._mapping.columns
        problems: dict[int, str] = {}
        for cells in batch.columns.values():
            problems |= _broken_characters(cells)
        for at, text in enumerate(batch.columns[columns.text]):
            if not text or text.isspace():
                problems.setdefault(at, "no text")
        for field in ("id", "thread_id"):
            if column := getattr(columns, field):
                for at, cell in enumerate(batch.columns[column]):
                    if not (cell and cell.strip()):
                        problems.setdefault(at, f"no {field}")
        if columns.id:
            self._reject_duplicates(batch.columns[columns.id], problems)
        return problems

    def _reject_duplicates(self, ids: Cells, problems: dict[int, str]) -> None:
        """The first row of an id stays. Ids are remembered as 64-bit hashes: about 70 bytes a row."""
        for at, cell in enumerate(ids):
            if at in problems or cell is None:
                continue
            short = int.from_bytes(hashlib.blake2b(cell.strip().encode(), digest_size=8).digest())
            if short in self._seen:
                problems[at] = "an earlier row has the same id"
            self._seen.add(short)

    def _comments(self, file: SourceFile, batch: Batch) -> pa.RecordBatch:
        """The rows of COMMENTS; every row of `batch` is usable."""
        mapping = self._mapping
        moments, regions = self._moments(batch)
        likes = _each(self._field("likes", batch), read_likes)
        authors = self._authors(self._field("author", batch))
        self.counts["authors"] += len(authors) - authors.count(None)
        self.counts["likes_null"] += likes.count(None)
        self.counts["dates_null"] += moments.count(None)
        own_regions = _each(self._field("region", batch), read_region)
        values = {
            **self._ids(file, batch),
            "parent_id": self._field("parent_id", batch),
            "author": authors,
            "created_at": moments,
            "region": [own or beside for own, beside in zip(own_regions, regions, strict=True)],
            "likes": likes,
            "lang": self._field("lang", batch),
            "text": self._masked(batch.columns[mapping.columns.text]),
            **{KEPT_PREFIX + name: self._masked(batch.columns[name]) for name in mapping.keep},
        }
        schema = with_kept(COMMENTS, mapping.keep)
        return pa.RecordBatch.from_arrays([pa.array(values[field.name], field.type) for field in schema], schema=schema)

    def _ids(self, file: SourceFile, batch: Batch) -> dict[str, Cells]:
        sources: Cells = [self._mapping.constants.source] * len(batch.rows)
        stem = file.stem
        threads = [thread or stem for thread in self._field("thread_id", batch)]
        ids = self._field("id", batch) if self._mapping.columns.id else _derived_ids(file, sources, threads, batch.rows)
        return {"id": ids, "source": sources, "thread_id": list(threads)}

    def _masked(self, texts: Cells) -> pa.Array:
        masked, mentions = mask_mentions(texts)
        self.counts["mentions_masked"] += mentions
        return masked

    def _field(self, field: str, batch: Batch) -> Cells:
        """The cells of a field from its column or constant, empty ones as null."""
        column = getattr(self._mapping.columns, field, None)
        if column is None:
            return [getattr(self._mapping.constants, field, None)] * len(batch.rows)
        return [(cell.strip() or None) if cell else None for cell in batch.columns[column]]

    def _authors(self, names: Cells) -> Cells:
        author = self._author
        return names if author is None else _each(names, lambda name: None if name is None else author(name))

    def _moments(self, batch: Batch) -> tuple[list[int | None], Cells]:
        """Microseconds since 1970 in UTC, and the regions written beside the times."""
        column = self._mapping.columns.created_at
        if column is None:
            return [None] * len(batch.rows), [None] * len(batch.rows)
        dates = _each(batch.columns[column], self._dates.read)
        self.date_kinds.update(date.kind for date in dates)
        return [date.microseconds for date in dates], [date.region for date in dates]


def _derived_ids(file: SourceFile, sources: Cells, threads: list[str], rows: list[int]) -> Cells:
    """First 16 hex digits of SHA-256 over source, thread, file and row, with a NUL between them.

    The file's name counts where the input is a folder: two files may hold the same thread.
    """
    name = file.name if file.in_folder else ""
    keys = (f"{source}\0{thread}\0{name}\0{row}" for source, thread, row in zip(sources, threads, rows, strict=True))
    return [hashlib.sha256(key.encode()).hexdigest()[:ID_DIGITS] for key in keys]


def _each(cells: Cells, read: Callable[[str | None], Value]) -> list[Value]:
    """`read` of every cell, called once per distinct value."""
    known = {cell: read(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _broken_characters(cells: Cells) -> dict[int, str]:
    """Position to reason of the cells that no text column can hold."""
    if is_plain("".join(cell for cell in cells if cell)):
        return {}
    return {at: reason for at, cell in enumerate(cells) if cell and (reason := what_is_broken(cell))}


def is_plain(text: str) -> bool:
    """Whether a text column can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def what_is_broken(cell: str) -> str | None:
    """Why no text column can hold it."""
    if UNDECODABLE in cell:
        return "bytes that are no text in this encoding"
    if any("\ud800" <= character <= "\udfff" for character in cell):
        return "half of a surrogate pair"
    return "a NUL byte" if "\0" in cell else None
