"""The ids of the rows: in memory they would be more than all else that grows with the rows, so they are read anew."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fastnlp_jobs.schemas import COMMENTS
from fastnlp_jobs.tables import scan_columns

_HASHES = 2**22


class Ids:
    """The ids of the rows of some tables, in order."""

    def __init__(self, paths: list[Path], rows: int) -> None:
        """Take files of tables with the column `id` and `rows` rows in all; they are opened when an id is asked for."""
        self._paths = paths
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def rows_of(self, ids: pl.Series) -> pl.DataFrame:
        """`row` and `id` of the rows that have one of `ids`."""
        wanted = ids.to_frame("id")
        found = [pl.DataFrame(schema={"row": pl.UInt32, "id": pl.String})]
        for first_row, batch in self.batches() if len(ids) else ():
            found.append(batch.to_frame("id").with_row_index("row", first_row).join(wanted, on="id", how="semi"))
        return pl.concat(found)

    def batches(self) -> Iterator[tuple[int, pl.Series]]:
        """The ids, with the position of the first of them among all rows."""
        first_row = 0
        for path in self._paths:
            for batch in scan_columns(path, COMMENTS, ["id"]):
                yield first_row, pl.Series(batch["id"], dtype=pl.String)
                first_row += batch.num_rows


def find_repeated(path: Path, rows: range, most_hashes: int = _HASHES) -> pl.Series:
    """Whether the id of each of `rows` stands in an earlier row of the table.

    What is compared of all rows is a hash of 64 bits; where two are equal, the ids themselves decide. The hashes go
    by in as many parts as hold `most_hashes` each.
    """
    parts = -(-rows.stop // most_hashes)
    suspects = [pl.DataFrame(schema={"row": pl.UInt32, "id": pl.String})]
    for part in range(parts):
        shared = _shared_hashes(path, rows.stop, part, parts)
        for first_row, ids in _batches(path, rows.stop) if len(shared) else ():
            table = ids.to_frame("id").with_row_index("row", first_row)
            suspects.append(table.filter(ids.hash().is_in(shared.implode())))
    by_row = pl.concat(suspects).sort("row")
    again = by_row.filter(~by_row["id"].is_first_distinct())["row"]
    return pl.repeat(False, rows.stop, dtype=pl.Boolean, eager=True).scatter(again, values=True)[rows.start :]


def _shared_hashes(path: Path, rows: int, part: int, parts: int) -> pl.Series:
    """The hashes that two of the first `rows` rows have, those of one part."""
    found = [pl.Series([], dtype=pl.UInt64)]
    for _, ids in _batches(path, rows):
        hashes = ids.hash()
        found.append(hashes if parts == 1 else hashes.filter(hashes % parts == part))
    hashes = pl.concat(found, rechunk=True).sort()
    return hashes[1:].filter(hashes[1:] == hashes[:-1]).unique()


def _batches(path: Path, rows: int) -> Iterator[tuple[int, pl.Series]]:
    first_row = 0
    for batch in scan_columns(path, COMMENTS, ["id"], range(rows)):
        yield first_row, pl.Series(batch["id"], dtype=pl.String)
        first_row += batch.num_rows
