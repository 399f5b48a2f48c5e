"""Near-duplicates among the rows that passed the filters.

Comparing every text with every other needs all of them, so they lie in a mapped file, and what is found in another.
"""

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import near_duplicates
from fastnlp_jobs.events import event
from fastnlp_jobs.jobs.prepare.mapped import between, look_up, mapped, span

_ROWS_AT_A_TIME = 65_536
_NO_MEMBERS = pl.DataFrame(schema={"row": pl.UInt32, "kept": pl.UInt32, "similarity": pl.Float64, "equal": pl.Boolean})
_NO_COPIES = pl.DataFrame(schema={"row": pl.UInt32, "first": pl.UInt32})


class Duplicates:
    """The rows that an earlier row makes superfluous, and that earlier row."""

    def __init__(self, rows: int, members: pl.DataFrame = _NO_MEMBERS, copies: pl.DataFrame = _NO_COPIES) -> None:
        """Take what is known of superfluous rows, ascending by row; none stands in both tables.

        Args:
            rows: how many rows there are in all.
            members: row, kept, similarity, and whether the two texts are `equal`.
            copies: row, and the `first` row with its text: kept for it is what is kept for that one, or that one.
        """
        self._members = members
        self._copies = copies
        self.is_superfluous = pl.repeat(False, rows, dtype=pl.Boolean, eager=True)
        self._is_kept = self.is_superfluous.clone()
        for start in range(0, rows, _ROWS_AT_A_TIME):
            stars = self._stars(start, start + _ROWS_AT_A_TIME)
            self.is_superfluous.scatter(stars["row"], values=True)
            self._is_kept.scatter(stars["kept"], values=True)
        self.groups = int(self._is_kept.sum())

    def join(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add kept, similarity and duplicate (why) of superfluous rows, and `star`, the kept row of clustered ones.

        Args:
            rows: with `row`, ascending.
        """
        stars = self._stars(*span(rows))
        own = pl.when(self._is_kept.gather(rows["row"])).then("row")
        joined = rows.join(stars, on="row", how="left", maintain_order="left")
        return joined.with_columns(star=pl.coalesce("kept", own))

    def _stars(self, start: int, stop: int) -> pl.DataFrame:
        """The superfluous rows from `start` on and before `stop`: row, kept, similarity, duplicate."""
        members, copies = (between(table, start, stop) for table in (self._members, self._copies))
        of_first = look_up(self._members, copies["first"])
        copied = copies.select(
            "row",
            kept=pl.coalesce(of_first["kept"], "first"),
            similarity=of_first["similarity"].fill_null(1.0),
            equal=of_first["equal"].fill_null(True),
        )
        why = pl.when("equal").then(pl.lit("equal_text")).otherwise(pl.lit("near_duplicate"))
        return pl.concat([members, copied]).select("row", "kept", "similarity", duplicate=why)


def find_duplicates(
    texts: pa.LargeStringArray,
    copies: pl.DataFrame,
    threshold: float,
    outlines: pa.LargeBinaryArray | None,
    folder: Path,
) -> Duplicates:
    """Look for near-duplicates.

    Args:
        texts: the clean text of every row, null in those that are not compared.
        copies: row and `first` of some of those, which a row before them stands for.
        threshold: Jaccard similarity of character trigrams.
        outlines: of each of the texts, where shards made them.
        folder: for files to be mapped.
    """
    event("comparing", rows=len(texts) - texts.null_count)
    found = near_duplicates(texts, threshold=threshold, method="exact", outlines=outlines)
    equal = [_equal(texts, part) for part in found.clusters.to_batches(max_chunksize=_ROWS_AT_A_TIME)]
    members = pl.DataFrame(found.clusters).with_columns(pl.col("row", "kept").cast(pl.UInt32))
    members = members.with_columns(pl.concat([_NO_MEMBERS["equal"], *equal]))
    return Duplicates(len(texts), mapped(members, folder / "members"), mapped(copies, folder / "copies"))


def _equal(texts: pa.LargeStringArray, members: pa.RecordBatch) -> pl.Series:
    """Whether the text of each member is that of its kept row."""
    return pl.Series("equal", pc.equal(texts.take(members["row"]), texts.take(members["kept"])))
