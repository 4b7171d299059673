"""The frames worth describing: candidates as the video streams past, and which of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config import KeyframeSettings
from ..errors import SettingsError
from ..records import KeyframeReason, ShotOpening
from .encoders import FrameEncoder
from .fades import Transition
from .picture import DecodedFrame
from .shots import ShotDetector

ENCODER_SIDE_PIXELS = 640  # both encoders look at less
MIN_STEP_SECONDS = 0.5  # closer than this, a shot's last frame and the keyframe before it are one


@dataclass(frozen=True, eq=False)
class Candidate:
    """A frame that may become a keyframe, and its place in its shot."""

    decoded: DecodedFrame
    shot_index: int
    role: Literal["opens", "inside", "closes"]
    opens_with: ShotOpening


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

    The last frame comes only when its shot is longer than ``every_seconds``, or is all there is; a shorter shot is
    its first frame. Of a shot that ends in a fade, it is the last frame before the fade; no candidate lies within
    one. Without a detector the video is one shot. Only frames about which the detector has not made up its mind are
    held. Raises SettingsError unless ``every_seconds`` is over 0.
    """
    if not every_seconds > 0:
        raise SettingsError(f"every_seconds must be over 0, not {every_seconds}")
    walk = _Walk(every_seconds)
    for frame in decoded:
        yield from walk.take(frame)
        if detector is None:
            yield from walk.settle(float("inf"))
            walk.drop(frozenset())
            continue
        for transition in detector.push(frame.seconds, frame.small(detector.side_pixels)):
            yield from walk.cross(transition)
        yield from walk.settle(detector.settled_seconds)
        walk.drop(detector.open_seconds)
    for transition in detector.flush() if detector is not None else ():
        yield from walk.cross(transition)
    yield from walk.end()


class _Walk:
    """The shot being walked through, the frames that may still open or close one, and those waiting to be certain."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._held: list[DecodedFrame] = []
        self._inside: list[DecodedFrame] = []
        self._due = 0.0
        self._start: float | None = None
        self._index = 0
        self._opens_with: ShotOpening = "start"

    def take(self, frame: DecodedFrame) -> Iterator[Candidate]:
        self._held.append(frame)
        if self._start is None:
            yield self._open(frame, "start")
        elif frame.end_seconds > self._due + 1e-6:  # on screen when one is due
            self._inside.append(frame)
            self._due = self._after(frame)

    def settle(self, until_seconds: float) -> Iterator[Candidate]:
        """Let go of the frames inside the shot that lie before any transition to come."""
        while self._inside and self._inside[0].seconds < until_seconds:
            yield self._candidate(self._inside.pop(0), "inside")

    def drop(self, open_seconds: frozenset[float]) -> None:
        """Hold only frames that a transition may name, and the latest."""
        self._held = [frame for frame in self._held[:-1] if frame.seconds in open_seconds] + self._held[-1:]

    def cross(self, transition: Transition) -> Iterator[Candidate]:
        """Close the shot and open the next."""
        before = [frame for frame in self._held if frame.seconds <= transition.start_seconds]
        yield from self._close(before[-1] if before else None, only=False)
        self._held = [frame for frame in self._held if frame.seconds >= transition.seconds]
        later = [frame for frame in self._inside if frame.seconds > self._held[0].seconds]
        self._index, self._inside = self._index + 1, []
        yield self._open(self._held[0], transition.kind)
        for frame in later:
            if frame.end_seconds > self._due + 1e-6:
                self._inside.append(frame)
                self._due = self._after(frame)

    def end(self) -> Iterator[Candidate]:
        if self._held:
            yield from self._close(self._held[-1], only=self._index == 0)

    def _open(self, frame: DecodedFrame, opens_with: ShotOpening) -> Candidate:
        self._start, self._opens_with = frame.seconds, opens_with
        self._due = self._after(frame)
        return self._candidate(frame, "opens")

    def _after(self, frame: DecodedFrame) -> float:
        """When the next one is due: the first step of the shot's own clock after this frame."""
        start = frame.seconds if self._start is None else self._start
        return start + self._every * (1 + (max(frame.end_seconds - 1e-6, frame.seconds) - start) // self._every)

    def _close(self, last: DecodedFrame | None, *, only: bool) -> Iterator[Candidate]:
        if last is None or self._start is None:
            return
        yield from self.settle(last.seconds)
        if last.seconds > self._start and (only or last.end_seconds - self._start > self._every + 1e-6):
            yield self._candidate(last, "closes")

    def _candidate(self, frame: DecodedFrame, role: Literal["opens", "inside", "closes"]) -> Candidate:
        return Candidate(frame, self._index, role, self._opens_with)


class KeyframeSelector(Protocol):
    """Chooses among candidates. Candidates arrive, and keyframes leave, in time order, as a stream.

    Every shot's first frame is kept. A shot's last frame is kept when it comes; if it comes less than half a second
    after the keyframe before it, that one gives way to it, unless it is the shot's first: then the last is left out.
    """

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]: ...


