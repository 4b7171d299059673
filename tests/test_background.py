"""Items made in a thread: order, one ahead, errors, and leaving early."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from sharegpt4video.background import in_thread


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
            await asyncio.sleep(0.05)
            taken += 1
            assert len(made) <= taken + 1
            if taken == 2:
                assert len(made) == 3
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
    stop, finished = threading.Event(), threading.Event()

    def make() -> Iterator[int]:
        yield 1
        while not stop.wait(0.01):
            pass
        finished.set()

    async def consume() -> None:
        async for _ in in_thread(make(), stop.set):
            pass

    async def cancel() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert finished.is_set()

    asyncio.run(cancel())
