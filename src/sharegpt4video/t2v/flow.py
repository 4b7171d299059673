"""Rectified flow: the straight way from a video to noise, what a network is to say about it, and the way back.

At the time t (0..1) a sample is ``(1 - t) * video + t * noise``; its velocity is ``noise - video``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["velocity", "data"]
LEAST_TIME = 0.1
"""Earlier than this, the velocity that follows from predicted data would be divided by next to nothing."""


def drawn_times(count: int, mean: float, spread: float, shift: float, generator: torch.Generator) -> Tensor:
    """Times at which samples are taken, logit-normal, shifted."""
    return shifted(torch.sigmoid(torch.randn(count, generator=generator) * spread + mean), shift)


def shifted(times: Tensor, shift: float) -> Tensor:
    """Times moved towards noise, as FlowMatchEulerDiscreteScheduler of diffusers does."""
    return shift * times / (1 + (shift - 1) * times)


def noised(video: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """The sample on the way between the two."""
    at = _beside(times, video)
    return (1 - at) * video + at * noise


def losses(predicted: Tensor, video: Tensor, noise: Tensor, times: Tensor, prediction: Prediction) -> Tensor:
    """The mean squared error of the velocity, for each sample of a batch.

    Where the network predicts data, the error of the data over the square of the time is that of the velocity.
    """
    if prediction == "velocity":
        return ((predicted - (noise - video)) ** 2).flatten(1).mean(1)
    return ((predicted - video) ** 2).flatten(1).mean(1) / times.clamp(min=LEAST_TIME) ** 2


def velocity_of(predicted: Tensor, sample: Tensor, times: Tensor, prediction: Prediction) -> Tensor:
    """The velocity that a prediction means."""
    if prediction == "velocity":
        return predicted
    return (sample - predicted) / _beside(times, sample)


def back(noise: Tensor, steps: int, shift: float, velocity: Callable[[Tensor, float], Tensor]) -> Iterator[Tensor]:
    """Go from noise to a video in Euler steps; yields what there is after each.

    ``velocity`` takes a sample and its time. The times are those of FlowMatchEulerDiscreteScheduler of diffusers, set
    to ``steps`` equal steps and ``shift``.
    """
    times = [*shifted(torch.linspace(1, 1 / steps, steps, dtype=torch.float64), shift).tolist(), 0.0]
    sample = noise
    for now, after in pairwise(times):
        sample = sample + (after - now) * velocity(sample, now)
        yield sample


def _beside(times: Tensor, video: Tensor) -> Tensor:
    return times.to(video.dtype).view(-1, *[1] * (video.ndim - 1))
