"""Land generated comments and write their tables, as a live crawl does: `land_comments.py NUMBER FOLDER`."""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

from fastnlp_jobs.jobs.crawl.export import export
from fastnlp_jobs.jobs.crawl.live import Reading
from fastnlp_jobs.jobs.crawl.opening import Opened
from fastnlp_jobs.jobs.crawl.pseudonyms import pseudonymizer
from fastnlp_jobs.jobs.crawl.store import opened
from fastnlp_jobs.sources.live import Page, RawComment

_OF_A_PAGE = 50
_OF_A_VIDEO = 400  # pages


class StubSource:
    """Pages of short comments by 100,000 people."""

    name = "stub"
    extra = ()

    def __init__(self, comments: int) -> None:
        self._pages = comments // _OF_A_PAGE
        self._draw = random.Random(1)

    async def pages(self, _cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        for number in range(self._pages):
            video = f"v{number // _OF_A_VIDEO}"
            yield Page(video, str(number), [self._comment(video, f"{number}-{row}") for row in range(_OF_A_PAGE)])

    def _comment(self, video: str, name: str) -> RawComment:
        text = f"大家都来看看吧 {self._draw.random()}"
        return RawComment(id=name, thread_id=video, text=text, author=f"u{self._draw.randrange(100_000)}")


def land(comments: int, folder: Path) -> None:
    """Read, land and export so many comments."""

    @contextlib.asynccontextmanager
    async def source() -> AsyncIterator[Opened]:
        yield Opened(StubSource(comments))

    with opened(folder / "state", {"source": "stub"}) as store:
        asyncio.run(Reading(store, pseudonymizer("a key only for this test")).read(source()))
        store.finish()
        written = export(store, folder)
    assert written.comments == comments


if __name__ == "__main__":
    land(int(sys.argv[1]), Path(sys.argv[2]))
