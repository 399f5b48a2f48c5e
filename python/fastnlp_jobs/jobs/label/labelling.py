"""The whole of `label`: documents in batches through the engine, then a comparison with what is known."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from fastnlp_jobs.jobs.label import Config, Result
from fastnlp_jobs.jobs.label.agreement import check_snownlp, write_agreement
from fastnlp_jobs.jobs.label.lexicon import FIELDS, MODEL, Lexicon, readable
from fastnlp_jobs.jobs.label.pairs import write_class_pairs
from fastnlp_jobs.jobs.label.people import read_judged, write_for_people
from fastnlp_jobs.schemas import DOCUMENTS, labels
from fastnlp_jobs.tables import TableWriter, scan_columns

_BATCH_ROWS = 8_192
_NOTHING_KNOWN = {
    "confidence": pl.lit(None, pl.Float64),
    "model": pl.lit(MODEL),
    "prompt_hash": pl.lit(None, pl.String),
}


def label(config: Config) -> Result:
    """Write labels.parquet, a row per document in their order, and agreement.parquet.

    Raises:
        BadInput: the input is not the output of prepare, the sheets of people cannot be used, or a package for the
            comparison is missing.
    """
    check_snownlp(config)
    if config.gold is not None:
        read_judged(config, config.gold)
    path = config.output / "labels.parquet"
    counts = write_labels(config, path)
    write_agreement(config, {"lexicon": pl.scan_parquet(path, glob=False)}, path)
    return counts.result().model_copy(update={"pairs": write_class_pairs(config), "people": write_for_people(config)})


def write_labels(config: Config, path: Path) -> "Counts":
    """Write the lexicon's labels, a row per document in their order.

    Raises:
        BadInput: the input is not the output of prepare.
    """
    lexicon, counts = Lexicon(), Counts()
    with TableWriter(path, labels(FIELDS)) as writer:
        for rows in _batches(config.input / "documents.parquet"):
            texts = readable(rows)
            labelled = rows.select("id").hstack(lexicon.label(texts)).with_columns(**_NOTHING_KNOWN)
            counts.add(texts, labelled)
            writer.write(labelled.to_arrow())
    return counts


def label_text(config: Config, text: str) -> dict[str, Any]:  # noqa: ARG001  # an engine with settings reads them
    """The labels of one text."""
    return Lexicon().label(pl.Series([text])).with_columns(**_NOTHING_KNOWN).row(0, named=True)


def _batches(documents: Path) -> Iterator[pl.DataFrame]:
    for batch in scan_columns(documents, DOCUMENTS, ["id", "lang", "clean"]):
        yield from pl.DataFrame(batch).iter_slices(_BATCH_ROWS)


class Counts:
    """What was labelled so far."""

    def __init__(self) -> None:
        self._rows = self._labelled = self._other_language = 0
        self._values: dict[str, Counter[str]] = {field.name: Counter() for field in FIELDS if field.type == "string"}

    def add(self, texts: pl.Series, rows: pl.DataFrame) -> None:
        """Count a batch: its readable texts and their labels."""
        self._rows += len(texts)
        self._other_language += texts.null_count()
        self._labelled += rows.filter(pl.any_horizontal(pl.col(field.name).is_not_null() for field in FIELDS)).height
        for column, values in self._values.items():
            values.update(dict(rows[column].drop_nulls().value_counts().iter_rows()))

    def result(self) -> Result:
        """The counts of the whole."""
        values = {column: dict(sorted(counter.items())) for column, counter in self._values.items()}
        return Result(
            rows_in=self._rows,
            rows_out=self._rows,
            rows_rejected=0,
            labelled=self._labelled,
            other_language=self._other_language,
            values=values,
        )
