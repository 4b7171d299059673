"""Work in the background: many jobs at once but never more than a few, and blocking code beside an event loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Put = Callable[[T], Coroutine[Any, Any, None]]
"""Hands on a result; waits while many are on their way."""

QUEUED = 1024
_END = object()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Like ``asyncio.run``, but Ctrl-C cancels the work, and KeyboardInterrupt is raised once it has ended.

    Python 3.11 and newer do this themselves; older versions interrupt whatever line is running. A second Ctrl-C does
    not wait. Where an event loop is already running (a notebook), the work runs in a thread of its own.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return _in_another_thread(work)
    ours = threading.current_thread() is threading.main_thread()
    if sys.version_info >= (3, 11) or not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return asyncio.run(work)
    return _cancelled_by_ctrl_c(work)


def _in_another_thread(work: Coroutine[Any, Any, T]) -> T:
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None  # a coroutine that runs is in a task
        started.set_result((asyncio.get_running_loop(), task))
        return await work

    with ThreadPoolExecutor(max_workers=1) as pool:  # which waits until the work has ended, cancelled or not
        ending = pool.submit(asyncio.run, cancellable())
        try:
            return ending.result()
        except KeyboardInterrupt:
            loop, task = started.result()
            with suppress(RuntimeError):  # it ended a moment ago
                loop.call_soon_threadsafe(task.cancel)
            raise


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


async def mapped(
    items: Iterable[T] | AsyncGenerator[T, None],
    job: Callable[[T], Coroutine[Any, Any, R]],
    *,
    at_once: int,
    in_order: bool = False,
) -> AsyncGenerator[tuple[T, R], None]:
    """Yield each item with what ``job`` made of it, as they finish, or in the order of the items.

    At most ``at_once`` items are taken and not yielded yet, so memory is bounded. What an item or a job raises is
    raised here at once, after the results that are ready. Leaving, early or not, cancels the jobs under way and waits
    until they have ended; to be sure that this happens at once, use it within ``contextlib.aclosing``.
    """
    jobs = _Jobs(job, at_once, in_order)
    beginning = asyncio.create_task(jobs.begin_all(items))
    beginning.add_done_callback(jobs.ended)
    try:
        while jobs.under_way or not beginning.done():
            if jobs.results and jobs.results[0][1].done():
                item, task = jobs.results.popleft()
                jobs.under_way.discard(task)
                jobs.room.release()
                yield item, task.result()
            elif jobs.failed:
                jobs.failed[0].result()
            else:
                jobs.news.clear()
                await jobs.news.wait()
        beginning.result()
    finally:
        await gone(beginning, *jobs.under_way)


def from_loop(work: Callable[[Put[T]], Coroutine[Any, Any, None]]) -> Generator[T, None, None]:
    """What ``work`` puts, taken outside of its event loop: that runs in a thread, so that it never waits for a disk.

    Closing the generator cancels the work, and waits until that has ended.
    """
    items: queue.SimpleQueue[Any] = queue.SimpleQueue()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def put(item: T) -> None:
        items.put(item)
        while items.qsize() > QUEUED:
            await asyncio.sleep(0.01)

    async def cancellable() -> None:
        task = asyncio.current_task()
        assert task is not None  # a coroutine that runs is in a task
        started.set_result((asyncio.get_running_loop(), task))
        await work(put)

    with ThreadPoolExecutor(1, "sg4v-work") as pool:
        done = pool.submit(asyncio.run, cancellable())
        done.add_done_callback(lambda _: items.put(_END))
        try:
            while (item := items.get()) is not _END:
                yield item
            done.result()
        finally:
            if not done.done():
                loop, task = started.result()
                with suppress(RuntimeError):  # it ended a moment ago
                    loop.call_soon_threadsafe(task.cancel)


class _Jobs(Generic[T, R]):
    """The jobs of one ``mapped``. ``results`` are in the order in which they are to be taken, done or not."""

    def __init__(self, job: Callable[[T], Coroutine[Any, Any, R]], at_once: int, in_order: bool) -> None:
        self._job, self._in_order = job, in_order
        self.room, self.news = asyncio.Semaphore(at_once), asyncio.Event()
        self.under_way: set[asyncio.Task[R]] = set()
        self.results: deque[tuple[T, asyncio.Task[R]]] = deque()
        self.failed: list[asyncio.Task[Any]] = []

    async def begin_all(self, items: Iterable[T] | AsyncGenerator[T, None]) -> None:
        if isinstance(items, AsyncGenerator):
            async with aclosing(items):
                async for item in items:
                    await self.room.acquire()
                    self._begin(item)
        else:
            for item in items:
                await self.room.acquire()
                self._begin(item)

    def _begin(self, item: T) -> None:
        task = asyncio.create_task(self._job(item))
        self.under_way.add(task)
        if self._in_order:
            self.results.append((item, task))
        else:
            task.add_done_callback(lambda _: self.results.append((item, task)))
        task.add_done_callback(self.ended)

    def ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception():
            self.failed.append(task)
        self.news.set()


async def whole(function: Callable[..., T], *arguments: object) -> T:
    """Run a function in a thread, to its end even when cancelled, and even if no thread has begun it by then.

    Raises what the function raises, also when cancelled: CancelledError means that it is done.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        doing.result()
        raise


async def together(*jobs: Coroutine[Any, Any, T]) -> list[T]:
    """What coroutines that run side by side return. When one raises, the others end before that is raised here."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await gone(*tasks)


async def gone(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Stock(Generic[T]):
    """Items to be taken, each by one taker: the next goes to the lowest rank that is waiting, then to the first comer.

    An item that is put goes straight to whoever is waiting. A taker cancelled while waiting never keeps one. Belongs to
    one event loop.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._there = deque(items)
        self._arrivals = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[T]]] = []
        self._failure: Exception | None = None

    async def take(self, rank: float = 0.0) -> T:
        """Wait for one. Raises the error that ``fail`` was called with."""
        if self._failure is not None:
            raise self._failure
        if self._there:
            return self._there.popleft()
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._arrivals), turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it was granted in the same moment
                self.put(turn.result())
            raise

    def put(self, item: T) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(item)
                return
        self._there.append(item)

    def discard(self, item: T) -> None:
        """Remove this item, however many times it is there."""
        self._there = deque(other for other in self._there if other is not item)

    def fail(self, error: Exception) -> None:
        """There will be no more: whoever waits, now or later, gets this error."""
        self._failure = error
        for _, _, turn in self._waiting:
            if not turn.done():
                turn.set_exception(error)


_AGEING_ROUNDS = 16  # who waits gains a place of chain length each time that all places were given so many times


def chain_rank(remaining: int, granted: int, places: int) -> float:
    """A rank by which long chains of requests go first, yet none waits forever behind a stream of new ones.

    remaining   how many requests follow this one in its chain
    granted     turns given before it began to wait, of ``places`` that work side by side
    """
    return granted / (_AGEING_ROUNDS * places) - remaining


class Turns:
    """At most ``count`` may be at work at a time; see ``Stock`` for who is next. Raises ValueError for none."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"at least one has to be able to work, not {count}")
        self.count = count
        self.granted = 0
        """How many turns have been given so far."""
        self._stock = Stock([None] * count)

    async def take(self, rank: float = 0.0) -> None:
        await self._stock.take(rank)
        self.granted += 1

    def give_back(self) -> None:
        self._stock.put(None)
