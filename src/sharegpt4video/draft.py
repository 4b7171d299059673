"""The caption of one video while it is being made: what has been read, described and counted so far.

Filled in by ``run.VideoRun``; whatever happens, `Draft.caption` gives what there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from . import __version__
from .captioner.outcome import Summary
from .captioner.timeline import Timeline
from .config import CaptionSettings, FactSettings
from .prompts import PromptSet
from .records import BYTES_IN_JSON, Facts, Keyframe, Provenance, Refused, Segment, Shot, Step, VideoCaption
from .vlm.base import VLM, Reply, Request
from .wanted import Ended, Opened

Phase = Literal["reading", "summarizing"]
_WHOLE = -1
"""In the place of the number of a step: the summary."""


@dataclass(frozen=True)
class Chosen:
    """A keyframe of a video that is being captioned; the first has ``number`` 0.

    ``facts`` is what was measured from the keyframe before to this one, None where nothing was (yet).
    """

    number: int
    keyframe: Keyframe
    facts: Facts | None = None


@dataclass(frozen=True)
class Progress:
    """How far the captioning of one video is, and what is new, as passed to ``on_progress``.

    phase                     ``reading`` while the video is read and described, then ``summarizing``
    read_seconds, end_seconds up to where the video has been decoded, and its end (None if unknown)
    steps_done, steps_known   steps finished, and steps known to be needed so far

    At most one of these is set. Without any, only the numbers are new, or the phase: the first report of
    ``summarizing`` has none.

    opened     the video: its name, its size, and the times between which it is captioned
    keyframe   a keyframe, as soon as it is chosen, and once more when its facts have been measured; with a picture
               where one was asked for, whether or not the model takes any
    step       a finished step; steps come in the order of the video, each once
    summary    the text for the whole, the last report

    Can be pickled, and written as JSON by pydantic.
    """

    __pydantic_config__ = BYTES_IN_JSON

    phase: Phase
    read_seconds: float
    end_seconds: float | None
    steps_done: int
    steps_known: int
    step: Step | None = None
    opened: Opened | None = None
    keyframe: Chosen | None = None
    summary: Summary | None = None


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
        self._chosen: deque[Chosen] = deque()  # those without facts
        self._keyframes = self._steps_done = 0
        self.summary = Summary("", "")
        self.replies: list[Reply] = []
        self._refused: list[tuple[Request, str, tuple[str, ...]]] = []

    def note(self, event: Opened | Ended | Keyframe | float) -> None:
        """What reading tells of the video: a number is the time up to which it has been read."""
        if isinstance(event, Opened):
            self.opened = event
            self.report("reading", opened=event)
        elif isinstance(event, Ended):
            self._ended, self.read_seconds = event, event.seconds
        elif isinstance(event, Keyframe):
            self._chosen.append(Chosen(self._keyframes, event))
            self._keyframes += 1
            self.report("reading", keyframe=self._chosen[-1])
        else:
            self.read_seconds = event
            self.report("reading")

    def measured(self, segment: Segment) -> None:
        """What reading tells of a part of a shot: it is about to be described."""
        self.shots[segment.shot_index] = segment.shot
        facts = {facts.end_seconds: facts for facts in segment.facts}
        while self._chosen and self._chosen[0].keyframe.seconds <= segment.keyframes[-1].seconds:
            chosen = self._chosen.popleft()
            if chosen.keyframe.seconds in facts:
                self.report("reading", keyframe=replace(chosen, facts=facts[chosen.keyframe.seconds]))

    def refuse(self, request: Request, text: str, reasons: Sequence[str]) -> None:
        """An answer contradicted what was measured, and a better one was kept."""
        self._refused.append((request, text, tuple(reasons)))

    def finish(self, summary: Summary) -> None:
        """The whole has been told."""
        self.summary = summary
        self.report("summarizing", summary=summary)

    def _step_done(self, step: Step) -> None:
        self._steps_done += 1
        self.report("reading", step=step)

    def report(self, phase: Phase, **news: Any) -> None:
        """Tell how far it is, and what is new."""
        if self._on_progress is not None:
            end, known = self.opened.end_seconds, self.timeline.known
            self._on_progress(Progress(phase, self.read_seconds, end, self._steps_done, known, **news))

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
            refused=self._refused_by_step(),
        )

    def _refused_by_step(self) -> tuple[Refused, ...]:
        """The refused answers with the numbers of their steps; those to parts of a summary have none, and are left
        out."""
        tasks = {"whole": "fast", "opening": "opening", "change": "change"}
        numbers = {(tasks[step.kind], step.frame_seconds): at for at, step in enumerate(self.timeline.steps)}
        found = []
        for request, text, reasons in self._refused:
            number = _WHOLE if request.task == "summary" else numbers.get((request.task, request.seconds))
            if number is not None:
                found.append(Refused(number, text, reasons))
        return tuple(sorted(found, key=lambda one: (one.step, one.text)))

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
