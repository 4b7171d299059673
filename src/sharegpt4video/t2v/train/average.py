"""Exponential moving average of the trained weights, which samples better than the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Average:
    """Follows weights; the decay begins low, ``min(decay, step / (9 + step))``, as in diffusers' EMAModel."""

    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        self._decay = decay
        self._names = tuple(weights)
        self._weights = [weights[name] for name in self._names]
        self.values = [weight.detach().clone() for weight in self._weights] if decay else self._weights

    def update(self, step: int) -> None:
        """After step ``step``, counted from 1."""
        if self._decay:
            decay = min(self._decay, step / (9 + step)) if step > 1 else 0.0
            torch._foreach_lerp_(self.values, [weight.detach() for weight in self._weights], 1 - decay)

    def named(self) -> dict[str, Tensor]:
        return dict(zip(self._names, (value.detach() for value in self.values), strict=True))

    def load(self, values: Mapping[str, Tensor]) -> None:
        for name, value in zip(self._names, self.values, strict=True):
            value.copy_(values[name])

    def swap(self) -> None:
        """Put the average into the place of the weights, and the weights into its own; again to undo it."""
        if self._decay:
            for weight, value in zip(self._weights, self.values, strict=True):
                kept = weight.detach().clone()
                weight.detach().copy_(value)
                value.copy_(kept)
