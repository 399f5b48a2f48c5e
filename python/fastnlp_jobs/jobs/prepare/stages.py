"""The stages of the job; what each shard leaves at one stage, all shards may read at the next.

1. `shard`: each shard cleans its rows, marks those that are copies whatever the others are, counts their trigrams, and
   writes what they say about the language of their threads.
2. `segment`: with what all shards said, each decides its rows' languages, cuts them into words, and outlines their
   trigrams in one order that all shards share: the rarest ones are how similar texts meet.
3. `merge`: joins the outlines, and decides alone what is a near-duplicate of what, what is removed, and the split.
"""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import ngram_counts, outline_texts
from fastnlp_jobs.jobs.prepare import Config, Result
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED, CLEANED_FILE, COPIES, Cleaned, clean_comments
from fastnlp_jobs.jobs.prepare.ids import Ids
from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages
from fastnlp_jobs.jobs.prepare.mapped import MappedColumn, look_up
from fastnlp_jobs.jobs.prepare.rows import SEGMENTED, Rows, add_tokens
from fastnlp_jobs.jobs.prepare.words import Tokenizer
from fastnlp_jobs.parts import Part, read_parts
from fastnlp_jobs.schemas import REJECTED
from fastnlp_jobs.tables import TableWriter, count_rows, read_schema, read_table, scan_columns, scan_table, write_table

_COPIES_FILE = "copies.parquet"
_COUNTS_FILE = "trigrams.counts"
_SEGMENTED_FILE = "segmented.parquet"
_OUTLINES_FILE = "outlines.parquet"
_OUTLINES = pa.schema([pa.field("outline", pa.large_binary())])  # a line for every row, null if that is not compared
_OUTLINED_ROWS = _HASHED_ROWS = 2**18


def clean_shard(config: Config, comments: Path, batch_rows: int) -> Result:
    """Write the cleaned rows of the shard, what they say about their threads and trigrams, and which are copies.

    Raises:
        BadInput: `comments` is no COMMENTS table.
    """
    cleaned = clean_comments(comments, config.output, config, batch_rows)
    cleaned.threads.write(config.output)
    with TemporaryDirectory(dir=config.output) as folder:
        texts, threads = (MappedColumn(Path(folder) / name, pa.large_string()) for name in ("texts", "threads"))
        hashes = [pl.Series([], dtype=pl.UInt64)]
        for batch in scan_columns(cleaned.paths[0], CLEANED, ["clean", "thread_id", "lang", "reason"]):
            rows = pl.DataFrame(batch)
            passes = pl.col("reason").is_null()
            texts.add(rows.select(pl.when(passes).then("clean")).to_series())
            threads.add(
                rows.select(pl.concat_str("thread_id", pl.lit("\0") + pl.col("lang"), ignore_nulls=True)).to_series()
            )
            hashes.append(rows.select(pl.when(passes).then(pl.struct("clean", "thread_id", "lang").hash())).to_series())
        compared = texts.column()
        copies = _find_copies(pl.concat(hashes), compared, threads.column())
        write_table(copies.to_arrow(), config.output / _COPIES_FILE, COPIES)
        if config.duplicates != "keep":
            (config.output / _COUNTS_FILE).write_bytes(ngram_counts(compared))
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
    own = next(part for part in parts if part.name == config.shard)
    tokenizer = Tokenizer(config)
    rows = Rows([own.folder / CLEANED_FILE], batch_rows, threads=_join_threads(parts), wanted=config.languages)
    copies = pl.DataFrame(read_table(own.folder / _COPIES_FILE, COPIES))
    write_table(copies.to_arrow(), config.output / _COPIES_FILE, COPIES)
    _join_rejected([own], config.output)
    removed, tokens = Counter[str](), 0
    kept = [column for column in read_schema(own.folder / CLEANED_FILE, CLEANED) if column.name not in CLEANED.names]
    with (
        TemporaryDirectory(dir=config.output) as folder,
        TableWriter(config.output / _SEGMENTED_FILE, pa.schema([*SEGMENTED, *kept])) as writer,
    ):
        texts = MappedColumn(Path(folder) / "texts", pa.large_string())
        for batch in rows.batches("segmenting"):
            is_copy = look_up(copies, batch["row"])["first"].is_not_null()
            is_compared = batch["reason"].is_null() & ~is_copy
            texts.add(batch.select(pl.when(is_compared).then("clean")).to_series())
            # A copy has the tokens of its first row and is removed with it or for it.
            goes_on = is_compared if config.duplicates == "remove" else batch["reason"].is_null()
            segmented = add_tokens(batch.filter(goes_on), tokenizer).select("row", "tokens", "num_emotes")
            writer.write(batch.join(segmented, on="row", how="left", maintain_order="left").to_arrow())
            removed.update(batch["reason"].drop_nulls())
            tokens += int(segmented["tokens"].list.len().sum())
        if config.duplicates != "keep":
            _write_outlines(texts.column(), parts, config)
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
    return Cleaned(
        paths,
        Ids(paths, sum(lengths)),
        rows_rejected=sum(part.counts["rows_rejected"] for part in parts),
        normalized=Counter({step: sum(part.counts["normalized"][step] for part in parts) for step in config.steps}),
        copies=_join_copies(parts, lengths),
        outlines=[] if config.duplicates == "keep" else [part.folder / _OUTLINES_FILE for part in parts],
    )


def read_outlines(paths: list[Path], folder: Path) -> pa.LargeBinaryArray:
    """The outlines that parts hold, from a file in `folder`; null in rows that are not compared."""
    outlines = MappedColumn(folder / "outlines", pa.large_binary())
    for path in paths:
        for batch in scan_table(path, _OUTLINES):
            outlines.add(pl.Series(batch["outline"]))
    return outlines.column()


def _write_outlines(texts: pa.LargeStringArray, parts: list[Part], config: Config) -> None:
    """Write the outline of each text, with the counts of all parts, of which one at a time is read."""
    with TableWriter(config.output / _OUTLINES_FILE, _OUTLINES) as writer:
        for start in range(0, len(texts), _OUTLINED_ROWS):
            counts = ((part.folder / _COUNTS_FILE).read_bytes() for part in parts)
            outlines = outline_texts(texts[start : start + _OUTLINED_ROWS], counts, config.duplicate_threshold)
            writer.write(pa.record_batch([outlines], schema=_OUTLINES))


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


def _find_copies(hashes: pl.Series, *columns: pa.LargeStringArray) -> pl.DataFrame:
    """The rows whose `columns` an earlier row has too, with the first such row, ascending.

    Args:
        hashes: of the columns; rows without one are left out.
        columns: what must be equal in rows of one hash; where two hashes meet by chance, a copy may be missed.
    """
    found = [pl.DataFrame(COPIES.empty_table())]
    parts = -(-len(hashes) // _HASHED_ROWS)
    for part in range(parts):
        rows = (hashes % parts == part).arg_true()
        some = pl.DataFrame({"row": rows, "hash": hashes.gather(rows)})
        some = some.select("row", first=pl.col("row").min().over("hash")).filter(pl.col("row") != pl.col("first"))
        row, first = some["row"].to_arrow(), some["first"].to_arrow()
        found.append(some.filter(*(pl.Series(pc.equal(column.take(row), column.take(first))) for column in columns)))
    return pl.concat(found).sort("row")


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
