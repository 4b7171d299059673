"""Rows that are written in the background are written, whoever is cancelled and whatever fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sharegpt4video.dataset.rows import Failure, Survey
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.writer import Writer
from sharegpt4video.errors import StorageError


def survey(number: int) -> Survey:
    return Survey(f"{number:032x}")


def test_rows_whose_writing_no_thread_has_begun_when_it_is_cancelled_are_written(tmp_path: Path) -> None:
    store, free = Store(tmp_path), threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait)
        writer = Writer(store, part_rows=2)
        await writer.add("surveys", survey(1))
        adding = asyncio.ensure_future(writer.add("surveys", survey(2)))
        await asyncio.sleep(0.01)
        adding.cancel()
        await asyncio.sleep(0.01)
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await adding
        writer.flush_now()
        await busy

    asyncio.run(main())
    assert len(store.ids("surveys")) == 2
    assert len(store.parts("surveys")) == 1


class Full(Store):
    """Has no room for surveys until ``room`` is set."""

    room = False

    def append(self, table: str, rows: Sequence[object]) -> str:
        if table == "surveys" and not self.room:
            raise StorageError("no room")
        return super().append(table, rows)


def test_rows_that_could_not_be_written_are_tried_again_in_their_order(tmp_path: Path) -> None:
    store = Full(tmp_path)

    async def main() -> None:
        writer = Writer(store, part_rows=1)
        with pytest.raises(StorageError, match="no room"):
            await writer.add("surveys", survey(1))
        store.room = True
        await writer.add("surveys", survey(2))

    asyncio.run(main())
    assert [row.id for row in store.rows("surveys")] == [survey(1).id, survey(2).id]


def test_one_table_that_cannot_be_written_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    store = Full(tmp_path)

    async def main() -> None:
        writer = Writer(store)
        await writer.add("surveys", survey(1))
        await writer.add("failures", Failure(survey(2).id, "/v.mp4", "", "survey", "unreadable", "broken"))
        with pytest.raises(StorageError, match="no room"):
            writer.flush_now()

    asyncio.run(main())
    assert len(store.ids("failures")) == 1
