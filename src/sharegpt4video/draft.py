"""The caption of one video while it is being made: what has been read, described and counted so far.

Filled in by ``run.VideoRun``; whatever happens, `Draft.caption` gives what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from . import __version__
from .captioner.outcome import Summary
from .captioner.timeline import Timeline
from .config import CaptionSettings, FactSettings
from .prompts import PromptSet
from .reading import Ended, Opened
from .records import Provenance, Shot, Step, VideoCaption
from .vlm.base import VLM, Reply

Phase = Literal["reading", "summarizing"]


@dataclass(frozen=True)
class Progress:
    """How far the captioning of one video is, as passed to ``on_progress``.

    phase                     ``reading`` while the video is read and described, then ``summarizing``
    read_seconds, end_seconds up to where the video has been decoded, and its end (None if unknown)
    steps_done, steps_known   steps finished, and steps known to be needed so far
    step                      the step that was just finished, if any; steps come in the order of the video
    """

    phase: Phase
    read_seconds: float
    end_seconds: float | None
    steps_done: int
    steps_known: int
    step: Step | None = None


class Draft:
    """What is known by now of one video, and of its caption. ``on_progress`` is called when that grows."""

    def __init__(
        self,
        settings: CaptionSettings,
        prompts: PromptSet,
        vlm: VLM,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._settings, self._prompts, self._vlm, self._on_progress = settings, prompts, vlm, on_progress
        self.start_seconds = self.read_seconds = settings.start_seconds or 0.0
        self.opened = Opened("", 0, 0, self.start_seconds, None)
        self._ended = Ended(self.start_seconds, (), (settings.start_seconds, settings.end_seconds))
        self.shots: dict[int, Shot] = {}
        self.timeline = Timeline(self._step_done)
        self._steps_done = 0
        self.summary = Summary("", "")
        self.replies: list[Reply] = []

    def note(self, event: Opened | Ended) -> None:
        """What is known of the video itself."""
        if isinstance(event, Opened):
            self.opened = event
        else:
            self._ended, self.read_seconds = event, event.seconds

    def read_to(self, seconds: float) -> None:
        """Everything before ``seconds`` has been read."""
        self.read_seconds = seconds
        self.report("reading")

    def _step_done(self, step: Step) -> None:
        self._steps_done += 1
        self.report("reading", step)

    def report(self, phase: Phase, step: Step | None = None) -> None:
        """Tell how far it is."""
        if self._on_progress is not None:
            end, known = self.opened.end_seconds, self.timeline.known
            self._on_progress(Progress(phase, self.read_seconds, end, self._steps_done, known, step))

    def caption(self) -> VideoCaption:
        """What there is by now."""
        return VideoCaption(
            video=self.opened.name,
            width=self.opened.width,
            height=self.opened.height,
            start_seconds=self.start_seconds,
            end_seconds=self.read_seconds,
            mode=self._settings.mode,
            shots=tuple(self.shots[index] for index in sorted(self.shots)),
            steps=self.timeline.steps,
            summary=self.summary.text,
            summary_problem=self.summary.problem,
            warnings=self._ended.warnings,
            provenance=self._provenance(),
            sound=self._ended.sound,
        )

    def _facts(self) -> FactSettings:
        """The settings of the facts with what was left to the installation decided as it came out."""
        facts, sound = self._settings.facts, self._ended.sound
        if not facts.measure:
            return facts
        heard = sound is not None
        return replace(
            facts,
            ocr=facts.ocr is not False,
            sound=heard,
            speech=heard and (sound.speech is not None if sound and sound.track else facts.speech is True),
        )

    def _provenance(self) -> Provenance:
        tokens_in = sum(reply.input_tokens for reply in self.replies)
        tokens_out = sum(reply.output_tokens for reply in self.replies)
        start, end = self._ended.part
        settings = replace(self._settings, start_seconds=start, end_seconds=end, facts=self._facts())
        return Provenance(
            model=next((reply.model for reply in self.replies), self._vlm.name),
            prompt_set=self._prompts.name,
            prompt_hash=self._prompts.hash,
            version=__version__,
            settings=settings.to_plain(),
            requests=len(self.replies),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=self._vlm.cost_usd(tokens_in, tokens_out),
            request_keys=tuple(sorted(reply.request_key for reply in self.replies)),  # replies come in any order
        )
