"""What every live source gives: pages of comments as a site showed them, each with the place to go on from.

Names of people exist in this process only: `RawComment` never reaches a disk, a log or a message.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class RawComment:
    """One comment, message or post."""

    id: str  # the site's own, unique within `source`
    thread_id: str  # video, channel, forum thread
    text: str
    author: str | None = field(default=None, repr=False)  # what the site knows the person by; becomes a pseudonym
    names: tuple[str, ...] = field(default=(), repr=False)  # other names of people that may stand in texts
    parent_id: str | None = None
    created_at: datetime | None = None  # with time zone
    region: str | None = None  # coarse, as shown
    likes: int | None = None
    lang: str | None = None
    labels: tuple[str, ...] = ()  # where the site has any
    extra: dict[str, Scalar] = field(default_factory=dict)  # become x_ columns; never a person's name or address


@dataclass(frozen=True, slots=True)
class Page:
    """What lands together: comments, and where its stream goes on."""

    stream: str  # what is being read, such as "comments of 7123" or "#channel"; one cursor each
    cursor: str | None  # where the next page starts; None: the stream was read to its end
    comments: list[RawComment]
    starts: bool = False  # read from the stream's start, whatever its cursor was
    gone: tuple[str, ...] = ()  # ids the site says were deleted, in this page or earlier
    # Deleted before this page ended: what one author wrote in one thread (thread_id, author), or a whole thread.
    gone_authors: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    gone_threads: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()  # a reason for each entry that could not be read
    missed: tuple[str, ...] = ()  # when the stream was not read and why; for the manifest


class BudgetUsedUp(Exception):
    """A crawl may ask no more in this run: what it has is kept, the next run goes on. No error, so no exit code."""


class Source(Protocol):
    """A place comments come from."""

    @property
    def name(self) -> str:
        """The `source` of its rows."""
        ...

    @property
    def extra(self) -> tuple[str, ...]:
        """The names its comments use in `extra`."""
        ...

    def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        """Read on from where each stream was left.

        Args:
            cursor_of: the last landed cursor of a stream; None where it is new. A stream that was read to its end is
                read again from its start: a later run fetches what is new, and likes as they are now.

        Raises:
            BudgetUsedUp: the run ends here and says so (`stopped: budget`, exit 0).
            Unavailable: it failed for now (exit 3).
            Refused: it refuses, or its robots.txt does (exit 4).
        """
        ...
