"""What each document says: its emotion, polarity and score."""

from typing import Any, Literal

from pydantic import Field

from fastnlp_jobs.job import Input, Output, RowResult
from fastnlp_jobs.job import JobConfig as BaseConfig

EXTRA = "llm"


class Config(BaseConfig):
    """Label documents with emotion, polarity and score."""

    input: Input = Field(
        description="folder written by prepare: documents.parquet and, where some labels are known, examples.parquet"
    )
    output: Output = Field(description="folder for labels.parquet and agreement.parquet")
    engine: Literal["lexicon"] = Field("lexicon", description="lexicon: count listed words, Chinese only")
    known_polarity: dict[str, Literal["positive", "negative"]] = Field(
        {"positive": "positive", "negative": "negative"},
        description="which labels of examples.parquet are positive, which negative; others are not compared",
    )
    snownlp_rows: int = Field(
        0, ge=0, description="rows that the classifier of the package snownlp labels too, for comparison (slow)"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="decides which rows those are, nothing else")


class Result(RowResult):
    """What the labels are."""

    labelled: int = Field(description="rows with at least one label")
    other_language: int = Field(description="rows that the engine cannot read; they have no labels")
    values: dict[str, dict[str, int]] = Field(description="rows by label, for each column of labels")


def run(config: Config) -> Result:
    """Label the documents, compare with labels that are known."""
    from fastnlp_jobs.jobs.label.labelling import label

    return label(config)


def run_on_text(config: Config, text: str) -> dict[str, Any]:
    """The labels of one text; neither `input` nor `output` is looked at (`fastnlp label --text`)."""
    from fastnlp_jobs.jobs.label.labelling import label_text

    return label_text(config, text)
