"""The half of captioning that asks the model: what has been read is described shot by shot, then told as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from . import __version__
from .background import gone
from .captioner.engine import Engine, Role
from .captioner.fast import fast
from .captioner.outcome import Summary
from .captioner.sliding import sliding
from .captioner.summary import summary
from .captioner.timeline import Timeline
from .config import CaptionSettings
from .prompts import prompt_set
from .reading import Ended, Event, Opened, Sampled, shots_of
from .records import Provenance, Segment, Shot, Step, VideoCaption
from .vlm.base import Reply

T = TypeVar("T")

SEGMENTS_AHEAD = 128  # decoding waits when so many segments (of at most 4 new pictures) are not described yet


@dataclass(frozen=True)
class Progress:
    """How far the captioning of one video is, as passed to ``on_progress``.

    phase                     ``reading`` while the video is read and described, then ``summarizing``
    read_seconds, end_seconds up to where the video has been decoded, and its end (None if unknown)
    steps_done, steps_known   steps finished, and steps known to be needed so far
    step                      the step that was just finished, if any; steps come in the order of the video
    """

    phase: Literal["reading", "summarizing"]
    read_seconds: float
    end_seconds: float | None
    steps_done: int
    steps_known: int
    step: Step | None = None


class VideoRun:
    """One video on its way: what has been read, described and counted so far.

    ``room`` bounds how many segments may be read and not described; videos that share one share the memory.
    """

    def __init__(
        self,
        engine: Engine,
        settings: CaptionSettings,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        room: asyncio.Semaphore | None = None,
    ) -> None:
        self._engine, self._settings, self._on_progress = engine, settings, on_progress
        self._room = room or asyncio.Semaphore(SEGMENTS_AHEAD)
        self._prompts = prompt_set(settings.prompts)
        self._opened: Opened | None = None
        self._start_seconds = self._read_seconds = settings.start_seconds or 0.0
        self._warnings: tuple[str, ...] = ()
        self._part = settings.start_seconds, settings.end_seconds
        self._shots: dict[int, Shot] = {}
        self._timeline = Timeline(self._step_done)
        self._steps_done = 0
        self._summary = Summary("", "")
        self._replies: list[Reply] = []

    async def describe(self, events: AsyncGenerator[Event, None]) -> VideoCaption:
        """Describe what ``reading.read`` gives, as it comes. Raises what reading raises, and VLMError."""
        chains: list[asyncio.Task[str]] = []
        sampled: Sampled | None = None
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Segment):
                        await self._start_chain(event, chains)
                    elif isinstance(event, Sampled):
                        sampled = event
                    else:
                        self._note(event)
            await asyncio.gather(*chains)
        finally:
            await gone(*chains)
        await (self._tell_at_once(sampled) if sampled else self._summarize())
        return self.caption()

    async def received(self, items: AsyncGenerator[Event | float, None]) -> AsyncGenerator[Event, None]:
        """The events that a reading worker sends; the numbers between them say how far it has read."""
        async with aclosing(items):
            async for item in items:
                if isinstance(item, float):
                    self.read_to(item)
                else:
                    yield item

    def read_to(self, seconds: float) -> None:
        """Everything before ``seconds`` has been read."""
        self._read_seconds = seconds
        self._report("reading")

    def _note(self, event: Opened | Ended) -> None:
        if isinstance(event, Opened):
            self._opened = event
        else:
            self._read_seconds, self._warnings, self._part = event.seconds, event.warnings, event.part

    async def _start_chain(self, segment: Segment, chains: list[asyncio.Task[str]]) -> None:
        """Describe a segment in a chain of its own, which carries on from the one before where the shot does."""
        self._note_shot(segment)
        await self._room.acquire()
        chain = asyncio.create_task(self._chain(segment, chains[-1] if segment.continues else None))
        chain.add_done_callback(lambda _: self._room.release())
        chains.append(chain)
        for done in (chain for chain in chains if chain.done()):
            done.result()  # a model that is gone ends the reading, too

    async def _chain(self, segment: Segment, segment_before: asyncio.Task[str] | None) -> str:
        """Describe one segment; returns the text that the segment after it carries on from."""
        number = self._timeline.open(segment)
        before = await segment_before if segment_before else ""
        role = sliding(
            segment,
            video=self._name,
            layout=self._prompts.pair_layout,
            before=before,
            later=self._steps_after(segment),
            on_step=lambda step: self._timeline.add(number, step),
        )
        steps = await self._ask(role)
        self._timeline.finish(number)
        return next((step.text for step in reversed(steps) if not step.problem), before)

    def _steps_after(self, segment: Segment) -> int:
        """At most how many steps the chain of a shot may have yet; none once the shot is closed."""
        end = self._opened.end_seconds if self._opened else None
        if segment.shot_end_seconds is not None or end is None:
            return 0
        return max(round((end - segment.keyframes[-1].seconds) / self._settings.keyframes.every_seconds), 0)

    async def _summarize(self) -> None:
        self._report("summarizing")
        self._summary = await self._ask(
            summary(
                self._timeline.steps,
                video=self._name,
                start_seconds=self._start_seconds,
                end_seconds=self._read_seconds,
                fold_steps=self._settings.fold_steps,
            )
        )

    async def _tell_at_once(self, sampled: Sampled) -> None:
        """Ask once, with the frames of fast mode."""
        self._shots = dict(enumerate(sampled.shots))
        step = await self._ask(
            fast(
                sampled.keyframes,
                sampled.facts,
                video=self._name,
                start_seconds=self._opened.start_seconds if self._opened else self._start_seconds,
                end_seconds=self._read_seconds,
                layout=self._prompts.fast_layout,
            )
        )
        self._timeline.add_whole(step)
        self._summary = Summary(step.text, step.problem)

    async def _ask(self, role: Role[T]) -> T:
        return await self._engine.run(role, on_reply=self._replies.append)

    @property
    def _name(self) -> str:
        return self._opened.name if self._opened else ""

    def _note_shot(self, segment: Segment) -> None:
        (self._shots[segment.shot_index],) = shots_of([segment])

    def _step_done(self, step: Step) -> None:
        self._steps_done += 1
        self._report("reading", step)

    def _report(self, phase: Literal["reading", "summarizing"], step: Step | None = None) -> None:
        if self._on_progress is None:
            return
        end = self._opened.end_seconds if self._opened else None
        known = self._timeline.known
        self._on_progress(Progress(phase, self._read_seconds, end, self._steps_done, known, step))

    def caption(self) -> VideoCaption:
        """What there is by now."""
        return VideoCaption(
            video=self._name,
            width=self._opened.width if self._opened else 0,
            height=self._opened.height if self._opened else 0,
            start_seconds=self._start_seconds,
            end_seconds=self._read_seconds,
            mode=self._settings.mode,
            shots=tuple(self._shots[index] for index in sorted(self._shots)),
            steps=self._timeline.steps,
            summary=self._summary.text,
            summary_problem=self._summary.problem,
            warnings=self._warnings,
            provenance=self._provenance(),
        )

    def _provenance(self) -> Provenance:
        tokens_in = sum(reply.input_tokens for reply in self._replies)
        tokens_out = sum(reply.output_tokens for reply in self._replies)
        start, end = self._part
        return Provenance(
            model=next((reply.model for reply in self._replies), self._engine.vlm.name),
            prompt_set=self._prompts.name,
            prompt_hash=self._prompts.hash,
            version=__version__,
            settings=replace(self._settings, start_seconds=start, end_seconds=end).to_plain(),
            requests=len(self._replies),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=self._engine.vlm.cost_usd(tokens_in, tokens_out),
            request_keys=tuple(sorted(reply.request_key for reply in self._replies)),  # replies come in any order
        )
