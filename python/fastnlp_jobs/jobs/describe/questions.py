"""What is counted: one lazy query per question, run by Polars' streaming engine.

Shares and means come from integer sums, so that no result depends on the order of threads. Every
table is sorted by something that has no ties.
"""

from typing import Any

import polars as pl

DIMENSIONS = {"thread": "thread_id", "source": "source", "language": "lang", "region": "region", "split": "split"}
UNITS = {"minute": "1m", "10 minutes": "10m", "hour": "1h", "day": "1d", "week": "1w", "month": "1mo", "year": "1y"}
MAX_BINS = 100
# `prepare` lower-cases words and keeps an emote as one token as it was written: [捂脸], 😂, ponceJAM, LUL, <3.
EMOTE = r"^[^\p{L}\p{M}\p{N}].|^\p{Extended_Pictographic}|\p{Lu}"


def collect(query: pl.LazyFrame) -> pl.DataFrame:
    """Run a query in batches: memory does not grow with the number of rows."""
    return query.collect(engine="streaming")


def count(rows: pl.LazyFrame) -> int:
    """Number of rows."""
    return int(collect(rows.select(pl.len())).item())


def totals(documents: pl.LazyFrame) -> dict[str, int]:
    """Rows, threads, authors, tokens, characters, and how many rows do not say something."""
    row = collect(
        documents.select(
            documents=pl.len(),
            characters=pl.col("clean").str.len_chars().sum(),
            tokens=pl.col("tokens").list.len().sum(),
            documents_without_tokens=(pl.col("tokens").list.len() == 0).sum(),
            documents_without_author=pl.col("author").null_count(),
            documents_without_time=pl.col("created_at").null_count(),
            documents_without_region=pl.col("region").null_count(),
            documents_without_language=pl.col("lang").null_count(),
            mentions=pl.col("num_mentions").sum(),
            urls=pl.col("num_urls").sum(),
            emotes=pl.col("num_emotes").sum(),
        )
    )
    counted = {name: int(value) for name, value in row.row(0, named=True).items()}
    # Apart from the sums: beside them Polars would hold every column in memory.
    distinct = {"threads": _count_distinct(documents, "thread_id"), "authors": _count_distinct(documents, "author")}
    return {**counted, **distinct}


def _count_distinct(documents: pl.LazyFrame, column: str) -> int:
    return int(collect(documents.select(pl.col(column).drop_nulls().n_unique())).item())


def as_counts(numbers: dict[str, int]) -> pl.DataFrame:
    """The totals as a table."""
    return pl.DataFrame({"name": list(numbers), "value": list(numbers.values())}, schema_overrides={"value": pl.Int64})


def breakdown(documents: pl.LazyFrame, removed: pl.LazyFrame, numbers: dict[str, int]) -> pl.DataFrame:
    """Documents by thread, source, language, region and split; removed rows by reason."""
    parts = [_shares(documents, name, column, numbers["documents"]) for name, column in DIMENSIONS.items()]
    return pl.concat([*parts, _shares(removed, "removed", "reason", numbers["removed"])])


def _shares(rows: pl.LazyFrame, dimension: str, column: str, total: int) -> pl.DataFrame:
    groups = rows.group_by(value=pl.col(column)).agg(documents=pl.len().cast(pl.Int64))
    return (
        collect(groups)
        .sort("documents", "value", descending=[True, False])
        .select(pl.lit(dimension).alias("dimension"), "value", "documents", share=pl.col("documents") / max(total, 1))
    )


def timeline(documents: pl.LazyFrame, timezone: str) -> pl.DataFrame:
    """Documents per bin, empty bins too; a last row without a start holds those without a time."""
    times = documents.select(start=pl.col("created_at").dt.convert_time_zone(timezone))
    first, last, missing = collect(
        times.select(first=pl.col("start").min(), last=pl.col("start").max(), missing=pl.col("start").null_count())
    ).row(0)
    unknown = pl.DataFrame(
        {"start": [None], "documents": [missing]},
        schema={"start": pl.Datetime("us", timezone), "documents": pl.Int64},
    )
    if first is None:
        return _as_timeline(unknown, "none", timezone)
    unit = _finest_unit(first, last)
    bins = times.drop_nulls().group_by(pl.col("start").dt.truncate(UNITS[unit])).agg(documents=pl.len().cast(pl.Int64))
    counted = collect(bins)
    every = counted.select(pl.datetime_range(pl.col("start").min(), pl.col("start").max(), UNITS[unit]).alias("start"))
    filled = every.join(counted, on="start", how="left").with_columns(pl.col("documents").fill_null(0)).sort("start")
    return _as_timeline(pl.concat([filled, unknown] if missing else [filled]), unit, timezone)


def _as_timeline(bins: pl.DataFrame, unit: str, timezone: str) -> pl.DataFrame:
    start = pl.col("start").dt.convert_time_zone("UTC")
    return bins.select(start, "documents", unit=pl.lit(unit), timezone=pl.lit(timezone))


def _finest_unit(first: Any, last: Any) -> str:
    """The finest unit that needs at most `MAX_BINS` bins for the span."""
    minutes = (last - first).total_seconds() / 60
    in_minutes = {"minute": 1, "10 minutes": 10, "hour": 60, "day": 1440, "week": 10_080, "month": 43_200}
    return next((unit for unit, size in in_minutes.items() if minutes / size <= MAX_BINS), "year")


def lengths(documents: pl.LazyFrame) -> pl.DataFrame:
    """How many documents have each length, in characters and in tokens."""
    parts = []
    for unit, length in {
        "characters": pl.col("clean").str.len_chars(),
        "tokens": pl.col("tokens").list.len(),
    }.items():
        groups = documents.group_by(length=length.cast(pl.Int64)).agg(documents=pl.len().cast(pl.Int64))
        parts.append(collect(groups).sort("length").select(pl.lit(unit).alias("unit"), "length", "documents"))
    return pl.concat(parts)


def items(documents: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every word, and every emote, with its occurrences and the documents that hold it at least once."""
    lists = documents.select(item=pl.col("tokens"))
    occurrences = _tally(lists, "count")
    in_documents = _tally(lists.select(pl.col("item").list.unique()), "documents")
    counted = collect(occurrences).join(collect(in_documents), on="item")
    is_emote = pl.col("item").str.contains(EMOTE)
    return counted.filter(~is_emote), counted.filter(is_emote)


def most_frequent(kind: str, counted: pl.DataFrame, num_documents: int, top: int) -> pl.DataFrame:
    """The first `top` rows of WORDS of one kind."""
    return (
        counted.sort("count", "item", descending=[True, False])
        .head(top)
        .select(
            pl.lit(kind).alias("kind"), "item", "count", "documents", share=pl.col("documents") / max(num_documents, 1)
        )
    )


def _tally(lists: pl.LazyFrame, name: str) -> pl.LazyFrame:
    return lists.explode("item").drop_nulls().group_by("item").agg(pl.len().cast(pl.Int64).alias(name))
