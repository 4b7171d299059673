"""The frames worth describing: candidates as the video streams past, and which of them are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..checking import Interval, out_of_range, raise_for
from ..config import KeyframeSettings
from ..errors import SettingsError
from ..records import KeyframeReason, ShotOpening
from .encoders import FrameEncoder
from .fades import Transition
from .grid import SLACK_SECONDS, tick_after
from .picture import DecodedFrame
from .shots import ShotDetector

ENCODER_SIDE_PIXELS = 640  # both encoders look at less
MIN_STEP_SECONDS = 0.5  # closer than this, a shot's last frame and the keyframe before it are one


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame that may become a keyframe, and its place in its shot.

    ``due_seconds`` is when a frame was due, which this one is on screen at. Distances between candidates are measured
    between these: frames seldom begin when one is due, and what is 2 s apart would come out a frame short of it.
    """

    decoded: DecodedFrame
    shot_index: int
    role: Literal["opens", "inside", "closes"]
    opens_with: ShotOpening
    due_seconds: float


@dataclass(frozen=True, eq=False)
class Selected:
    """A candidate that was kept. ``similarity`` is the cosine to the one kept before it in its shot, where measured."""

    candidate: Candidate
    reason: KeyframeReason
    similarity: float | None


def candidates(
    decoded: Iterable[DecodedFrame], detector: ShotDetector | None, every_seconds: float
) -> Iterator[Candidate]:
    """Yield candidates in time order: each shot's first frame, one every ``every_seconds`` from there, its last frame.

    Where the picture becomes another one within a shot, such as the next page, the first frame of that is one more.
    The last frame comes only when its shot is longer than ``every_seconds``, or is all there is; a shorter shot is its
    first frame. Of a shot that ends in a fade, it is the last frame before the fade; no candidate lies within one.
    Without a detector the video is one shot. Only frames about which the detector has not made up its mind are held.
    Raises SettingsError unless ``every_seconds`` is an `Interval`.
    """
    return (found for found in walked(decoded, detector, every_seconds) if isinstance(found, Candidate))


def walked(
    decoded: Iterable[DecodedFrame], detector: ShotDetector | None, every_seconds: float
) -> Iterator[Candidate | float]:
    """As `candidates`; and for each frame the time up to which the shot of the last candidate goes on for certain."""
    raise_for(out_of_range("every_seconds", every_seconds, Interval))
    walk = _Walk(every_seconds)
    for frame in decoded:
        yield from walk.take(frame)
        if detector is None:
            yield from walk.settle(float("inf"))
            walk.drop(frozenset())
            yield frame.seconds
            continue
        found = detector.push(frame.seconds, frame.small(detector.side_pixels))
        yield from walk.follow(found, detector.take_changes())
        yield from walk.settle(detector.settled_seconds)
        walk.drop(detector.open_seconds)
        yield detector.settled_seconds
    if detector is not None:
        found = detector.flush()
        yield from walk.follow(found, detector.take_changes())
    yield from walk.end()


class _Walk:
    """The shot being walked through, the frames that may still open or close one, and those waiting to be certain."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._held: list[DecodedFrame] = []
        self._inside: list[tuple[DecodedFrame, float]] = []
        self._due = 0.0
        self._start: float | None = None
        self._index = 0
        self._opens_with: ShotOpening = "start"

    def take(self, frame: DecodedFrame) -> Iterator[Candidate]:
        self._held.append(frame)
        if self._start is None:
            yield self._open(frame, "start")
        else:
            self._consider(frame)

    def follow(self, transitions: Iterable[Transition], changes: Iterable[float]) -> Iterator[Candidate]:
        """Take what the detector found, in time order."""
        events = [(one.seconds, one) for one in transitions] + [(seconds, None) for seconds in changes]
        for seconds, transition in sorted(events, key=lambda event: event[0]):
            if transition is None:
                self._change(seconds)
            else:
                yield from self.cross(transition)

    def settle(self, until_seconds: float) -> Iterator[Candidate]:
        """Let go of the frames inside the shot that lie before any transition to come."""
        while self._inside and self._inside[0][0].seconds < until_seconds:
            frame, due = self._inside.pop(0)
            yield self._candidate(frame, "inside", due)

    def drop(self, open_seconds: frozenset[float]) -> None:
        """Hold only frames that a transition may name, and the latest."""
        self._held = [frame for frame in self._held[:-1] if frame.seconds in open_seconds] + self._held[-1:]

    def cross(self, transition: Transition) -> Iterator[Candidate]:
        """Close the shot and open the next."""
        before = [frame for frame in self._held if frame.seconds <= transition.start_seconds]
        yield from self._close(before[-1] if before else None, only=False)
        self._held = [frame for frame in self._held if frame.seconds >= transition.seconds]
        later = [frame for frame, _ in self._inside if frame.seconds > self._held[0].seconds]
        self._index, self._inside = self._index + 1, []
        yield self._open(self._held[0], transition.kind)
        for frame in later:
            self._consider(frame)

    def end(self) -> Iterator[Candidate]:
        if self._held:
            yield from self._close(self._held[-1], only=self._index == 0)

    def _open(self, frame: DecodedFrame, opens_with: ShotOpening) -> Candidate:
        self._start, self._opens_with = frame.seconds, opens_with
        self._due = self._after(frame)
        return self._candidate(frame, "opens", frame.seconds)

    def _consider(self, frame: DecodedFrame) -> None:
        """Take a frame that is on screen when one is due."""
        if frame.end_seconds > self._due + SLACK_SECONDS:
            self._inside.append((frame, self._due))
            self._due = self._after(frame)

    def _change(self, seconds: float) -> None:
        """Take the frame at which the picture became another one, such as the next page in a recording of a screen."""
        found = [frame for frame in self._held if frame.seconds == seconds]
        taken = {frame.seconds for frame, _ in self._inside}
        if found and self._start is not None and seconds > self._start and seconds not in taken:
            self._inside = sorted([*self._inside, (found[0], seconds)], key=lambda one: one[0].seconds)

    def _after(self, frame: DecodedFrame) -> float:
        """When the next one is due: the first step of the shot's own clock after this frame."""
        return tick_after(frame.seconds if self._start is None else self._start, self._every, frame)

    def _close(self, last: DecodedFrame | None, *, only: bool) -> Iterator[Candidate]:
        if last is None or self._start is None:
            return
        yield from self.settle(last.seconds)
        if last.seconds > self._start and (only or last.end_seconds - self._start > self._every + SLACK_SECONDS):
            yield self._candidate(last, "closes", last.seconds)

    def _candidate(self, frame: DecodedFrame, role: Literal["opens", "inside", "closes"], due: float) -> Candidate:
        return Candidate(frame, self._index, role, self._opens_with, due)


