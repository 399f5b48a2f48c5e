"""The first pass: clean every comment and say which filter removes it, as far as the row alone can tell."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_core import normalize
from fastnlp_jobs.events import track
from fastnlp_jobs.jobs.prepare import Config, Step
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages, scripts
from fastnlp_jobs.schemas import COMMENTS, REJECTED
from fastnlp_jobs.tables import TableWriter, read_schema, scan_table

_COUNTED_MASKS: list[Step] = ["mask_urls", "mask_emails", "mask_mentions"]
_REJECTED_CHARACTERS = 200

CLEANED = pa.schema(
    [
        *COMMENTS,
        pa.field("clean", pa.string(), nullable=False),
        pa.field("num_mentions", pa.int32(), nullable=False),
        pa.field("num_urls", pa.int32(), nullable=False),
        pa.field("num_kaomoji", pa.int32(), nullable=False),
        pa.field("script", pa.string(), nullable=False),
        pa.field("reason", pa.string()),  # the filter that removes the row
    ]
)


@dataclass
class Cleaned:
    """What the first pass leaves for the second."""

    path: Path  # CLEANED, the usable rows in order
    ids: pl.Series
    rows_rejected: int
    threads: ThreadLanguages = field(default_factory=ThreadLanguages)
    normalized: dict[str, int] = field(default_factory=dict)


def clean_comments(comments: Path, output: Path, config: Config, batch_rows: int) -> Cleaned:
    """Write the cleaned rows to a temporary table in `output`, and rejected.parquet if an id stands twice.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    schema = read_schema(comments, COMMENTS)
    ids = pl.concat([_series(batch, "id") for batch in scan_table(comments, _IDS, batch_rows)] or [_NO_ID])
    repeated = ~ids.is_first_distinct()
    cleaned = Cleaned(output / "cleaned.parquet", ids.filter(~repeated), int(repeated.sum()))
    kept = [column for column in schema if column.name not in COMMENTS.names]
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(TableWriter(cleaned.path, pa.schema([*CLEANED, *kept])))
        rejected = None
        if cleaned.rows_rejected:
            rejected = stack.enter_context(TableWriter(output / "rejected.parquet", REJECTED))
        first_row = 0
        for batch in track(scan_table(comments, COMMENTS, batch_rows), "cleaning", -(-len(ids) // batch_rows)):
            rows = _clean(pl.DataFrame(batch), config, cleaned.normalized)
            is_repeated = repeated.slice(first_row, len(rows))
            if rejected is not None:
                rejected.write(_rejections(rows.with_row_index("row", first_row + 1).filter(is_repeated)).to_arrow())
            usable = rows.filter(~is_repeated)
            cleaned.threads.add(usable)
            writer.write(usable.to_arrow())
            first_row += len(rows)
    return cleaned


_IDS = pa.schema([COMMENTS.field("id")])
_NO_ID = pl.Series("id", [], dtype=pl.String)


def _series(batch: pa.RecordBatch, name: str) -> pl.Series:
    return pl.Series(name, batch.column(name), dtype=pl.String)


def _clean(rows: pl.DataFrame, config: Config, totals: dict[str, int]) -> pl.DataFrame:
    """Add the columns that CLEANED has beside COMMENTS; add to `totals` what each step changed."""
    texts, columns = normalize(rows["text"], config.steps, elongation_limit=config.elongation_limit)
    clean, counts = pl.Series(texts), pl.DataFrame(columns)
    for step in config.steps:
        totals[step] = totals.get(step, 0) + int(counts[step].sum())
    # Counted as masks and as what masks would replace: crawl masks too, and `steps` may have no masks.
    standing = pl.DataFrame(normalize(clean, _COUNTED_MASKS)[1])
    # In the text as it came: `nfkc` takes faces apart.
    faces = pl.DataFrame(normalize(rows["text"], ["remove_kaomoji"])[1])
    rows = rows.with_columns(
        clean=clean,
        num_mentions=_count(clean, "<mention>") + standing["mask_mentions"],
        num_urls=_count(clean, "<url>") + standing["mask_urls"],
        num_kaomoji=faces["remove_kaomoji"],
        script=scripts(clean),
    )
    return rows.with_columns(reason=_filter_reason(config))


def _count(texts: pl.Series, mask: str) -> pl.Series:
    return texts.str.count_matches(mask, literal=True).cast(pl.Int32)


def _filter_reason(config: Config) -> pl.Expr:
    """The first filter that removes a row; null where none does."""
    characters = pl.col("clean").str.len_chars()
    return (
        pl.when(characters < config.min_characters)
        .then(pl.lit("too_short"))
        .when(characters > config.max_characters)
        .then(pl.lit("too_long"))
        .when(pl.col("num_mentions") > config.max_mentions)
        .then(pl.lit("too_many_mentions"))
        .when(pl.col("num_urls") > config.max_urls)
        .then(pl.lit("too_many_urls"))
    )


def _rejections(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        pl.lit("comments.parquet").alias("file"),
        pl.col("row").cast(pl.Int64),
        reason=pl.format("the id {} stands in an earlier row too; ids must be unique", "id"),
        text=pl.col("clean").str.slice(0, _REJECTED_CHARACTERS),
    )
