"""What came in, put into pages in the order it came."""

from collections import deque
from dataclasses import dataclass, field

from fastnlp_jobs.sources.live import Page, RawComment

PAGE_ENTRIES = 1_000


@dataclass
class _Entries:
    """A page that is being filled."""

    comments: list[RawComment] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    gone_authors: dict[tuple[str, str], None] = field(default_factory=dict)  # a set that keeps its order
    gone_threads: dict[str, None] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))

    def page(self, stream: str, cursor: str | None) -> Page:
        return Page(
            stream,
            cursor,
            self.comments,
            gone=tuple(self.gone),
            gone_authors=tuple(self.gone_authors),
            gone_threads=tuple(self.gone_threads),
            rejected=tuple(self.rejected),
            missed=tuple(self.missed),
        )


class Inbox:
    """Comments and deletions on their way to whoever takes pages."""

    def __init__(self) -> None:
        self.comments = 0  # so far
        self._full: deque[_Entries] = deque()
        self._open = _Entries()

    @property
    def waiting(self) -> int:
        """How many entries wait to be taken."""
        return sum(map(len, self._full)) + self.unfilled

    @property
    def has_full_page(self) -> bool:
        """Whether a page is full."""
        return bool(self._full)

    @property
    def unfilled(self) -> int:
        """How many entries are in the page that is not full."""
        return len(self._open)

    def add(self, comment: RawComment) -> None:
        """A page deletes what was written before its end, so somebody who goes on after a deletion starts a new one."""
        author = (comment.thread_id, comment.author or "")
        self._turn_page_if(author in self._open.gone_authors or comment.thread_id in self._open.gone_threads)
        self._open.comments.append(comment)
        self.comments += 1
        self._turn_page_if(self._is_full)

    def delete(self, comment_id: str) -> None:
        """A comment was deleted."""
        self._open.gone.append(comment_id)
        self._turn_page_if(self._is_full)

    def clear(self, thread: str, author: str | None) -> None:
        """What somebody wrote in a thread was deleted; with `author` None, what everybody wrote."""
        if author is None:
            self._open.gone_threads[thread] = None
        else:
            self._open.gone_authors[thread, author] = None
        self._turn_page_if(self._is_full)

    def reject(self, reason: str) -> None:
        """An entry could not be read."""
        self._open.rejected.append(reason)
        self._turn_page_if(self._is_full)

    def miss(self, what: str) -> None:
        """Something was not read; says what, when and why."""
        self._open.missed.append(what)

    def take(self, stream: str, cursor: str | None) -> Page | None:
        """The next page, though it may not be full; None if nothing waits."""
        self._turn_page_if(not self._full and self.unfilled > 0)
        return self._full.popleft().page(stream, cursor) if self._full else None

    @property
    def _is_full(self) -> bool:
        return self.unfilled >= PAGE_ENTRIES

    def _turn_page_if(self, is_due: bool) -> None:
        if is_due:
            self._full.append(self._open)
            self._open = _Entries()
