"""Run a blocking iterator, such as a decode, in a thread and take its items from asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")

_END = object()


async def in_thread(items: Iterable[T], stop: Callable[[], None] = lambda: None) -> AsyncGenerator[T, None]:
    """Yield the items; each is made in a thread while the event loop does other things.

    The next item is begun as soon as one is taken, so one is always being made ahead. What the iterator raises is
    raised here. Leaving, early or not, calls ``stop`` and then waits for the item that is being made: ``stop`` should
    make the iterator end soon.
    """
    iterator = iter(items)

    def following() -> object:
        return next(iterator, _END)

    ahead = asyncio.ensure_future(asyncio.to_thread(following))
    try:
        while (item := await asyncio.shield(ahead)) is not _END:
            ahead = asyncio.ensure_future(asyncio.to_thread(following))
            yield item  # type: ignore[misc]  # _END is the only item that is not a T
    finally:
        stop()
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()  # looked at, so that asyncio does not report it a second time
        if isinstance(iterator, Generator):
            iterator.close()  # what it holds open is closed now, not when it is collected