class KeyframeSelector(ABC):
    """Chooses among candidates, which are given in time order; keyframes come out in time order, as soon as may be.

    Every shot's first frame is kept. A shot's last frame is kept when it comes; if it comes less than half a second
    after the keyframe before it, that one gives way to it, unless it is the shot's first: then the last is left out.
    A keyframe without which a gap would grow too long stays.
    """

    @abstractmethod
    def take(self, candidate: Candidate) -> Iterator[Selected]:
        """Take the next candidate; yield the keyframes that are certain by it."""

    @abstractmethod
    def reach(self, seconds: float) -> Iterator[Selected]:
        """The shot of the last candidate goes on until ``seconds`` at least; yield the keyframes certain by that.

        It only hastens them: the same ones come out without it.
        """

    @abstractmethod
    def end(self) -> Iterator[Selected]:
        """Yield what is left at the end of the video; the next candidate is one of another video."""

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]:
        """The keyframes among all candidates of a video."""
        for candidate in candidates:
            yield from self.take(candidate)
            del candidate  # it is not held while the next one is looked for
        yield from self.end()


class SemanticSelector(KeyframeSelector):
    """Keeps a candidate whose picture means something else than that of the last one kept (paper, section 3.2).

    The cosine to the last *kept* frame is below ``similarity`` (None: the encoder's own value), or without this one
    the gap in its shot would grow over ``max_gap_seconds``. Each candidate is encoded once, in batches that run on
    across shots; at most one batch of frames is held, and one more. Raises SettingsError for a similarity outside
    [-1, 1] or a gap that is not over 0.
    """

    def __init__(self, encoder: FrameEncoder, similarity: float | None = None, max_gap_seconds: float = 20.0) -> None:
        self.encoder = encoder
        self.similarity = encoder.similarity if similarity is None else similarity
        self.max_gap_seconds = max_gap_seconds
        if not -1 <= self.similarity <= 1:
            raise SettingsError(f"similarity is a cosine in [-1, 1], not {self.similarity}")
        if not max_gap_seconds > 0:
            raise SettingsError(f"max_gap_seconds must be over 0, not {max_gap_seconds}")
        self._batch: list[Candidate] = []
        self._chain = _Chain(self._is_other, max_gap_seconds)

    def take(self, candidate: Candidate) -> Iterator[Selected]:
        self._batch.append(candidate)
        del candidate
        if len(self._batch) >= self.encoder.batch_size:
            yield from self._judged()

    def reach(self, seconds: float) -> Iterator[Selected]:
        if not self._batch:
            yield from self._chain.reach(seconds)

    def end(self) -> Iterator[Selected]:
        yield from self._judged()
        yield from self._chain.end()
        self._chain = _Chain(self._is_other, self.max_gap_seconds)

    def _judged(self) -> Iterator[Selected]:
        batch, self._batch = self._batch, []
        if not batch:
            return
        rows = self.encoder.encode([candidate.decoded.small(ENCODER_SIDE_PIXELS) for candidate in batch])
        if len(rows) != len(batch):
            raise ValueError(f"{self.encoder.name} gave {len(rows)} rows for {len(batch)} pictures")
        for row in rows:  # a frame that was judged is not held while the next batch fills
            yield from self._chain.add(batch.pop(0), row)

    def _is_other(self, _: float, similarity: float | None) -> bool:
        return similarity is not None and similarity < self.similarity


