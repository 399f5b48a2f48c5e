"""The labelled rows: where the files leave the split open, `prepare` alone decides it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare.duplicates import Duplicates
from fastnlp_jobs.jobs.prepare.ids import Ids
from fastnlp_jobs.jobs.prepare.mapped import MappedBatches, between, look_up, mapped, span
from fastnlp_jobs.jobs.prepare.splits import SPLIT, SPLITS, Shares, split_labelled, split_unlabelled
from fastnlp_jobs.schemas import EXAMPLES
from fastnlp_jobs.tables import scan_columns

_ROWS_AT_A_TIME = 65_536
_COLUMNS = ["id", "labels", "intensity", "origin", "split"]
_UNITS = pl.Schema(
    [("unit", pl.UInt32), ("is_shared", pl.Boolean), ("stratum", pl.UInt32), ("place", pl.UInt64), ("given", SPLIT)]
)


class Labels:
    """EXAMPLES without their texts, in a mapped file."""

    def __init__(self, path: Path, copy: Path) -> None:
        """Copy the examples at `path`, where there are any, to `copy`, and map that.

        Raises:
            BadInput: no EXAMPLES table, or an unknown split.
        """
        self._starts = [0]
        with pa.ipc.new_file(copy, pa.schema([EXAMPLES.field(name) for name in _COLUMNS])) as file:
            for batch in scan_columns(path, EXAMPLES, _COLUMNS) if path.is_file() else ():
                _check_splits(path, pl.Series(batch["split"]), self._starts[-1] + 1)
                file.write_batch(batch)
                self._starts.append(self._starts[-1] + batch.num_rows)
        self._file = pa.ipc.open_file(pa.memory_map(str(copy)))

    def __len__(self) -> int:
        return self._starts[-1]

    def ids(self) -> Iterator[pl.Series]:
        """The ids, in batches."""
        for batch in range(self._file.num_record_batches):
            yield pl.Series(self._file.get_batch(batch)["id"])

    def take(self, examples: pl.Series, columns: list[str]) -> pl.DataFrame:
        """Columns of some examples, in the order asked for."""
        order = examples.arg_sort()
        ascending = examples.gather(order)
        bounds = ascending.search_sorted(pl.Series(self._starts, dtype=pl.UInt32))
        found = [EXAMPLES.empty_table().select(columns)]
        for batch, start in enumerate(self._starts[:-1]):
            wanted = ascending[bounds[batch] : bounds[batch + 1]] - start
            if len(wanted):
                rows = self._file.get_batch(batch).select(columns).take(wanted.to_arrow())
                found.append(pa.Table.from_batches([rows]))
        return pl.DataFrame(pa.concat_tables(found))[order.arg_sort()]


def find_rows(labels: Labels, ids: Ids, path: Path) -> pl.DataFrame:
    """The `row` of each `example`, ascending by row. Of examples with one id the first counts, as for comments.

    Raises:
        BadInput: an id that no comment has; names its row in the examples at `path`.
    """
    hashes = [pl.Series("hash", [], dtype=pl.UInt64), *(batch.hash() for batch in labels.ids())]
    examples = pl.concat(hashes).to_frame("hash").with_row_index("example").sort("hash", maintain_order=True)
    found = [pl.DataFrame(schema={"row": pl.UInt32, "example": pl.UInt32})]
    for first_row, batch in ids.batches() if len(labels) else ():
        at, after = (examples["hash"].search_sorted(batch.hash(), side) for side in ("left", "right"))
        there = (at < after).arg_true()
        same_hash = pl.DataFrame({"row": there + first_row, "example": examples["example"].gather(at.gather(there))})
        found.append(same_hash.filter(labels.take(same_hash["example"], ["id"])["id"] == batch.gather(there)))
    return _with_the_rest(pl.concat(found), labels, ids, path)


def _with_the_rest(found: pl.DataFrame, labels: Labels, ids: Ids, path: Path) -> pl.DataFrame:
    """Those found and the few that are not: whose id stands twice, or has the hash of another."""
    is_found = pl.repeat(False, len(labels), dtype=pl.Boolean, eager=True).scatter(found["example"], values=True)
    rest = (~is_found).arg_true()
    if not len(rest):
        return found
    others = pl.DataFrame({"example": rest, "id": labels.take(rest, ["id"])["id"]})
    others = others.join(ids.rows_of(others["id"]), on="id", how="left", maintain_order="left")
    stray = others.filter(pl.col("row").is_null())
    if len(stray):
        row, example = stray.select("example", "id").row(0)
        raise BadInput(f"{path}: row {row + 1}: no comment has the id {example!r}; run crawl again, it writes both")
    return (
        pl.concat([found, others.select("row", "example")]).unique("row", keep="first", maintain_order=True).sort("row")
    )


class Examples:
    """The labelled rows that stay, each with a split."""

    def __init__(
        self,
        labels: Labels,
        rows: pl.DataFrame,
        duplicates: Duplicates,
        ids: pa.LargeStringArray,
        shares: Shares,
        folder: Path,
    ) -> None:
        """Give every labelled row a split.

        Args:
            labels: of all examples.
            rows: row and example of the labelled rows that stay, ascending by row.
            duplicates: what forms clusters.
            ids: of all rows.
            shares: how to cut.
            folder: for files to be mapped.
        """
        self._labels = labels
        self._shares = shares
        ranks = _ranks(self._parts(rows))

        def units() -> Iterator[pl.DataFrame]:
            for part in self._parts(rows):
                found = duplicates.join(part).with_columns(unit=pl.coalesce("star", "row"))
                place = shares.places(pl.Series(ids.take(found["unit"].to_arrow())))
                stratum = _rarest_label(part, ranks)
                found = found.with_columns(is_shared=pl.col("star").is_not_null(), stratum=stratum, place=place)
                yield found.select(pl.col(name).cast(kind) for name, kind in _UNITS.items())

        splits = split_labelled(MappedBatches(folder / "units", units(), _UNITS), shares)
        self.small_classes = ranks["label"].gather(splits.small).fill_null("(no label)").sort().to_list()
        self._rows = mapped(rows, folder / "labelled").with_columns(split=splits.of_rows)
        self._clusters = mapped(splits.of_clusters, folder / "clusters")

    def _parts(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Row, example, labels and the split of the file, as `given`, of the labelled rows, in batches."""
        for start in range(*span(rows), _ROWS_AT_A_TIME):
            part = between(rows, start, start + _ROWS_AT_A_TIME)
            yield part.hstack(self._labels.take(part["example"], ["labels", "split"]).rename({"split": "given"}))

    def give_splits(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Add `split`: of the row's own labels, else of its cluster's, else from the row's place alone."""
        own = look_up(self._rows, documents["row"])["split"]
        of_cluster = look_up(self._clusters, documents["star"])["split"]
        splits = pl.select(pl.coalesce(own, of_cluster)).to_series()
        undecided = splits.is_null().arg_true()
        units = documents[undecided].select(pl.coalesce("group", "id")).to_series()
        return documents.with_columns(split=splits.scatter(undecided, split_unlabelled(units, self._shares)))

    def labelled(self, documents: pl.DataFrame) -> pl.DataFrame:
        """The documents that have labels, as EXAMPLES; their text is the clean one."""
        examples = look_up(self._rows, documents["row"])["example"]
        rows = documents.filter(examples.is_not_null())
        rows = rows.hstack(self._labels.take(examples.drop_nulls(), ["labels", "intensity", "origin"]))
        return rows.select("id", "labels", "intensity", "origin", "split", "group", text="clean")


def _ranks(parts: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """Every label with its rank: the fewer rows it has, the lower, the first by name among equals; null is a label."""
    counts = pl.DataFrame(schema={"label": pl.String, "rows": pl.UInt32})
    for part in parts:
        new = _exploded(part).group_by("label").agg(rows=pl.len())
        counts = pl.concat([counts, new]).group_by("label").agg(pl.col("rows").sum())
    return counts.sort("rows", "label").with_row_index("rank")


def _rarest_label(part: pl.DataFrame, ranks: pl.DataFrame) -> pl.Series:
    """The least rank among the labels of each row."""
    ranked = _exploded(part).join(ranks, on="label", nulls_equal=True, maintain_order="left")
    return ranked.group_by("row", maintain_order=True).agg(pl.col("rank").min())["rank"]


def _exploded(part: pl.DataFrame) -> pl.DataFrame:
    """Each label of each row once; a null one for rows without labels."""
    rows = part.select("row", label="labels").explode("label", empty_as_null=True)
    return rows.unique(maintain_order=True)


def _check_splits(path: Path, splits: pl.Series, first_row: int) -> None:
    unknown = (~splits.is_in(SPLITS)).arg_true()  # a null is neither in nor out
    if len(unknown):
        row = int(unknown[0])
        raise BadInput(
            f"{path}: row {first_row + row}: expected the split train, dev, test or none, got {splits[row]!r}"
        )
