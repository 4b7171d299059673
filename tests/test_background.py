"""Coroutines run to their end or interrupted; items made in a thread: order, one ahead, errors, leaving early."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sharegpt4video import background
from sharegpt4video.background import in_thread

# The second is what ``run`` is on Python 3.10.
ways_to_run = pytest.mark.parametrize("run", [background.run, background._cancelled_by_ctrl_c])


@ways_to_run
def test_work_is_run_to_its_end(run: Callable[..., Any]) -> None:
    async def work(failing: bool) -> int:
        await asyncio.sleep(0)
        if failing:
            raise ValueError("no")
        return 7

    assert run(work(False)) == 7
    with pytest.raises(ValueError, match="no"):
        run(work(True))


@ways_to_run
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interruption_lets_work_end_in_good_order(run: Callable[..., Any]) -> None:
    ended = []

    async def work() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # what has to be waited for can still be
            ended.append("in good order")
            raise

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert ended == ["in good order"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@ways_to_run
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_second_interruption_does_not_wait(run: Callable[..., Any]) -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(600)

    with pytest.raises(KeyboardInterrupt):
        run(work())


def test_what_cancels_itself_is_not_interrupted() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        background._cancelled_by_ctrl_c(work())


def test_items_come_in_order_from_another_thread() -> None:
    threads = set()

    def make() -> Iterator[int]:
        for number in range(5):
            threads.add(threading.get_ident())
            yield number

    async def collect() -> list[int]:
        return [item async for item in in_thread(make())]

    assert asyncio.run(collect()) == [0, 1, 2, 3, 4]
    assert threading.get_ident() not in threads


def test_one_item_is_made_ahead_and_no_more() -> None:
    made = []

    def make() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    async def take_two() -> None:
        taken = 0
        async for _ in in_thread(make()):
            taken += 1
            while len(made) < taken + 1:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)  # in which one more could be made
            assert len(made) == taken + 1
            if taken == 2:
                return

    asyncio.run(take_two())


def test_what_the_iterator_raises_is_raised_after_what_it_gave() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    async def collect() -> list[int]:
        seen = []
        try:
            async for item in in_thread(make()):
                seen.append(item)
        except ValueError:
            seen.append(-1)
        return seen

    assert asyncio.run(collect()) == [1, -1]


def test_cancelling_stops_the_iterator_and_waits_for_the_thread() -> None:
    began, stop, finished = threading.Event(), threading.Event(), threading.Event()

    def make() -> Iterator[int]:
        yield 1
        began.set()
        while not stop.wait(0.01):
            pass
        finished.set()

    async def consume() -> None:
        async for _ in in_thread(make(), stop.set):
            pass

    async def cancel() -> None:
        task = asyncio.create_task(consume())
        while not began.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert finished.is_set()

    asyncio.run(cancel())
