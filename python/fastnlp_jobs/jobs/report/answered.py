"""What a language model said of the documents, beside the word lists on the same texts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.report.samples import harmless, rows_of
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import DOCUMENTS, labels
from fastnlp_jobs.tables import count_rows

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

_BASELINE = [pa.field("emotion", pa.string()), pa.field("polarity", pa.string())]


@dataclass(frozen=True)
class Answers:
    """The labels of a model, and how its run went."""

    model: str
    is_embedded: bool  # the tiny model of this machine
    rows: int
    labelled: int
    asked: dict[str, Any]  # counts of the run: success, calls, tokens, cost, …
    fields: list[str]
    texts: pl.DataFrame  # those shown: text, the fields, and what the lists say: lists_emotion, lists_polarity
    num_texts: int  # in labels.parquet
    classes: pl.DataFrame  # field, value, documents, share: how often the model says each class of a list

    @property
    def reasons(self) -> str:
        """Why documents have no labels, the most frequent reason first."""
        found = sorted(self.asked["reasons"].items(), key=lambda reason: (-reason[1], reason[0]))
        return ", ".join(f"{reason} ({count})" for reason, count in found)


def read_answers(config: "Config") -> Answers | None:
    """Read what `label` wrote with a model; None where the word lists alone gave the labels.

    Raises:
        BadInput: a table is missing or has other columns.
    """
    if config.labels is None or not (config.labels / "baseline.parquet").exists():
        return None
    record = lineage.read(config.labels)
    fields = list(record["config"]["fields"])
    texts = _texts(config, fields)
    return Answers(
        model=next(iter(texts["model"]), "The model"),
        is_embedded=record["config"]["llm"]["embedded"] is not None,
        rows=record["counts"]["rows_in"],
        labelled=record["counts"]["rows_out"],
        asked=record["counts"]["asked"],
        fields=fields,
        texts=texts,
        num_texts=count_rows(config.labels / "labels.parquet"),
        classes=_classes(record["counts"]["values"], record["counts"]["rows_out"]),
    )


def _classes(counts: dict[str, dict[str, int]], labelled: int) -> pl.DataFrame:
    """The classes by field, the most frequent first; a document may have several."""
    rows = [(field, value, found) for field, values in counts.items() for value, found in values.items()]
    table = pl.DataFrame(rows, schema={"field": pl.String, "value": pl.String, "documents": pl.Int64}, orient="row")
    ordered = table.sort("field", "documents", "value", descending=[False, True, False])
    return ordered.with_columns(share=pl.col("documents") / labelled)


def _texts(config: "Config", fields: list[str]) -> pl.DataFrame:
    """The labelled texts that the page shows, the first ones; lists of classes as one text."""
    assert config.labels is not None, "the caller has looked"
    said = scan(config.labels / "labels.parquet", labels([])).select("id", "model", *fields).head(config.table_rows)
    rows = said.collect(engine="streaming")
    baseline = scan(config.labels / "baseline.parquet", labels(_BASELINE)).select(
        "id", lists_emotion="emotion", lists_polarity="polarity"
    )
    documents = scan(config.documents / "documents.parquet", DOCUMENTS).select("id", text="clean")
    found = rows.join(rows_of(documents, rows["id"]), on="id", maintain_order="left").join(
        rows_of(baseline, rows["id"]), on="id", how="left", maintain_order="left"
    )
    joined = found.with_columns(pl.col(pl.List(pl.String)).list.join(", "))
    words = [name for name in ("text", *fields) if joined.schema[name] == pl.String]
    return joined.with_columns(pl.Series(name, harmless(joined[name]), dtype=pl.String) for name in words)
