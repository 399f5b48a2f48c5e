"""One HTML file that shows a whole run: it opens offline, on a phone, and asks nobody for anything."""

from pydantic import Field

from fastnlp_jobs.job import Input, JobConfig, OptionalInput, Output
from fastnlp_jobs.job import Result as BaseResult

EXTRA = "report"


class Config(JobConfig):
    """Show a whole run in one HTML file."""

    comments: Input = Field(description="folder written by crawl")
    documents: Input = Field(description="folder written by prepare")
    patterns: OptionalInput = Field(None, description="folder written by mine; without it the report has no rules")
    description: OptionalInput = Field(
        None, description="folder written by describe; without it the report has no charts of the corpus"
    )
    labels: OptionalInput = Field(None, description="folder written by label; without it the report has no emotions")
    augmented: OptionalInput = Field(
        None, description="folder written by augment; without it the report has no balanced train"
    )
    output: Output = Field(description="folder for report.html")
    title: str = Field("What the comments say", min_length=1, max_length=200, description="heading of the report")
    table_rows: int = Field(200, ge=1, le=2000, description="rows a table shows; the whole table stays in its file")
    sample_rows: int = Field(12, ge=0, le=100, description="comments, and removed near-duplicates, shown as samples")


class Result(BaseResult):
    """What the report covers; None where the job that counts it was not run."""

    comments: int
    documents: int
    rules: int | None
    tables: int
    charts: int
    html_bytes: int


def run(config: Config) -> Result:
    """Read the folders, write `report.html`."""
    from fastnlp_jobs.jobs.report.page import write_report

    return Result(**write_report(config))
