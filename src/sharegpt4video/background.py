"""Between blocking code and asyncio: coroutines are run to their end, blocking iterators taken from in a thread."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run``, in which Ctrl-C cancels the work, and KeyboardInterrupt is raised when that has ended.

    Python 3.11 and newer do so by themselves; before, Ctrl-C broke off whatever line was being run. A second Ctrl-C
    does not wait.
    """
    ours = threading.current_thread() is threading.main_thread()
    if sys.version_info >= (3, 11) or not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return asyncio.run(work)
    return _cancelled_by_ctrl_c(work)


def _cancelled_by_ctrl_c(work: Coroutine[Any, Any, T]) -> T:
    pressed = 0

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_ctrl_c(*_: object) -> None:
            nonlocal pressed
            pressed += 1
            if pressed > 1 or task is None or task.done():
                raise KeyboardInterrupt
            loop.call_soon_threadsafe(task.cancel)

        signal.signal(signal.SIGINT, on_ctrl_c)
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        if pressed:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
