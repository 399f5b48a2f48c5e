"""A person taken out of tables: their rows, the ids that lead to them, and their name where others wrote it."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl.masks import MENTION
from fastnlp_jobs.tables import TableWriter

# Tables with a row for each comment, by file name; rejected.parquet has no ids.
BY_COMMENT = {"comments", "documents", "examples", "removed", "labels", "predictions", "pairs", "members", "embeddings"}
EDITABLE = {*BY_COMMENT, "rejected", "emotes"}
_SHORTEST = 4  # letters of an ASCII name; a shorter one stands in too many other words
_SHORTEST_ELSEWHERE = 2
_BATCH_ROWS = 8_192
_TEXTS = ("text", "clean", "prompt", "response")  # columns


@dataclass(frozen=True)
class Person:
    """Whom to erase: what one source knows them by."""

    source: str
    subjects: tuple[str, ...] = field(repr=False)  # ids and names
    pseudonyms: tuple[str, ...]

    @property
    def mention(self) -> re.Pattern[str] | None:
        """Where a text names them; None where each name is too short to be told from other words."""
        names = [name for name in self.subjects if len(name) >= (_SHORTEST if name.isascii() else _SHORTEST_ELSEWHERE)]
        return re.compile("|".join(map(_whole_word, names)), re.IGNORECASE) if names else None


def _whole_word(name: str) -> str:
    before = r"(?<![0-9A-Za-z])" if name[0].isascii() and name[0].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if name[-1].isascii() and name[-1].isalnum() else ""
    return f"{before}[@＠]?{re.escape(name)}{after}"


def ids_of(path: Path, person: Person) -> set[str]:
    """The ids of the rows that the person wrote; none where the table does not name authors."""
    with _opened(path) as file:
        if not {"id", "author", "source"} <= set(file.schema_arrow.names):
            return set()
        found: set[str] = set()
        for batch in file.iter_batches(_BATCH_ROWS, columns=["id", "author", "source"]):
            by_them = pc.is_in(batch["author"], pa.array(person.pseudonyms, pa.string()))
            there = pc.and_(by_them, pc.equal(batch["source"], person.source))
            found.update(batch["id"].filter(pc.fill_null(there, False)).to_pylist())
    return found


def texts_of(path: Path, person: Person, ids: Collection[str]) -> set[str]:
    """The texts of the rows of `ids`, and those of others that name the person."""
    theirs = pa.array(sorted(ids), pa.string())
    with _opened(path) as file:
        names = [name for name in _TEXTS if name in file.schema_arrow.names]
        if "id" not in file.schema_arrow.names or not names:
            return set()
        found: set[str] = set()
        for batch in file.iter_batches(_BATCH_ROWS, columns=["id", *names]):
            is_theirs = pc.is_in(batch["id"], theirs)
            for name in names:
                wanted = pc.or_(is_theirs, _may_name(batch[name], person))
                found.update(batch[name].filter(pc.fill_null(wanted, False)).to_pylist())
    return found - {None}


def edit_table(path: Path, person: Person, ids: Collection[str]) -> tuple[int, int]:
    """Write a table anew without the rows of `ids`, and without what leads to them.

    Returns:
        Rows that are gone, and cells that were changed. Where both are 0 the file is left as it is.
    """
    gone = changed = 0
    erased = pa.array(sorted(ids), pa.string())
    beside = path.with_name(f"{path.name}.erasing")
    with _opened(path) as file, TableWriter(beside, file.schema_arrow) as writer:
        for batch in file.iter_batches(_BATCH_ROWS):
            if path.stem in BY_COMMENT:
                stay = pc.invert(pc.is_in(batch["id"], erased))
                gone += batch.num_rows - (pc.sum(stay).as_py() or 0)
                batch = batch.filter(stay)
            columns = [_edited(column, name, person, erased) for name, column in _columns(batch)]
            if path.stem == "rejected" and ids:  # whose an entry was that could not be used, nobody knows
                at = batch.schema.get_field_index("text")
                columns[at] = _blank(batch["text"])
            changed += sum(number for _, number in columns)
            writer.write(pa.RecordBatch.from_arrays([column for column, _ in columns], schema=file.schema_arrow))
    if gone or changed:
        beside.replace(path)
    else:
        beside.unlink()
    return gone, changed


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except pa.ArrowInvalid as error:
        raise BadInput(f"{path}: expected a Parquet file, cannot read it; delete it or make it again") from error


def _columns(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    yield from zip(batch.schema.names, batch.columns, strict=True)


def _edited(column: pa.Array, name: str, person: Person, erased: pa.Array) -> tuple[pa.Array, int]:
    """A column without ids that lead to the person and without their name, and how many cells were changed."""
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        values, number = _edited(column.flatten(), "", person, erased)
        return (_with_values(column, values), number) if number else (column, 0)
    if not pa.types.is_string(column.type):
        return column, 0
    if name in ("parent_id", "kept_id", "group"):
        leads = pc.fill_null(pc.is_in(column, erased), False)
        return pc.if_else(leads, None, column), pc.sum(leads).as_py() or 0
    if person.mention is None or not pc.any(_may_name(column, person)).as_py():
        return column, 0
    before = column.to_pylist()
    after = [text and person.mention.sub(MENTION, text) for text in before]
    return pa.array(after, column.type), sum(old != new for old, new in zip(before, after, strict=True))


def _may_name(column: pa.Array, person: Person) -> pa.Array:
    """Where a text holds one of their names, if only within other words."""
    named = [pc.match_substring(column, subject, ignore_case=True) for subject in person.subjects]
    return reduce(pc.or_, named)


def _blank(column: pa.Array) -> tuple[pa.Array, int]:
    return pa.nulls(len(column), column.type), len(column) - column.null_count


def _with_values(column: pa.ListArray, values: pa.Array) -> pa.ListArray:
    """The lists of `column` with other values, nulls and lengths as they were."""
    rest = iter(values.to_pylist())
    return pa.array([None if row is None else [next(rest) for _ in row] for row in column.to_pylist()], column.type)


def strings(path: Path) -> Iterator[str]:
    """Every text in a table, for a last look."""
    with _opened(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            for _, column in _columns(batch):
                yield from _texts(column)


def _texts(column: pa.Array) -> Iterable[str]:
    if pa.types.is_list(column.type):
        return _texts(column.flatten())
    return (text for text in column.to_pylist() if text) if pa.types.is_string(column.type) else ()
