"""The stages of the job: each shard cleans its rows into a part, and the merge reads the parts as one cleaned table.

Only what needs one row alone happens in a shard. What a row becomes among all others is decided once, by the merge:
its language, whether it is a copy, its split.
"""

from collections import Counter
from pathlib import Path

import polars as pl

from fastnlp_jobs.jobs.prepare import Config, Result
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED_FILE, Cleaned, clean_comments, read_ids
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages
from fastnlp_jobs.parts import read_parts
from fastnlp_jobs.schemas import REJECTED
from fastnlp_jobs.tables import TableWriter, scan_table


def clean_shard(config: Config, comments: Path, batch_rows: int) -> Result:
    """Write the cleaned rows of the shard, and what they say about their threads.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    cleaned = clean_comments(comments, config.output, config, batch_rows)
    cleaned.threads.write(config.output)
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
    return Cleaned(
        paths,
        ids=pl.concat([read_ids(path) for path in paths]),
        rows_rejected=sum(part.counts["rows_rejected"] for part in parts),
        threads=threads,
        normalized=Counter({step: sum(part.counts["normalized"][step] for part in parts) for step in config.steps}),
    )


def _join_rejected(paths: list[Path], output: Path) -> None:
    written = [path for path in paths if path.is_file()]
    if written:
        with TableWriter(output / "rejected.parquet", REJECTED) as writer:
            for path in written:
                for batch in scan_table(path, REJECTED):
                    writer.write(batch)
