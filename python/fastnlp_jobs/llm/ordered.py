"""Work on many items at a time, its results in the order of the items."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


async def in_order(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Outcome]], window: int
) -> AsyncGenerator[tuple[Item, Outcome], None]:
    """Each item with what `work` made of it; at most `window` items are begun and not yet given.

    The first error of any item ends all of them and is raised, even while an earlier item is still being waited for.
    """
    begun: deque[tuple[Item, asyncio.Task[Outcome]]] = deque()
    errors: list[BaseException] = []

    def look(task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            errors.append(error)
            for _, other in begun:
                other.cancel()

    async def first() -> tuple[Item, Outcome]:
        item, task = begun[0]
        if not task.done():
            await asyncio.wait([task])
        if errors:
            raise errors[0]
        begun.popleft()
        return item, task.result()

    async def worked(item: Item) -> Outcome:
        return await work(item)

    try:
        for item in items:
            task = asyncio.create_task(worked(item))
            task.add_done_callback(look)
            begun.append((item, task))
            if len(begun) == window:
                yield await first()
        while begun:
            yield await first()
    finally:
        for _, task in begun:
            task.cancel()
        await asyncio.gather(*(task for _, task in begun), return_exceptions=True)
