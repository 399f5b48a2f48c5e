"""Parquet tables as lazy Polars queries, checked against a schema at the edge like those of `tables`."""

from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.tables import read_schema


def scan(path: Path, schema: pa.Schema) -> pl.LazyFrame:
    """The table at `path`; nothing but its footer is read yet.

    Raises:
        BadInput: no Parquet file, or a column is missing or of another type.
    """
    read_schema(path, schema)
    rows = pl.scan_parquet(path, glob=False)
    found, expected = rows.collect_schema(), pl.DataFrame(schema.empty_table()).schema
    for name, kind in expected.items():
        if found[name] != kind:
            raise BadInput(
                f"{path}: column `{name}`: expected {kind}, got {found[name]}; run the job that writes this table again"
            )
    return rows
