"""Clips with captions of their own: every contiguous run of steps of a captioned video can be one (paper, 4.2).

A clip is told from the steps alone, so no video is opened; ``media`` cuts the files where they are wanted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...background import Put, from_loop, in_thread, mapped
from ...captioner.engine import Engine
from ...captioner.outcome import Summary
from ...captioner.summary import summary
from ...config import CaptionSettings
from ...display import Result
from ...engines import open_engine
from ...records import problem_kind
from ...vlm.base import VLM
from ...wording import counted
from ..ledger import kept_ids
from ..reviews.resolve import edit_key
from ..rows import CaptionRow, Clip
from ..sources.listed import Listed
from ..store.store import Store
from .spans import ClipSettings, Span, spans, told_by

if TYPE_CHECKING:
    from .media import MediaResult

__all__ = ["ClipSettings", "ClipsResult", "make_clips"]

AHEAD_PER_SLOT = 4
"""Clips asked about and not yet written, for each slot of the model; they keep their order."""
LEAST_AHEAD = 64


@dataclass(repr=False)
class ClipsResult(Result):
    """What became of the captioned videos. ``given`` texts were there already, ``asked`` ones a model wrote.

    ``dropped`` and ``marked`` count clips by the problem of their text. ``media`` is what was cut, if anything was.
    """

    videos: int = 0
    without: int = 0
    not_kept: int = 0
    clips: int = 0
    seconds: float = 0.0
    rejected: int = 0
    given: int = 0
    asked: int = 0
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    marked: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    media: MediaResult | None = None

    def text(self) -> str:
        """The counts, one line for each kind."""
        mean = self.seconds / self.clips if self.clips else 0.0
        lines = [
            f"{counted(self.clips, 'clip')} of {counted(self.videos, 'video')}, {mean:.1f} s on average",
            f"texts: {self.given} taken from the captions, {self.asked} written from the steps"
            f" ({counted(self.requests, 'request')}, {self.input_tokens} + {self.output_tokens} tokens)",
        ]
        for count, words in (
            (self.without, "videos gave no clip"),
            (self.not_kept, "videos were not selected"),
            (self.rejected, "captions were rejected in review"),
        ):
            if count:
                lines.append(f"{count} {words}")
        for title, counts in (("marked", self.marked), ("left out", self.dropped)):
            lines += [f"{count} {title}: {problem}" for problem, count in counts.most_common()]
        if self.media is not None:
            lines.append(self.media.text())
        return "\n".join(lines)


def make_clips(
    store: Store,
    settings: ClipSettings | None = None,
    *,
    model: str | VLM = "embedded",
    on_progress: Callable[[ClipsResult], None] | None = None,
    close_model: bool = False,
) -> ClipsResult:
    """Fill the table ``clips`` anew from the captions; only kept videos when there is a ``selection``.

    A clip of one step has that step's text, a clip of the whole video its summary; for every other one ``model`` is
    asked, as many at once as it serves. ``on_progress`` is called after each video with the counts so far, from
    another thread. The old clips stay until all new ones are written; media that was cut for a clip with the same id
    is found again by ``media.cut_media``. A model given by name, or with ``close_model``, is closed. Raises VLMError
    when the model cannot go on. One process at a time may do this (see ``lock``).
    """
    made = ClipsResult()
    captioning = store.settings().caption if store.exists() else CaptionSettings()
    maker = _Maker(store, settings or ClipSettings(), captioning, made, on_progress)

    async def work(put: Put[Clip]) -> None:
        engine = open_engine(model, captioning)
        try:
            async with aclosing(maker.clips(engine)) as clips:
                async for clip in clips:
                    await put(clip)
        finally:
            made.requests, made.input_tokens = engine.requests, engine.input_tokens
            made.output_tokens = engine.output_tokens
            if close_model or isinstance(model, str):
                await engine.vlm.close()

    with closing(from_loop(work)) as clips:
        store.replace("clips", clips)
    return made


def clip_id(video_id: str, span: Span) -> str:
    """The same for the same steps and times of a video: whatever way it was chosen, however its text changes."""
    times = f"{span.start_seconds:.3f} {span.end_seconds:.3f}"
    return hashlib.sha256(f"{video_id} {span.first_step} {span.last_step} {times}".encode()).hexdigest()[:32]


class _Maker:
    """Turns captions into clips, in order, with as many requests under way as the model serves."""

    def __init__(
        self,
        store: Store,
        settings: ClipSettings,
        captioning: CaptionSettings,
        made: ClipsResult,
        on_progress: Callable[[ClipsResult], None] | None,
    ) -> None:
        self._store, self._settings, self._captioning = store, settings, captioning
        self._made, self._on_progress = made, on_progress

    async def clips(self, engine: Engine) -> AsyncGenerator[Clip, None]:
        ahead = max(AHEAD_PER_SLOT * engine.slots, LEAST_AHEAD)

        async def told(item: tuple[CaptionRow, Span]) -> Summary:
            return await self._told(engine, *item)

        async with aclosing(mapped(in_thread(self._wanted()), told, at_once=ahead, in_order=True)) as summaries:
            async for (row, span), text in summaries:
                for clip in self._clip(row, span, text):
                    yield clip

    def _wanted(self) -> Iterator[tuple[CaptionRow, Span]]:
        for row in self._rows():
            for span in self._spans(row):
                yield row, span
            if self._on_progress:
                self._on_progress(self._made)

    def _rows(self) -> Iterator[CaptionRow]:
        kept, listed, overlay = kept_ids(self._store), Listed(self._store), self._store.overlay
        for row in self._store.rows("captions"):
            if overlay.is_rejected(row.id):
                self._made.rejected += 1
            elif not listed.is_replaced(row.id) and (kept is None or row.id in kept):
                yield row
            else:
                self._made.not_kept += 1

    def _spans(self, row: CaptionRow) -> list[Span]:
        found = list(spans(row.steps, self._settings))
        self._made.videos += 1
        self._made.without += not found
        return found

    async def _told(self, engine: Engine, row: CaptionRow, span: Span) -> Summary:
        steps = told_by(row.steps, span)
        if span.first_step == span.last_step:
            self._made.given += 1
            step = row.steps[span.first_step]
            return Summary(step.text, step.problem)
        if (span.start_seconds, span.end_seconds) == (row.start_seconds, row.end_seconds) and not row.summary_problem:
            self._made.given += 1
            return Summary(row.summary)
        self._made.asked += 1
        role = summary(
            steps,
            video=row.video,
            start_seconds=span.start_seconds,
            end_seconds=span.end_seconds,
            fold_steps=self._captioning.fold_steps,
            cast=self._captioning.cast,
        )
        return await engine.run(role)

    def _clip(self, row: CaptionRow, span: Span, told: Summary) -> Iterator[Clip]:
        kind = problem_kind(told.problem)
        if kind and self._settings.problems == "drop":
            self._made.dropped[kind] += 1
            return
        if kind:
            self._made.marked[kind] += 1
        self._made.clips += 1
        self._made.seconds += span.seconds
        yield Clip(
            id=clip_id(row.id, span),
            video_id=row.id,
            location=row.location,
            first_step=span.first_step,
            last_step=span.last_step,
            start_seconds=span.start_seconds,
            end_seconds=span.end_seconds,
            text=told.text,
            problem=told.problem,
            edit_key=edit_key(row.edits, row.summary, row.steps, span.first_step, span.last_step),
        )
