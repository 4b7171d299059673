"""Worker processes: order, bounded memory, errors that travel, and workers that die, hang or are left."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

import worker_jobs
from sharegpt4video.dataset.places.pool import WorkerPool
from sharegpt4video.errors import MissingExtra, VideoError
from sharegpt4video.processes import WorkerLost


@asynccontextmanager
async def pool(processes: int = 1, **options: float) -> AsyncIterator[WorkerPool]:
    made = WorkerPool(processes, **options)
    try:
        yield made
    finally:
        await made.close()


def in_pool(work: Callable[[WorkerPool], Awaitable[Any]], processes: int = 1, **options: float) -> Any:
    async def run() -> Any:
        async with pool(processes, **options) as made:
            return await work(made)

    return asyncio.run(run())


async def gathered(made: WorkerPool, job: Any, *arguments: Any) -> list[Any]:
    return [item async for item in made.stream(job, *arguments)]


def test_items_come_in_order_and_the_worker_is_used_again() -> None:
    async def work(made: WorkerPool) -> None:
        assert await gathered(made, worker_jobs.count, 500) == list(range(500))
        first = await made.call(worker_jobs.process, "a")
        second = await made.call(worker_jobs.process, "b")
        assert first[1] == second[1]

    in_pool(work)


@pytest.mark.parametrize(("job", "kind"), [(worker_jobs.refuse, VideoError), (worker_jobs.miss, MissingExtra)])
def test_an_error_of_a_job_is_raised_here_and_the_worker_lives(job: Any, kind: type[Exception]) -> None:
    async def work(made: WorkerPool) -> None:
        before = await made.call(worker_jobs.process, "before")
        with pytest.raises(kind, match=r"no picture in it|sharegpt4video"):
            await gathered(made, job)
        assert (await made.call(worker_jobs.process, "after"))[1] == before[1]
        assert made.lost == 0

    in_pool(work)


def test_a_worker_that_dies_is_replaced() -> None:
    async def work(made: WorkerPool) -> None:
        items = made.stream(worker_jobs.die)
        assert await anext(items) == "last words"
        with pytest.raises(WorkerLost, match="signal 9"):
            await anext(items)
        assert await gathered(made, worker_jobs.count, 3) == [0, 1, 2]
        assert made.lost == 1

    in_pool(work)


def test_a_worker_that_hangs_is_ended_and_replaced() -> None:
    async def work(made: WorkerPool) -> None:
        with pytest.raises(WorkerLost, match="nothing came for 0"):
            await gathered(made, worker_jobs.hang)
        made._stall_seconds = 300.0  # the next one may be slow
        assert await gathered(made, worker_jobs.count, 2) == [0, 1]

    in_pool(work, stall_seconds=0.4)


def test_a_worker_waits_until_its_items_are_taken(tmp_path: Path) -> None:
    async def work(made: WorkerPool) -> None:
        taken = 0
        async for _ in made.stream(worker_jobs.note, str(tmp_path / "sent"), 200):
            taken += 1
            if taken == 3:
                await asyncio.sleep(0.5)
                assert (tmp_path / "sent").stat().st_size <= 6
                break

    in_pool(work)


def test_leaving_early_frees_the_worker() -> None:
    async def work(made: WorkerPool) -> None:
        items = made.stream(worker_jobs.count, 10_000_000)
        assert [await anext(items) for _ in range(3)] == [0, 1, 2]
        await items.aclose()
        assert await asyncio.wait_for(gathered(made, worker_jobs.count, 3), 240) == [0, 1, 2]
        assert made.lost == 0

    in_pool(work)


def test_leaving_a_job_that_has_just_ended_does_not_disturb_the_next() -> None:
    async def work(made: WorkerPool) -> None:
        for _ in range(20):
            items = made.stream(worker_jobs.count, 1)
            await anext(items)
            await asyncio.sleep(0.01)  # by now the worker has sent the end
            await items.aclose()
        assert await gathered(made, worker_jobs.count, 2) == [0, 1]
        assert made.lost == 0

    in_pool(work)


def test_jobs_of_lower_priority_number_go_first() -> None:
    async def work(made: WorkerPool) -> None:
        busy = asyncio.create_task(made.call(worker_jobs.process, "first"))
        await asyncio.sleep(0)  # in which it takes the only worker, which has to start up yet
        later = [
            asyncio.create_task(made.call(worker_jobs.process, label, priority=priority))
            for label, priority in (("c", 2), ("a", 0), ("d", 2), ("b", 1))
        ]
        done = await asyncio.gather(busy, *later)
        assert [label for label, _, _ in sorted(done, key=lambda item: item[2])] == ["first", "a", "b", "c", "d"]

    in_pool(work)


def test_a_cancelled_job_and_a_cancelled_wait_give_their_places_back() -> None:
    async def work(made: WorkerPool) -> None:
        running = asyncio.create_task(gathered(made, worker_jobs.count_slowly, 1000, 0.01))
        waiting = asyncio.create_task(gathered(made, worker_jobs.count, 5))
        await asyncio.sleep(0.5)
        waiting.cancel()
        running.cancel()
        await asyncio.gather(waiting, running, return_exceptions=True)
        assert await asyncio.wait_for(gathered(made, worker_jobs.count, 3), 240) == [0, 1, 2]

    in_pool(work)


def test_a_job_that_is_cancelled_while_it_is_being_sent_does_not_answer_for_the_next() -> None:
    async def work(made: WorkerPool) -> None:
        await made.call(worker_jobs.process, "before")
        sending = asyncio.create_task(made.call(worker_jobs.process, worker_jobs.SlowToSend()))
        await asyncio.sleep(0.1)
        sending.cancel()
        after = await asyncio.wait_for(made.call(worker_jobs.process, "next"), 20)
        assert after[0] == "next"
        assert await gathered(made, worker_jobs.count, 2) == [0, 1]

    in_pool(work)


def test_closing_leaves_no_process_behind() -> None:
    async def work(made: WorkerPool) -> list[int]:
        return [(await made.call(worker_jobs.process, "x", 0.2))[1] for _ in range(2)]

    for number in in_pool(work, processes=2):
        with contextlib.suppress(psutil.NoSuchProcess):
            assert psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_a_worker_that_dies_while_starting_up_is_replaced() -> None:
    async def work(made: WorkerPool) -> None:
        made.begin()
        (process,) = multiprocessing.active_children()
        process.kill()
        with pytest.raises(WorkerLost, match="did not start"):
            await gathered(made, worker_jobs.count, 1)
        assert await gathered(made, worker_jobs.count, 2) == [0, 1]

    in_pool(work)


def test_a_pool_needs_a_process() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(0)
