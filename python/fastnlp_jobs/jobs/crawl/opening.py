"""The live sources of a crawl, opened as its config says, and what a dry run tells of them."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.sources.live import Source


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Opened:
    """A source that can be read now."""

    source: Source
    limits: Callable[[], Mapping[str, Any]] = _nothing  # what it may still ask, and when
    refusals: Callable[[], Mapping[str, str]] = _nothing  # what it was refused, and why


def open_source(config: Config) -> contextlib.AbstractAsyncContextManager[Opened]:
    """Open what the config names, and close it after the reading."""
    raise BadInput(f"source: {config.source}: cannot be opened yet")


def plan(config: Config) -> dict[str, Any]:
    """What would be asked of whom."""
    return {"source": config.source}
