"""Where the posts of a forum stand."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from fastnlp_jobs.job import JobConfig
from fastnlp_jobs.sources.dates import known_timezone


class ForumConfig(JobConfig):
    """CSS selectors of a forum; `SELECTOR@NAME` reads an attribute, `@NAME` one of the post itself, others the text."""

    site: str = Field(pattern=r"^\w[\w.-]*$", description="your name for the forum: ids begin with it, not with a host")
    starts: list[str] = Field(min_length=1, description="addresses of index pages, or of threads without `thread`")
    thread: str | None = Field(default=None, description="links from an index page to its threads")
    next: str | None = Field(default=None, description="the link to the next page, of the index and of a thread")
    browser: str | None = Field(
        default=None,
        description="Chromium's name, path or channel, for pages that are empty until their scripts ran; by default "
        "pages are read as the site sends them",
    )
    post: str = Field(description="a post; the selectors below look within it")
    id: str = Field(default="@id", description="what tells a post from the others of its thread")
    text: str = Field(description="what was written; line breaks and the names of pictures are kept")
    without: str | None = Field(default=None, description="parts of the text to leave out, such as quotes, signatures")
    author: str | None = Field(default=None, description="what never changes about a person, such as a.author@href")
    names: list[str] = Field(default=[], description="names of people, so that they can be masked in texts")
    parent: str | None = Field(
        default=None, description="id of the post that is answered, or a link to it; by default the post around it"
    )
    created_at: str | None = None
    time_format: str | None = Field(
        default=None, description="of `created_at`, as %d.%m.%Y %H:%M; by default ISO 8601, 1700000000, 3天前 and such"
    )
    timezone: Annotated[str, AfterValidator(known_timezone)] = Field(
        default="UTC", description="of times that name none, such as Asia/Shanghai"
    )
    region: str | None = None
    likes: str | None = None
    labels: str | None = None

    def selectors(self) -> dict[str, list[str]]:
        """By key, what has to be CSS with at most `@NAME` behind it."""
        others = {"site", "starts", "browser", "time_format", "timezone"}
        given = self.model_dump(exclude=others, exclude_none=True)
        return {key: value if isinstance(value, list) else [value] for key, value in given.items()}

    @model_validator(mode="after")
    def _one_host(self) -> Self:
        hosts = sorted({urlsplit(start).netloc for start in self.starts})
        if len(hosts) != 1:
            raise ValueError(f"`starts`: expected addresses of one host, got {', '.join(hosts)}; crawl each by itself")
        return self
