"""Estimates how much memory a training step needs on each GPU, item by item.

Without FSDP2, autocast keeps a 16-bit copy of what is trained during the forward pass. Activations: with ``full``
checkpointing, each layer's input and the inside of one layer; with ``selective``, the attention results too; with
``none``, everything, tested against what autograd keeps in a small 16-bit model. The sum is tested against what two
processes with FSDP2 hold at most, tensor by tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..settings import RunSettings, TuneSettings
from .loss import SCORES_AT_ONCE
from .sizes import Sizes

# The CUDA context, libraries and their workspaces: an assumption.
CONTEXT_BYTES = 1.5e9


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU.

    weights      in pieces with FSDP2, else whole; what learns in 32 bits
    gathered     with FSDP2: weights that are whole while they are used, and gradients on their way into pieces
    casts        without FSDP2: copies in 16 bits of what learns, which autocast keeps during the forward pass
    scores       of the loss, and the gradient of the head where it learns
    """

    weights: float
    gathered: float
    casts: float
    gradients: float
    optimiser: float
    activations: float
    scores: float
    other: float = CONTEXT_BYTES

    @property
    def total(self) -> float:
        return float(sum(getattr(self, one.name) for one in fields(self)))


@dataclass(frozen=True)
class Load:
    """What is on one GPU at the same time: tokens of the language model, of the vision tower, and those learned."""

    tokens: int
    vision_tokens: int
    patches: int
    learned: int


def memory(size: Sizes, tune: TuneSettings, run: RunSettings, load: Load, *, sharding: str, gpus: int) -> Memory:
    """The memory of a step of AdamW. What learns is held in 32 bits with its gradient and two moments."""
    kept = 2 if run.precision == "bf16" else 4
    learning = sum(size.trainable(tune).values())
    in_pieces = sharding == "fsdp2" and gpus > 1  # alone, there is nobody to share with
    shares = gpus if sharding != "none" else 1
    return Memory(
        weights=_weights(size, tune, kept) / (gpus if in_pieces else 1),
        gathered=_gathered(size, tune, kept) if in_pieces else 0.0,
        casts=2.0 * learning if kept == 2 and not in_pieces else 0.0,
        gradients=4.0 * learning / shares,
        optimiser=8.0 * learning / shares,
        activations=activations(size, tune, run, load, in_pieces=in_pieces),
        scores=_scores(size, run, load, kept) + _head_gradient(size, tune, run, kept),
    )


def activations(size: Sizes, tune: TuneSettings, run: RunSettings, load: Load, *, in_pieces: bool = False) -> float:
    """Bytes of what is kept for the backward pass, and of one layer that is calculated again at a time.

    With autocast an embedding that learns comes out in 32 bits, and so does what goes from layer to layer; with weights
    ``in_pieces`` (FSDP2) it is gathered in 16.
    """
    kept = 2 if run.precision == "bf16" else 4
    layer = _layer_bytes(size, tune, kept)
    entering = kept * size.hidden * (2 if tune.language == "full" and kept == 2 and not in_pieces else 1)
    attention = kept * size.attention_width + 4 * size.heads
    per_token = {
        "none": size.layers * layer,
        "full": size.layers * entering + layer,
        "selective": size.layers * (entering + attention) + layer,
    }[run.checkpointing]
    ends = (4 + kept) * size.hidden  # the last norm, and what the scores are made from
    projector = kept * (size.vision_width + 2 * size.hidden) * load.patches / size.merged
    return load.tokens * (per_token + ends) + projector + _vision(size, tune, run, load)


def _layer_bytes(size: Sizes, tune: TuneSettings, kept: int) -> float:
    """Kept of one layer of the language model for each token, when nothing is calculated again.

    Two norms in 32 bits, queries, keys (repeated for every head), values and result of the attention, three vectors
    of the width inside; besides, the inputs of what learns: with dropout each adapter has an input and a mask.
    """
    hidden, width, inner = size.hidden, size.attention_width, size.intermediate
    shared = 8 * hidden + 4 * kept * width + 4 * size.heads + 3 * kept * inner
    if tune.language == "frozen":
        return shared
    if tune.language == "full":
        return shared + 2 * 4 * hidden + kept * (4 * hidden + inner)
    ranks = 7 * kept * tune.lora_rank
    if tune.lora_dropout:
        return shared + (kept + 1) * (5 * hidden + width + inner) + ranks
    return shared + kept * (2 * hidden + inner) + ranks


def _vision(size: Sizes, tune: TuneSettings, run: RunSettings, load: Load) -> float:
    width, inner = size.vision_width, size.vision_intermediate
    layer = 2 * 4 * width + 2 * (4 * width + 5 * width + 3 * inner)  # norms in 32 bits, the rest in 16
    if tune.vision != "full":
        return load.vision_tokens * layer  # one layer while it is calculated; nothing is kept
    layers = size.vision_layers - size.unused_layers
    per_token = {"none": layers * layer, "full": layers * 4 * width + layer,
                 "selective": layers * 6 * width + layer}[run.checkpointing]  # fmt: skip
    return load.vision_tokens * per_token


def _weights(size: Sizes, tune: TuneSettings, kept: int) -> float:
    total = 0.0
    for part, count in size.parameters.items():
        total += count * (4 if getattr(tune, part) == "full" else kept)
    return total + (4.0 * size.lora(tune.lora_rank) if tune.language == "lora" else 0.0)


def _gathered(size: Sizes, tune: TuneSettings, kept: int) -> float:
    """Two layers of the language model, one in use and one on its way, and the embeddings and head throughout.

    What learns is gathered in the type of the arithmetic. Its gradient is whole in that type, and once more in 32 bits
    as it goes into pieces: of a layer at a time, so those of the embeddings and the head are what counts.
    """
    layer = size.language_linear / size.layers
    if tune.language == "lora":
        layer += size.lora(tune.lora_rank) / size.layers
    ends = size.head * (1 if size.tied else 2)
    leaving = (kept + 4.0) * max(layer, ends) if tune.language == "full" else 0.0
    return kept * (2 * layer + ends) + leaving


def _scores(size: Sizes, run: RunSettings, load: Load, kept: int) -> float:
    """With the loss in pieces: scores and their gradient in 32 and in ``kept`` bits; else of all tokens."""
    held = load.tokens * size.vocabulary
    if run.fused_loss:
        held = min(SCORES_AT_ONCE, load.learned * size.vocabulary)
    return held * (4.0 + 2 * kept) + (0 if run.fused_loss else 4.0 * held)


def _head_gradient(size: Sizes, tune: TuneSettings, run: RunSettings, kept: int) -> float:
    """The loss in pieces sums it up in 32 bits, then keeps it in the type of the head as it was used."""
    return (4.0 + kept) * size.head if tune.language == "full" and run.fused_loss else 0.0
