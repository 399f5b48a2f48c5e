"""Near-duplicates among the rows that passed the filters.

Comparing every text with every other needs all of them, so they are written to two files and mapped: their pages are
the system's to drop when memory is short. What stays in memory is an outline of each text.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import near_duplicates
from fastnlp_jobs.events import event
from fastnlp_jobs.jobs.prepare.ids import Ids

_COMPARED_ROWS = 65_536
_NO_MEMBERS = pl.DataFrame(
    schema={
        "row": pl.UInt32,
        "kept": pl.UInt32,
        "similarity": pl.Float64,
        "duplicate": pl.String,
        "kept_id": pl.String,
    }
)


class Duplicates:
    """The rows that an earlier row makes superfluous, and that earlier row."""

    def __init__(self, members: pl.DataFrame = _NO_MEMBERS) -> None:
        """Take row, kept, similarity, duplicate (why) and kept_id of each superfluous row."""
        self.rows = members["row"]
        self._members = members
        self._kept = members.select(row="kept", own="kept_id").unique()
        self.groups = len(self._kept)

    def join(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add kept_id, similarity and duplicate of superfluous rows, and group of every clustered row, by `row`."""
        near = pl.col("row").is_between(rows["row"].min(), rows["row"].max())  # a batch looks for few of all members
        members, kept = self._members.drop("kept").filter(near), self._kept.filter(near)
        joined = rows.join(members, on="row", how="left", maintain_order="left")
        joined = joined.join(kept, on="row", how="left", maintain_order="left")
        return joined.with_columns(group=pl.coalesce("kept_id", "own")).drop("own")

    def with_copies(self, copies: pl.DataFrame, ids: Ids) -> "Duplicates":
        """Add rows with an equal `first` row that were not compared: kept for them is what is kept for that one, or it.

        Args:
            copies: row and first; only rows that passed the filters.
            ids: id of each of all rows.
        """
        as_first = copies.join(self._members.rename({"row": "first"}), on="first", how="left", maintain_order="left")
        members = as_first.select(
            "row",
            kept=pl.coalesce("kept", "first"),
            similarity=pl.col("similarity").fill_null(1.0),
            duplicate=pl.col("duplicate").fill_null("equal_text"),
            kept_id=pl.coalesce("kept_id", ids.gather(copies["first"])),
        )
        return Duplicates(pl.concat([self._members, members]))


class TextFiles:
    """Texts on disk, written in batches and read as one Arrow column that holds no copy."""

    def __init__(self, folder: Path) -> None:
        """Open the two files; `unlink` removes them."""
        self._paths = (folder / "texts.offsets", folder / "texts.data")
        self._offsets, self._data = (path.open("wb") for path in self._paths)
        self._length = self._end = 0
        self._offsets.write(bytes(8))

    def add(self, texts: pl.Series) -> None:
        """Append texts, none of them null."""
        ends = texts.str.len_bytes().cast(pl.Int64).cum_sum() + self._end
        self._offsets.write(ends.to_arrow().buffers()[1])
        self._data.write(texts.to_arrow().buffers()[2] or b"")
        self._length += len(texts)
        self._end = int(ends[-1]) if len(ends) else self._end

    def column(self) -> pa.LargeStringArray:
        """All texts; none can be added after."""
        self._data.write(b"\0")  # an empty file cannot be mapped
        self._data.flush()
        self._offsets.flush()
        buffers = [pa.memory_map(str(path)).read_buffer() for path in self._paths]
        return pa.LargeStringArray.from_buffers(self._length, *buffers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and remove the files."""
        for file, path in zip((self._offsets, self._data), self._paths, strict=True):
            file.close()
            path.unlink()


def find_duplicates(
    texts: pa.LargeStringArray,
    rows: pl.Series,
    ids: Ids,
    threshold: float,
    outlines: pa.ChunkedArray | None = None,
) -> Duplicates:
    """Look for near-duplicates.

    Args:
        texts: the clean texts of the rows that passed the filters.
        rows: the position of each of them among all rows.
        ids: id of each of all rows.
        threshold: Jaccard similarity of character trigrams.
        outlines: of each of the texts, where shards made them.
    """
    event("comparing", rows=len(texts))
    found = near_duplicates(texts, threshold=threshold, method="exact", outlines=outlines)
    equal = [_equal(texts, part) for part in found.clusters.to_batches(max_chunksize=_COMPARED_ROWS)]
    members = pl.DataFrame(found.clusters).with_columns(
        pl.Series("duplicate", pl.concat([pl.Series([], dtype=pl.Boolean), *equal])),
        pl.col("row", "kept").map_batches(rows.gather, return_dtype=pl.UInt32),
    )
    duplicate = pl.when("duplicate").then(pl.lit("equal_text")).otherwise(pl.lit("near_duplicate"))
    return Duplicates(members.with_columns(duplicate=duplicate, kept_id=ids.gather(members["kept"])))


def _equal(texts: pa.LargeStringArray, members: pa.RecordBatch) -> pl.Series:
    """Whether the text of each member is that of its kept row."""
    return pl.Series(pc.equal(texts.take(members["row"]), texts.take(members["kept"])))