class UniformSelector(KeyframeSelector):
    """Keeps candidates at least ``every_seconds`` apart, whatever they show; looks at no picture.

    Raises SettingsError unless ``every_seconds`` is an `Interval`.
    """

    def __init__(self, every_seconds: float = 2.0) -> None:
        raise_for(out_of_range("every_seconds", every_seconds, Interval))
        self.every_seconds = every_seconds
        self._chain = _Chain(self._is_due)

    def take(self, candidate: Candidate) -> Iterator[Selected]:
        yield from self._chain.add(candidate, None)

    def reach(self, seconds: float) -> Iterator[Selected]:
        yield from self._chain.reach(seconds)

    def end(self) -> Iterator[Selected]:
        yield from self._chain.end()
        self._chain = _Chain(self._is_due)

    def _is_due(self, seconds: float, _: float | None) -> bool:
        return seconds >= self.every_seconds - SLACK_SECONDS


# How ``KeyframeSettings.selector`` becomes a selector; the encoder is only made for one that compares pictures.
SELECTORS: dict[str, Callable[[KeyframeSettings, Callable[[], FrameEncoder]], KeyframeSelector]] = {
    "semantic": lambda chosen, encoder: SemanticSelector(encoder(), chosen.similarity, chosen.max_gap_seconds),
    "uniform": lambda chosen, _: UniformSelector(chosen.every_seconds),
}

Row = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Judged:
    """A candidate beside the one kept before it."""

    selected: Selected
    row: Row | None

    @property
    def due_seconds(self) -> float:
        return self.selected.candidate.due_seconds

    @property
    def seconds(self) -> float:
        return self.selected.candidate.decoded.seconds


class _Chain:
    """Follows the keyframes of each shot; the newest waits for half a second, since the last frame may replace it.

    ``wanted`` is given the seconds since the last one kept, and the cosine to it. A candidate that was not wanted is
    kept all the same when the next one is over ``most_seconds`` after the last one kept.
    """

    def __init__(self, wanted: Callable[[float, float | None], bool], most_seconds: float = float("inf")) -> None:
        self._wanted, self._most_seconds = wanted, most_seconds
        self._certain: _Judged | None = None
        self._waiting: _Judged | None = None
        self._passed: _Judged | None = None

    def add(self, candidate: Candidate, row: Row | None) -> Iterator[Selected]:
        last = self._waiting or self._certain
        if candidate.role == "opens" or last is None:
            yield from self.end()
            self._certain = _Judged(Selected(candidate, "cut" if candidate.shot_index else "first", None), row)
            yield self._certain.selected
            return
        if self._passed is not None and self._too_far(candidate, last):
            last = self._passed
            yield from self._keep(last)
        if candidate.role == "closes":
            yield from self._close(candidate, last, row)
        else:
            yield from self._inside(candidate, last, row)

    def reach(self, seconds: float) -> Iterator[Selected]:
        """The last frame of a shot that goes on until then will not replace what is half a second older."""
        if self._waiting is not None and seconds - self._waiting.seconds >= MIN_STEP_SECONDS:
            self._certain, self._waiting = self._waiting, None
            yield self._certain.selected

    def end(self) -> Iterator[Selected]:
        """The one that was waiting is certain."""
        self._passed = None
        if self._waiting is not None:
            self._certain, self._waiting = self._waiting, None
            yield self._certain.selected

    def _keep(self, judged: _Judged) -> Iterator[Selected]:
        yield from self.end()
        self._waiting = judged

    def _too_far(self, candidate: Candidate, last: _Judged) -> bool:
        return candidate.due_seconds - last.due_seconds > self._most_seconds + SLACK_SECONDS

    def _inside(self, candidate: Candidate, last: _Judged, row: Row | None) -> Iterator[Selected]:
        since, similarity = candidate.due_seconds - last.due_seconds, _cosine(row, last.row)
        judged = _Judged(Selected(candidate, "change", similarity), row)
        if since >= self._most_seconds - SLACK_SECONDS or self._wanted(since, similarity):
            yield from self._keep(judged)
        elif self._waiting is not None and candidate.decoded.seconds - last.seconds >= MIN_STEP_SECONDS:
            yield from self.end()
        self._passed = None if self._waiting is judged or self._most_seconds == float("inf") else judged

    def _close(self, candidate: Candidate, last: _Judged, row: Row | None) -> Iterator[Selected]:
        far = candidate.decoded.seconds - last.seconds >= MIN_STEP_SECONDS
        if far or (self._certain is not None and self._too_far(candidate, self._certain)):
            yield from self.end()
        elif self._waiting is None:  # it comes right after the shot's first frame
            return
        self._waiting = self._passed = None
        before = self._certain.row if self._certain else None
        yield Selected(candidate, "last", _cosine(row, before))


def _cosine(first: Row | None, second: Row | None) -> float | None:
    return None if first is None or second is None else float(np.dot(first, second))
