"""All that a running server holds, and its beginning and end: nothing of it is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import Depends, Request

from ..errors import SG4VError
from ..records import VideoCaption
from ..t2v.profile import load
from .jobs.limits import ProcessLimits
from .jobs.queue import JobQueue
from .jobs.tasks import Models, Task
from .jobs.workers import Said, Workers
from .media import Library, Media
from .pace import Pace
from .refusals import Refused
from .settings import WebSettings
from .stored import Stored
from .uploads import Uploads

_SHORT_TASKS_AT_ONCE = 3
_SWEEP_SECONDS = 30.0


class Server:
    """Made with the app; ``start`` and ``close`` are called inside its event loop.

    Raises InputMissing, SettingsError for a profile that cannot be read.
    """

    def __init__(self, settings: WebSettings, stored: Stored | None = None) -> None:
        self.settings, self.stored = settings, stored
        self.profile = load(settings.profile) if settings.profile else None
        self.pace = Pace(settings.limits.requests_per_minute)
        self._describing = asyncio.Lock()
        self.models: list[dict[str, Any]] = []
        self.sample: Media | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.ending = asyncio.Event()

    async def start(self) -> None:
        """Raises SG4VError for a data set that cannot be opened."""
        limits = self.settings.limits
        self.uploads = Uploads(limits.upload_bytes, limits.stored_bytes)
        process = ProcessLimits(limits.memory_bytes, limits.upload_bytes, limits.max_pixels)
        self.workers = Workers(process, limits.jobs_at_once + _SHORT_TASKS_AT_ONCE + 1, _SHORT_TASKS_AT_ONCE)
        self.library = Library(self.settings, self.workers, self.uploads)
        self.queue = JobQueue(limits, self.workers, self.uploads.folder)
        self.workers.prepare()
        if self.stored is not None:
            await self.stored.start()
        background = (self.queue.watch(), self._sweep(), self._prepare())
        self._tasks = [asyncio.create_task(work) for work in background]

    def end_streams(self) -> None:
        """Close the event streams, so that the server can stop."""
        self.ending.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.queue.close()
        await self.library.close()
        await self.workers.close()
        if self.stored is not None:
            await self.stored.close()
        self.uploads.close()

    async def described_models(self) -> list[dict[str, Any]]:
        """What each model can do: asked once, in a process that may load them."""
        async with self._describing:
            if not self.models:
                self.models = (await self.ask(Models(list(self.settings.models)))).data
        return self.models

    def model(self, name: str | None) -> str:
        """The model of that name, or the default one. Raises Refused for one that this server does not offer."""
        if name is None:
            return self.settings.models[0]
        if name not in self.settings.models:
            offered = ", ".join(self.settings.models)
            raise Refused(404, f"this server offers no model {name!r}, but {offered}; add it with sg4v web --model")
        return name

    async def opened_sample(self) -> Media | None:
        """The sample video; None where there is none that can be opened."""
        if self.settings.sample is not None and self.sample is None:
            with suppress(SG4VError, OSError):
                self.sample = await self.library.open_file(self.settings.sample.resolve(), kept=True)
        return self.sample

    async def ask(self, task: Task) -> Said:
        """Do a short task. Raises what it raises, and VideoError when it takes too long."""
        return await self.workers.ask(task, seconds=self.settings.limits.short_seconds)

    async def stream(self, task: Task) -> AsyncGenerator[Said, None]:
        """A short task that says more than one thing."""
        said_all = self.workers.stream(task, seconds=self.settings.limits.short_seconds)
        async with aclosing(said_all):
            async for said in said_all:
                yield said

    async def caption(self, id: str) -> VideoCaption:
        """The caption of a job, as far as there is one, or of a row. Raises Refused."""
        job = self.queue.find(id)
        if job is not None:
            job.asked_about(self.settings.limits.unwatched_seconds)
            found = job.drawn()
        else:
            found = await self.stored.caption(id) if self.stored else None
        if found is None:
            raise Refused(404, "there is no such caption, or nothing of it yet; it may be too old")
        return found

    async def _prepare(self) -> None:
        """Find out now what the first page asks for."""
        with suppress(SG4VError):
            await self.described_models()
            await self.opened_sample()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.library.forget_unused(self.queue.media_in_use())
            await self.workers.drop_unused()


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


def _client(request: Request) -> str:
    """Who asks for work; counts it. Raises Refused for too many requests."""
    client = str(getattr(request.state, "client", "unknown"))
    _server(request).pace.take(client)
    return client


Web = Annotated[Server, Depends(_server)]
"""The server, for a route."""
Worked = Annotated[str, Depends(_client)]
"""The client, for a route that starts work."""
