"""Counts, lengths, words, keyness and pictures of a prepared corpus."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fastnlp_jobs.job import Input, JobConfig, Output
from fastnlp_jobs.job import Result as BaseResult

EXTRA = "report"


class Compare(BaseModel):
    """Two groups of documents: those with value `a` in a column, and those with value `b`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    column: str = Field(description="a text column of documents.parquet, such as thread_id, region, lang, x_shop")
    a: str = Field(description="value of the first group")
    b: str = Field(description="value of the second group")


class Config(JobConfig):
    """Count a prepared corpus: lengths, times, words, what sets two groups apart, word cloud."""

    input: Input = Field(description="folder written by prepare: documents.parquet, removed.parquet")
    output: Output = Field(description="folder for the tables (Parquet) and the pictures (PNG)")
    compare: Compare | None = Field(
        None, description="two groups whose words are compared; default: the two most frequent labels, else threads"
    )
    top_words: int = Field(500, ge=1, le=100_000, description="how many words, and how many emotes, are listed")
    cloud_words: int = Field(100, ge=1, le=1000, description="how many words the word cloud shows")
    min_documents: int = Field(5, ge=1, description="a word in fewer documents (both groups together) is not compared")
    timezone: str = Field("UTC", description="zone in which days and hours of the timeline begin")
    seed: int = Field(7, ge=0, description="decides where the word cloud puts its words")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(name)
        except (ValueError, KeyError, OSError) as error:
            raise ValueError("expected a name such as Asia/Shanghai or UTC") from error
        return name


class Result(BaseResult):
    """What was described; `words_compared` is None where there were no two groups."""

    documents: int
    threads: int
    authors: int
    tokens: int
    distinct_words: int
    documents_without_time: int
    words_compared: int | None
    words_not_drawn: int


def run(config: Config) -> Result:
    """Describe the documents, write one table per question and the pictures of some."""
    from fastnlp_jobs.jobs.describe.corpus import describe

    return Result(**describe(config))
