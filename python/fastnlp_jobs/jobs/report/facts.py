"""The numbers of a run, from the folders its jobs wrote; nothing is formatted here."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.report.answered import Answers, read_answers
from fastnlp_jobs.jobs.report.augmented import Augmented, read_augmented
from fastnlp_jobs.jobs.report.labelled import Labels, read_labels
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import (
    BREAKDOWN,
    COMMENTS,
    COMPARISON,
    COUNTS,
    DOCUMENTS,
    ITEMSETS,
    KEYNESS,
    LENGTHS,
    REJECTED,
    REMOVED,
    RULES,
    TIMELINE,
    WORDS,
)
from fastnlp_jobs.tables import count_rows, read_schema

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Crawl:
    """How the comments were collected; of files only that they are files is known."""

    source: str
    stopped: str | None = None  # why the run ended before it had read all
    streams: int = 0
    unfinished: int = 0  # streams that were not read to their end
    missed: tuple[str, ...] = ()  # what was not read, and why
    purpose: str | None = None
    legal_basis: str | None = None
    retention_until: str | None = None


@dataclass(frozen=True)
class Flow:
    """Where every row went: read = rejected + removed + comments, comments = rejected and removed again + documents."""

    comments: int
    documents: int
    rejected: pl.DataFrame  # reason, rows
    removed: pl.DataFrame  # reason, rows

    @property
    def rows_rejected(self) -> int:
        """Rows that could not be used, by crawl or by prepare."""
        return int(self.rejected["rows"].sum())

    @property
    def rows_removed(self) -> int:
        """Rows left out on purpose: by prepare, or by crawl where a site deleted them."""
        return int(self.removed["rows"].sum())

    @property
    def rows_read(self) -> int:
        """Rows in the user's files, or found on a site."""
        return self.documents + self.rows_removed + self.rows_rejected


@dataclass(frozen=True)
class Description:
    """The tables of `describe`."""

    counts: dict[str, int]
    breakdown: pl.DataFrame
    timeline: pl.DataFrame
    lengths: pl.DataFrame
    words: pl.DataFrame
    comparison: dict[str, Any]
    keyness: pl.DataFrame
    folder: Path

    def share_of(self, dimension: str) -> pl.DataFrame:
        """One dimension of the breakdown."""
        return self.breakdown.filter(pl.col("dimension") == dimension)

    def quantile(self, unit: str, percent: int) -> int:
        """Smallest length that at least `percent` % of the documents do not exceed; 0 without documents."""
        rows = self.lengths.filter(pl.col("unit") == unit)
        reached = rows.filter(pl.col("documents").cum_sum() * 100 >= pl.col("documents").sum() * percent)
        return int(reached["length"][0]) if reached.height else 0


@dataclass(frozen=True)
class Patterns:
    """The tables of `mine`, rules by q-value and lift, and how its run came to them."""

    rules: pl.DataFrame
    itemsets: pl.DataFrame
    transactions: int
    tests: int
    min_confidence: float
    max_q_value: float

    @property
    def notable(self) -> pl.DataFrame:
        """Rules of which no shorter rule says as much."""
        return self.rules.filter(~pl.col("redundant"))


@dataclass(frozen=True)
class Facts:
    """Everything the page shows except samples."""

    crawl: Crawl
    flow: Flow
    description: Description | None
    patterns: Patterns | None
    labels: Labels | None
    answers: Answers | None  # of a language model
    augmented: Augmented | None


def read_facts(config: "Config") -> Facts:
    """Read every folder that the config names.

    Raises:
        BadInput: a table is missing or has other columns.
    """
    description = None if config.description is None else _read_description(config.description)
    return Facts(
        _read_crawl(config.comments),
        _read_flow(config),
        description,
        None if config.patterns is None else _read_patterns(config.patterns),
        read_labels(config, None if description is None else description.timeline),
        read_answers(config),
        read_augmented(config),
    )


def _table(path: Path, schema: pa.Schema) -> pl.DataFrame:
    return scan(path, schema).collect()


def _read_flow(config: "Config") -> Flow:
    rejected = [config.comments / "rejected.parquet", config.documents / "rejected.parquet"]
    found = [scan(path, REJECTED).select("reason") for path in rejected if path.exists()]
    removed = [config.comments / "removed.parquet", config.documents / "removed.parquet"]
    return Flow(
        comments=_count(config.comments / "comments.parquet", COMMENTS),
        documents=_count(config.documents / "documents.parquet", DOCUMENTS),
        rejected=_by_reason(pl.concat(found) if found else pl.LazyFrame(schema={"reason": pl.String})),
        removed=_by_reason(pl.concat(scan(path, REMOVED).select("reason") for path in removed if path.exists())),
    )


def _count(path: Path, schema: pa.Schema) -> int:
    read_schema(path, schema)
    return count_rows(path)


def _by_reason(rows: pl.LazyFrame) -> pl.DataFrame:
    reasons = rows.group_by("reason").agg(rows=pl.len().cast(pl.Int64)).collect(engine="streaming")
    return reasons.sort("rows", "reason", descending=[True, False])


def _read_crawl(folder: Path) -> Crawl:
    record = lineage.read(folder)
    config, live = record["config"], record["counts"].get("live")
    if live is None:
        return Crawl("file")
    reasons = {name: config.get(name) for name in ("purpose", "legal_basis", "retention_until")}
    found = {name: live[name] for name in ("source", "stopped", "streams", "unfinished")}
    return Crawl(**found, missed=tuple(live["missed"]), **reasons)


def _read_description(folder: Path) -> Description:
    counts = _table(folder / "counts.parquet", COUNTS)
    return Description(
        counts=dict(counts.iter_rows()),
        breakdown=_table(folder / "breakdown.parquet", BREAKDOWN),
        timeline=_table(folder / "timeline.parquet", TIMELINE),
        lengths=_table(folder / "lengths.parquet", LENGTHS),
        words=_table(folder / "words.parquet", WORDS),
        comparison=_table(folder / "comparison.parquet", COMPARISON).row(0, named=True),
        keyness=_table(folder / "keyness.parquet", KEYNESS),
        folder=folder,
    )


def _read_patterns(folder: Path) -> Patterns:
    rules = _table(folder / "rules.parquet", RULES)
    order = [
        pl.col("q_value"),
        pl.col("lift"),
        pl.col("support"),
        pl.col("antecedent").list.join(" "),
        pl.col("consequent").list.join(" "),
    ]
    itemsets = _table(folder / "itemsets.parquet", ITEMSETS)
    record = lineage.read(folder)
    return Patterns(
        rules=rules.sort(order, descending=[False, True, True, False, False]),
        itemsets=itemsets.sort(pl.col("count"), pl.col("items").list.join(" "), descending=[True, False]),
        transactions=record["counts"]["transactions"],
        tests=record["counts"]["tests"],
        min_confidence=record["config"]["min_confidence"],
        max_q_value=record["config"]["max_q_value"],
    )