class SemanticSelector:
    """Keeps a candidate whose picture means something else than that of the last one kept (paper, section 3.2).

    The cosine to the last *kept* frame is below ``similarity`` (None: the encoder's own value), or the last one kept is
    ``max_gap_seconds`` ago. Each candidate is encoded once, in batches that run on across shots; at most one
    batch of frames is held. Raises SettingsError for a similarity outside [-1, 1] or a gap that is not over 0.
    """

    def __init__(self, encoder: FrameEncoder, similarity: float | None = None, max_gap_seconds: float = 20.0) -> None:
        self.encoder = encoder
        self.similarity = encoder.similarity if similarity is None else similarity
        self.max_gap_seconds = max_gap_seconds
        if not -1 <= self.similarity <= 1:
            raise SettingsError(f"similarity is a cosine in [-1, 1], not {self.similarity}")
        if not max_gap_seconds > 0:
            raise SettingsError(f"max_gap_seconds must be over 0, not {max_gap_seconds}")

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]:
        chain = _Chain(self._differs)
        source = iter(candidates)
        while batch := list(islice(source, self.encoder.batch_size)):
            pictures = [candidate.decoded.small(ENCODER_SIDE_PIXELS) for candidate in batch]
            rows = self.encoder.encode(pictures)
            if len(rows) != len(batch):
                raise ValueError(f"{self.encoder.name} gave {len(rows)} rows for {len(batch)} pictures")
            del pictures
            while batch:  # a frame that was judged is not held while the next batch fills
                candidate = batch.pop(0)
                yield from chain.add(candidate, rows[len(rows) - len(batch) - 1])
        yield from chain.end()

    def _differs(self, seconds: float, similarity: float | None) -> bool:
        return seconds >= self.max_gap_seconds - 1e-6 or (similarity is not None and similarity < self.similarity)


class UniformSelector:
    """Keeps candidates at least ``every_seconds`` apart, whatever they show; looks at no picture.

    Raises SettingsError unless ``every_seconds`` is over 0.
    """

    def __init__(self, every_seconds: float = 2.0) -> None:
        if not every_seconds > 0:
            raise SettingsError(f"every_seconds must be over 0, not {every_seconds}")
        self.every_seconds = every_seconds

    def select(self, candidates: Iterable[Candidate]) -> Iterator[Selected]:
        chain = _Chain(lambda seconds, _: seconds >= self.every_seconds - 1e-6)
        for candidate in candidates:
            yield from chain.add(candidate, None)
        yield from chain.end()


# How ``KeyframeSettings.selector`` becomes a selector; the encoder is only made for one that compares pictures.
SELECTORS: dict[str, Callable[[KeyframeSettings, Callable[[], FrameEncoder]], KeyframeSelector]] = {
    "semantic": lambda chosen, encoder: SemanticSelector(encoder(), chosen.similarity, chosen.max_gap_seconds),
    "uniform": lambda chosen, _: UniformSelector(chosen.every_seconds),
}

Row = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Kept:
    selected: Selected
    seconds: float
    row: Row | None


class _Chain:
    """Follows the keyframes of each shot; the newest waits for half a second, since the last frame may replace it."""

    def __init__(self, differs: Callable[[float, float | None], bool]) -> None:
        self._differs = differs  # given the seconds since the last one kept, and the cosine to it
        self._certain: _Kept | None = None
        self._waiting: _Kept | None = None

    def add(self, candidate: Candidate, row: Row | None) -> Iterator[Selected]:
        seconds = candidate.decoded.seconds
        last = self._waiting or self._certain
        if candidate.role == "opens" or last is None:
            yield from self.end()
            self._certain = _Kept(Selected(candidate, "cut" if candidate.shot_index else "first", None), seconds, row)
            yield self._certain.selected
        elif candidate.role == "closes":
            yield from self._close(candidate, last, row)
        else:
            yield from self._inside(candidate, last, row)

    def end(self) -> Iterator[Selected]:
        """The one that was waiting is certain."""
        if self._waiting is not None:
            self._certain, self._waiting = self._waiting, None
            yield self._certain.selected

    def _inside(self, candidate: Candidate, last: _Kept, row: Row | None) -> Iterator[Selected]:
        since, similarity = candidate.decoded.seconds - last.seconds, _cosine(row, last.row)
        kept = self._differs(since, similarity)
        if kept or since >= MIN_STEP_SECONDS:
            yield from self.end()
        if kept:
            self._waiting = _Kept(Selected(candidate, "change", similarity), candidate.decoded.seconds, row)

    def _close(self, candidate: Candidate, last: _Kept, row: Row | None) -> Iterator[Selected]:
        if candidate.decoded.seconds - last.seconds >= MIN_STEP_SECONDS:
            yield from self.end()
        elif self._waiting is None:  # it comes right after the shot's first frame
            return
        self._waiting = None
        before = self._certain.row if self._certain else None
        yield Selected(candidate, "last", _cosine(row, before))


def _cosine(first: Row | None, second: Row | None) -> float | None:
    return None if first is None or second is None else float(np.dot(first, second))
