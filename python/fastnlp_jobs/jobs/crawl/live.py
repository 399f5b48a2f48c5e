"""The run of `crawl` on a live source: pages in, each landed with its place before the next; tables out at the end."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fastnlp_jobs import events
from fastnlp_jobs.errors import BadInput, Refused, Unavailable
from fastnlp_jobs.jobs.crawl import Config, LiveCounts, Result
from fastnlp_jobs.jobs.crawl.classic import write_classic
from fastnlp_jobs.jobs.crawl.export import Written, export
from fastnlp_jobs.jobs.crawl.landing import PageMaker
from fastnlp_jobs.jobs.crawl.opening import Opened, open_source
from fastnlp_jobs.jobs.crawl.pseudonyms import pseudonymizer
from fastnlp_jobs.jobs.crawl.store import Store, opened
from fastnlp_jobs.processes import run_until_stopped
from fastnlp_jobs.sources.live import BudgetUsedUp
from fastnlp_jobs.sources.twitch.emotes import write_emotes


def crawl_live(config: Config) -> Result:
    """Land what the source gives, write the tables, count.

    Raises:
        BadInput: not one comment came, or the state is of another crawl.
        Unavailable, Refused: the source; what has landed is kept.
    """
    key = config.key()
    assert key is not None, "a live source names authors, so that its config has a key"
    if config.public_example_key:
        events.event("pseudonyms are made with the public example key: they protect nobody")
    with _state(config) as folder, opened(folder, config.target()) as store:
        reading = Reading(store, pseudonymizer(key))
        try:
            if config.fetch:
                run_until_stopped(reading.read(open_source(config)))
        except (Unavailable, Refused) as error:
            raise type(error)(f"{error}\n{_kept(config, store)}") from error
        finally:
            events.event("landed", **reading.figures())
        store.finish()
        if store.count() == 0:
            raise BadInput(_no_rows(config, store))
        written = export(store, config.output)
        write_emotes(config.output)
        if config.csv:
            write_classic(config.output)
        return _count(store, written, reading.stopped)


class Reading:
    """One run over the streams of a source."""

    def __init__(self, store: Store, author: Callable[[str], str]) -> None:
        """`author` gives the pseudonym of a name."""
        self._store = store
        self._author = author
        self._comments = self._pages = 0
        self._started = time.monotonic()
        self._limits: Callable[[], Mapping[str, Any]] = dict
        self.stopped: str | None = None  # why the reading ended before its time

    async def read(self, source: contextlib.AbstractAsyncContextManager[Opened]) -> None:
        """Land page after page until the source has no more, or may be asked no more."""
        async with source as place:
            self._limits = place.limits
            self._store.write_as(place.source.name, place.source.extra)
            maker = PageMaker(self._author, place.source.extra)
            try:
                with events.gauge("crawl") as show:
                    async with contextlib.aclosing(place.source.pages(self._store.cursor_of)) as pages:
                        async for page in pages:
                            self._store.land(maker.make(page))
                            self._comments += len(page.comments)
                            self._pages += 1
                            show(**self.figures())
            except BudgetUsedUp as used_up:
                self.stopped = f"budget: {used_up}"
                events.event("the budget is used up; the same command goes on", why=str(used_up))
            finally:
                self._store.miss(place.refusals())

    def figures(self) -> dict[str, Any]:
        """How far it is: comments and pages of this run, comments a second, and what the source may still ask."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        rate = round(self._comments / seconds, 1)
        return {"comments": self._comments, "pages": self._pages, "per_second": rate, **self._limits()}


@contextlib.contextmanager
def _state(config: Config) -> Iterator[Path]:
    """The folder of the store; one that goes with the run where the config names none."""
    if config.state is not None:
        yield config.state
        return
    with tempfile.TemporaryDirectory(dir=config.output) as temporary:
        yield Path(temporary)


def _kept(config: Config, store: Store) -> str:
    if config.state is None:
        return "nothing is kept: `state` is not set"
    return f"{store.count()} comments are kept in {config.state}; the same command goes on from there"


def _no_rows(config: Config, store: Store) -> str:
    reasons = store.reasons("rejected") or store.reasons("comments")
    found = "; ".join(f"{count} × {reason}" for reason, count in reasons.items())
    missed = "; ".join(store.missed())
    return f"source: {config.source}: expected comments, got none: {found or missed or 'there are none'}"


def _count(store: Store, written: Written, stopped: str | None) -> Result:
    removed, rejected = store.reasons("comments"), store.reasons("rejected")
    total = written.comments + sum(removed.values()) + sum(rejected.values())
    return Result(
        rows_in=total,
        rows_out=written.comments,
        rows_rejected=sum(rejected.values()),
        rows_removed=sum(removed.values()),
        rejected=rejected,
        authors=written.authors,
        mentions_masked=written.mentions,
        labelled=written.labelled,
        dates_null=written.dates_null,
        likes_null=written.likes_null,
        live=LiveCounts(
            source=store.written_as()[0],
            stopped=stopped,
            streams=store.streams(),
            unfinished=store.unfinished(),
            removed=removed,
            missed=store.missed(),
        ),
    )
