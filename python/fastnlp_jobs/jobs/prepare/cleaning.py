"""The first pass: clean every comment and say which filter removes it, as far as the row alone can tell."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_core import normalize
from fastnlp_jobs.events import track
from fastnlp_jobs.jobs.prepare import Config, Step
from fastnlp_jobs.jobs.prepare.ids import Ids, find_repeated
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages, scripts
from fastnlp_jobs.schemas import COMMENTS, REJECTED
from fastnlp_jobs.tables import TableWriter, count_rows, read_schema, scan_table

_COUNTED_MASKS: list[Step] = ["mask_urls", "mask_emails", "mask_mentions"]
_REJECTED_CHARACTERS = 200

CLEANED_FILE = "cleaned.parquet"

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
# Rows that share clean text, thread and given language with an earlier one, and so language and filters.
COPIES = pa.schema([pa.field("row", pa.uint32(), nullable=False), pa.field("first", pa.uint32(), nullable=False)])


@dataclass
class Cleaned:
    """What the first pass leaves for the second."""

    paths: list[Path]  # CLEANED, the usable rows in order
    ids: Ids
    rows_rejected: int
    normalized: Counter[str]
    threads: ThreadLanguages = field(default_factory=ThreadLanguages)
    removed: Counter[str] = field(default_factory=Counter)  # rows that a filter removes, by reason
    copies: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(COPIES.empty_table()))  # those known so far
    outlines: list[Path] = field(default_factory=list)  # those of the rows, where shards made them


def clean_comments(comments: Path, output: Path, config: Config, batch_rows: int) -> Cleaned:
    """Write the cleaned rows to cleaned.parquet in `output`, and rejected.parquet if an id stands twice.

    Of all rows or those of the config's shard; that an id stood in an earlier shard counts too.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    wanted = config.own_rows(count_rows(comments))
    repeated = find_repeated(comments, wanted)
    paths, rejected_rows = [output / CLEANED_FILE], int(repeated.sum())
    changes = Counter[str](dict.fromkeys(config.steps, 0))
    threads = ThreadLanguages(detects=config.stage is None)
    cleaned = Cleaned(paths, Ids(paths, len(wanted) - rejected_rows), rejected_rows, changes, threads)
    kept = [column for column in read_schema(comments, COMMENTS) if column.name not in COMMENTS.names]
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(TableWriter(output / CLEANED_FILE, pa.schema([*CLEANED, *kept])))
        rejected = None
        if cleaned.rows_rejected:
            rejected = stack.enter_context(TableWriter(output / "rejected.parquet", REJECTED))
        done = 0
        batches = scan_table(comments, COMMENTS, batch_rows, wanted)
        for batch in track(batches, "cleaning", -(-len(wanted) // batch_rows)):
            rows = _clean(pl.DataFrame(batch), config, cleaned.normalized)
            is_repeated = repeated.slice(done, len(rows))
            if rejected is not None:
                first_row = wanted.start + done + 1
                rejected.write(_rejections(rows.with_row_index("row", first_row).filter(is_repeated)).to_arrow())
            usable = rows.filter(~is_repeated)
            cleaned.threads.add(usable)
            cleaned.removed.update(count_values(usable["reason"].drop_nulls()))
            writer.write(usable.to_arrow())
            done += len(rows)
    return cleaned


def _clean(rows: pl.DataFrame, config: Config, totals: Counter[str]) -> pl.DataFrame:
    """Add the columns that CLEANED has beside COMMENTS; add to `totals` what each step changed."""
    texts, columns = normalize(rows["text"], config.steps, elongation_limit=config.elongation_limit)
    clean, counts = pl.Series(texts), pl.DataFrame(columns)
    for step in config.steps:
        totals[step] += int(counts[step].sum())
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


def count_values(values: pl.Series) -> dict[str, int]:
    """How often each value stands there."""
    return dict(values.value_counts().iter_rows())


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
