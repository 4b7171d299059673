"""Where one shot ends and the next begins: cuts and fades, found while the video streams past.

Cuts come from PySceneDetect's AdaptiveDetector with the values that its own benchmark tuned (ratio 3.5, window 3); a
report is believed when the picture then stays changed, so a flash is no cut. Fades and dissolves have a detector of
our own, since that one hardly sees them: a dissolve is a run of frames that are mixtures of the two pictures at its
ends in steadily growing shares, a fade a picture that goes flat and another that comes out of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from ..records import Shot, ShotOpening
from .fades import FLAT_CONTRAST, MIN_SHOT_SECONDS, FadeDetector, Floats, Transition, contrast, distance, likeness

if TYPE_CHECKING:
    from .reader import VideoReader

CUT_RATIO, CUT_WINDOW_FRAMES = 3.5, 3
# Saturation and brightness only: the hue of a greyish picture is mostly noise and hid one cut in twelve when measured.
# A change of hue alone is found by the cells' colours.
CUT_WEIGHTS = AdaptiveDetector.Components(delta_hue=0.0, delta_sat=0.5, delta_lum=1.0, delta_edges=0.0)
COLOUR_JUMP, COLOUR_RATIO = 20.0, 5.0  # grey levels; times the mean of the frames around it
# Among frames that change a lot, as in fast motion, a cut is no peak of the first kind; but another picture it is.
OTHER_JUMP, OTHER_RATIO, OTHER_LIKENESS = 40.0, 3.0, 0.5
# A cut that is believed shows another place for sure, so a shot may be short; two fades cannot be told apart as fast.
LEAST_SECONDS: dict[str, float] = {"cut": 0.3, "fade": MIN_SHOT_SECONDS}
RETURNED_SHARE = 0.4  # of the jump: nearer than this to the picture before it, that picture is back
# The same at the end of the stream, which may come while a flash is still fading. It costs no real cut: 60 cuts between
# the scenes of benchmarks/transitions.py, 4 to 14 frames before the end at 25 frames per second, were all found with
# this share, and with 0.8.
RETURNING_SHARE = 0.6
SAME_BUT_FOR_LIGHT = 0.95  # correlation
CELLS_WIDE, CELLS_HIGH = 24, 14  # fades are judged on these: noise and small motion average out


class ShotDetector:
    """Finds transitions in a stream of thumbnails (RGB, longer side ``side_pixels``), one per frame, in time order.

    Memory does not grow with the stream. Shots are at least 0.3 s long (0.6 s before a fade), except the last.
    """

    side_pixels = 64

    def __init__(self) -> None:
        self._cuts = _Cuts()
        self._fades = FadeDetector()
        self._last_seconds: float | None = None  # of the last transition, or of the first frame
        self._waiting: list[Transition] = []
        self._settled = float("-inf")

    def push(self, seconds: float, thumbnail: NDArray[np.uint8]) -> list[Transition]:
        """Take the next frame; return the transitions that became certain by it, in time order."""
        if self._last_seconds is None:
            self._last_seconds = self._settled = seconds
        cells = cv2.resize(thumbnail, (CELLS_WIDE, CELLS_HIGH), interpolation=cv2.INTER_AREA)
        flat_cells = cells.astype(np.float32).reshape(-1, 3)
        found = self._cuts.push(seconds, thumbnail, flat_cells)
        found += self._fades.push(seconds, flat_cells)
        return self._accept(found)

    def flush(self) -> list[Transition]:
        """The transitions that the end of the stream makes certain."""
        found = self._accept([*self._cuts.flush(), *self._fades.flush()], ended=True)
        self._settled = float("inf")
        return found

    @property
    def settled_seconds(self) -> float:
        """No transition that starts before this time will be reported any more."""
        return self._settled

    @property
    def open_seconds(self) -> frozenset[float]:
        """The frame times that a transition reported later may still name; no other frame need be kept."""
        waiting = [time for one in self._waiting for time in (one.start_seconds, one.seconds)]
        return frozenset([*self._cuts.open_seconds(), *self._fades.open_seconds(), *waiting])

    def _accept(self, found: list[Transition], *, ended: bool = False) -> list[Transition]:
        """Let through what makes shots of a length; a fade waits until no cut can come right after it."""
        self._waiting = sorted([*self._waiting, *found], key=lambda one: one.seconds)
        accepted: list[Transition] = []
        while self._waiting and (ended or not self._cuts.doubts(self._waiting[0])):
            transition, *self._waiting = self._waiting
            if self._last_seconds is None or transition.seconds - self._last_seconds < LEAST_SECONDS[transition.kind]:
                continue
            if transition.start_seconds < self._last_seconds:  # what began before a transition is part of it
                continue
            if transition.kind == "fade" and any(_replaces(other, transition) for other in self._waiting):
                continue
            accepted.append(transition)
            self._last_seconds = transition.seconds
            self._cuts.forget(transition.seconds)
            self._fades.forget(transition.seconds)
        starts = [transition.start_seconds for transition in self._waiting]
        oldest = min([self._cuts.settled_seconds(), self._fades.settled_seconds(), *starts])
        self._settled = max(self._settled, oldest)
        return accepted


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


@dataclass
class _Seen:
    seconds: float
    cells: Floats


@dataclass
class _Suspect:
    before: _Seen
    at: _Seen

    @property
    def jump(self) -> float:
        return distance(self.before.cells, self.at.cells)


class _Cuts:
    """PySceneDetect's adaptive detector, its frame numbers turned back into times, its reports checked."""

    def __init__(self) -> None:
        # Frames are numbered at a nominal rate and lengths are checked here, so that variable frame rate is right.
        self._detector = AdaptiveDetector(
            adaptive_threshold=CUT_RATIO, window_width=CUT_WINDOW_FRAMES, min_scene_len=0, weights=CUT_WEIGHTS
        )
        self._recent: deque[_Seen] = deque(maxlen=CUT_WINDOW_FRAMES + 2)
        self._jumps: deque[float] = deque(maxlen=2 * CUT_WINDOW_FRAMES + 1)
        self._suspects: list[_Suspect] = []
        self._returned_seconds = float("-inf")
        self._count = 0

    def push(self, seconds: float, thumbnail: NDArray[np.uint8], cells: Floats) -> list[Transition]:
        bgr = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2BGR)
        named = self._detector.process_frame(FrameTimecode(self._count, fps=25.0), bgr)
        self._jumps.append(distance(self._recent[-1].cells, cells) if self._recent else 0.0)
        self._recent.append(_Seen(seconds, cells))
        self._check_return([self._recent[-1]])
        if named or self._jumped():
            self._suspect(len(self._recent) - 1 - CUT_WINDOW_FRAMES)
        self._count += 1
        return self._judge(seconds)

    def doubts(self, fade: Transition) -> bool:
        """Whether a cut may still be found so near a fade that the cut is all there was."""
        return fade.kind == "fade" and any(one.at.seconds - fade.seconds < MIN_SHOT_SECONDS for one in self._suspects)

    def flush(self) -> list[Transition]:
        if self._recent:
            self._check_return([self._recent[-1]], RETURNING_SHARE)
        return self._judge(float("inf"))

    def forget(self, seconds: float) -> None:
        """Leave out suspects that come too soon after a transition."""
        self._suspects = [one for one in self._suspects if one.at.seconds >= seconds + LEAST_SECONDS["cut"]]

    def open_seconds(self) -> list[float]:
        return [seen.seconds for seen in self._recent] + [
            seen.seconds for suspect in self._suspects for seen in (suspect.before, suspect.at)
        ]

    def settled_seconds(self) -> float:
        return min(self.open_seconds(), default=float("-inf"))

    def _jumped(self) -> bool:
        """Whether the colours of the frame that now has a full window around it tell a cut."""
        if len(self._jumps) < 2 * CUT_WINDOW_FRAMES + 1:
            return False
        jump = self._jumps[CUT_WINDOW_FRAMES]
        ratio = jump * 2 * CUT_WINDOW_FRAMES / max(sum(self._jumps) - jump, 1e-6)
        if jump > COLOUR_JUMP and ratio > COLOUR_RATIO:
            return True
        before, at = (self._recent[len(self._recent) - 1 - CUT_WINDOW_FRAMES - back].cells for back in (1, 0))
        return jump > OTHER_JUMP and ratio > OTHER_RATIO and likeness(before, at) < OTHER_LIKENESS

    def _suspect(self, index: int) -> None:
        if index > 0 and self._recent[index].seconds > self._returned_seconds:
            self._suspects.append(_Suspect(self._recent[index - 1], self._recent[index]))
            self._check_return(list(self._recent)[index + 1 :])

    def _check_return(self, later: list[_Seen], share: float = RETURNED_SHARE) -> None:
        """A flash, not a cut: soon after it the old picture is there again, and its end is no cut either."""
        for seen in later:
            for suspect in self._suspects:
                if distance(suspect.before.cells, seen.cells) < share * suspect.jump:
                    self._returned_seconds = seen.seconds
            self._suspects = [one for one in self._suspects if one.at.seconds > self._returned_seconds]

    def _judge(self, now: float) -> list[Transition]:
        """Believe the suspects that are old enough."""
        found: list[Transition] = []
        while self._suspects and self._suspects[0].at.seconds + MIN_SHOT_SECONDS <= now:
            suspect = self._suspects.pop(0)
            if _is_cut(suspect, self._recent[-1].cells):
                found.append(Transition("cut", suspect.at.seconds, suspect.before.seconds))
                self.forget(suspect.at.seconds)
        return found


def _is_cut(suspect: _Suspect, after: Floats) -> bool:
    """Not a step of a slower change, no change of light, and not into or out of a flat picture: fades see to those."""
    before, at = suspect.before.cells, suspect.at.cells
    flats = [contrast(cells) < FLAT_CONTRAST for cells in (before, at)]
    if any(flats) != all(flats) or likeness(before, at) > SAME_BUT_FOR_LIGHT:
        return False
    return suspect.jump >= 0.35 * distance(before, after)
