"""Several videos in one run: one that fails does not stop the others, and nothing is done twice."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import background, pipeline
from ..config import CaptionSettings
from ..errors import CaptionInterrupted, VideoError, VLMError
from ..estimate import estimate
from ..records import VideoCaption
from ..video.reader import VideoReader
from .files import all_there, video_name, write_whole
from .formats import ENDINGS, FORMATS, summary_lines
from .progress import Display

if TYPE_CHECKING:
    from ..captioner.engine import Engine
    from ..vlm.base import VLM

MODEL_FAILURES = 3  # in a row: then the rest is not tried, each try may have cost minutes of waiting


JOBS = 4  # videos at the same time, for a model that is somewhere else: its slots should not wait for our decoding


class Batch:
    """Captions videos with one model, ``jobs`` of them at the same time, and counts what became of them."""

    def __init__(
        self,
        settings: CaptionSettings,
        model: VLM,
        formats: Sequence[str],
        out: Path | None,
        *,
        overwrite: bool = False,
        quiet: bool = False,
        jobs: int = 1,
    ) -> None:
        self.jobs = jobs
        self.settings, self.model, self.formats, self.out = settings, model, formats, out
        self.overwrite, self.quiet = overwrite, quiet
        self.done = self.skipped = self.failed = self.untried = self.steps = self.marked = 0
        self.cost_usd: float | None = None
        self._model_failures = 0
        self._started = time.monotonic()
        self._streams = out is None and list(formats) == ["text"]

    def run(self, videos: Sequence[str]) -> None:
        """Caption all of them. Raises SettingsError or MissingExtra, which no other video would escape."""
        background.run(self._run(videos))

    async def _run(self, videos: Sequence[str]) -> None:
        engine = pipeline.open_engine(self.model, self.settings)
        waiting = deque(videos)
        several, together = len(videos) > 1, min(self.jobs, len(videos))
        try:
            with Display(steps_are_the_result=self._streams, side_by_side=together > 1, quiet=self.quiet) as display:
                await _all_or_none([self._work(waiting, engine, display, several=several) for _ in range(together)])
                if waiting:
                    self.untried = len(waiting)
                    display.error(f"the model failed {MODEL_FAILURES} times in a row; {self.untried} were not tried")
        finally:
            await engine.vlm.close()

    async def _work(self, waiting: deque[str], engine: Engine, display: Display, *, several: bool) -> None:
        """Take videos until there are none left, or the model is given up."""
        while waiting and self._model_failures < MODEL_FAILURES:
            await self._one(waiting.popleft(), engine, display, several=several)

    def expected_cost(self, videos: Sequence[str]) -> str:
        """What the run may cost, in one line, before anything is asked; "" without prices."""
        if self.model.cost_usd(0, 0) is None:
            return ""
        found, unknown = [], 0
        for video in videos:
            try:
                with VideoReader(video) as reader:
                    one = estimate(reader, self.model, self.settings)
            except VideoError:
                continue  # the run itself will say why
            if one is None:
                unknown += 1
            else:
                found.append(one)
        cost = sum(one.cost_usd or 0.0 for one in found)
        line = f"about {sum(one.requests for one in found)} requests, at most about {cost:.2f} US dollars"
        return f"{line}, and {unknown} of unknown length" if unknown else line

    async def _one(self, video: str, engine: Engine, display: Display, *, several: bool) -> None:
        paths = self._paths(video)
        if paths and not self.overwrite and all_there(paths.values()):
            self.skipped += 1
            display.say(f"{video}: already there, skipped ({', '.join(map(str, paths.values()))})")
            return
        if several and self._streams:
            display.line(f"{video}:" if not self.done + self.failed else f"\n{video}:")
        try:
            with display.video(video_name(video), self.settings.start_seconds or 0.0) as report:
                captioned = await pipeline.acaption(video, settings=self.settings, engine=engine, on_progress=report)
        except CaptionInterrupted as stopped:
            self._model_failures += 1
            self._fail(video, stopped, display)
            self._keep(stopped.caption, video, display)
        except VLMError as stopped:
            self._model_failures += 1
            self._fail(video, stopped, display)
        except VideoError as unreadable:
            self._fail(video, unreadable, display)
        else:
            self._count(captioned, display)
            self._write(captioned, paths, display, several=several)

    def _paths(self, video: str) -> dict[str, Path]:
        if self.out is None:
            return {}
        return {name: self.out / f"{video_name(video)}.{ENDINGS[name]}" for name in self.formats}

    def _fail(self, video: str, reason: Exception, display: Display) -> None:
        """Say why, with the video as the user named it: the same file name may stand in several folders."""
        self.failed += 1
        message = str(reason).removeprefix(f"{video}: ").removeprefix(f"{Path(video).name}: ")
        display.error(f"{video}: {message}")

    def _count(self, captioned: VideoCaption, display: Display) -> None:
        self._model_failures = 0
        self.done += 1
        self.steps += len(captioned.steps)
        self.marked += len(captioned.problems)
        if captioned.provenance.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + captioned.provenance.cost_usd
        for remark in (*captioned.warnings, *captioned.problems):
            display.say(f"{captioned.video}: {remark}")

    def _write(self, captioned: VideoCaption, paths: dict[str, Path], display: Display, *, several: bool) -> None:
        for name, path in paths.items():
            write_whole(path, FORMATS[name](captioned))
            display.say(f"{captioned.video}: {len(captioned.steps)} steps written to {path}")
        if self._streams:
            for line in summary_lines(captioned):
                display.line(line)
        elif not paths:
            whole = captioned.to_json(indent=None) if several and self.formats == ["json"] else ""
            display.line(whole or FORMATS[self.formats[0]](captioned).rstrip("\n"), fold=False)

    def _keep(self, captioned: VideoCaption, video: str, display: Display) -> None:
        """What a model has answered may have cost money: it is written down even when the video was not finished."""
        if not captioned.steps:
            return
        path = (self.out or Path()) / f"{video_name(video)}.partial.json"
        write_whole(path, FORMATS["json"](captioned))
        display.say(f"{video}: the {len(captioned.steps)} steps finished before that are in {path}")

    def counts(self) -> str:
        """What became of the videos, in one line."""
        parts = [f"captioned {self.done} video{'s' if self.done != 1 else ''}"]
        for number, what in ((self.skipped, "already done"), (self.failed, "failed"), (self.untried, "not tried")):
            if number:
                parts.append(f"{number} {what}")
        parts.append(f"{self.steps} steps")
        if self.marked:
            parts.append(f"{self.marked} texts with a problem")
        if self.cost_usd is not None:
            parts.append(f"{self.cost_usd:.4f} US dollars")
        return ", ".join([*parts, f"{time.monotonic() - self._started:.0f} s"])


async def _all_or_none(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Do them side by side; when one raises, end the others before it is raised here."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
