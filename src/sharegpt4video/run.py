"""The half of captioning that asks the model: what has been read is described shot by shot, then told as a whole.

You come from ``pipeline.acaption``. What is known so far is kept in ``draft``. Next: ``reading``, where the events come
from, and ``captioner.sliding``, which is what `VideoRun._chain` drives.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from .background import gone
from .captioner.cast import Carried, Cast
from .captioner.engine import Engine, Role
from .captioner.fast import fast
from .captioner.outcome import Summary
from .captioner.sliding import sliding
from .captioner.summary import summary
from .config import CaptionSettings
from .draft import Draft, Progress
from .engines import check_facts, held_to_facts
from .prompts import prompt_set
from .reading import Event
from .records import Keyframe, Segment, VideoCaption
from .sampling import Sampled

T = TypeVar("T")
SEGMENTS_AHEAD = 128  # decoding waits when so many segments (of two pictures or a few) are not described yet


class VideoRun:
    """One video on its way; ``draft`` holds what there is of its caption.

    ``room`` bounds how many segments may be read and not described; videos that share one share the memory.
    Raises SettingsError where the model needs facts and the settings leave them out.
    """

    def __init__(
        self,
        engine: Engine,
        settings: CaptionSettings,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        room: asyncio.Semaphore | None = None,
    ) -> None:
        check_facts(engine.vlm, measured=settings.facts.measure)
        self._engine, self._settings, self._prompts = engine, settings, prompt_set(settings.prompts)
        self._room = room or asyncio.Semaphore(SEGMENTS_AHEAD)
        self._chains: list[asyncio.Task[Carried]] = []
        self.draft = Draft(settings, self._prompts, engine.vlm, on_progress)

    async def describe(self, events: AsyncGenerator[Event | float | Keyframe, None]) -> VideoCaption:
        """Describe what ``reading.read`` gives, as it comes; what it tells of its progress may stand in between.

        Raises what reading raises, and VLMError.
        """
        sampled: Sampled | None = None
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Segment):
                        await self._start_chain(event)
                    elif isinstance(event, Sampled):
                        sampled = event
                    else:
                        self.draft.note(event)
            await asyncio.gather(*self._chains)
        finally:
            await gone(*self._chains)
        self.draft.finish(await (self._tell_at_once(sampled) if sampled else self._summarize()))
        return self.draft.caption()

    async def _start_chain(self, segment: Segment) -> None:
        """Describe a segment in a chain of its own, which carries on from the one before in its shot or cast."""
        self.draft.measured(segment)
        await self._room.acquire()
        waits = segment.continues or (self._settings.cast and self._chains)
        chain = asyncio.create_task(self._chain(segment, self._chains[-1] if waits else None))
        chain.add_done_callback(lambda _: self._room.release())
        self._chains.append(chain)
        for done in [chain for chain in self._chains[:-1] if chain.done()]:
            done.result()  # a model that is gone ends the reading, too
            self._chains.remove(done)

    async def _chain(self, segment: Segment, segment_before: asyncio.Task[Carried] | None) -> Carried:
        """Describe one segment; returns what the segment after it carries on from."""
        timeline = self.draft.timeline
        number = timeline.open(segment)
        carried = await segment_before if segment_before else Carried(cast=Cast() if self._settings.cast else None)
        carried = carried if segment.continues else Carried(cast=carried.cast)
        role = sliding(
            segment,
            video=self.draft.opened.name,
            layout=self._prompts.pair_layout,
            before=carried.text,
            cast=carried.cast,
            later=self._steps_after(segment),
            on_step=lambda step: timeline.add(number, step),
        )
        steps = await self._ask(role)
        timeline.finish(number)
        return carried.after(steps)

    def _steps_after(self, segment: Segment) -> int:
        """At most how many steps the chain of a shot may have yet; none once the shot is closed."""
        end = self.draft.opened.end_seconds
        if segment.shot_end_seconds is not None or end is None:
            return 0
        return max(round((end - segment.keyframes[-1].seconds) / self._settings.keyframes.every_seconds), 0)

    async def _summarize(self) -> Summary:
        """Tell the whole from its steps."""
        self.draft.report("summarizing")
        role = summary(
            self.draft.timeline.steps,
            video=self.draft.opened.name,
            start_seconds=self.draft.start_seconds,
            end_seconds=self.draft.read_seconds,
            fold_steps=self._settings.fold_steps,
            cast=self._settings.cast,
        )
        return await self._ask(role)

    async def _tell_at_once(self, sampled: Sampled) -> Summary:
        """Fast mode: ask once, with all its frames."""
        self.draft.shots = dict(enumerate(sampled.shots))
        role = fast(
            sampled.keyframes,
            sampled.facts,
            video=self.draft.opened.name,
            start_seconds=self.draft.opened.start_seconds,
            end_seconds=self.draft.read_seconds,
            layout="separate" if self._engine.vlm.frames_apart else self._prompts.fast_layout,
            sound=sampled.sound,
        )
        step = await self._ask(role)
        self.draft.timeline.add_whole(step)
        return Summary(step.text, step.problem)

    async def _ask(self, role: Role[T]) -> T:
        held = held_to_facts(role, self._settings, self.draft.refuse)
        return await self._engine.run(held, on_reply=self.draft.replies.append)
