"""Videos are read in the tests' own process where a worker adds nothing but the time it takes to start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from sharegpt4video.cli import reading
from sharegpt4video.dataset.places.pool import Stopped


class HereInAThread:
    """Stands in for the pool of worker processes: the same jobs, in a thread."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    async def stream(self, job: Any, *arguments: Any) -> AsyncGenerator[Any, None]:
        """What the job sends, as it comes."""
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        sent: asyncio.Queue[Any] = asyncio.Queue()
        end = object()

        def send(item: Any) -> None:
            if stopped.is_set():
                raise Stopped("nobody wants the rest")
            loop.call_soon_threadsafe(sent.put_nowait, item)

        def work() -> None:
            try:
                job(send, *arguments)
            finally:
                loop.call_soon_threadsafe(sent.put_nowait, end)

        working = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            while (item := await sent.get()) is not end:
                yield item
            await working
        finally:
            stopped.set()
            await asyncio.wait([working])
            if not working.cancelled():
                working.exception()

    async def call(self, job: Any, *arguments: Any) -> Any:
        return [item async for item in self.stream(job, *arguments)][-1]


@pytest.fixture
def workers() -> None:
    """For a test that needs real worker processes."""


@pytest.fixture(autouse=True)
def _reads_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "workers" not in request.fixturenames:
        monkeypatch.setattr(reading, "WorkerPool", HereInAThread)
