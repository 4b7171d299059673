"""Where one shot ends and the next begins: cuts and fades, found while the video streams past.

Cheap detectors propose: ``cuts`` whatever jumps, ``fades`` whatever looks like a mixture of two pictures or goes
through a flat one. A network decides about the proposals, and about nothing else (``verdicts``). Without the network,
what is found with stricter limits stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Shot, ShotOpening
from .cuts import CELLS_HIGH, CELLS_WIDE, CutProposer
from .fades import BELIEVED, MIN_SHOT_SECONDS, PROPOSED, FadeDetector, Proposal, Transition
from .verdicts import Judge

if TYPE_CHECKING:
    from .picture import DecodedFrame
    from .reader import VideoReader

# A cut that is believed shows another place for sure, so a shot may be short; two fades cannot be told apart as fast.
LEAST_SECONDS: dict[str, float] = {"cut": 0.3, "fade": MIN_SHOT_SECONDS}


class ShotDetector:
    """Finds transitions in a stream of thumbnails (RGB, longer side ``side_pixels``), one per frame, in time order.

    Memory does not grow with the stream. Shots are at least 0.3 s long (0.6 s before a fade), except the first and the
    last. ``verify`` lets the network decide, which takes up to two seconds more of the stream for an answer.
    """

    side_pixels = 64

    def __init__(self, *, verify: bool = True) -> None:
        self._judge = Judge() if verify else None
        self._cuts = CutProposer(LEAST_SECONDS["cut"], only_believed=not verify)
        self._fades = FadeDetector(PROPOSED if verify else BELIEVED)
        self._first_seconds: float | None = None
        self._last_seconds = float("-inf")  # of the last transition
        self._waiting: list[Transition] = []
        self._changes: list[float] = []
        self._settled = float("-inf")

    def push(self, seconds: float, thumbnail: NDArray[np.uint8]) -> list[Transition]:
        """Take the next frame; return the transitions that became certain by it, in time order."""
        if self._first_seconds is None:
            self._first_seconds = self._settled = seconds
        cells = cv2.resize(thumbnail, (CELLS_WIDE, CELLS_HIGH), interpolation=cv2.INTER_AREA)
        flat_cells = cells.astype(np.float32).reshape(-1, 3)
        if self._judge is not None:
            self._judge.see(seconds, thumbnail)
        proposals = self._cuts.push(seconds, thumbnail, flat_cells)
        proposals += self._fades.push(seconds, flat_cells)
        return self._accept(self._decided(proposals))

    def flush(self) -> list[Transition]:
        """The transitions that the end of the stream makes certain."""
        proposals = [*self._cuts.flush(), *self._fades.flush()]
        found = self._accept(self._decided(proposals, ended=True), ended=True)
        self._settled = float("inf")
        return found

    def watching(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        """The frames as they are; each is pushed on its way, and at the end the detector is flushed."""
        for frame in decoded:
            self.push(frame.seconds, frame.small(self.side_pixels))
            yield frame
        self.flush()

    def take_changes(self) -> list[float]:
        """When, since this was last asked, the picture became another one within its shot: a new page, an inset.

        Frame times, none of them before `settled_seconds` when that was last looked at.
        """
        changes, self._changes = self._changes, []
        return changes

    @property
    def settled_seconds(self) -> float:
        """No transition that starts before this time will be reported any more."""
        return self._settled

    @property
    def open_seconds(self) -> frozenset[float]:
        """The frame times that a transition reported later may still name; no other frame need be kept."""
        waiting = [time for one in self._undecided() for time in (one.start_seconds, one.seconds)]
        return frozenset([*self._cuts.open_seconds(), *self._fades.open_seconds(), *waiting])

    def _undecided(self) -> list[Transition]:
        asked = self._judge.waiting() if self._judge is not None else []
        return [*self._waiting, *[proposal.transition for proposal in asked]]

    def _decided(self, proposals: list[Proposal], *, ended: bool = False) -> list[Transition]:
        if self._judge is None:
            return [proposal.transition for proposal in proposals]
        for proposal in proposals:
            self._judge.ask(proposal)
        found = []
        for proposal, is_transition in self._judge.decided(ended=ended):
            if is_transition:
                found.append(proposal.transition)
            elif proposal.believed and proposal.transition.kind == "cut":
                self._changes.append(proposal.transition.seconds)
        return found

    def _accept(self, found: list[Transition], *, ended: bool = False) -> list[Transition]:
        """Let through what makes shots of a length; a fade waits until no cut can come right after it."""
        self._waiting = sorted([*self._waiting, *found], key=lambda one: one.seconds)
        accepted: list[Transition] = []
        while self._waiting and (ended or not self._doubts(self._waiting[0])):
            transition, *self._waiting = self._waiting
            if transition.seconds - self._last_seconds < LEAST_SECONDS[transition.kind]:
                continue
            if transition.start_seconds < self._last_seconds:  # what began before a transition is part of it
                continue
            if transition.kind == "fade" and any(_replaces(other, transition) for other in self._waiting):
                continue
            accepted.append(transition)
            self._last_seconds = transition.seconds
            self._cuts.forget(transition.seconds)
            self._fades.forget(transition.seconds)
        starts = [transition.start_seconds for transition in self._undecided()]
        oldest = min([self._cuts.settled_seconds(), self._fades.settled_seconds(), *starts])
        self._settled = max(self._settled, oldest)
        return accepted

    def _doubts(self, fade: Transition) -> bool:
        """Whether a cut may still be found so near a fade that the cut is all there was."""
        asked = [one.transition.seconds for one in self._judge.waiting()] if self._judge is not None else []
        possible = [*self._cuts.suspected_seconds(), *asked]
        return fade.kind == "fade" and any(seconds - fade.seconds < MIN_SHOT_SECONDS for seconds in possible)


def _replaces(cut: Transition, fade: Transition) -> bool:
    return cut.kind == "cut" and cut.seconds - fade.seconds < MIN_SHOT_SECONDS


def find_shots(reader: VideoReader) -> Iterator[Shot]:
    """The shots of a video, in order, without a gap, each as soon as it is known to have ended."""
    detector = ShotDetector()
    start: float | None = None
    end = 0.0
    opens_with: ShotOpening = "start"
    for decoded in reader.decoded():
        start = decoded.seconds if start is None else start
        end = decoded.end_seconds
        for transition in detector.push(decoded.seconds, decoded.small(detector.side_pixels)):
            yield Shot(start, transition.seconds, opens_with)
            start, opens_with = transition.seconds, transition.kind
    for transition in detector.flush():
        if start is not None:
            yield Shot(start, transition.seconds, opens_with)
        start, opens_with = transition.seconds, transition.kind
    if start is not None:
        yield Shot(start, end, opens_with)
