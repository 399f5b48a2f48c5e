"""The order of the job: three passes over the rows in batches, and what must be known between them.

1. `cleaning`: clean, count, apply the filters that need one row only, write to a temporary table.
2. Read that: languages are known now, so the last filter can be applied; look for near-duplicates
   among the rows that are left; give labelled rows their split.
3. Read it again: write each row to documents.parquet or removed.parquet, in the order of the input.

Memory holds batches, some bits of each row and a sample of each thread; all else that grows lies in mapped files.
"""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare import Config, Result
from fastnlp_jobs.jobs.prepare.cleaning import CLEANED, Cleaned, clean_comments, count_values
from fastnlp_jobs.jobs.prepare.duplicates import Duplicates, find_duplicates
from fastnlp_jobs.jobs.prepare.examples import Examples, Labels, find_rows
from fastnlp_jobs.jobs.prepare.mapped import MappedColumn
from fastnlp_jobs.jobs.prepare.rows import SEGMENTED, Rows, add_tokens
from fastnlp_jobs.jobs.prepare.splits import Shares
from fastnlp_jobs.jobs.prepare.stages import clean_shard, merge_parts, read_outlines, segment_shard
from fastnlp_jobs.jobs.prepare.words import Tokenizer
from fastnlp_jobs.schemas import DOCUMENTS, EXAMPLES, REMOVED
from fastnlp_jobs.tables import TableWriter, read_schema

_BATCH_ROWS = 16_384


def prepare(config: Config, batch_rows: int = _BATCH_ROWS) -> Result:
    """Run the job; `batch_rows` changes its memory and nothing else.

    Raises:
        BadInput: the input is not the output of crawl, or a word list cannot be read.
    """
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own one gives little back: 70 MB more after a million rows
    comments = config.input / "comments.parquet"
    if not comments.is_file():
        raise BadInput(f"input: expected a folder with comments.parquet (the output of crawl), got {config.input}")
    if config.stage == "shard":
        return clean_shard(config, comments, batch_rows)
    if config.stage == "segment":
        return segment_shard(config, batch_rows)
    if config.stage == "merge":
        cleaned = merge_parts(config)
        rows = Rows(cleaned.paths, batch_rows, threads=None, wanted=[], schema=SEGMENTED)
        return _finish(config, cleaned, rows, tokenizer=None)
    tokenizer = Tokenizer(config)
    cleaned = clean_comments(comments, config.output, config, batch_rows)
    rows = Rows(cleaned.paths, batch_rows, threads=cleaned.threads, wanted=config.languages)
    result = _finish(config, cleaned, rows, tokenizer)
    cleaned.paths[0].unlink()
    return result


def _finish(config: Config, cleaned: Cleaned, rows: Rows, tokenizer: Tokenizer | None) -> Result:
    """The second and the third pass; without a tokenizer, over rows that have their tokens."""
    with TemporaryDirectory(dir=config.output) as folder:
        path, scratch = config.input / "examples.parquet", Path(folder)
        labels = Labels(path, scratch / "labels")
        labelled = find_rows(labels, cleaned.ids, path)
        duplicates, stays, ids = _find_duplicates(rows, config, cleaned, scratch)
        shares = Shares(config.dev_share, config.test_share, config.seed)
        labelled = labelled.filter(stays.gather(labelled["row"]))
        examples = Examples(labels, labelled, duplicates, ids, shares, scratch)
        del labelled  # `examples` holds what is needed of it
        with _Outputs(config.output, cleaned.paths[0], has_examples=len(labels) > 0) as outputs:
            for batch in rows.batches("writing" if tokenizer is None else "segmenting"):
                removed, documents = _separate(_join_ids(duplicates.join(batch), ids), config)
                if tokenizer is not None:
                    documents = add_tokens(documents, tokenizer)
                documents = examples.give_splits(documents)
                outputs.write(removed, documents, examples.labelled(documents))
    return _result(cleaned, outputs, duplicates, examples)


