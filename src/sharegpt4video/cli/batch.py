"""Several videos in one run: one that fails does not stop the others, and nothing is done twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import background, pipeline
from ..config import CaptionSettings
from ..dataset.places.pairing import PairedVLM
from ..errors import MissingExtra, ModelDenied, SettingsError, StorageError, VideoError, VLMError
from ..foreign import terminal_line
from ..formats import FORMATS, summary_lines
from ..processes import WorkerLost
from ..prompts import prompt_set
from ..records import VideoCaption
from ..wording import counted
from .claims import Busy
from .console import error
from .content import Content, content_of, is_unchanged
from .expected_cost import expected_cost
from .files import video_name
from .jobs import Job, plan_jobs
from .outputs import Conflict, Outputs, Plan, keep_elsewhere, keep_partial, with_path
from .progress import Display
from .reading import HalfWay, Readers, Stopped
from .record import Key
from .resume import Resumed, with_earlier

if TYPE_CHECKING:
    from ..captioner.engine import Engine
    from ..vlm.base import VLM

FAILURES_IN_A_ROW = 3
"""Of the model, or of the output folder: then the rest is not tried. Each try may cost minutes of waiting, or money."""

JOBS = 4  # videos at the same time, for a model that is somewhere else: its slots should not wait for our decoding


@dataclass(frozen=True)
class _Run:
    """What all videos of a run share."""

    engine: Engine
    readers: Readers
    display: Display
    places: Mapping[str, str]
    """The place of each video among all of them: ``3/40``; empty for a single one."""

    @property
    def several(self) -> bool:
        return bool(self.places)


class Batch:
    """Captions videos with one model, ``jobs`` of them at the same time, and counts what became of them.

    With ``any_model``, what is in ``out`` already counts whatever model made it. ``readers`` end with the run, or with
    `close`.
    """

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
        any_model: bool = False,
        readers: Readers | None = None,
    ) -> None:
        self.jobs, self._readers = jobs, readers
        self.settings, self.model, self.formats, self.quiet = settings, model, formats, quiet
        self._asked = Resumed(model)
        self.done = self.rendered = self.skipped = self.failed = self.left = self.untried = self.steps = self.marked = 0
        self.cost_usd: float | None = None
        self.pairing = ""
        self._failures_in_a_row = {"the model": 0, "writing the files": 0}
        self._denied = False
        self._started = time.monotonic()
        self._streams = out is None and list(formats) == ["text"]
        key = Key(model.name, model.identity, prompt_set(settings.prompts).hash, settings.to_plain())
        self.outputs = Outputs(out, formats, key, any_model=any_model, overwrite=overwrite) if out else None
        self._same_content: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def plan(self, videos: Sequence[str]) -> list[Job]:
        """The jobs of a run. Raises SettingsError if finished captions in the folder were made otherwise."""
        return plan_jobs(videos, self.outputs) if self.outputs else [Job(video) for video in videos]

    def other_models(self) -> str:
        """Whose captions the folder holds besides this model's, where any model's count; "" if nobody's."""
        if self.outputs is None or not self.outputs.any_model:
            return ""
        return ", ".join(self.outputs.record.other_models(self.model.name))

    def expected_cost(self, jobs: Sequence[Job]) -> str:
        """What the run may cost, in one line, before anything is asked; "" without prices."""
        if self.model.cost_usd(0, 0) is None:
            return ""
        return expected_cost(jobs, self._reading(len(jobs)), self.model, self.settings)

    def run(self, videos: Sequence[str] | Sequence[Job]) -> None:
        """Caption all of them. Raises SettingsError or MissingExtra, which no other video would escape."""
        jobs = [video for video in videos if isinstance(video, Job)]
        try:
            background.run(self._run(deque(jobs or self.plan([str(video) for video in videos]))))
        finally:
            self.close()

    def close(self) -> None:
        """End the processes that read."""
        if self._readers is not None:
            self._readers.end()

    def _reading(self, videos: int) -> Readers:
        self._readers = self._readers or Readers(max(min(self.jobs, videos), 1))
        return self._readers

    async def _run(self, waiting: deque[Job]) -> None:
        count, at_once = len(waiting), min(self.jobs, len(waiting))
        places = {job.video: f"{number}/{count}" for number, job in enumerate(waiting, 1)} if count > 1 else {}
        paired = PairedVLM(self.model)
        self._asked = Resumed(paired if count > 1 else self.model)
        engine = pipeline.open_engine(self._asked, self.settings)
        readers = self._reading(len(waiting))
        try:
            with Display(steps_are_the_result=self._streams, side_by_side=at_once > 1, quiet=self.quiet) as display:
                run = _Run(engine, readers, display, places)
                await background.together(*(self._work(waiting, run) for _ in range(at_once)))
                if waiting:
                    self.untried = len(waiting)
                    what = max(self._failures_in_a_row, key=lambda what: self._failures_in_a_row[what])
                    failed = f"{what} failed {FAILURES_IN_A_ROW} times in a row"
                    why = "the model cannot answer any request" if self._denied else failed
                    display.error(f"{why}; {self.untried} were not tried")
        finally:
            self.pairing = paired.text()
            await engine.vlm.close()

    async def _work(self, waiting: deque[Job], run: _Run) -> None:
        """Take videos until there are none left, or the model or the folder is given up."""
        while waiting and not self._denied and max(self._failures_in_a_row.values()) < FAILURES_IN_A_ROW:
            job = waiting.popleft()
            if run.several and self._streams:
                name = f"{terminal_line(job.video)}:"
                run.display.line(name if not self.done + self.failed else f"\n{name}")
            try:
                await self._one(job, waiting, run)
            except BrokenPipeError:
                raise
            except Exception as error:  # noqa: BLE001 - one odd video must not end the others
                self._fail(job.video, error, run.display)

    async def _one(self, job: Job, waiting: deque[Job], run: _Run) -> None:
        if self.outputs is not None:
            fresh = job.content is not None and is_unchanged(job.content)
            content = job.content if job.content and fresh else await self._content(job.video)
            async with self._same_content[content.id]:
                await self._into_folder(self.outputs, job, content, waiting, run)
            return
        found = await self._content(job.video) if "json" in self.formats else None
        captioned = await self._captioned(Path(), video_name(job.video), job.video, found, run)
        self._count(captioned, run.display)
        try:
            self._print(with_path(captioned, found, Path()) if found else captioned, run)
        except BrokenPipeError:
            raise
        except OSError as error:
            kept = keep_elsewhere(video_name(job.video), captioned)
            where = f"; the caption is kept in {kept}" if kept else ""
            raise StorageError(f"{job.video}: cannot be printed: {error.strerror or error}{where}") from error
        self.done += 1

    async def _content(self, video: str) -> Content:
        if self.outputs is None:
            return await asyncio.to_thread(content_of, video)
        return await asyncio.to_thread(content_of, video, self.outputs.record.known_content)

    async def _into_folder(self, outputs: Outputs, job: Job, content: Content, waiting: deque[Job], run: _Run) -> None:
        """Do what is missing of one video's files, unless another run is at it."""
        outputs.record.refresh()
        if job.content != content:
            outputs.claim(outputs.base(job.video), content.id)
        plan = outputs.plan(job.video, content)
        try:
            with contextlib.ExitStack() as claim:
                if plan.action != "skip":
                    outputs.check_writable()
                if plan.action == "caption":
                    claim.enter_context(outputs.claims.claimed(content.id))
                    outputs.record.refresh()
                    plan = outputs.plan(job.video, content)  # by now, another run may have captioned it
                await self._carry_out(plan, outputs, job.video, content, run)
        except Busy as busy:
            self._put_off(job, busy, waiting, run.display)
        except StorageError:
            self._failures_in_a_row["writing the files"] += 1
            raise
        else:
            self._failures_in_a_row["writing the files"] = 0

    async def _carry_out(self, plan: Plan, outputs: Outputs, video: str, content: Content, run: _Run) -> None:
        if plan.remark:
            run.display.say(f"{terminal_line(video)}: {plan.remark}")
        if plan.action == "skip":
            outputs.adopt(plan, content)
            self._skip(video, plan, outputs, run.display)
            return
        captioned = plan.stored
        if captioned is None:
            captioned = await self._captioned(outputs.folder, plan.name, video, content, run)
            self._count(captioned, run.display)
        self._commit(outputs, plan, captioned, video, content, run.display)

    def _put_off(self, job: Job, busy: Busy, waiting: deque[Job], display: Display) -> None:
        """Look once more when everything else is done; what another run is still at then is left to it."""
        if not job.put_off:
            waiting.append(replace(job, put_off=True))
            return
        self.left += 1
        display.say(f"{terminal_line(job.video)}: {busy} is captioning it; left to that run")

    async def _captioned(self, folder: Path, name: str, video: str, content: Content | None, run: _Run) -> VideoCaption:
        """Ask the model. What it has answered may have cost money: it is kept even when the video was not finished."""
        earlier = self.outputs.unfinished(name, content) if self.outputs is not None and content else None
        try:
            captioned = self._signed(await self._caption(video, earlier, run), content, earlier)
            if self.outputs is not None and (lost := captioned.unanswered):  # no file may keep the next run from asking
                advice = "run the same command again to complete the caption"
                missing = f"{counted(len(lost), 'text')} missing ({lost[0]}); {advice}"
                raise HalfWay(VLMError(missing), captioned)
        except (HalfWay, Stopped) as stopped:
            seen = isinstance(stopped, Stopped) and self._streams  # on the terminal, before Ctrl-C
            if stopped.caption.steps and not seen:
                self._keep(folder, name, self._signed(stopped.caption, content, earlier), video, run.display)
            raise
        finally:
            if earlier is not None:
                self._asked.end(earlier)
        if content is not None and not is_unchanged(content):
            self._keep(folder, name, captioned, video, run.display)
            raise VideoError(f"{video}: the file was changed while it was being captioned; run the command again")
        return captioned

    def _signed(self, captioned: VideoCaption, content: Content | None, earlier: VideoCaption | None) -> VideoCaption:
        """The caption with what it is of, and what made it, in earlier runs, too; once signed, it stays as it is."""
        if captioned.model_identity:
            return captioned
        if earlier is not None:
            captioned = with_earlier(captioned, earlier, self._asked.answers(earlier), self.model)
        return replace(captioned, content_id=content.id if content else "", model_identity=self.model.identity)

    async def _caption(self, video: str, earlier: VideoCaption | None, run: _Run) -> VideoCaption:
        if earlier is not None:
            self._asked.begin(earlier)
            there = counted(len(earlier.steps), "step")
            run.display.say(f"{terminal_line(video)}: resumes after {there} of an earlier run")
        try:
            name = " ".join(filter(None, (run.places.get(video), video_name(video))))
            with run.display.video(name, self.settings.start_seconds or 0.0) as report:
                captioned = await run.readers.caption(video, self.settings, run.engine, report)
        except (HalfWay, Stopped) as stopped:
            self._add_cost(stopped.caption)
            raise
        self._add_cost(captioned)
        if captioned.answered:
            self._failures_in_a_row["the model"] = 0
        elif self.outputs is None:
            self._failures_in_a_row["the model"] += 1
        return captioned

    def _commit(
        self, outputs: Outputs, plan: Plan, captioned: VideoCaption, video: str, content: Content, display: Display
    ) -> None:
        """Write the files. Raises StorageError, and has the caption kept elsewhere, where the folder takes none."""
        try:
            written = outputs.commit(plan, captioned, video, content)
        except (OSError, Conflict) as error:
            safe = plan.stored is not None or outputs.is_stored(plan.name, content)
            kept = None if safe else keep_elsewhere(plan.name, captioned)
            reason = getattr(error, "strerror", None) or str(error)
            where = f"; the caption is kept in {kept}" if kept else ""
            raise StorageError(f"{video}: cannot be written to {outputs.folder}: {reason}{where}") from error
        if plan.stored is None:
            self.done += 1
        else:
            self.rendered += 1
            self.marked += plan.problems
        if not written:
            display.say(f"{terminal_line(video)}: another run has written its files already; they stay as they are")
            return
        steps = counted(len(captioned.steps), "step")
        what = f"{steps} written" if plan.stored is None else "written from the stored caption"
        display.say(f"{terminal_line(video)}: {what} to {', '.join(terminal_line(path) for path in written)}")

    def _keep(self, folder: Path, name: str, captioned: VideoCaption, video: str, display: Display) -> None:
        try:
            path: Path | None = keep_partial(folder, name, captioned)
        except OSError:
            path = keep_elsewhere(name, captioned)
        steps = counted(len(captioned.steps), "step")
        where = f"is in {terminal_line(path)}" if path else "could not be written anywhere"
        if path and self.outputs is not None and path.parent == folder:
            where += "; the same command goes on from there"
        display.say(f"{terminal_line(video)}: what was finished before that ({steps}) {where}")

    def _skip(self, video: str, plan: Plan, outputs: Outputs, display: Display) -> None:
        self.skipped += 1
        self.marked += plan.problems
        paths = ", ".join(terminal_line(path) for path in outputs.paths(plan.name).values())
        marked = (
            f", {counted(plan.problems, 'text')} with a problem; use --overwrite to ask again" if plan.problems else ""
        )
        display.say(f"{terminal_line(video)}: already there, skipped ({paths}){marked}")

    def _fail(self, video: str, error: Exception, display: Display) -> None:
        """Count and say why, with the video as the user named it: the same file name may stand in several folders.

        Raises what no other video would escape.
        """
        cause = error.cause if isinstance(error, HalfWay) else error
        if isinstance(cause, SettingsError | MissingExtra) and not isinstance(cause, Conflict):
            raise cause
        self.failed += 1
        if isinstance(cause, VLMError):
            self._failures_in_a_row["the model"] += 1
            self._denied |= isinstance(cause, ModelDenied)
        message = str(cause).removeprefix(f"{video}: ").removeprefix(f"{Path(video).name}: ")
        if isinstance(cause, OSError):
            message = cause.strerror or message
        elif not isinstance(cause, VideoError | VLMError | StorageError | Conflict | WorkerLost):
            message = f"{type(cause).__name__}: {message}"
        display.error(f"{terminal_line(video)}: {message}")

    def _count(self, captioned: VideoCaption, display: Display) -> None:
        self.steps += len(captioned.steps)
        self.marked += len(captioned.problems)
        for remark in (*captioned.warnings, *captioned.problems):
            display.say(f"{terminal_line(captioned.video)}: {remark}")

    def _add_cost(self, captioned: VideoCaption) -> None:
        if captioned.provenance.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + captioned.provenance.cost_usd

    def _print(self, captioned: VideoCaption, run: _Run) -> None:
        """The result, on stdout."""
        if self._streams:
            for line in summary_lines(captioned):
                run.display.line(line)
        else:
            whole = captioned.to_json(indent=None) if run.several and list(self.formats) == ["json"] else ""
            run.display.line(whole or FORMATS[self.formats[0]](captioned).rstrip("\n"), fold=False)

    def refuse(self, reason: str) -> None:
        """Count an input that is not a usable video as failed, and say why."""
        self.failed += 1
        error(reason)

    def counts(self) -> str:
        """What became of the videos, in one line."""
        parts = [f"captioned {counted(self.done, 'video')}"]
        for number, what in (
            (self.rendered, "written from stored captions"),
            (self.skipped, "already done"),
            (self.left, "left to other runs"),
            (self.failed, "failed"),
            (self.untried, "not tried"),
        ):
            if number:
                parts.append(f"{number} {what}")
        parts.append(counted(self.steps, "step"))
        if self.marked:
            parts.append(f"{counted(self.marked, 'text')} with a problem")
        if self.model.requests_at_once is not None:
            parts.append(f"{counted(self.model.requests_at_once, 'request')} at once")
        if self.cost_usd is not None:
            parts.append(f"{self.cost_usd:.4f} US dollars")
        return ", ".join([*parts, f"{time.monotonic() - self._started:.0f} s"])
