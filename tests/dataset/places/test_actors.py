"""A reader of a cluster, without the cluster: it is pulled, says when it is done, and can be left at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from made_sets import QUICK, write_clips
from sharegpt4video.dataset.places.actors import Reader
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.errors import StorageError, VideoError
from sharegpt4video.reading import Ended, Opened

SOURCE = SourceVideo("ab" * 16, "/v.mp4")


def with_reader(work: Callable[[Reader], Awaitable[Any]], events: AsyncGenerator[Any, None] | None = None) -> Any:
    async def main() -> Any:
        reader = Reader()
        if events is not None:
            reader._pool.stream = lambda *_: events  # type: ignore[assignment, method-assign]
        try:
            return await work(reader)
        finally:
            await reader.leave(reader._number)
            await reader._pool.close()

    return asyncio.run(asyncio.wait_for(main(), 240))


async def opened(reader: Reader, source: SourceVideo = SOURCE) -> None:
    await reader.reserve(1)
    assert not reader._ended.is_set()
    await reader.open(1, source, "caption", QUICK.caption, True)


def test_a_video_is_read_to_its_end(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path, 1)

    async def work(reader: Reader) -> list[Any]:
        await opened(reader, SourceVideo("ab" * 16, str(clip)))
        events = []
        while (event := await reader.next(1)) is not None:
            assert not reader._ended.is_set()
            events.append(event)
        await reader.ended(1)
        return events

    events = with_reader(work)
    assert isinstance(events[0], Opened)
    assert isinstance(events[-1], Ended)


def test_no_event_is_taken_before_it_is_asked_for() -> None:
    taken = []

    async def events() -> AsyncGenerator[Any, None]:
        for number in range(10):
            taken.append(number)
            yield 0.5
            yield f"event {number}"

    async def work(reader: Reader) -> None:
        await opened(reader)
        for number in range(3):
            assert await reader.next(1) == f"event {number}"
            await asyncio.sleep(0.01)
            assert taken == [*range(number + 1)]

    with_reader(work, events())


@pytest.mark.parametrize("reserved", [False, True])
def test_who_waits_for_the_next_event_is_let_go_when_the_video_is_left(reserved: bool) -> None:
    closed = []

    async def events() -> AsyncGenerator[Any, None]:
        try:
            yield "first"
            await asyncio.sleep(600)
        finally:
            closed.append(True)

    async def work(reader: Reader) -> None:
        await opened(reader)
        assert await reader.next(1) == "first"
        waiting = asyncio.ensure_future(reader.next(1))
        ending = asyncio.ensure_future(reader.ended(1))
        await asyncio.sleep(0.01)
        await (reader.reserve(2) if reserved else reader.leave(1))
        assert await waiting is None
        await ending
        assert closed == [True]
        assert reader._ended.is_set() != reserved
        assert await reader.next(1) is None

    with_reader(work, events())


def test_a_describer_taken_for_lost_gets_nothing_of_the_next_video_and_does_not_stop_it() -> None:
    async def events() -> AsyncGenerator[Any, None]:
        for number in range(3):
            yield f"event {number}"

    async def work(reader: Reader) -> None:
        await reader.reserve(1)
        await reader.reserve(2)
        await reader.open(1, SourceVideo("cd" * 16, "/other.mp4"), "caption", QUICK.caption, True)
        assert await reader.next(2) is None
        await reader.open(2, SOURCE, "caption", QUICK.caption, True)
        assert await reader.next(2) == "event 0"
        assert await reader.next(1) is None
        await reader.leave(1)
        await reader.ended(1)
        assert [await reader.next(2) for _ in range(3)] == ["event 1", "event 2", None]

    with_reader(work, events())


def test_what_is_wrong_with_a_video_is_a_failure_and_what_is_wrong_with_the_run_is_raised() -> None:
    async def events(error: Exception) -> AsyncGenerator[Any, None]:
        yield "first"
        raise error

    async def work(reader: Reader) -> Any:
        await opened(reader)
        assert await reader.next(1) == "first"
        try:
            return await reader.next(1)
        finally:
            assert reader._ended.is_set()

    found = with_reader(work, events(VideoError("cut short")))
    assert found == Failure(SOURCE.id, SOURCE.location, "", "caption", "unreadable", "cut short")
    with pytest.raises(StorageError, match="disk"):
        with_reader(work, events(StorageError("disk")))
