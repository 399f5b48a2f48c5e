"""The labelled rows: where the files leave the split open, `prepare` alone decides it."""

from pathlib import Path

import polars as pl

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare.ids import Ids
from fastnlp_jobs.jobs.prepare.splits import SPLITS, Shares, split_labelled, split_unlabelled
from fastnlp_jobs.schemas import EXAMPLES
from fastnlp_jobs.tables import read_columns


class Examples:
    """Labelled rows without their texts: row, labels, intensity, origin and split."""

    def __init__(self, rows: pl.DataFrame, shares: Shares) -> None:
        """Take rows that stay, with their group; every one gets a split."""
        units = rows.select("labels", "split", "group", unit=pl.coalesce("group", "id"))
        splits, self.small_classes = split_labelled(units, shares)
        self._rows = rows.select("row", "labels", "intensity", "origin", split=splits)
        of_groups = units.select("unit", "group", of_unit=splits).filter(pl.col("group").is_not_null())
        self._units = of_groups.unique("unit", keep="first", maintain_order=True).drop("group")
        self._shares = shares

    def give_splits(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Add `split`: of the row's own labels, else of its cluster's, else from the row's place alone."""
        own = self._of(documents).select("row", "split")
        rows = documents.with_columns(unit=pl.coalesce("group", "id"))
        rows = rows.join(own, on="row", how="left", maintain_order="left")
        rows = rows.join(self._units, on="unit", how="left", maintain_order="left")
        splits = rows.select(pl.coalesce("split", "of_unit"))["split"]
        undecided = splits.is_null().arg_true()
        by_place = split_unlabelled(rows["unit"].gather(undecided), self._shares)
        return rows.with_columns(split=splits.scatter(undecided, by_place))

    def labelled(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents that have labels, as EXAMPLES; their text is the clean one."""
        rows = documents.join(self._of(documents).drop("split"), on="row", maintain_order="left")
        return rows.select("id", "labels", "intensity", "origin", "split", "group", text="clean")

    def _of(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The labelled rows between the first and the last of `documents`: a batch looks for few of all."""
        return self._rows.filter(pl.col("row").is_between(documents["row"].min(), documents["row"].max()))


def read_examples(path: Path, ids: Ids) -> pl.DataFrame:
    """Id, labels, intensity, origin and split of the labelled rows, and `row`, their place among `ids`.

    Without such a file there are none. Of examples with one id the first counts, as for comments.

    Raises:
        BadInput: no EXAMPLES table, an id that no comment has, or an unknown split.
    """
    columns = ["id", "labels", "intensity", "origin", "split"]
    table = read_columns(path, EXAMPLES, columns) if path.is_file() else EXAMPLES.empty_table().select(columns)
    found = pl.DataFrame(table).with_row_index("example", 1)
    unknown = found.filter(~pl.col("split").is_in(SPLITS))  # a null is neither in nor out
    if len(unknown):
        row, split = unknown.select("example", "split").row(0)
        raise BadInput(f"{path}: row {row}: expected the split train, dev, test or none, got {split!r}")
    found = found.join(ids.rows_of(found["id"]), on="id", how="left", maintain_order="left")
    stray = found.filter(pl.col("row").is_null())
    if len(stray):
        row, example = stray.select("example", "id").row(0)
        raise BadInput(f"{path}: row {row}: no comment has the id {example!r}; run crawl again, it writes both")
    return found.drop("example").unique("id", keep="first", maintain_order=True).sort("row")
