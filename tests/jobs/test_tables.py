"""Parquet in and out: the bytes of a file follow from its rows."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.tables import BATCH_ROWS, TableWriter, count_rows, read_columns, read_table, scan_table

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("items", pa.list_(pa.string()))])
ROWS = pa.table(
    {"id": [str(row) for row in range(BATCH_ROWS + 10)], "items": [["a", None]] * (BATCH_ROWS + 10)}, schema=SCHEMA
)


def write_in_batches(path: Path, batch_rows: int) -> bytes:
    with TableWriter(path, SCHEMA) as writer:
        for start in range(0, ROWS.num_rows, batch_rows):
            writer.write(ROWS.slice(start, batch_rows))
    return path.read_bytes()


@pytest.mark.parametrize("batch_rows", [997, BATCH_ROWS - 1, 2 * BATCH_ROWS])
def test_the_bytes_do_not_depend_on_the_batches(tmp_path: Path, batch_rows: int) -> None:
    whole = write_in_batches(tmp_path / "whole.parquet", ROWS.num_rows)
    assert write_in_batches(tmp_path / "parts.parquet", batch_rows) == whole


def test_rows_are_regrouped_into_full_row_groups(tmp_path: Path) -> None:
    write_in_batches(tmp_path / "rows.parquet", 1000)
    metadata = parquet.read_metadata(tmp_path / "rows.parquet")
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [BATCH_ROWS, 10]
    assert parquet.read_table(tmp_path / "rows.parquet").equals(ROWS)


def test_a_file_without_rows_is_a_file(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "none.parquet", SCHEMA):
        pass
    assert count_rows(tmp_path / "none.parquet") == 0


@pytest.mark.parametrize("batch_rows", [7, 1000])
@pytest.mark.parametrize(
    "rows", [range(0), range(10), range(5, 5), range(25, 31), range(29, 100), range(90, 100), range(100)], ids=str
)
def test_some_rows_are_read_from_their_row_groups_alone(tmp_path: Path, rows: range, batch_rows: int) -> None:
    parquet.write_table(ROWS.slice(0, 100), tmp_path / "rows.parquet", row_group_size=30)
    batches = list(scan_table(tmp_path / "rows.parquet", SCHEMA, batch_rows, rows))
    assert pa.Table.from_batches(batches, schema=SCHEMA).equals(ROWS.slice(rows.start, len(rows)))
    assert all(batch.num_rows for batch in batches)


def test_an_error_in_some_rows_names_the_row_of_the_file(tmp_path: Path) -> None:
    ids = pa.table(
        {"id": ["a"] * 50 + [None], "items": [[]] * 51}, schema=pa.schema([("id", pa.string()), SCHEMA.field("items")])
    )
    parquet.write_table(ids, tmp_path / "rows.parquet", row_group_size=20)
    with pytest.raises(BadInput, match=r"rows\.parquet: row 51: `id` is null"):
        read_table(tmp_path / "rows.parquet", SCHEMA, range(45, 51))


def test_columns_alone_are_read_without_kept_ones(tmp_path: Path) -> None:
    parquet.write_table(ROWS.slice(0, 3).append_column("x_shop", [["a", "b", "c"]]), tmp_path / "rows.parquet")
    assert read_table(tmp_path / "rows.parquet", SCHEMA).column_names == ["id", "items", "x_shop"]
    assert read_columns(tmp_path / "rows.parquet", SCHEMA, ["id"], range(1, 3)).to_pydict() == {"id": ["1", "2"]}
