"""The documents that a model is asked about: all, or a seeded sample, in their order, a batch at a time.

Every table of this job keeps that order, so that documents and their labels meet by place, and no table of millions of
ids is held.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from random import Random

import polars as pl

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.schemas import DOCUMENTS, REJECTED
from fastnlp_jobs.tables import count_rows, read_columns, scan_columns

FILE = "documents.parquet"


def places(config: Config) -> Sequence[int]:
    """Places of the documents that are asked about, from 0, ascending."""
    total = count_rows(config.input / FILE)
    if config.sample is None or config.sample >= total:
        return range(total)
    return drawn(total, config.sample, config.seed)


def drawn(total: int, wanted: int, seed: int) -> Sequence[int]:
    """As many of the places as are `wanted`, ascending; of one seed fewer are among more.

    So a sheet for people is about documents that a model is asked about later, whatever the sample.
    """
    random, found = Random(seed), set[int]()
    while len(found) < min(wanted, total):
        found.add(random.randrange(total))
    return array("Q", sorted(found))


def asked(config: Config, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The documents that are asked about: `place`, then columns of DOCUMENTS."""
    chosen, first = places(config), 0
    for batch in scan_columns(config.input / FILE, DOCUMENTS, columns):
        after = first + batch.num_rows
        here = chosen[bisect_left(chosen, first) : bisect_left(chosen, after)]
        if here:
            yield pl.DataFrame(batch).with_row_index("place", first)[[place - first for place in here]]
        first = after


def answered(config: Config, columns: list[str]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The documents that have labels: columns of DOCUMENTS, and beside them the fields of the label schema."""
    rejected = pl.Series(read_columns(config.output / "rejected.parquet", REJECTED, ["row"])["row"]) - 1
    labels = pl.scan_parquet(config.output / "labels.parquet", glob=False).select(*config.fields)
    taken = 0
    for documents in asked(config, columns):
        here = rejected.filter(rejected.is_between(documents["place"].first(), documents["place"].last()))
        found = documents.filter(~pl.col("place").is_in(here.implode()))
        yield found.drop("place"), labels.slice(taken, found.height).collect()
        taken += found.height
