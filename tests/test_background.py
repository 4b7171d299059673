"""Coroutines run to their end or interrupted; items made in a thread; many jobs: order, bounds, errors, leaving."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video import background
from sharegpt4video.background import Stock, Turns, gone, in_thread, mapped, together

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


def test_work_is_run_where_an_event_loop_runs_already() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return threading.get_ident()

    async def notebook() -> int:
        return background.run(work())

    assert asyncio.run(notebook()) != threading.get_ident()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interruption_ends_work_also_where_an_event_loop_runs_already() -> None:
    ended = []

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def notebook() -> None:
        background.run(work())

    loop = asyncio.new_event_loop()  # as a notebook's: it leaves Ctrl-C alone
    with contextlib.closing(loop), pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(notebook())
    assert ended == [True]


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


class Jobs:
    """Jobs that take so many turns of the event loop each; counts how many are under way, and which were cancelled."""

    def __init__(self, turns: list[int], failing: int | None = None) -> None:
        self.turns, self.failing = turns, failing
        self.now = self.most = 0
        self.cancelled: list[int] = []
        self.begun: list[int] = []

    async def __call__(self, number: int) -> str:
        self.begun.append(number)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for _ in range(self.turns[number]):
                await asyncio.sleep(0)
            if number == self.failing:
                raise ValueError(f"job {number}")
            return f"<{number}>"
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            self.now -= 1


async def numbers(count: int) -> AsyncGenerator[int, None]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 20), max_size=30), st.integers(1, 6), st.booleans(), st.booleans())
def test_each_item_meets_its_own_result(turns: list[int], at_once: int, in_order: bool, waiting: bool) -> None:
    jobs = Jobs(turns)

    async def collect() -> list[tuple[int, str]]:
        items = numbers(len(turns)) if waiting else range(len(turns))
        return [pair async for pair in mapped(items, jobs, at_once=at_once, in_order=in_order)]

    pairs = asyncio.run(collect())
    expected = [(number, f"<{number}>") for number in range(len(turns))]
    assert (pairs if in_order else sorted(pairs)) == expected
    assert jobs.most <= at_once
    assert jobs.begun == list(range(len(turns)))


def test_results_that_nobody_takes_count_as_under_way() -> None:
    jobs = Jobs([0] * 100)

    async def take_slowly() -> None:
        async with aclosing(mapped(range(100), jobs, at_once=3)) as results:
            for taken in range(1, 10):
                await anext(results)
                for _ in range(20):
                    await asyncio.sleep(0)
                assert len(jobs.begun) <= taken + 3

    asyncio.run(take_slowly())


def test_a_quick_job_does_not_wait_for_a_slow_one_unless_order_is_asked_for() -> None:
    async def first(in_order: bool) -> int:
        async with aclosing(mapped(range(2), Jobs([50, 0]), at_once=2, in_order=in_order)) as results:
            return (await anext(results))[0]

    assert asyncio.run(first(False)) == 1
    assert asyncio.run(first(True)) == 0


@pytest.mark.parametrize("in_order", [False, True])
def test_an_error_is_raised_at_once_and_ends_the_other_jobs(in_order: bool) -> None:
    jobs = Jobs([10**9, 5, 10**9, 0, 0], failing=1)

    seen: list[int] = []

    async def collect() -> None:
        async for number, _ in mapped(numbers(5), jobs, at_once=4, in_order=in_order):
            seen.append(number)

    with pytest.raises(ValueError, match="job 1"):
        asyncio.run(asyncio.wait_for(collect(), 20))
    assert (jobs.now, 0 in seen) == (0, False)
    assert sorted(jobs.cancelled) == [0, 2]


def test_what_was_finished_before_an_error_is_not_lost() -> None:
    seen: list[int] = []

    async def collect() -> None:
        async for number, _ in mapped(range(4), Jobs([0, 0, 0, 9], failing=3), at_once=4):
            await asyncio.sleep(0.01)  # the error comes while the first is being looked at
            seen.append(number)

    with pytest.raises(ValueError, match="job 3"):
        asyncio.run(collect())
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_an_error_of_the_items_comes_after_nothing_more_is_begun(kind: str) -> None:
    closed = []

    async def async_items() -> AsyncGenerator[int, None]:
        for number in items():
            yield number

    def items() -> Iterator[int]:
        try:
            yield 0
            raise OSError("the list ends")
        finally:
            closed.append(True)

    async def collect() -> None:
        jobs = Jobs([10**9])
        with pytest.raises(OSError, match="the list ends"):
            async for _ in mapped(items() if kind == "generator" else async_items(), jobs, at_once=2):
                pass
        assert jobs.now == 0

    asyncio.run(asyncio.wait_for(collect(), 20))
    assert closed == [True]


def test_leaving_early_ends_jobs_and_items() -> None:
    closed = []

    async def items() -> AsyncGenerator[int, None]:
        try:
            for number in range(10):
                yield number
        finally:
            closed.append(True)

    async def leave() -> None:
        jobs = Jobs([0, *[10**9] * 9])
        async with aclosing(mapped(items(), jobs, at_once=4)) as results:
            assert await anext(results) == (0, "<0>")
        assert (jobs.now, closed) == (0, [True])

    asyncio.run(leave())


def test_together_returns_in_order_and_ends_the_others_on_an_error() -> None:
    async def main() -> None:
        jobs = Jobs([9, 0, 5])
        assert await together(*map(jobs, range(3))) == ["<0>", "<1>", "<2>"]
        jobs = Jobs([10**9, 3, 10**9], failing=1)
        with pytest.raises(ValueError, match="job 1"):
            await together(*map(jobs, range(3)))
        assert (jobs.now, sorted(jobs.cancelled)) == (0, [0, 2])

    asyncio.run(asyncio.wait_for(main(), 20))


def test_gone_waits_until_tasks_have_ended_and_swallows_their_errors() -> None:
    async def stubborn(ended: list[bool]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(True)
            raise ValueError("while ending")

    async def main() -> None:
        ended: list[bool] = []
        task = asyncio.ensure_future(stubborn(ended))
        await asyncio.sleep(0)
        await gone(task)
        assert ended == [True]

    asyncio.run(main())


def test_turns_go_to_the_lowest_rank_then_to_who_came_first() -> None:
    order: list[str] = []

    async def work(turns: Turns, name: str, rank: float) -> None:
        await turns.take(rank)
        order.append(name)
        await asyncio.sleep(0)
        turns.give_back()

    async def main() -> None:
        turns = Turns(1)
        await together(*(work(turns, name, rank) for name, rank in zip("abcde", (5, 2, 1, 1, 2), strict=True)))
        assert turns.granted == 5

    asyncio.run(main())
    assert "".join(order) == "acdbe"


def test_a_turn_granted_to_someone_cancelled_is_given_back() -> None:
    async def main() -> None:
        turns = Turns(1)
        await turns.take()
        waiting = asyncio.ensure_future(turns.take())
        await asyncio.sleep(0)
        turns.give_back()  # granted …
        waiting.cancel()  # … and cancelled before it could run
        await asyncio.wait([waiting])
        await asyncio.wait_for(turns.take(), 20)

    asyncio.run(main())


def test_who_is_cancelled_in_the_moment_of_a_failure_is_cancelled() -> None:
    async def main() -> None:
        stock: Stock[str] = Stock()
        waiting = asyncio.ensure_future(stock.take())
        await asyncio.sleep(0)
        stock.fail(ValueError("there will be no more"))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())


def test_somebody_has_to_be_able_to_work() -> None:
    with pytest.raises(ValueError, match="not 0"):
        Turns(0)


def test_work_whose_results_nobody_takes_any_more_is_cancelled() -> None:
    begun: list[int] = []

    async def work(put: background.Put[int]) -> None:
        for number in range(1000):
            begun.append(number)
            await put(number)
            await asyncio.sleep(0.002)

    with contextlib.closing(background.from_loop(work)) as found:
        assert [next(found), next(found)] == [0, 1]
    assert len(begun) < 500


def held_up(work: Callable[[], object], *, cancelled: bool) -> Coroutine[Any, Any, object]:
    """``work`` in the only thread, which is taken when it is asked for, and free only after it was cancelled."""

    async def main() -> object:
        loop, free = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(1))
        taken = loop.run_in_executor(None, free.wait)
        asked = asyncio.ensure_future(background.whole(work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if cancelled:
            asked.cancel()
            await asyncio.sleep(0)
        free.set()
        await taken
        return await asked

    return main()


def test_what_is_to_be_done_whole_is_done_when_cancelled() -> None:
    done: list[int] = []
    assert asyncio.run(held_up(lambda: len(done), cancelled=False)) == 0
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(held_up(lambda: done.append(1), cancelled=True))
    assert done == [1]


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_fails_of_it_is_raised(cancelled: bool) -> None:
    def fails() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        asyncio.run(held_up(fails, cancelled=cancelled))
