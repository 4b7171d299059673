"""The frames worth describing: candidates every few seconds of each shot, kept when they differ (paper, 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import KeyframeReason, ShotOpening
from .encoders import FrameEncoder
from .fades import Transition
from .picture import DecodedFrame
from .shots import ShotDetector

ENCODER_SIDE_PIXELS = 448  # encoders look at 224 or 336 pixels
CLOSE_SECONDS = 0.5  # a shot's last frame takes the place of a keyframe nearer than this
SHORT_SHOT_SECONDS = 2.0  # a shot up to this long whose last frame looks like its first is told by its opening alone
SLACK_SECONDS = 1e-6  # times that were added up differ from times that were read by rounding


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame that may become a keyframe: the first of a shot, the last of it, or one inside."""

    decoded: DecodedFrame
    shot_index: int
    role: Literal["opens", "inside", "closes"]
    opens_with: ShotOpening


@dataclass(frozen=True, eq=False)
class Selected:
    """A candidate that is kept, why, and its cosine to the one kept before it in the shot."""

    candidate: Candidate
    reason: KeyframeReason
    similarity: float | None


class KeyframeSelector(Protocol):
    """Chooses keyframes. Every shot's opening must be kept; times stay in order."""

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]: ...


@dataclass
class _Held:
    frame: DecodedFrame
    due: bool  # a candidate of the grid


class _Shots:
    """Frames that wait until it is certain which shot they belong to."""

    def __init__(self, every_seconds: float) -> None:
        self.every_seconds = every_seconds
        self.index = 0
        self.start_seconds: float | None = None
        self.opens_with: ShotOpening = "start"
        self.held: list[_Held] = []
        self._due_seconds = 0.0

    def add(self, frame: DecodedFrame) -> Iterator[Candidate]:
        if self.start_seconds is None:
            self.start_seconds = frame.seconds
            self._due_seconds = frame.seconds + self.every_seconds
            yield self._candidate(frame, "opens")
        self.held.append(_Held(frame, self._is_due(frame)))

    def split(self, transition: Transition) -> Iterator[Candidate]:
        """A transition is certain: close the shot before it, open the one after."""
        before = [held for held in self.held if held.frame.seconds < transition.seconds - SLACK_SECONDS]
        after = self.held[len(before) :]
        if not after:
            return
        yield from self._close(before)
        self.held = after
        opening = after[0].frame
        self.index += 1
        self.start_seconds, self.opens_with = opening.seconds, transition.kind
        self._due_seconds = opening.seconds + self.every_seconds
        yield self._candidate(opening, "opens")
        for held in after:
            held.due = self._is_due(held.frame)

    def settle(self, seconds: float) -> Iterator[Candidate]:
        """No transition will come before ``seconds``: what is due until then lies inside the shot."""
        for held in self.held:
            if held.due and held.frame.seconds < seconds:
                held.due = False
                yield self._candidate(held.frame, "inside")

    def prune(self, open_seconds: frozenset[float]) -> None:
        """Keep the newest frame, those that are due, those that may open a shot, and the one before each of these."""
        last = len(self.held) - 1
        self.held = [
            held
            for number, held in enumerate(self.held)
            if number == last
            or held.due
            or held.frame.seconds in open_seconds
            or self.held[number + 1].frame.seconds in open_seconds
        ]

    def finish(self) -> Iterator[Candidate]:
        yield from self._close(self.held)

    def _close(self, held: list[_Held]) -> Iterator[Candidate]:
        for one in held[:-1]:
            if one.due:
                yield self._candidate(one.frame, "inside")
        if held and held[-1].frame.seconds != self.start_seconds:
            yield self._candidate(held[-1].frame, "closes")

    def _is_due(self, frame: DecodedFrame) -> bool:
        if frame.seconds < self._due_seconds - SLACK_SECONDS:
            return False
        while self._due_seconds <= frame.seconds + SLACK_SECONDS:
            self._due_seconds += self.every_seconds
        return True

    def _candidate(self, frame: DecodedFrame, role: Literal["opens", "inside", "closes"]) -> Candidate:
        return Candidate(frame, self.index, role, self.opens_with)


