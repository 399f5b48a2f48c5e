"""The stages of the job; what each shard leaves at one stage, all shards may read at the next.

1. `shard`: each shard cleans its rows, marks those that are copies whatever the others are, counts their trigrams, and
   writes what they say about the language of their threads.
2. `segment`: with what all shards said, each decides its rows' languages, cuts them into words, and outlines their
   trigrams in one order that all shards share: the rarest ones are how similar texts meet.
3. `merge`: joins the outlines, and decides alone what is a near-duplicate of what, what is removed, and the split.
"""

from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_core import ngram_counts, outline_texts
from fastnlp_jobs.jobs.prepare import Config, Result
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED, CLEANED_FILE, COPIES, Cleaned, clean_comments
from fastnlp_jobs.jobs.prepare.duplicates import TextFiles
from fastnlp_jobs.jobs.prepare.ids import Ids
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages
from fastnlp_jobs.jobs.prepare.rows import SEGMENTED, Rows, add_tokens
from fastnlp_jobs.jobs.prepare.words import Tokenizer
from fastnlp_jobs.parts import Part, read_parts
from fastnlp_jobs.schemas import REJECTED
from fastnlp_jobs.tables import TableWriter, count_rows, read_columns, read_schema, read_table, scan_table, write_table

_COPIES_FILE = "copies.parquet"
_COUNTS_FILE = "trigrams.counts"
_SEGMENTED_FILE = "segmented.parquet"
_OUTLINES_FILE = "outlines.parquet"
_OUTLINES = pa.schema([pa.field("outline", pa.large_binary(), nullable=False)])


def clean_shard(config: Config, comments: Path, batch_rows: int) -> Result:
    """Write the cleaned rows of the shard, what they say about their threads and trigrams, and which are copies.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    cleaned = clean_comments(comments, config.output, config, batch_rows)
    cleaned.threads.write(config.output)
    rows = pl.DataFrame(read_columns(cleaned.paths[0], CLEANED, ["clean", "thread_id", "lang", "reason"]))
    passed = rows.with_row_index("row").filter(pl.col("reason").is_null())
    copies = _find_copies(passed)
    write_table(copies.to_arrow(), config.output / _COPIES_FILE, COPIES)
    if config.duplicates != "keep":
        compared = passed.join(copies, on="row", how="anti")
        (config.output / _COUNTS_FILE).write_bytes(ngram_counts(compared["clean"]))
    return _result_of_part(
        rows_in=len(cleaned.ids) + cleaned.rows_rejected,
        rows_rejected=cleaned.rows_rejected,
        removed=cleaned.removed,
        normalized=cleaned.normalized,
    )


def segment_shard(config: Config, batch_rows: int) -> Result:
    """Write the rows of the shard with language, filter and tokens, and the outlines of those to compare.

    Raises:
        BadInput: a part is missing, or a word list cannot be read.
    """
    parts = read_parts(config)
    own = next(part for part in parts if part.shard == config.shard)
    tokenizer = Tokenizer(config)
    rows = Rows([own.folder / CLEANED_FILE], batch_rows, threads=_join_threads(parts), wanted=config.languages)
    copies = pl.DataFrame(read_table(own.folder / _COPIES_FILE, COPIES))
    write_table(copies.to_arrow(), config.output / _COPIES_FILE, COPIES)
    _join_rejected([own], config.output)
    removed, tokens = Counter[str](), 0
    kept = [column for column in read_schema(own.folder / CLEANED_FILE, CLEANED) if column.name not in CLEANED.names]
    with (
        TextFiles(config.output) as texts,
        TableWriter(config.output / _SEGMENTED_FILE, pa.schema([*SEGMENTED, *kept])) as writer,
    ):
        for batch in rows.batches("segmenting"):
            batch = batch.with_columns(is_copy=pl.col("row").is_in(copies["row"].implode()))
            passes = pl.col("reason").is_null()
            texts.add(batch.filter(passes & ~pl.col("is_copy"))["clean"])
            # A copy has the tokens of its first row and is removed with it or for it.
            goes_on = passes & ~pl.col("is_copy") if config.duplicates == "remove" else passes
            segmented = add_tokens(batch.filter(goes_on), tokenizer).select("row", "tokens", "num_emotes")
            writer.write(batch.join(segmented, on="row", how="left", maintain_order="left").to_arrow())
            removed.update(batch["reason"].drop_nulls())
            tokens += int(segmented["tokens"].list.len().sum())
        if config.duplicates != "keep":
            counts = [(part.folder / _COUNTS_FILE).read_bytes() for part in parts]
            outlines = outline_texts(texts.column(), counts, config.duplicate_threshold)
            write_table(pa.table([outlines], schema=_OUTLINES), config.output / _OUTLINES_FILE, _OUTLINES)
    return _result_of_part(
        rows_in=own.counts["rows_in"],
        rows_rejected=own.counts["rows_rejected"],
        removed=removed,
        normalized=own.counts["normalized"],
        tokens=tokens,
    )


def merge_parts(config: Config) -> Cleaned:
    """What cleaning all rows at once would have left, except that the rows have their tokens and stay in their parts.

    Raises:
        BadInput: a part is missing.
    """
    parts = read_parts(config)
    paths = [part.folder / _SEGMENTED_FILE for part in parts]
    _join_rejected(parts, config.output)
    lengths = [count_rows(path) for path in paths]
    outlines = None
    if config.duplicates != "keep":
        tables = [read_table(part.folder / _OUTLINES_FILE, _OUTLINES) for part in parts]
        outlines = pa.concat_tables(tables)["outline"]
    return Cleaned(
        paths,
        Ids(paths, sum(lengths)),
        rows_rejected=sum(part.counts["rows_rejected"] for part in parts),
        normalized=Counter({step: sum(part.counts["normalized"][step] for part in parts) for step in config.steps}),
        copies=_join_copies(parts, lengths),
        outlines=outlines,
    )


def _result_of_part(
    *, rows_in: int, rows_rejected: int, removed: Counter[str], normalized: dict[str, int], tokens: int = 0
) -> Result:
    return Result(
        rows_in=rows_in,
        rows_out=rows_in - rows_rejected - removed.total(),
        rows_rejected=rows_rejected,
        rows_removed=removed.total(),
        removed=dict(sorted(removed.items())),
        normalized=normalized,
        languages={},
        splits={},
        groups=0,
        tokens=tokens,
        examples=0,
        small_classes=[],
    )


def _join_threads(parts: list[Part]) -> ThreadLanguages:
    threads = ThreadLanguages()
    for part in parts:
        threads.add_written(part.folder)
    return threads


def _find_copies(passed: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("row").min().over("clean", "thread_id", "lang")
    return passed.with_columns(first=first).filter(pl.col("row") != pl.col("first")).select("row", "first")


def _join_copies(parts: list[Part], lengths: list[int]) -> pl.DataFrame:
    """The copies that the parts know of, by their positions among the rows of all parts."""
    found, start = [], 0
    for part, length in zip(parts, lengths, strict=True):
        copies = pl.DataFrame(read_table(part.folder / _COPIES_FILE, COPIES))
        found.append(copies.with_columns(pl.col("row", "first") + pl.lit(start, pl.UInt32)))
        start += length
    return pl.concat(found)


def _join_rejected(parts: list[Part], output: Path) -> None:
    paths = [part.folder / "rejected.parquet" for part in parts]
    written = [path for path in paths if path.is_file()]
    if written:
        with TableWriter(output / "rejected.parquet", REJECTED) as writer:
            for path in written:
                for batch in scan_table(path, REJECTED):
                    writer.write(batch)
