"""The ids of the rows: in memory they would be more than all else that grows with the rows, so they are read anew."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_jobs.schemas import COMMENTS
from fastnlp_jobs.tables import scan_columns


class Ids:
    """The ids of the rows of some tables, in order."""

    def __init__(self, paths: list[Path], rows: int) -> None:
        """Take files of tables with the column `id` and `rows` rows in all; they are opened when an id is asked for."""
        self._paths = paths
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def gather(self, rows: pl.Series) -> pl.Series:
        """The id of each of `rows`, where a row may stand more than once."""
        wanted = rows.unique().sort()
        found = [pa.array([], pa.string())]
        for first_row, ids in self._batches() if len(wanted) else ():
            start, stop = wanted.search_sorted(pl.Series([first_row, first_row + len(ids)]))
            found.append(ids.take((wanted[start:stop] - first_row).to_arrow()))  # a copy: the other ids are let go
        return pl.Series("id", pa.chunked_array(found)).gather(wanted.search_sorted(rows))

    def rows_of(self, ids: pl.Series) -> pl.DataFrame:
        """`row` and `id` of the rows that have one of `ids`."""
        wanted = ids.to_frame("id")
        found = [pl.DataFrame(schema={"row": pl.UInt32, "id": pl.String})]
        for first_row, batch in self._batches() if len(ids) else ():
            rows = pl.DataFrame({"id": pl.Series(batch)}).with_row_index("row", first_row)
            found.append(rows.join(wanted, on="id", how="semi"))
        return pl.concat(found)

    def _batches(self) -> Iterator[tuple[int, pa.StringArray]]:
        """The ids, with the position of the first of them among all rows."""
        first_row = 0
        for path in self._paths:
            for batch in scan_columns(path, COMMENTS, ["id"]):
                yield first_row, batch["id"]
                first_row += batch.num_rows


def find_repeated(path: Path, rows: range) -> pl.Series:
    """Whether the id of each of `rows` stands in an earlier row of the table.

    What is compared of all rows is a hash of 64 bits; where two are equal, the ids themselves decide.
    """
    ids = scan_columns(path, COMMENTS, ["id"], range(rows.stop))
    parts = [pl.Series(batch["id"], dtype=pl.String).hash() for batch in ids]
    hashes = pl.concat([pl.Series([], dtype=pl.UInt64), *parts], rechunk=True)
    del parts
    in_order = hashes.sort()
    shared = in_order[1:].filter(in_order[1:] == in_order[:-1]).unique()
    suspects = hashes.is_in(shared.implode()).arg_true()
    again = suspects.filter(~Ids([path], len(hashes)).gather(suspects).is_first_distinct())
    return pl.repeat(False, len(hashes), dtype=pl.Boolean, eager=True).scatter(again, values=True)[rows.start :]
