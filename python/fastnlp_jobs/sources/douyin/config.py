"""Which videos a browser opens, which browser that is, and what it looks for on their pages."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from fastnlp_jobs.job import JobConfig

LIST_PATH = "/aweme/v1/web/comment/list/"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_IN_PATH = re.compile(rf"/(?:video|note)/({_ID.pattern})/?")


def _origin(site: str) -> str:
    parts = urlsplit(site)
    if parts.scheme not in ("http", "https") or not parts.hostname or site != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("expected scheme and host, such as https://www.douyin.com")
    return site


class DouyinConfig(JobConfig):
    """Videos whose comments are read by a browser. What the page looks like is a guess until you have looked."""

    site: Annotated[str, AfterValidator(_origin)] = Field(
        default="https://www.douyin.com", description="where the videos are: scheme and host"
    )
    videos: tuple[str, ...] = Field(min_length=1, description="ids of videos, or the addresses of their pages")
    browser: str = Field(
        default="chromium",
        description="Chromium: its name on PATH, the path of its program, or a channel of playwright",
    )
    profile: Path | None = Field(
        default=None, description="folder of a browser profile in which you have logged in; without it nothing is kept"
    )
    quiet_steps: int = Field(
        default=10, gt=0, description="clicks and scrolls without anything new after which a video is left"
    )
    comment_selector: str = Field(default='[data-e2e="comment-item"]', description="a comment, which is scrolled to")
    replies_selector: str = Field(
        default=r"text=/^展开(更多|\s*\d+\s*条回复)$/", description="what shows (more) replies when it is clicked"
    )
    wall_selector: str = Field(
        default='[id^="captcha"], [class*="captcha"], [id^="login-panel"]',
        description="what asks for a login or for a human: there the crawl stops",
    )

    @field_validator("videos")
    @classmethod
    def _ids(cls, videos: tuple[str, ...], values: ValidationInfo) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_video_id(video, values.data.get("site", "")) for video in videos))

    @property
    def addresses(self) -> list[str]:
        """What robots.txt is asked about: the pages, and where they get their comments."""
        return [*map(self.address, self.videos), self.site + LIST_PATH]

    def address(self, video: str) -> str:
        """The page of a video."""
        return f"{self.site}/video/{video}"


def _video_id(written: str, site: str) -> str:
    if _ID.fullmatch(written):
        return written
    parts = urlsplit(written)
    if f"{parts.scheme}://{parts.netloc}" == site:
        found = _IN_PATH.fullmatch(parts.path)
        video = found[1] if found else next(iter(parse_qs(parts.query).get("modal_id", [])), "")
        if _ID.fullmatch(video):
            return video
    raise ValueError(
        f"expected the id of a video or an address such as {site}/video/7123 (open a short link in your browser and "
        f"take the address it leads to), got {written[:100]!r}"
    )
