"""Parquet in and out, checked against a schema at the edge and trusted afterwards."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.schemas import KEPT_PREFIX

BATCH_ROWS = 65_536


def read_table(path: Path, schema: pa.Schema, rows: range | None = None) -> pa.Table:
    """Read a Parquet file, or some of its rows: the columns of `schema`, then the kept `x_` columns.

    Raises:
        BadInput: no Parquet file, a column is missing or of another type, or a null where none may be.
    """
    full = read_schema(path, schema)
    return pa.Table.from_batches(scan_table(path, schema, rows=rows), schema=full)


def scan_table(
    path: Path, schema: pa.Schema, batch_rows: int = BATCH_ROWS, rows: range | None = None
) -> Iterator[pa.RecordBatch]:
    """Read a Parquet file, or some of its rows, in batches of at most `batch_rows` rows; errors as `read_table`."""
    yield from _scan(path, read_schema(path, schema), batch_rows, rows)


def read_columns(path: Path, schema: pa.Schema, names: list[str], rows: range | None = None) -> pa.Table:
    """Read these columns of `schema` and no others; errors as `read_table`."""
    some = pa.schema([schema.field(name) for name in names])
    return pa.Table.from_batches(scan_columns(path, schema, names, rows), schema=some)


def scan_columns(
    path: Path, schema: pa.Schema, names: list[str], rows: range | None = None
) -> Iterator[pa.RecordBatch]:
    """Read as `read_columns`, in batches."""
    read_schema(path, schema)
    yield from _scan(path, pa.schema([schema.field(name) for name in names]), BATCH_ROWS, rows)


def _scan(path: Path, schema: pa.Schema, batch_rows: int, rows: range | None) -> Iterator[pa.RecordBatch]:
    with _open(path) as file:
        wanted = rows if rows is not None else range(file.metadata.num_rows)
        row_groups, row = _row_groups(file.metadata, wanted)
        for batch in file.iter_batches(batch_rows, row_groups=row_groups, columns=schema.names):
            start = min(max(wanted.start - row, 0), batch.num_rows)
            some = batch.slice(start, max(wanted.stop - row - start, 0))
            if some.num_rows:
                yield _conform(some, schema, path, row + start)
            row += batch.num_rows


def _row_groups(file: pq.FileMetaData, rows: range) -> tuple[list[int], int]:
    """The row groups that hold `rows`, and the first row of the first of them."""
    found: list[int] = []
    first_row = row = 0
    for group in range(file.num_row_groups):
        after = row + file.row_group(group).num_rows
        if row < rows.stop and rows.start < after:
            first_row = first_row if found else row
            found.append(group)
        row = after
    return found, first_row


def read_schema(path: Path, schema: pa.Schema) -> pa.Schema:
    """`schema` with the kept `x_` columns that the file at `path` has.

    Raises:
        BadInput: no Parquet file, or a column is missing.
    """
    with _open(path) as file:
        found = file.schema_arrow
    missing = [name for name in schema.names if name not in found.names]
    if missing:
        raise BadInput(
            f"{path}: expected the column `{missing[0]}` ({schema.field(missing[0]).type}), "
            f"found {', '.join(found.names)}; run the job that writes this table again"
        )
    kept = [field for field in found if field.name.startswith(KEPT_PREFIX) and field.name not in schema.names]
    return pa.schema([*schema, *kept])


def count_rows(path: Path) -> int:
    """Number of rows of a Parquet file, from its footer."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def write_table(table: pa.Table, path: Path, schema: pa.Schema) -> None:
    """Write a whole table as `schema`; see `TableWriter`."""
    with TableWriter(path, schema) as writer:
        writer.write(table)


class TableWriter:
    """Writes a Parquet file (zstd) batch by batch; every batch is cast to `schema` and checked.

    Rows are regrouped into row groups of `BATCH_ROWS`, so that the bytes of the file follow from its
    rows and not from how they came in.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Open `path` for writing; the file is complete after `close`."""
        self.path = path
        self.schema = schema
        self.rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append rows; columns beyond the schema are dropped, missing ones are an error of ours."""
        batches = rows.to_batches(max_chunksize=BATCH_ROWS) if isinstance(rows, pa.Table) else [rows]
        for batch in batches:
            checked = _conform(batch, self.schema, self.path, self.rows)
            self.rows += checked.num_rows
            start = 0
            while checked.num_rows - start >= (free := BATCH_ROWS - self._waiting_rows):
                self._wait(checked.slice(start, free))
                self._flush()
                start += free
            self._wait(checked.slice(start))

    def close(self) -> None:
        """Write the rows of the last row group and the footer."""
        if self._waiting_rows:
            self._flush()
        self._writer.close()

    def _wait(self, rows: pa.RecordBatch) -> None:
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows

    def _flush(self) -> None:
        row_group = pa.Table.from_batches(self._waiting, schema=self.schema).combine_chunks()
        self._writer.write_table(row_group, row_group_size=BATCH_ROWS)
        self._waiting, self._waiting_rows = [], 0

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close also after an error: the folder around the file is thrown away then, so no row is added."""
        if kind is not None:
            self._waiting_rows = 0
        self.close()


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, pre_buffer=False)  # a buffer would hold all that was read until the file is closed
    except FileNotFoundError as error:
        raise BadInput(f"{path}: there is no such file; is its folder the output of the right job?") from error
    except IsADirectoryError as error:
        raise BadInput(f"{path}: expected a Parquet file, got a folder; give the file in it") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path}: expected a Parquet file, cannot read it ({_first_line(error)})") from error


def _conform(batch: pa.RecordBatch, schema: pa.Schema, path: Path, first_row: int) -> pa.RecordBatch:
    columns = []
    for field in schema:
        column = batch.column(field.name)
        if column.type != field.type:
            column = _cast(column, field, path)
        if not field.nullable and column.null_count:
            row = first_row + pc.index(column.is_null(), True).as_py() + 1
            raise BadInput(f"{path}: row {row}: `{field.name}` is null; every row needs a value there")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, field: pa.Field, path: Path) -> pa.Array:
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInput(
            f"{path}: column `{field.name}`: expected {field.type}, got {column.type} ({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
