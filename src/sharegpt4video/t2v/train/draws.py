"""Random draws of a step: clips, captions, frames, noise. All follow from the seed and the step number.

So a run that is resumed needs to remember nothing of it, and more processes draw what one would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...learning.order import Order
from ..flow import drawn_times
from ..settings import T2VSettings

NONE = -1
"""In place of a caption: it was left out."""
Captions = Sequence[tuple[Sequence[int], Sequence[float]]]
"""For each clip the numbers of its captions and how often each is drawn."""


@dataclass(frozen=True)
class Draw:
    """A step, all processes together. ``firsts`` is where in 0..1 a random run of frames begins."""

    clips: list[int]
    captions: list[int]
    times: Tensor
    firsts: Tensor
    noise: Tensor


class Draws:
    """Draws the steps of a run over ``len(captions)`` clips of one shape."""

    def __init__(self, settings: T2VSettings, captions: Captions, shape: Sequence[int]) -> None:
        self._settings, self._captions, self._shape = settings, captions, tuple(shape)
        clips = settings.optimiser.steps * settings.optimiser.batch
        self._order = Order([len(captions)], [1.0], seed=settings.optimiser.seed, epochs=clips // len(captions) + 1)

    def step(self, number: int) -> Draw:
        """Step ``number``, counted from 0."""
        how, count = self._settings.optimiser, self._settings.optimiser.batch
        generator = torch.Generator().manual_seed((how.seed * 1_000_003 + number) % 2**63)
        clips = [index for _, index in self._order.part(number * count, (number + 1) * count)]
        choice, left_out = torch.rand(2, count, generator=generator)
        drawn = [self._caption(clip, float(share)) for clip, share in zip(clips, choice, strict=True)]
        kept = (left_out >= self._settings.text.drop).tolist()
        return Draw(
            clips,
            [caption if keep else NONE for caption, keep in zip(drawn, kept, strict=True)],
            drawn_times(count, how.time_mean, how.time_spread, how.shift, generator),
            torch.rand(count, generator=generator),
            torch.randn(count, *self._shape, generator=generator),
        )

    def _caption(self, clip: int, share: float) -> int:
        numbers, weights = self._captions[clip]
        reached = share * sum(weights)
        for number, weight in zip(numbers, weights, strict=True):
            reached -= weight
            if reached < 0:
                return number
        return numbers[-1]
