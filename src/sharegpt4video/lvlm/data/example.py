"""A sample as the model learns from it, and the steps that samples make; nothing here opens media."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from .masks import IGNORED
from .samples import SampleError

if TYPE_CHECKING:
    from .packing import Batch


@dataclass(frozen=True, eq=False)
class Example:
    """One sample, ready for a batch.

    input_ids, labels   int64, (tokens,); a label is -100 where nothing is learned, and always at the first token
    pixel_values        LLaVA-NeXT: for each picture (tiles, 3, side, side) float32
    image_sizes         LLaVA-NeXT: for each picture its (height, width)
    tensors             other models: further inputs, joined along the first axis over a batch
    aligned             other models: further inputs with a value for each token, (tokens,)
    visual_tokens       how many of the tokens stand for pictures; ``media`` how many pictures and videos there are
    """

    id: str
    input_ids: torch.Tensor = field(repr=False)
    labels: torch.Tensor = field(repr=False)
    pixel_values: tuple[torch.Tensor, ...] = field(default=(), repr=False)
    image_sizes: tuple[tuple[int, int], ...] = ()
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict, repr=False)
    aligned: Mapping[str, torch.Tensor] = field(default_factory=dict, repr=False)
    visual_tokens: int = 0
    media: int = 0

    @property
    def tokens(self) -> int:
        return len(self.input_ids)

    @property
    def loss_tokens(self) -> int:
        return int((self.labels != IGNORED).sum())


@dataclass(frozen=True, eq=False)
class Step:
    """What one process computes in one optimiser step.

    number          of the step in the run, from 0
    batches         what goes through the model, one after the other (none if this process got no sample)
    samples, loss_tokens   how many are in the batches of this process
    skipped         samples dealt to this process that could not be used, and why
    epoch           how many epochs are done after the step
    rest            it is the last one, and of fewer samples than those before: all of them may be unusable
    told            figures of how it came about, by name: a sum, and over how many it is
    waited_seconds  how long the step was waited for, reading, decoding and putting together included
    """

    number: int
    batches: list[Batch] = field(repr=False)
    samples: int
    loss_tokens: int
    skipped: list[SampleError] = field(repr=False)
    epoch: float
    waited_seconds: float
    rest: bool = False
    told: Mapping[str, tuple[float, float]] = field(default_factory=dict)
