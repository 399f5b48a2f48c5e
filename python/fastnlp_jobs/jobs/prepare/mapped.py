"""What is on disk instead of in memory: its pages are the system's to drop when memory is short."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa


class MappedColumn:
    """Texts or bytes, written in batches and read as one Arrow column that holds no copy."""

    def __init__(self, path: Path, kind: pa.DataType) -> None:
        """Take a new path, to which endings are added, for a column of `kind`: large_string or large_binary."""
        self._kind = kind
        self._offsets, self._data = path.with_suffix(".offsets"), path.with_suffix(".data")
        self._offsets.write_bytes(bytes(8))
        self._data.touch()
        self._end = 0
        self._is_valid = [pl.Series([], dtype=pl.Boolean)]

    def add(self, values: pl.Series) -> None:
        """Append values, which may be null."""
        is_text = values.dtype == pl.String
        filled = values.fill_null("" if is_text else b"")
        lengths = filled.str.len_bytes() if is_text else filled.bin.size()
        ends = lengths.cast(pl.Int64).cum_sum() + self._end
        _append(self._offsets, ends.to_arrow().buffers()[1])
        _append(self._data, filled.to_arrow().buffers()[2])
        self._end = int(ends[-1]) if len(ends) else self._end
        self._is_valid.append(values.is_not_null())

    def column(self) -> pa.Array:
        """All values; none can be added after."""
        _append(self._data, b"\0")  # an empty file cannot be mapped
        is_valid = pl.concat(self._is_valid)
        bits = (is_valid & is_valid).to_arrow().buffers()[1]  # a new column, whose bits start with a byte
        offsets, data = (pa.memory_map(str(path)).read_buffer() for path in (self._offsets, self._data))
        return pa.Array.from_buffers(self._kind, len(is_valid), [bits, offsets, data])


class MappedBatches:
    """Tables of one schema, written one after another and gone through as often as needed."""

    def __init__(self, path: Path, tables: Iterator[pl.DataFrame], schema: pl.Schema) -> None:
        """Write the tables to a new file at `path`."""
        self._empty = pl.DataFrame(schema=schema)
        with pa.ipc.new_file(path, self._empty.to_arrow().schema) as file:
            for table in tables:
                file.write_table(table.rechunk().to_arrow())
        self._file = pa.ipc.open_file(pa.memory_map(str(path)))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """An empty table, then each as it was written."""
        yield self._empty
        for batch in range(self._file.num_record_batches):
            yield pl.DataFrame(self._file.get_batch(batch))


def mapped(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The same table of numbers, from a file at `path`."""
    arrow = table.rechunk().to_arrow()
    with pa.ipc.new_file(path, arrow.schema) as file:
        file.write_table(arrow)
    return pl.DataFrame(pa.ipc.open_file(pa.memory_map(str(path))).read_all())


def _append(path: Path, data: pa.Buffer | bytes | None) -> None:
    with path.open("ab") as file:
        file.write(data or b"")


def span(table: pl.DataFrame) -> tuple[int, int]:
    """The first `row` of a table that ascends by it, and the one after the last."""
    rows = table["row"]
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)


def between(table: pl.DataFrame, start: int, stop: int) -> pl.DataFrame:
    """The lines whose `row` is `start` or more and before `stop`, of a table that ascends by it."""
    first, after = (int(table["row"].search_sorted(row)) for row in (start, stop))
    return table[first:after]


def look_up(table: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """The line of each of `rows`, of a table that ascends by `row`; nulls where it has none."""
    at, after = (table["row"].search_sorted(rows, side) for side in ("left", "right"))
    there = pl.select(pl.when(rows.is_not_null() & (at < after)).then(at)).to_series()
    return table.select(pl.all().gather(there))
