"""What the word lists of `label` say of the documents: how often, where, when, and in which texts most."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.report.samples import harmless
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import AGREEMENT, DOCUMENTS, GOLD, labels
from fastnlp_jobs.tables import count_rows

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

EVERYWHERE = "all documents"
POLARITIES = ["positive", "neutral", "negative"]
_FIELDS = [pa.field("emotion", pa.string()), pa.field("polarity", pa.string()), pa.field("score", pa.float64())]


@dataclass(frozen=True)
class Labels:
    """The labels of the word lists, counted, and how good labels are."""

    model: str
    file: str  # of the labels, in the folder of the run's artifacts
    documents: int
    other_language: int
    emotions: pl.DataFrame  # value, documents; the most frequent first
    groups: dict[str, pl.DataFrame]  # thread, region: value, documents, share of each polarity, score; all first
    over_time: pl.DataFrame  # start, documents, share of each polarity, score
    extremes: pl.DataFrame  # score, polarity, emotion, text; the highest, then the lowest
    agreement: pl.DataFrame
    gold: pl.DataFrame  # labels beside those of people, where there are sheets

    def agreed(self, labels: str, rows: str) -> dict[str, float] | None:
        """How often `labels` said the same as what they were compared with; None where they were not compared."""
        found = self.agreement.filter(
            (pl.col("labels") == labels) & (pl.col("rows") == rows) & (pl.col("num_rows") > 0)
        )
        return found.row(0, named=True) if found.height else None

    def judged(self, labels: str) -> pl.DataFrame:
        """How often `labels` say what people say, by field, beside whoever always says the most frequent: `trivial`."""
        right = self.gold.filter(pl.col("measure") == "accuracy")
        trivial = right.filter(pl.col("labels") == "trivial").select("field", trivial="value")
        return right.filter(pl.col("labels") == labels).join(trivial, on="field", maintain_order="left")


def read_labels(config: "Config", timeline: pl.DataFrame | None) -> Labels | None:
    """Count the word lists' labels in the folder that the config names; by time in the bins of `timeline`.

    Where a language model was asked, they stand in a file of their own: it was asked about a few documents only.

    Raises:
        BadInput: a table is missing or has other columns.
    """
    if config.labels is None:
        return None
    baseline = config.labels / "baseline.parquet"
    path = baseline if baseline.exists() else config.labels / "labels.parquet"
    rows = _with_documents(path, config.documents / "documents.parquet")
    decided = rows.filter(pl.col("polarity").is_in(POLARITIES))
    return Labels(
        model=rows.select(pl.col("model").min()).collect(engine="streaming").item() or "",
        file=f"labels/{path.name}",
        documents=count_rows(path),
        other_language=lineage.read(config.labels)["counts"]["other_language"],
        emotions=_emotions(rows),
        groups={name: _groups(decided, column) for name, column in (("thread", "thread_id"), ("region", "region"))},
        over_time=_over_time(decided, timeline),
        extremes=_extremes(decided, config.sample_rows),
        agreement=_scores(config.labels / "agreement.parquet", AGREEMENT),
        gold=_scores(config.labels / "gold.parquet", GOLD),
    )


def _with_documents(path: Path, documents: Path) -> pl.LazyFrame:
    """Labels beside the place, time and text of their documents."""
    rows = scan(path, labels(_FIELDS))
    found = scan(documents, DOCUMENTS).select("id", "thread_id", "region", "created_at", "clean")
    return rows.select("id", "model", "emotion", "polarity", "score").join(found, on="id", how="inner")


def _emotions(rows: pl.LazyFrame) -> pl.DataFrame:
    counted = rows.drop_nulls("emotion").group_by(value="emotion").agg(documents=pl.len().cast(pl.Int64))
    return counted.collect(engine="streaming").sort("documents", "value", descending=[True, False])


def _shares() -> list[pl.Expr]:
    """What is said of a group of documents."""
    polarities = [(pl.col("polarity") == polarity).mean().alias(polarity) for polarity in POLARITIES]
    return [pl.len().cast(pl.Int64).alias("documents"), *polarities, pl.col("score").median()]


def _groups(decided: pl.LazyFrame, column: str) -> pl.DataFrame:
    by_value = decided.drop_nulls(column).group_by(value=column).agg(_shares()).collect(engine="streaming")
    whole = decided.select(pl.lit(EVERYWHERE).alias("value"), *_shares()).collect(engine="streaming")
    if not by_value.height:
        return by_value
    return pl.concat([whole, by_value.sort("documents", "value", descending=[True, False])])


def _over_time(decided: pl.LazyFrame, timeline: pl.DataFrame | None) -> pl.DataFrame:
    """In the bins that `describe` chose."""
    starts = pl.DataFrame({"start": []}, schema={"start": pl.Datetime("us", "UTC")})
    if timeline is not None:
        starts = timeline.select("start").drop_nulls().sort("start")
    dated = decided.select("created_at", "polarity", "score").drop_nulls("created_at").sort("created_at")
    binned = dated.join_asof(starts.lazy(), left_on="created_at", right_on="start").drop_nulls("start")
    return binned.group_by("start").agg(_shares()).sort("start").collect()


def _extremes(decided: pl.LazyFrame, wanted: int) -> pl.DataFrame:
    texts = decided.select("score", "polarity", "emotion", "id", text="clean").filter(pl.col("score") != 0)
    highest = texts.filter(pl.col("score") > 0).sort("score", "id", descending=[True, False]).head(wanted)
    lowest = texts.filter(pl.col("score") < 0).sort("score", "id").head(wanted)
    found = pl.concat([highest.collect(engine="streaming"), lowest.collect(engine="streaming")]).drop("id")
    return found.with_columns(text=pl.Series(harmless(found["text"]), dtype=pl.String))


def _scores(path: Path, schema: pa.Schema) -> pl.DataFrame:
    return scan(path, schema).collect() if path.exists() else pl.DataFrame(schema.empty_table())
