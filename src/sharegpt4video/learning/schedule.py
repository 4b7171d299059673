"""The learning rate of every step, in closed form: a checkpoint needs to remember nothing of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Fall = Literal["cosine", "constant"]
"""What the rates do after the warm-up."""


def warmup_steps(total_steps: int, warmup_share: float) -> int:
    """How many steps the rates rise for (the share, rounded up, as in transformers)."""
    return min(math.ceil(total_steps * warmup_share), total_steps - 1)


def share_of_peak(
    step: int, total_steps: int, warmup_share: float, fall: Fall = "cosine", *, rising: int | None = None
) -> float:
    """The learning rate of a step (counted from 0) as a share of its peak, in (0, 1].

    It rises in equal parts, is 1 in the first step after the warm-up, then follows half a cosine, or stays. Unlike the
    schedule of transformers it begins above zero, so that the first step is not wasted. ``rising`` is the length of the
    warm-up in steps, in place of a share.
    """
    rising = warmup_steps(total_steps, warmup_share) if rising is None else rising
    if step < rising:
        return (step + 1) / (rising + 1)
    if fall == "constant":
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(total_steps - rising, 1)))


class Schedule:
    """Sets the rates of an optimiser's groups; each keeps its own peak."""

    def __init__(
        self,
        peaks: Sequence[float],
        total_steps: int,
        warmup_share: float = 0.0,
        fall: Fall = "cosine",
        *,
        rising: int | None = None,
    ) -> None:
        self.peaks = tuple(peaks)
        self._total_steps = total_steps
        self._warmup_share = warmup_share
        self._fall: Fall = fall
        self._rising = rising

    def rates(self, step: int) -> tuple[float, ...]:
        """The rate of every group in a step (counted from 0)."""
        share = share_of_peak(step, self._total_steps, self._warmup_share, self._fall, rising=self._rising)
        return tuple(peak * share for peak in self.peaks)
