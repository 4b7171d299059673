"""The network's word on proposals: which of them are transitions, decided in order while the video streams past.

The network looks at windows of tiny pictures round the proposals, never at the rest. Near proposals share a window.
What it says depends on the frames alone, not on when they arrive.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .fades import SAMPLE_SECONDS, Proposal
from .transnet import Floats, Pixels, probabilities, reduced

THRESHOLD = 0.5  # upstream's own
SHORT_CONTEXT_FRAMES, FULL_CONTEXT_FRAMES = 25, 50
"""To either side of what is judged. With the full context everything is seen that the network can see; with the short
one, which costs half, it is less sure of what it finds: only clear answers count, and the others are asked again."""
CLEARLY_NOT, CLEARLY = 0.2, 0.6
LEAST_RATE = 10.0
"""Frames per second. Of 22 cuts in commercials it found all with every second frame left out (12 per second), and 18
with two of three left out (8 per second): where there are fewer, what the other detectors believe stands."""
RATE_FRAMES = 10
MOST_JUDGED_FRAMES = 75  # of one proposal: the end of a longer one
KEPT_FRAMES, SPARE_FRAMES = 256, 64


@dataclass
class _Case:
    proposal: Proposal
    verdict: bool | None = None


class Judge:
    """Holds the last pictures and the proposals that wait for the pictures after them.

    ``network`` tells of each of the pictures (n, 27, 48, 3) how likely a shot ends with it, and how likely it is part
    of a transition. A slow transition has no single frame where it is: for it the best of both are averaged.
    """

    def __init__(self, network: Callable[[Pixels], Floats] = probabilities) -> None:
        self._network = network
        self._times: list[float] = []
        self._frames: list[Pixels] = []
        self._cases: list[_Case] = []

    def see(self, seconds: float, thumbnail: Pixels) -> None:
        """Take the next frame; of more than about 30 per second some are left out, as upstream trained with so many."""
        if self._times and seconds - self._times[-1] < SAMPLE_SECONDS:
            return
        repeats = 1 if self._times else 1 + FULL_CONTEXT_FRAMES
        self._times += [seconds] * repeats
        self._frames += [reduced(thumbnail)] * repeats
        if len(self._times) > KEPT_FRAMES + SPARE_FRAMES:
            del self._times[:-KEPT_FRAMES], self._frames[:-KEPT_FRAMES]

    def ask(self, proposal: Proposal) -> None:
        verdict = proposal.verdict
        if verdict is None and self._is_slow():
            verdict = proposal.believed
        elif verdict is None and not proposal.likely:
            verdict = False
        self._cases = sorted([*self._cases, _Case(proposal, verdict)], key=lambda one: one.proposal.transition.seconds)

    def waiting(self) -> list[Proposal]:
        return [case.proposal for case in self._cases]

    def decided(self, *, ended: bool = False) -> list[tuple[Proposal, bool]]:
        """The proposals that are decided by now, in order, and whether they are transitions."""
        found: list[tuple[Proposal, bool]] = []
        while self._cases:
            case = self._cases[0]
            if case.verdict is None:
                if not ended and self._frames_after(case) < FULL_CONTEXT_FRAMES:
                    break
                near = [one for one in self._cases if ended or self._frames_after(one) >= SHORT_CONTEXT_FRAMES]
                self._look([one for one in near if one.verdict is None], SHORT_CONTEXT_FRAMES, CLEARLY_NOT, CLEARLY)
            if case.verdict is None:
                self._look([case], FULL_CONTEXT_FRAMES, THRESHOLD, THRESHOLD)
            found.append((case.proposal, bool(case.verdict)))
            del self._cases[0]
        return found

    def _is_slow(self) -> bool:
        times = self._times[-RATE_FRAMES:]
        return len(set(times)) - 1 < LEAST_RATE * (times[-1] - times[0])

    def _span(self, case: _Case) -> tuple[int, int]:
        """The frames ``[first, end)`` that are judged: from the last one of the old shot to the first of the new."""
        transition = case.proposal.transition
        end = min(bisect_left(self._times, transition.seconds) + 1, len(self._times))
        first = bisect_right(self._times, transition.start_seconds) - 1
        return max(first, end - MOST_JUDGED_FRAMES, 0), end

    def _frames_after(self, case: _Case) -> int:
        return len(self._times) - self._span(case)[1]

    def _look(self, cases: list[_Case], context: int, most: float, least: float) -> None:
        """Decide these in one window, unless it says something between. After the stream's end its last frame stays."""
        spans = [self._span(case) for case in cases]
        first = max(min(start for start, _ in spans) - context, 0)
        end = max(end for _, end in spans) + context
        missing = max(end - len(self._times), 0)
        likely = self._network(np.stack(self._frames[first:end] + [self._frames[-1]] * missing))
        for case, (start, after) in zip(cases, spans, strict=True):
            best = likely[:, start - first : after - first].max(axis=1)
            found = float(best[0] if case.proposal.transition.kind == "cut" else best.mean())
            if found <= most or found > least:
                case.verdict = found > least
