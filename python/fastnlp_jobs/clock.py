"""The time, as whoever has to wait for something sees it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """What time it is, and how to let it pass; a test has its own."""

    monotonic: Callable[[], float] = time.monotonic
    utc: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
