"""Which rows train, which test: seeded, by class, and never two near-duplicates apart.

Nothing here depends on the order of rows, on threads or on the machine: a row's place comes from a
hash of the seed and its *unit*, the id of its near-duplicate cluster or, without one, its own.
"""

from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
import pyarrow as pa

SPLITS = ("train", "dev", "test")
SPLIT = pl.Enum(SPLITS)


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


def split_labelled(rows: pl.DataFrame, shares: Shares) -> tuple[pl.Series, pl.Series]:
    """Split of each labelled row, and the strata that are too small for every split.

    A given split stands, and decides for the rest of its unit. Every other unit belongs to the stratum
    of its first row; each stratum is cut at the shares in the order of the units' places. One too small
    for every split stays in train.

    Args:
        rows: unit, stratum, the place of the unit, and the `given` split, if any; one line per example.
        shares: how to cut.
    """
    units = rows.group_by("unit", maintain_order=True).agg(
        pl.col("stratum", "place").first(), given=pl.col("given").drop_nulls().first(), size=pl.len()
    )
    free = units.filter(pl.col("given").is_null()).sort("stratum", "place", "unit")
    middle = (pl.col("size").cum_sum() - pl.col("size") / 2) / pl.col("size").sum()
    free = free.with_columns(cut=shares.split(middle.over("stratum")))
    is_small = pl.col("cut").n_unique().over("stratum") < shares.number()
    free = free.with_columns(cut=pl.when(is_small).then(pl.lit("train", SPLIT)).otherwise("cut"), small=is_small)
    units = units.join(free.select("unit", "cut"), on="unit", how="left")
    found = rows.join(units.select("unit", "cut", of_unit="given"), on="unit", how="left", maintain_order="left")
    small = free.filter(pl.col("small"))["stratum"].unique()
    return found.select(split=pl.coalesce("given", "of_unit", "cut"))["split"], small
