"""Cuts that may be: every picture that differs from the one before it more than those around it do.

What is *believed* is what PySceneDetect's AdaptiveDetector finds with the values that its own benchmark tuned (ratio
3.5, window 3), or what the colours tell: it is reported where there is no network. Where there is one, it is asked
about all that might be a cut, unless its answer is known beforehand.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from .fades import FLAT_CONTRAST, MIN_SHOT_SECONDS, Floats, Proposal, Transition, contrast, distance, likeness

CELLS_WIDE, CELLS_HIGH = 24, 14  # pictures are compared on these: noise and small motion average out
CUT_RATIO, WINDOW_FRAMES = 3.5, 3
# Saturation and brightness only: the hue of a greyish picture is mostly noise and hid one cut in twelve when measured.
# A change of hue alone is found by the cells' colours.
CUT_WEIGHTS = AdaptiveDetector.Components(delta_hue=0.0, delta_sat=0.5, delta_lum=1.0, delta_edges=0.0)
COLOUR_JUMP, COLOUR_RATIO = 20.0, 5.0  # grey levels; times the mean of the frames around it
# Among frames that change a lot, as in fast motion, a cut is no peak of the first kind; but another picture it is.
OTHER_JUMP, OTHER_RATIO, OTHER_LIKENESS = 40.0, 3.0, 0.5
# What the network is asked about, and what it need not be asked about. It found no cut between pictures more alike than
# this, and one wherever both were moving and the jump to another place was many times larger than what moved.
PROPOSED_JUMP, PROPOSED_RATIO, PROPOSED_LIKENESS = 16.0, 2.0, 0.75
PLAIN_JUMP, PLAIN_RATIO, PLAIN_LIKENESS, MOTION = 24.0, 8.0, 0.5, 0.3
# Between two stills it is unsure, having seen few. But the next page of a screen leaves its background where it was:
# of 4000 pairs of pictures from real videos 1 in 200 had a tenth of the changed part in common, of 56 drawn pairs of
# pages, with and without figures, all had a fifth. An inset changes a part of the picture only.
PAGE_SHARE, OTHER_SHARE, PAGE_LEVELS, MOST_OF_PICTURE, STILL_LIKENESS = 0.15, 0.1, 6.0, 0.5, 0.9
RETURNED_SHARE = 0.4  # of the jump: nearer than this to the picture before it, that picture is back
# The same at the end of the stream, which may come while a flash is still fading. It costs no real cut: 60 cuts between
# the scenes of benchmarks/transitions.py, 4 to 14 frames before the end at 25 frames per second, were all found with
# this share, and with 0.8.
RETURNING_SHARE = 0.6
STEP_SHARE = 0.35  # of the whole change that the step in question must make
SAME_BUT_FOR_LIGHT = 0.95  # correlation


@dataclass
class _Seen:
    seconds: float
    cells: Floats


@dataclass
class _Suspect:
    before: _Seen
    at: _Seen
    believed: bool
    likely: bool
    verdict: bool | None

    @property
    def jump(self) -> float:
        return distance(self.before.cells, self.at.cells)


class CutProposer:
    """Finds proposals in a stream of frames; with ``only_believed`` no others, and each rules out those right after it.

    PySceneDetect counts frames; lengths are checked here in seconds, so that variable frame rate is right.
    """

    def __init__(self, least_seconds: float, *, only_believed: bool) -> None:
        self._detector = AdaptiveDetector(
            adaptive_threshold=CUT_RATIO, window_width=WINDOW_FRAMES, min_scene_len=0, weights=CUT_WEIGHTS
        )
        self._least_seconds = least_seconds
        self._only_believed = only_believed
        self._recent: deque[_Seen] = deque(maxlen=WINDOW_FRAMES + 2)
        self._jumps: deque[float] = deque(maxlen=2 * WINDOW_FRAMES + 1)
        self._suspects: list[_Suspect] = []
        self._returned_seconds = float("-inf")
        self._count = 0

    def push(self, seconds: float, thumbnail: NDArray[np.uint8], cells: Floats) -> list[Proposal]:
        bgr = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2BGR)
        if not self._recent:  # as if the first frame had been there for long: the second may be another shot's
            for _ in range(WINDOW_FRAMES):
                self._look(_Seen(seconds, cells), bgr)
        named = self._look(_Seen(seconds, cells), bgr)
        self._check_return([self._recent[-1]])
        if len(self._jumps) == self._jumps.maxlen:
            self._suspect(len(self._recent) - 1 - WINDOW_FRAMES, named)
        return self._judge(seconds)

    def suspected_seconds(self) -> list[float]:
        """Where a cut may still be proposed, beside what the next frames bring."""
        return [suspect.at.seconds for suspect in self._suspects]

    def flush(self) -> list[Proposal]:
        if self._recent:
            self._check_return([self._recent[-1]], RETURNING_SHARE)
        return self._judge(float("inf"))

    def forget(self, seconds: float) -> None:
        """Leave out suspects that come too soon after a transition."""
        self._suspects = [one for one in self._suspects if one.at.seconds >= seconds + self._least_seconds]

    def open_seconds(self) -> list[float]:
        return [seen.seconds for seen in self._recent] + [
            seen.seconds for suspect in self._suspects for seen in (suspect.before, suspect.at)
        ]

    def settled_seconds(self) -> float:
        return min(self.open_seconds(), default=float("-inf"))

    def _look(self, seen: _Seen, bgr: NDArray[np.uint8]) -> bool:
        """Take a frame; whether PySceneDetect finds a cut at the one that now has a full window around it."""
        named = self._detector.process_frame(FrameTimecode(self._count, fps=25.0), bgr)
        self._jumps.append(distance(self._recent[-1].cells, seen.cells) if self._recent else 0.0)
        self._recent.append(seen)
        self._count += 1
        return bool(named)

    def _suspect(self, index: int, named: bool) -> None:
        before, at = self._recent[index - 1], self._recent[index]
        if at.seconds <= max(self._returned_seconds, before.seconds):
            return
        jumps = list(self._jumps)
        jump = jumps.pop(WINDOW_FRAMES)
        ratio = jump / max(sum(jumps) / len(jumps), 1e-6)
        alike = likeness(before.cells, at.cells)
        believed = named or (jump > COLOUR_JUMP and ratio > COLOUR_RATIO)
        believed = believed or (jump > OTHER_JUMP and ratio > OTHER_RATIO and alike < OTHER_LIKENESS)
        proposed = jump > PROPOSED_JUMP and ratio > PROPOSED_RATIO and alike < PROPOSED_LIKENESS
        if believed or (proposed and not self._only_believed):
            motion = [sum(side) / WINDOW_FRAMES for side in (jumps[:WINDOW_FRAMES], jumps[WINDOW_FRAMES:])]
            verdict = None
            if max(motion) < MOTION:
                verdict = _between_stills(before.cells, at.cells)
            elif jump > PLAIN_JUMP and ratio > PLAIN_RATIO and alike < PLAIN_LIKENESS and min(motion) > MOTION:
                verdict = True
            self._suspects.append(_Suspect(before, at, believed, proposed, verdict))
            self._check_return(list(self._recent)[index + 1 :])

    def _check_return(self, later: list[_Seen], share: float = RETURNED_SHARE) -> None:
        """A flash, not a cut: soon after it the old picture is there again, and its end is no cut either."""
        for seen in later:
            for suspect in self._suspects:
                if distance(suspect.before.cells, seen.cells) < share * suspect.jump:
                    self._returned_seconds = seen.seconds
            self._suspects = [one for one in self._suspects if one.at.seconds > self._returned_seconds]

    def _judge(self, now: float) -> list[Proposal]:
        """Propose the suspects that are old enough."""
        found: list[Proposal] = []
        while self._suspects and self._suspects[0].at.seconds + MIN_SHOT_SECONDS <= now:
            suspect = self._suspects.pop(0)
            if _may_be_cut(suspect, self._recent[-1].cells):
                transition = Transition("cut", suspect.at.seconds, suspect.before.seconds)
                found.append(Proposal(transition, suspect.believed, suspect.likely, suspect.verdict))
                if self._only_believed:
                    self.forget(suspect.at.seconds)
        return found


def _may_be_cut(suspect: _Suspect, after: Floats) -> bool:
    """Not a step of a slower change, no change of light, and not into or out of a flat picture: fades see to those."""
    before, at = suspect.before.cells, suspect.at.cells
    flats = [contrast(cells) < FLAT_CONTRAST for cells in (before, at)]
    if any(flats) != all(flats) or likeness(before, at) > SAME_BUT_FOR_LIGHT:
        return False
    return suspect.jump >= STEP_SHARE * distance(before, after)


def _between_stills(before: Floats, at: Floats) -> bool | None:
    """Whether a still is followed by another picture (True), by the next page of a screen (False), or by neither."""
    changed = np.abs(before - at).max(axis=1).reshape(CELLS_HIGH, CELLS_WIDE) > PAGE_LEVELS
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return False
    part = changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    same = 1 - float(part.mean())
    if same > PAGE_SHARE:
        return False
    other = same < OTHER_SHARE and part.size > MOST_OF_PICTURE * changed.size and distance(before, at) > PLAIN_JUMP
    return True if other and likeness(before, at) < STILL_LIKENESS else None
