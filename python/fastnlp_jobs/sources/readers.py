"""Rows of a file in batches: the wanted columns as text, and what was not a row.

CSV goes through the standard library's strict reader, which is exact about quotes and line numbers. A broken
row costs only its first line: reading goes on at the next one, so a quote that is never closed swallows nothing.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.elements import MAX_TEXT, read_elements
from fastnlp_jobs.sources.files import SourceFile, open_text

Cells = list[str | None]
READ_ROWS = 32_768
TEXT_COLUMN = "text"  # the only column of a text file
_SHOWN_COLUMNS = 20
_SHOWN_CHARACTERS = 20  # of a column's name: a first row that is none may hold somebody's words
# fmt: off
_HEADER_WORDS = frozenset({
    "author", "channel", "comment", "comments", "content", "date", "id", "label", "labels", "likes", "message", "name",
    "review", "text", "time", "timestamp", "title", "user", "username",
    "作者", "内容", "文本", "日期", "时间", "昵称", "标签", "点赞", "用户", "评论",
})
# fmt: on


class Rejected(NamedTuple):
    """A row that cannot be used."""

    row: int
    reason: str
    text: str | None = None


class Record(NamedTuple):
    """One row of a text format: its cells, or why it has none."""

    row: int
    cells: Any
    problem: str | None = None


@dataclass
class Batch:
    """Rows of one file; `rows` are line numbers, or row numbers in Parquet and XML, from 1."""

    columns: dict[str, Cells]
    rows: list[int]
    rejected: list[Rejected] = field(default_factory=list)

    def only(self, positions: list[int]) -> "Batch":
        """The rows at these positions."""
        columns = {name: [cells[at] for at in positions] for name, cells in self.columns.items()}
        return Batch(columns, [self.rows[at] for at in positions], self.rejected)


@dataclass(frozen=True)
class Layout:
    """How the rows of a delimited file, or of an XML file, are written."""

    delimiter: str | None = None  # without it a comma, in .tsv files a tab
    names: tuple[str, ...] = ()  # of the columns, where the file has no header
    message_last: bool = False  # one row a line; the last column is the rest of it, whatever it holds
    element: str | None = None  # of XML: the one that is a row


def read_batches(file: SourceFile, encoding: str, layout: Layout, wanted: list[str]) -> Iterator[Batch]:
    """Read the `wanted` columns of a file.

    Raises:
        BadInput: a wanted column is missing; names the file, the column and those there are.
    """
    if file.format == "parquet":
        yield from _parquet_batches(file, wanted)
        return
    with open_text(file.path, encoding) as lines:
        if file.format == "text":
            _require(file, wanted, [TEXT_COLUMN])
            yield from _batches(_text_records(lines), wanted, [itemgetter(0)])
        elif file.format == "jsonl":
            yield from _keyed_batches(file, _json_records(lines), wanted)
        elif file.format == "xml":
            yield from _keyed_batches(file, _xml_records(file, lines, layout), wanted)
        else:
            yield from _delimited_batches(file, lines, layout, wanted)


def _delimited_batches(file: SourceFile, lines: Iterator[str], layout: Layout, wanted: list[str]) -> Iterator[Batch]:
    delimiter = layout.delimiter or ("\t" if ".tsv" in file.path.suffixes else ",")
    read = _message_records if layout.message_last else _csv_records
    records = read(lines, delimiter, len(layout.names))
    first = next(records, None)
    if first is None:
        return
    header = [cell.strip() for cell in first.cells or []]
    names = list(layout.names) or header
    if not layout.names and not _is_header(header, wanted):
        raise BadInput(
            f"{file.path}: the column `{wanted[0]}` is missing: none of the {len(header)} cells of the first row is a "
            "name of a column; does the file lack a header line? Then name its columns in `mapping.column_names`; "
            "else check `mapping.delimiter` and `mapping.columns`"
        )
    _require(file, wanted, names)
    if header != names:
        records = chain([first], records)
    yield from _batches(records, wanted, [itemgetter(names.index(name)) for name in wanted])


def _is_header(first: list[str], wanted: list[str]) -> bool:
    """Whether a first row names columns, and so may be shown; also where it was split at the wrong delimiter."""
    cells = {part.strip(' "\ufeff').lower() for cell in first for part in re.split(r"[,;|\t]", cell)}
    return not cells.isdisjoint(_HEADER_WORDS.union(name.lower() for name in wanted))


class _Lines:
    """Lines that can be given back, so that a broken row spoils only its first line."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._fresh = lines
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.row = 1  # number of the first line in `taken`

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._fresh)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def start_row(self) -> None:
        self.row += len(self.taken)
        self.taken.clear()


