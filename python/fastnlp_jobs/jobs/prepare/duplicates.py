"""Near-duplicates among the rows that passed the filters.

The one place where memory grows with the corpus: comparing every text with every other needs all
clean texts at once, as one Arrow column (their bytes, plus 8 a row), and the ids of all rows.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import near_duplicates
from fastnlp_jobs.events import event

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
        self._members = members.drop("kept")
        self._kept = members.select(row="kept", own="kept_id").unique()
        self.groups = len(self._kept)

    def join(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Add kept_id, similarity and duplicate of superfluous rows, and group of every clustered row, by `row`."""
        joined = rows.join(self._members, on="row", how="left", maintain_order="left")
        joined = joined.join(self._kept, on="row", how="left", maintain_order="left")
        return joined.with_columns(group=pl.coalesce("kept_id", "own")).drop("own")


def find_duplicates(texts: list[pa.Array], ids: pl.Series, threshold: float) -> Duplicates:
    """Look for near-duplicates; a null text has none.

    Args:
        texts: the clean texts in parts (large_string), null where a row was removed before.
        ids: id of each row.
        threshold: Jaccard similarity of character trigrams.
    """
    column = pa.chunked_array(texts, type=pa.large_string())
    event("comparing", rows=len(column) - column.null_count, text_bytes=column.nbytes)
    found = near_duplicates(column, threshold=threshold, method="exact")
    members = pl.DataFrame(found.clusters).cast({"row": pl.UInt32, "kept": pl.UInt32})
    equal = pl.Series(pc.equal(column.take(members["row"].to_arrow()), column.take(members["kept"].to_arrow())))
    duplicate = pl.when(equal).then(pl.lit("equal_text")).otherwise(pl.lit("near_duplicate"))
    return Duplicates(members.with_columns(duplicate=duplicate, kept_id=ids.gather(members["kept"])))