def candidates(
    decoded: Iterable[DecodedFrame], detector: ShotDetector | None, every_seconds: float
) -> Iterator[Candidate]:
    """The first frame of each shot, one inside every ``every_seconds`` from its start, and its last frame.

    Streams: holds only the frames of which the detector does not know yet whether they open a shot. Without a detector
    everything is one shot; a shot of one frame has no last frame of its own.
    """
    shots = _Shots(every_seconds)
    for frame in decoded:
        yield from shots.add(frame)
        if detector is None:
            yield from shots.settle(frame.seconds)
            shots.prune(frozenset())
            continue
        for transition in detector.push(frame.seconds, frame.small(detector.side_pixels)):
            yield from shots.split(transition)
        yield from shots.settle(detector.settled_seconds)
        shots.prune(detector.open_seconds)
    for transition in detector.flush() if detector else ():
        yield from shots.split(transition)
    yield from shots.finish()


class SemanticSelector:
    """Keeps a candidate whose picture differs enough from the last one kept in its shot.

    The first frame of a shot is always kept. Its last frame is kept, so that the last step has an end, unless the shot
    is short and looks the same to its end; it takes the place of a keyframe less than half a second before it. Each
    candidate is encoded once, in batches; at most one batch of frames is held. The batch size changes nothing.
    """

    def __init__(
        self, encoder: FrameEncoder, *, similarity: float | None = None, max_gap_seconds: float = 20.0
    ) -> None:
        """Raises ValueError if ``similarity`` (None: the encoder's own) is outside [-1, 1]."""
        self._encoder = encoder
        self._similarity = encoder.similarity if similarity is None else similarity
        self._max_gap_seconds = max_gap_seconds
        if not -1 <= self._similarity <= 1:
            raise ValueError(f"similarity is a cosine in [-1, 1], not {self._similarity}")

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]:
        """Yield keyframes in time order. Candidates must come in time order."""
        stream = iter(candidates)
        chooser = _Chooser(self._changed)
        while batch := list(islice(stream, self._encoder.batch_size)):
            pictures = [candidate.decoded.frame(ENCODER_SIDE_PIXELS).pixels for candidate in batch]
            for candidate, vector in zip(batch, self._encoder.encode(pictures), strict=True):
                yield from chooser.choose(candidate, vector)
        yield from chooser.finish()

    def _changed(self, similarity: float, gap_seconds: float) -> bool:
        return similarity < self._similarity or gap_seconds >= self._max_gap_seconds - SLACK_SECONDS


class UniformSelector:
    """Keeps a candidate every ``every_seconds`` of a shot, its first and its last frame; looks at no picture."""

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]:
        """Yield keyframes in time order. Candidates must come in time order."""
        chooser = _Chooser(lambda _, gap_seconds: gap_seconds >= self._every_seconds - SLACK_SECONDS)
        for candidate in candidates:
            yield from chooser.choose(candidate, None)
        yield from chooser.finish()


class _Chooser:
    """The rules that selectors share; ``changed(similarity, gap_seconds)`` is where they differ."""

    def __init__(self, changed: Callable[[float, float], bool]) -> None:
        self._changed = changed
        self._anchor: NDArray[np.float32] | None = None
        self._opened_seconds = 0.0
        self._waiting: Selected | None = None  # its shot's last frame may still take its place

    def choose(self, candidate: Candidate, vector: NDArray[np.float32] | None) -> Iterator[Selected]:
        seconds = candidate.decoded.seconds
        if candidate.role == "opens":
            yield from self.finish()
            self._opened_seconds = seconds
            self._keep(Selected(candidate, "cut" if candidate.shot_index else "first", None), vector)
            return
        similarity = float(vector @ self._anchor) if vector is not None and self._anchor is not None else None
        kept_before = self._waiting.candidate.decoded.seconds if self._waiting else self._opened_seconds
        changed = self._changed(1.0 if similarity is None else similarity, seconds - kept_before)
        if candidate.role == "closes":
            if changed or candidate.decoded.end_seconds - self._opened_seconds > SHORT_SHOT_SECONDS:
                if not self._replaces(seconds - kept_before):
                    yield from self.finish()
                self._keep(Selected(candidate, "last", similarity), vector)
        elif changed:
            yield from self.finish()
            self._keep(Selected(candidate, "change", similarity), vector)

    def finish(self) -> Iterator[Selected]:
        if self._waiting is not None:
            yield self._waiting
            self._waiting = None

    def _replaces(self, gap_seconds: float) -> bool:
        return self._waiting is not None and self._waiting.reason == "change" and gap_seconds < CLOSE_SECONDS

    def _keep(self, selected: Selected, vector: NDArray[np.float32] | None) -> None:
        self._waiting, self._anchor = selected, vector


SELECTORS: dict[str, type[SemanticSelector] | type[UniformSelector]] = {
    "semantic": SemanticSelector,
    "uniform": UniformSelector,
}