def _csv_records(lines: Iterator[str], delimiter: str, width: int) -> Iterator[Record]:
    """Rows of `width` cells; 0: as many as the first row has."""
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            source.give_back_all_but_first()
            yield Record(source.row, None, "broken or never closed quotes, or a cell above 131,072 characters")
            continue
        if not cells:
            continue
        width = width or len(cells)
        if len(cells) == width:
            yield Record(source.row, cells)
        else:
            source.give_back_all_but_first()
            yield Record(source.row, None, f"expected {width} fields, got {len(cells)}")


def _message_records(lines: Iterator[str], delimiter: str, width: int) -> Iterator[Record]:
    for row, line in enumerate(lines, start=1):
        cells = line.rstrip("\r\n").split(delimiter, width - 1)
        if len(cells) == width:
            yield Record(row, [_unquote(cell) for cell in cells])
        elif line.strip():
            yield Record(row, None, f"expected {width} fields, got {len(cells)}")


def _unquote(cell: str) -> str:
    """Without the quotes around it; inside, both ways to write a quote are one, a stray backslash stays."""
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"':
        return cell
    return cell[1:-1].replace('""', '"').replace('\\"', '"')


def _text_records(lines: Iterator[str]) -> Iterator[Record]:
    for row, line in enumerate(lines, start=1):
        if text := line.rstrip("\r\n"):
            yield Record(row, (text,))


def _json_records(lines: Iterator[str]) -> Iterator[Record]:
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Record(row, None, "expected a JSON object, got broken JSON")
            continue
        if isinstance(value, dict):
            yield Record(row, value)
        else:
            yield Record(row, None, f"expected a JSON object, got {type(value).__name__}")


def _xml_records(file: SourceFile, lines: IO[str], layout: Layout) -> Iterator[Record]:
    if layout.element is None:
        raise BadInput(f"{file.path}: which element of the XML is a row? set `mapping.element` to its name")
    for row, cells in enumerate(read_elements(lines, layout.element, str(file.path)), start=1):
        yield Record(row, cells, None if cells else f"a text above {MAX_TEXT:,} characters")


def _keyed_batches(file: SourceFile, records: Iterator[Record], wanted: list[str]) -> Iterator[Batch]:
    first = list(islice(records, READ_ROWS))
    keys = sorted({key for record in first if record.cells for key in record.cells})
    if keys:
        _require(file, wanted, keys)
    yield from _batches(chain(first, records), wanted, [_json_cell(name) for name in wanted])


def _json_cell(name: str) -> Callable[[dict[str, Any]], str | None]:
    def cell(record: dict[str, Any]) -> str | None:
        value = record.get(name)
        return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return cell


def _batches(records: Iterator[Record], wanted: list[str], cells: list[Callable[[Any], str | None]]) -> Iterator[Batch]:
    while chunk := list(islice(records, READ_ROWS)):
        good = [record for record in chunk if record.problem is None]
        rows = [record.cells for record in good]
        columns = {name: list(map(cell, rows)) for name, cell in zip(wanted, cells, strict=True)}
        rejected = [Rejected(record.row, record.problem) for record in chunk if record.problem is not None]
        yield Batch(columns, [record.row for record in good], rejected)


def _parquet_batches(file: SourceFile, wanted: list[str]) -> Iterator[Batch]:
    try:
        table = pq.ParquetFile(file.path, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{file.path}: expected a Parquet file, cannot read it ({error})") from error
    with table:
        _require(file, wanted, table.schema_arrow.names)
        row = 1
        for batch in table.iter_batches(READ_ROWS, columns=wanted):
            columns = {name: _as_text(file, name, batch.column(name)).to_pylist() for name in wanted}
            yield Batch(columns, list(range(row, row + batch.num_rows)))
            row += batch.num_rows


def _as_text(file: SourceFile, name: str, column: pa.Array) -> pa.Array:
    kind = column.type
    try:
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            moments = column.cast(pa.timestamp("us")).cast(pa.string())  # the moment in UTC, without needing zone data
            return pc.binary_join_element_wise(moments, "Z", "")
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"{file.path}: column `{name}`: expected text, a number or a time, got {kind}") from error


def _require(file: SourceFile, wanted: list[str], found: list[str]) -> None:
    for name in wanted:
        if found.count(name) == 1:
            continue
        shown = ", ".join(map(_cut, found[:_SHOWN_COLUMNS])) + (", …" if len(found) > _SHOWN_COLUMNS else "")
        problem = "missing" if name not in found else "there more than once"
        raise BadInput(
            f"{file.path}: the column `{name}` is {problem}; found: {shown or 'none'}; "
            "set `mapping.columns` (or `labels`, `split`, `keep`) to the names in the file, or `mapping.delimiter`"
        )


def _cut(name: str) -> str:
    return name if len(name) <= _SHOWN_CHARACTERS else name[: _SHOWN_CHARACTERS - 1] + "…"