def _find_duplicates(
    rows: Rows, config: Config, cleaned: Cleaned, folder: Path
) -> tuple[Duplicates, pl.Series, pa.LargeStringArray]:
    """The near-duplicates among the rows that pass the filters, whether each row stays, and the ids of all rows."""
    copies = cleaned.copies
    is_copy = pl.repeat(False, len(cleaned.ids), dtype=pl.Boolean, eager=True).scatter(copies["row"], values=True)
    passed = [pl.Series([], dtype=pl.Boolean)]
    ids, texts = (MappedColumn(folder / name, pa.large_string()) for name in ("ids", "texts"))
    for batch in rows.batches("filtering"):
        passed.append(batch["reason"].is_null())
        ids.add(batch["id"])
        if config.duplicates != "keep":
            is_compared = passed[-1] & ~is_copy.gather(batch["row"])
            texts.add(batch.select(pl.when(is_compared).then("clean")).to_series())
    stays = pl.concat(passed)
    duplicates = Duplicates(len(stays))
    if config.duplicates != "keep":
        copies = copies.filter(stays.gather(copies["row"]))
        outlines = read_outlines(cleaned.outlines, folder) if cleaned.outlines else None
        duplicates = find_duplicates(texts.column(), copies, config.duplicate_threshold, outlines, folder)
    if config.duplicates == "remove":
        stays &= ~duplicates.is_superfluous
    return duplicates, stays, ids.column()


def _join_ids(rows: pl.DataFrame, ids: pa.LargeStringArray) -> pl.DataFrame:
    """Add the ids of what is kept for a row, and of what its cluster is named after."""
    kept_id, group = (pl.Series(ids.take(rows[name].to_arrow())) for name in ("kept", "star"))
    return rows.with_columns(kept_id=kept_id, group=group)


def _separate(rows: pl.DataFrame, config: Config) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows removed, and rows that go on."""
    if config.duplicates == "remove":
        rows = rows.with_columns(reason=pl.coalesce("reason", "duplicate"))
    goes_on = pl.col("reason").is_null()
    return rows.filter(~goes_on), rows.filter(goes_on)


@dataclass
class _Counts:
    """What was written."""

    removed: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    examples: int = 0


class _Outputs:
    """The tables of the output folder, and counts of what went into them."""

    def __init__(self, folder: Path, cleaned: Path, *, has_examples: bool) -> None:
        kept = [column for column in read_schema(cleaned, CLEANED) if column.name not in CLEANED.names]
        with ExitStack() as stack:
            self._documents = stack.enter_context(
                TableWriter(folder / "documents.parquet", pa.schema([*DOCUMENTS, *kept]))
            )
            self._removed = stack.enter_context(TableWriter(folder / "removed.parquet", REMOVED))
            self._examples = None
            if has_examples:
                self._examples = stack.enter_context(TableWriter(folder / "examples.parquet", EXAMPLES))
            self._stack = stack.pop_all()
        self.counts = _Counts()

    def write(self, removed: pl.DataFrame, documents: pl.DataFrame, examples: pl.DataFrame) -> None:
        self._removed.write(removed.to_arrow())
        self._documents.write(documents.to_arrow())
        if self._examples is not None:
            self._examples.write(examples.to_arrow())
        self.counts.removed.update(count_values(removed["reason"]))
        self.counts.languages.update(count_values(documents["lang"]))
        self.counts.splits.update(count_values(documents["split"]))
        self.counts.tokens += int(documents["tokens"].list.len().sum())
        self.counts.examples += len(examples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _result(cleaned: Cleaned, outputs: _Outputs, duplicates: Duplicates, examples: Examples) -> Result:
    counts = outputs.counts
    return Result(
        rows_in=len(cleaned.ids) + cleaned.rows_rejected,
        rows_out=counts.splits.total(),
        rows_rejected=cleaned.rows_rejected,
        rows_removed=counts.removed.total(),
        removed=dict(sorted(counts.removed.items())),
        normalized=cleaned.normalized,
        languages=dict(sorted(counts.languages.items())),
        splits=dict(sorted(counts.splits.items())),
        groups=duplicates.groups,
        tokens=counts.tokens,
        examples=counts.examples,
        small_classes=examples.small_classes,
    )
