"""Which rows train, which test: seeded, by class, and never two near-duplicates apart.

Nothing here depends on the order of rows, on threads or on the machine: a row's place comes from a
hash of the seed and its *unit*, the id of its near-duplicate cluster or, without one, its own.
"""

from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
import pyarrow as pa

SPLITS = ("train", "dev", "test")


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
        )

    def number(self) -> int:
        """How many splits are to hold rows."""
        return 1 + (self.dev > 0) + (self.test > 0)

    def places(self, units: pl.Series) -> pl.Series:
        """A place in [0, 1) for each unit, from seed and unit alone."""
        key = self.seed.to_bytes(8, "little", signed=True)
        digests = b"".join([blake2b(unit.encode(), digest_size=8, key=key).digest() for unit in units.to_list()])
        numbers = pa.Array.from_buffers(pa.uint64(), len(units), [None, pa.py_buffer(digests)])
        return pl.Series(numbers).cast(pl.Float64) / 2**64


def split_unlabelled(units: pl.Series, shares: Shares) -> pl.Series:
    """Split of each unit on its own, so that rows can come in batches."""
    return pl.DataFrame({"place": shares.places(units)}).select(split=shares.split(pl.col("place")))["split"]


def split_labelled(rows: pl.DataFrame, shares: Shares) -> tuple[pl.Series, list[str]]:
    """Split of each labelled row, and the classes that are too small for every split.

    A given split stands, and decides for the rest of its unit. Every other unit belongs to the class
    of its first row (of several labels: the rarest); each class is cut at the shares in the order
    of the units' places. A class too small for every split stays in train.

    Args:
        rows: unit str, labels list<str>, split str?; one row per example.
        shares: how to cut.
    """
    rows = rows.with_columns(stratum=_rarest_label(rows["labels"]))
    units = rows.group_by("unit", maintain_order=True).agg(
        pl.col("stratum").first(), given=pl.col("split").drop_nulls().first(), size=pl.len()
    )
    free = units.filter(pl.col("given").is_null())
    free = free.with_columns(place=shares.places(free["unit"])).sort("stratum", "place", "unit")
    middle = (pl.col("size").cum_sum() - pl.col("size") / 2) / pl.col("size").sum()
    free = free.with_columns(cut=shares.split(middle.over("stratum")))
    is_small = pl.col("cut").n_unique().over("stratum") < shares.number()
    free = free.with_columns(cut=pl.when(is_small).then(pl.lit("train")).otherwise("cut"), small=is_small)
    small = free.filter(pl.col("small"))["stratum"].unique().fill_null("(no label)").sort().to_list()
    units = units.join(free.select("unit", "cut"), on="unit", how="left")
    found = rows.join(units.select("unit", "given", "cut"), on="unit", how="left", maintain_order="left")
    return found.select(split=pl.coalesce("split", "given", "cut"))["split"], small


def _rarest_label(labels: pl.Series) -> pl.Series:
    """Of each row's labels the one with fewest rows, the first by name among equals; null without labels."""
    rows = pl.DataFrame({"label": labels}).with_row_index("row")
    one_each = rows.explode("label", empty_as_null=True).unique()
    counted = one_each.with_columns(rows=pl.len().over("label"))
    first = counted.sort("row", "rows", "label").group_by("row", maintain_order=True).agg(pl.col("label").first())
    return first["label"]
