"""How many floating-point operations training costs when only some of the weights are trained.

A frozen weight costs two passes, not three: forward, and backward to what precedes it. ``training_flops`` counts 2
operations per weight, token and necessary pass of each linear layer; attention by the sum of the squared lengths of
the samples, halved because it is causal; logits of learned tokens only, as the fused loss computes them; and the
vision tower forward for each tile, backward only if it learns. Of the attention kernels only ``eager`` computes more:
attention between the samples of a packed row. The last CLIP layer, whose result is unused, counts for HFU but not for
MFU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..settings import TuneSettings
from .sizes import Sizes, sizes


@dataclass(frozen=True)
class Flops:
    """Operations of one forward and backward pass (a multiplication and an addition count as two).

    forward              of what reaches the loss
    activation_gradient  backward through the layers, as far as something is trained
    weight_gradient      of the trained weights only
    again                recomputed to save memory
    thrown_away          computed without use: the CLIP layers after the one whose features are taken, and padding
    """

    forward: float = 0.0
    activation_gradient: float = 0.0
    weight_gradient: float = 0.0
    again: float = 0.0
    thrown_away: float = 0.0

    @property
    def model(self) -> float:
        """What the training needs, however it is run: the numerator of MFU."""
        return self.forward + self.activation_gradient + self.weight_gradient

    @property
    def hardware(self) -> float:
        """What the device really calculates: the numerator of HFU."""
        return self.model + self.again + self.thrown_away

    def __add__(self, other: Flops) -> Flops:
        return Flops(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    def __mul__(self, times: float) -> Flops:
        return Flops(*(getattr(self, name) * times for name in self.__dataclass_fields__))


def training_flops(
    model: Any,
    tune: TuneSettings,
    *,
    tokens: int,
    visual_tiles: int,
    attended: int | None = None,
    loss_tokens: int | None = None,
    patches: int | None = None,
    checkpointing: str = "none",
) -> Flops:
    """Operations of a forward and backward pass over some tokens and pictures.

    model        a model, a shape of ``SHAPES`` or a configuration of transformers
    tokens       that go through the language model, those of pictures included; padding too, if there is any
    visual_tiles pieces that go through the vision tower: tiles of a picture grid, pairs of frames of a native video
    attended     sum of the squares of the lengths of the examples; None: one example of ``tokens``. Only half of it is
                 counted, since a token attends to those before it
    loss_tokens  that scores are calculated for; None: all. ``fused_loss`` calculates those that are learned
    patches      of a tile; None: those of a square tile of the shape
    """
    size = sizes(model)
    before = tune.projector != "frozen" or tune.vision != "frozen"  # does anything before the language model learn
    squares = tokens**2 if attended is None else attended
    return (
        _language(size, tune, tokens, squares, before, checkpointing)
        + _head(size, tune, tokens if loss_tokens is None else loss_tokens, before)
        + _projector(size, tune, visual_tiles, patches or size.patches)
        + _vision(size, tune, visual_tiles, patches or size.patches, checkpointing)
    )


def _language(size: Sizes, tune: TuneSettings, tokens: int, squares: int, before: bool, checkpointing: str) -> Flops:
    linear = 2.0 * size.language_linear * tokens
    attention = 4.0 * size.attention_width * size.layers * squares / 2
    lora = 2.0 * size.lora(tune.lora_rank) * tokens if tune.language == "lora" else 0.0
    forward = linear + attention + lora
    if tune.language == "frozen" and not before:
        return Flops(forward=forward)
    back = linear + 2 * attention + lora
    if not before and tune.language == "lora":
        # Nothing learns before the first layer, so its first three layers need no gradient of their input.
        first = size.first_inputs + size.lora_first_inputs(tune.lora_rank)
        back -= 2.0 * first * tokens
    weights = {"full": linear, "lora": lora, "frozen": 0.0}[tune.language]
    again = {"none": 0.0, "full": forward, "selective": linear + lora}[checkpointing]
    return Flops(forward, back, weights, again)


def _head(size: Sizes, tune: TuneSettings, tokens: int, before: bool) -> Flops:
    scores = 2.0 * size.head * tokens
    learns = before or tune.language != "frozen"
    return Flops(scores, scores if learns else 0.0, scores if tune.language == "full" else 0.0)


def _projector(size: Sizes, tune: TuneSettings, tiles: int, patches: int) -> Flops:
    rows = 2.0 * tiles * patches / size.merged
    first, second = (rows * part for part in size.projector)
    back = second if tune.projector == "full" or tune.vision == "full" else 0.0
    if tune.vision == "full" or (tune.projector == "full" and size.normalised):
        back += first
    return Flops(first + second, back, first + second if tune.projector == "full" else 0.0)


def _vision(size: Sizes, tune: TuneSettings, tiles: int, patches: int, checkpointing: str) -> Flops:
    rows = tiles * (patches + size.class_tokens)
    linear = 2.0 * size.vision_layer * rows
    attention = 4.0 * size.vision_width * rows * (patches + size.class_tokens)
    embedding = 2.0 * size.patch_embedding * patches * tiles
    layers = size.vision_layers - size.unused_layers
    forward = embedding + layers * (linear + attention)
    thrown_away = size.unused_layers * (linear + attention)
    if tune.vision != "full":
        return Flops(forward, thrown_away=thrown_away)
    again = {"none": 0.0, "full": linear + attention, "selective": linear}[checkpointing] * layers
    back = layers * (linear + 2 * attention)
    return Flops(forward, back, embedding + layers * linear, again, thrown_away)
