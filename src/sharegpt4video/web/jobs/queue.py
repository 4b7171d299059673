"""The captions that are made, that wait for it, and that are finished: who may ask for how many, and when they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import aclosing
from functools import partial
from pathlib import Path

from ...errors import SG4VError
from ...records import VideoCaption
from ..media import Media
from ..refusals import Refused
from ..settings import Limits
from .job import Job, plain_caption
from .tasks import Caption
from .workers import Failed, Workers

logger = logging.getLogger(__name__)

_SWEEP_SECONDS = 0.5


class JobQueue:
    """All jobs, in the order in which they were asked for. Belongs to one event loop."""

    def __init__(self, limits: Limits, workers: Workers, folder: Path) -> None:
        self._limits, self._workers, self._folder = limits, workers, folder
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self.ended: dict[str, int] = {"done": 0, "failed": 0, "cancelled": 0}
        self.seconds_captioned = 0.0

    def get(self, id: str) -> Job:
        """Raises Refused for an id that is not, or no longer, known."""
        job = self._jobs.get(id)
        if job is None:
            raise Refused(404, "there is no such caption, or it is too old; caption the video again")
        return job

    def find(self, id: str) -> Job | None:
        return self._jobs.get(id)

    def add(self, media: Media, task: Caption, client: str) -> Job:
        """Caption a video when its turn comes. Raises Refused when too many wait."""
        waiting = self.waiting()
        own = sum(job.client == client and not job.is_over for job in self._jobs.values())
        if own >= self._limits.jobs_per_client:
            raise Refused(
                429, f"{own} captions of yours are not finished yet; wait for one, or cancel one", retry_seconds=10
            )
        if len(waiting) >= self._limits.queued:
            raise Refused(429, f"{len(waiting)} captions are waiting already; try again later", retry_seconds=30)
        job = Job(media, task, client, self._folder, self._limits.unwatched_seconds)
        self._jobs[job.id] = job
        job.say("queued", {"position": len(waiting)})
        self._start_next()
        return job

    def waiting(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.status == "queued"]

    @property
    def running(self) -> int:
        return len(self._running)

    def media_in_use(self) -> set[str]:
        return {job.media.id for job in self._jobs.values() if not job.is_over}

    async def cancel(self, job: Job) -> None:
        """End a job and its processes; returns when they are gone. Nothing happens to one that is over."""
        task = self._running.get(job.id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not job.is_over:  # it waits, or was cancelled before it took its first step
            self._end(job, "cancelled", "")
            self._tell_positions()

    async def watch(self) -> None:
        """End jobs that nobody watches, and forget old ones; runs as long as the server."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for job in [job for job in self._jobs.values() if job.is_unwanted]:
                await self.cancel(job)
            self._forget_old()

    async def close(self) -> None:
        self._closed = True
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for job in self._jobs.values():
            if not job.is_over:
                self._end(job, "cancelled", "the server was stopped")

    def _start_next(self) -> None:
        for job in self.waiting()[: max(self._limits.jobs_at_once - len(self._running), 0)]:
            if self._closed:
                return
            job.status = "running"
            self._running[job.id] = task = asyncio.create_task(self._run(job))
            task.add_done_callback(partial(self._ended, job.id))
        self._tell_positions()

    def _tell_positions(self) -> None:
        for position, job in enumerate(self.waiting()):
            if job.events[-1].data != {"position": position}:
                job.say("queued", {"position": position})

    def _ended(self, id: str, _: asyncio.Task[None]) -> None:
        self._running.pop(id, None)
        self._start_next()

    async def _run(self, job: Job) -> None:
        try:
            said_all = self._workers.stream(job.task, seconds=self._limits.job_seconds, is_short=False)
            async with aclosing(said_all):
                async for said in said_all:
                    if said.kind == "done":
                        job.caption = VideoCaption.from_json(said.data)
                    elif said.kind == "keyframe":
                        job.keyframe(said.data, said.picture)
                    elif said.kind == "read":
                        job.read_to(said.data)
                    else:
                        self._note(job, said.kind, said.data)
                        job.say(said.kind, said.data)
            self._end(job, "done" if job.caption else "failed", "" if job.caption else "it ended without a caption")
        except asyncio.CancelledError:
            self._end(job, "cancelled", "")
        except Failed as error:
            with contextlib.suppress(ValueError):
                job.caption = VideoCaption.from_json(error.caption)
            self._end(job, "failed", str(error))
        except SG4VError as error:
            self._end(job, "failed", str(error))
        except Exception as error:
            logger.error("captioning failed", exc_info=error)
            self._end(job, "failed", "the server made a mistake; its log says more")

    def _note(self, job: Job, kind: str, data: dict[str, object]) -> None:
        if kind == "opened":
            job.opened = data
        elif kind == "step":
            job.steps.append(data)
        elif kind == "summary":
            job.summary = {name: str(text) for name, text in data.items()}

    def _end(self, job: Job, how: str, message: str) -> None:
        job.message = message
        self.ended[how] += 1
        if job.caption is not None and how == "done":
            self.seconds_captioned += job.caption.end_seconds - job.caption.start_seconds
            job.say("done", {"caption": plain_caption(job.caption)})
        else:
            job.say(how, {"message": message} if how == "failed" else {})

    def _forget_old(self) -> None:
        over = [job for job in self._jobs.values() if job.is_over]
        before = time.monotonic() - self._limits.keep_seconds
        for number, job in enumerate(over):
            if (job.ended < before or len(over) - number > self._limits.kept_captions) and not job.watchers:
                del self._jobs[job.id]
                job.remove()
