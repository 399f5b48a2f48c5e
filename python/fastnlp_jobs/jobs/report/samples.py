"""A few comments as they are, and a few that were left out; personal data in them is masked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fastnlp_core import normalize
from fastnlp_jobs.jobs.report import shown
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import COMMENTS, DOCUMENTS, REJECTED, REMOVED

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config


@dataclass(frozen=True)
class Comment:
    """A text, and what is known around it."""

    text: str
    details: list[str]


@dataclass(frozen=True)
class Removal:
    """A comment that was removed, and the one that was kept in its place (None: nothing was)."""

    reason: str
    similarity: str
    removed: str
    kept: str | None
    is_copy: bool


@dataclass(frozen=True)
class Samples:
    """What the page shows of the texts themselves."""

    comments: list[Comment]
    removals: list[Removal]
    rejections: list[Comment]


def read_samples(config: "Config") -> Samples:
    """Rows spread evenly over each table: the same ones on every machine."""
    documents = scan(config.documents / "documents.parquet", DOCUMENTS)
    removed = scan(config.documents / "removed.parquet", REMOVED)
    comments = scan(config.comments / "comments.parquet", COMMENTS)
    rejected = [folder / "rejected.parquet" for folder in (config.comments, config.documents)]
    return Samples(
        comments=_comments(spread(documents, config.sample_rows)),
        removals=_removals(_of_each_reason(removed, config.sample_rows), comments),
        rejections=_rejections(rejected, config.sample_rows),
    )


def spread(rows: pl.LazyFrame, wanted: int) -> pl.DataFrame:
    """So many rows, as far apart as can be; each is read by itself, since a filter would read them all."""
    total = int(rows.select(pl.len()).collect(engine="streaming").item())
    positions = sorted({total * number // wanted for number in range(wanted)}) if total else []
    picked = [rows.slice(position, 1).collect(engine="streaming") for position in positions]
    return pl.concat([rows.head(0).collect(), *picked])


def _of_each_reason(removed: pl.LazyFrame, wanted: int) -> pl.DataFrame:
    """As many rows of each reason: copies are many, and all alike."""
    reasons = removed.select(pl.col("reason").unique()).collect(engine="streaming")["reason"].sort().to_list()
    of_each = max(1, wanted // max(1, len(reasons)))
    rows = [spread(removed.filter(pl.col("reason") == reason), of_each) for reason in reasons]
    return pl.concat(rows).head(wanted) if rows else spread(removed, 0)


def _comments(rows: pl.DataFrame) -> list[Comment]:
    texts = harmless(rows["text"])
    return [Comment(text, _details(row)) for text, row in zip(texts, rows.iter_rows(named=True), strict=True)]


def _details(row: dict[str, Any]) -> list[str]:
    written = row["created_at"]
    details = [
        row["source"],
        row["thread_id"],
        written.strftime("%Y-%m-%d %H:%M UTC") if written is not None else "no date",
        row["region"],
        None if row["likes"] is None else f"{shown.integer(row['likes'])} likes",
    ]
    return [shown.text(detail, max_length=60) for detail in details if detail]


def _removals(removed: pl.DataFrame, comments: pl.LazyFrame) -> list[Removal]:
    wanted = set(removed["id"]) | set(removed["kept_id"].drop_nulls())
    found = comments.select("id", "text").filter(pl.col("id").is_in(sorted(wanted))).collect(engine="streaming")
    texts = dict(zip(found["id"], harmless(found["text"]), strict=True))
    return [
        Removal(
            reason=shown.reason(row["reason"]),
            similarity=shown.number(row["similarity"]) if row["similarity"] is not None else "",
            removed=texts.get(row["id"], shown.NOTHING),
            kept=texts.get(row["kept_id"]),
            is_copy=texts.get(row["id"]) == texts.get(row["kept_id"]),
        )
        for row in removed.iter_rows(named=True)
    ]


def _rejections(paths: Iterable[Path], wanted: int) -> list[Comment]:
    tables = [scan(path, REJECTED) for path in paths if path.exists()]
    rows = spread(pl.concat(tables), wanted) if tables else pl.DataFrame(schema={"text": pl.String})
    texts = harmless(rows["text"].fill_null("(no text)"))
    return [
        Comment(text, [f"{shown.text(row['file'])}:{row['row']}", shown.reason(row["reason"])])
        for text, row in zip(texts, rows.iter_rows(named=True), strict=True)
    ]


def rows_of(table: pl.LazyFrame, ids: pl.Series) -> pl.DataFrame:
    """The rows of a table with these ids; a join would hold all the others too."""
    return table.filter(pl.col("id").is_in(ids.implode())).collect(engine="streaming")


def harmless(texts: pl.Series) -> list[str]:
    """Links, addresses, names and numbers masked, control characters visible, cut to a length."""
    masked, _ = normalize(texts, ["mask_urls", "mask_emails", "mask_mentions", "mask_phones", "mask_ids"])
    return [shown.text(text) for text in pl.Series(masked)]
