"""The stages of the job: each shard cleans its rows into a part, and the merge reads the parts as one cleaned table.

A shard does what needs no row of another shard, and marks rows that are copies whatever the others are. What a row
becomes among all others is decided once, by the merge: its language, what it is a near-duplicate of, its split.
"""

from collections import Counter
from pathlib import Path

import polars as pl

from fastnlp_jobs.jobs.prepare import Config, Result
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED, CLEANED_FILE, COPIES, Cleaned, clean_comments, read_ids
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages
from fastnlp_jobs.parts import Part, read_parts
from fastnlp_jobs.schemas import REJECTED
from fastnlp_jobs.tables import TableWriter, read_columns, read_table, scan_table, write_table

_COPIES_FILE = "copies.parquet"


def clean_shard(config: Config, comments: Path, batch_rows: int) -> Result:
    """Write the cleaned rows of the shard, what they say about their threads, and which are copies.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    cleaned = clean_comments(comments, config.output, config, batch_rows)
    cleaned.threads.write(config.output)
    write_table(_find_copies(cleaned.paths[0]).to_arrow(), config.output / _COPIES_FILE, COPIES)
    removed = cleaned.removed.total()
    return Result(
        rows_in=len(cleaned.ids) + cleaned.rows_rejected,
        rows_out=len(cleaned.ids) - removed,
        rows_rejected=cleaned.rows_rejected,
        rows_removed=removed,
        removed=dict(sorted(cleaned.removed.items())),
        normalized=cleaned.normalized,
        languages={},
        splits={},
        groups=0,
        tokens=0,
        examples=0,
        small_classes=[],
    )


def merge_cleaned(config: Config) -> Cleaned:
    """What cleaning all rows at once would have left, except that the cleaned table stays in its parts.

    Raises:
        BadInput: a part is missing.
    """
    parts = read_parts(config)
    paths = [part.folder / CLEANED_FILE for part in parts]
    threads = ThreadLanguages()
    for part in parts:
        threads.add_written(part.folder)
    _join_rejected([part.folder / "rejected.parquet" for part in parts], config.output)
    ids = [read_ids(path) for path in paths]
    return Cleaned(
        paths,
        ids=pl.concat(ids),
        rows_rejected=sum(part.counts["rows_rejected"] for part in parts),
        threads=threads,
        normalized=Counter({step: sum(part.counts["normalized"][step] for part in parts) for step in config.steps}),
        copies=_join_copies(parts, [len(part_ids) for part_ids in ids]),
    )


def _find_copies(path: Path) -> pl.DataFrame:
    rows = pl.DataFrame(read_columns(path, CLEANED, ["clean", "thread_id", "lang", "reason"])).with_row_index("row")
    first = pl.col("row").min().over("clean", "thread_id", "lang")
    passed = rows.filter(pl.col("reason").is_null()).with_columns(first=first)
    return passed.filter(pl.col("row") != pl.col("first")).select("row", "first")


def _join_copies(parts: list[Part], lengths: list[int]) -> pl.DataFrame:
    """The copies that the parts know of, by their positions among the rows of all parts."""
    found, start = [], 0
    for part, length in zip(parts, lengths, strict=True):
        copies = pl.DataFrame(read_table(part.folder / _COPIES_FILE, COPIES))
        found.append(copies.with_columns(pl.col("row", "first") + pl.lit(start, pl.UInt32)))
        start += length
    return pl.concat(found)


def _join_rejected(paths: list[Path], output: Path) -> None:
    written = [path for path in paths if path.is_file()]
    if written:
        with TableWriter(output / "rejected.parquet", REJECTED) as writer:
            for path in written:
                for batch in scan_table(path, REJECTED):
                    writer.write(batch)
