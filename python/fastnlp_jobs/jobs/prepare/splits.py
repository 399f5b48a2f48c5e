"""Which rows train, which test: seeded, by class, and never two near-duplicates apart.

Nothing here depends on the order of rows, on threads or on the machine: a row's place comes from a
hash of the seed and its *unit*, the id of its near-duplicate cluster or, without one, its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
import pyarrow as pa

from fastnlp_jobs.jobs.prepare.mapped import look_up

SPLITS = ("train", "dev", "test")
SPLIT = pl.Enum(SPLITS)
_CELL = (pl.col("place") // pl.lit(2**52, pl.UInt64)).cast(pl.UInt16).alias("cell")  # 4,096 of them


@dataclass(frozen=True)
class Shares:
    """How much goes to dev and to test; the rest is train."""

    dev: float
    test: float
    seed: int

    def split(self, place: pl.Expr) -> pl.Expr:
        """The split of a place in [0, 1): train first, then dev, then test."""
        return (
            pl.when(place < 1 - self.dev - self.test)
            .then(pl.lit("train"))
            .when(place < 1 - self.test)
            .then(pl.lit("dev"))
            .otherwise(pl.lit("test"))
            .cast(SPLIT)
        )

    def number(self) -> int:
        """How many splits are to hold rows."""
        return 1 + (self.dev > 0) + (self.test > 0)

    def places(self, units: pl.Series) -> pl.Series:
        """A place among 2^64 for each unit, from seed and unit alone."""
        key = self.seed.to_bytes(8, "little", signed=True)
        digests = b"".join([blake2b(unit.encode(), digest_size=8, key=key).digest() for unit in units.to_list()])
        return pl.Series(pa.Array.from_buffers(pa.uint64(), len(units), [None, pa.py_buffer(digests)]))


def split_unlabelled(units: pl.Series, shares: Shares) -> pl.Series:
    """Split of each unit on its own, so that rows can come in batches."""
    place = shares.places(units).cast(pl.Float64) / 2**64
    return pl.DataFrame({"place": place}).select(split=shares.split(pl.col("place")))["split"]


@dataclass(frozen=True)
class Splits:
    """What labelled rows were given."""

    of_rows: pl.Series  # of each row
    of_clusters: pl.DataFrame  # `row` and split of each shared unit, ascending by `row`
    small: pl.Series  # the strata that are too small for every split


def split_labelled(batches: Iterable[pl.DataFrame], shares: Shares) -> Splits:
    """Give every labelled row a split.

    A given split stands, and decides for the rest of its unit. Every other unit belongs to the stratum
    of its first row; each stratum is cut at the shares in the order of the units' places. One too small
    for every split stays in train.

    Args:
        batches: unit, whether other rows may share it (`is_shared`), stratum, the place of the unit, and the `given`
            split, if any; gone through several times, so that they need not be in memory.
        shares: how to cut.
    """
    clusters = _clusters(batches)
    cuts = _cuts(lambda: _free(batches, clusters), shares)
    of_clusters = clusters.select(row="unit", split=pl.coalesce("given", _cut(clusters, cuts)))
    found = [pl.Series([], dtype=SPLIT)]
    for batch in batches:
        of_unit = look_up(of_clusters, batch.select(pl.when("is_shared").then("unit")).to_series())["split"]
        found.append(batch.select(split=pl.coalesce("given", of_unit, _cut(batch, cuts)))["split"])
    return Splits(pl.concat(found), of_clusters, cuts.filter("is_small")["stratum"])


def _clusters(batches: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The units that may have several rows: stratum and place, the first given split, and the number of rows."""
    shared = pl.concat([batch.filter("is_shared").drop("is_shared") for batch in batches])
    first = pl.col("stratum", "place").first()
    units = shared.group_by("unit", maintain_order=True)
    return units.agg(first, pl.col("given").drop_nulls().first(), size=pl.len()).sort("unit")


def _free(batches: Iterable[pl.DataFrame], clusters: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Stratum, place and size of the units without a given split."""
    for batch in batches:
        alone = batch.filter(~pl.col("is_shared") & pl.col("given").is_null())
        yield alone.select("stratum", "place", size=pl.lit(1, pl.UInt32))
    yield clusters.filter(pl.col("given").is_null()).select("stratum", "place", "size")


def _cut(units: pl.DataFrame, cuts: pl.DataFrame) -> pl.Series:
    """The split of units by their places alone."""
    of_stratum = units.join(cuts, on="stratum", how="left", maintain_order="left")
    cut = (
        pl.when("is_small")
        .then(pl.lit("train", SPLIT))
        .when(pl.col("place") >= pl.col("test_from"))
        .then(pl.lit("test", SPLIT))
        .when(pl.col("place") >= pl.col("dev_from"))
        .then(pl.lit("dev", SPLIT))
        .otherwise(pl.lit("train", SPLIT))
    )
    return of_stratum.select(cut=cut)["cut"]


def _cuts(free: Callable[[], Iterator[pl.DataFrame]], shares: Shares) -> pl.DataFrame:
    """Of each stratum: the places from which on dev and test begin, if they do, and whether it `is_small`.

    Sorting all units would take their memory, so they are counted in cells of near places first. Only the cells in
    which a split may begin are sorted.
    """
    starts = {"dev_from": 1 - shares.dev - shares.test, "test_from": 1 - shares.test}
    cells = _cells(free())
    reached = [pl.col("after") / pl.col("total") >= start for start in starts.values()]
    # The unit that reaches a start lies in the first cell that does, or is the first of the next.
    is_open = [share.cum_sum().over("stratum").is_between(1, 2) for share in reached]
    opened = cells.filter(pl.any_horizontal(is_open)).select(
        "stratum", "cell", "total", before=pl.col("after") - pl.col("size")
    )
    units = pl.concat([some.with_columns(_CELL).join(opened, on=["stratum", "cell"]) for some in free()])
    units = units.sort("stratum", "place")
    up_to = pl.col("before") + pl.col("size").cum_sum().over("stratum", "cell")
    units = units.with_columns(middle=(up_to - pl.col("size") / 2) / pl.col("total"))
    begins = [pl.col("place").filter(pl.col("middle") >= start).min().alias(name) for name, start in starts.items()]
    strata = cells.group_by("stratum", maintain_order=True).agg(pl.col("least").min())
    strata = strata.join(units.group_by("stratum").agg(begins), on="stratum", how="left")
    has_train = pl.col("dev_from").is_null() | (pl.col("least") < pl.col("dev_from"))
    has_test = pl.col("test_from").is_not_null()
    has_dev = pl.col("dev_from").is_not_null() & (~has_test | (pl.col("dev_from") < pl.col("test_from")))
    number = pl.sum_horizontal(has_train, has_dev, has_test)
    return strata.select("stratum", "dev_from", "test_from", is_small=number < shares.number())


def _cells(free: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """The cells of each stratum, ascending: their size, that of all up to them and of the stratum, the least place."""
    size = pl.col("size")
    found: list[pl.DataFrame] = []
    for some in free:
        new = some.select("stratum", _CELL, size.cast(pl.UInt64), least="place")
        by_cell = pl.concat([*found, new]).group_by("stratum", "cell")
        found = [by_cell.agg(size.sum(), pl.col("least").min())]
    cells = found[0].sort("stratum", "cell")
    return cells.with_columns(after=size.cum_sum().over("stratum"), total=size.sum().over("stratum"))
