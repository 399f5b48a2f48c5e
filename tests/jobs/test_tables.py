"""Parquet in and out: the bytes of a file follow from its rows."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fastnlp_jobs.tables import BATCH_ROWS, TableWriter, count_rows

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
