"""The loss of a batch, as a sum or for each token, without ever holding the scores of all tokens at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

# Scores (rows x vocabulary) held at the same time by the loss in pieces: 2**26 are 256 MiB in 32 bits.
SCORES_AT_ONCE = 2**26

IGNORED = -100


def loss_of(model: nn.Module, inputs: dict[str, Any]) -> tuple[Tensor, int]:
    """Sum of the token losses of a batch, in 32 bits and differentiable, and how many tokens it is over.

    inputs   what the model takes, with ``labels`` (rows, tokens): -100 where nothing is to be learned. The label at a
             position is predicted from the position before; that of the first position of a row is never learned, so a
             packed example must begin with -100, too. ``learned`` may hold their places (`learned_places`); without it
             they are looked for on the device, which has to be waited for.
    Works through any wrapper (PEFT, DDP, FSDP, DeepSpeed), since it calls the model itself.
    """
    if inputs.get("learned") is None:
        inputs = {**inputs, "learned": learned_places(inputs["labels"])}
    return model(**inputs).loss, len(inputs["learned"])


def token_losses(model: nn.Module, inputs: dict[str, Any], temperature: float = 1.0) -> Tensor:
    """The loss of each learned token, (learned tokens,) in 32 bits and differentiable; ``inputs`` as for `loss_of`.

    They are in the order of the batch, row after row. A token's loss is minus the logarithm of its probability when
    tokens are drawn at this ``temperature``.
    """
    if inputs.get("learned") is None:
        inputs = {**inputs, "learned": learned_places(inputs["labels"])}
    losses: Tensor = model(**inputs, temperature=temperature).loss
    return losses


def learned_places(labels: Tensor) -> Tensor:
    """Where in ``labels`` (rows, tokens), row after row, something is learned; never at the first token of a row."""
    learned = labels != IGNORED
    learned[:, 0] = False
    return learned.flatten().nonzero().flatten()


def with_summed_loss(model: Any, *, fused: bool, autocast: torch.dtype | None) -> None:
    """Make a model of transformers answer a call that has ``labels`` with the summed loss, and without scores.

    The model's class becomes a subclass of its own class, under the same name, so saving and generating are as before.
    ``fused``: cross-entropy in pieces and on learned positions only; else the plain way, over all. ``autocast``: the
    type of the calculation where it is not that of the weights.
    """
    if not isinstance(model, SummedLoss):
        kind: Any = type(model)
        model.__class__ = _with_summed_loss(kind)
    model.fused_loss = fused
    model.autocast_dtype = autocast


class SummedLoss:
    """What ``with_summed_loss`` adds to a model."""

    fused_loss: bool = True
    autocast_dtype: torch.dtype | None = None


def without_autocast(model: nn.Module) -> torch.dtype | None:
    """Have a model calculate in the type of its weights, for somebody who gives it weights of the right one.

    Returns the type that autocast would have calculated in; None if there was no autocast.
    """
    inner = next(module for module in model.modules() if isinstance(module, SummedLoss))
    lowered, inner.autocast_dtype = inner.autocast_dtype, None
    return lowered


@cache
def _with_summed_loss(cls: type[Any]) -> type[Any]:
    def forward(
        self: Any, *args: Any, labels: Tensor | None = None, learned: Tensor | None = None,
        temperature: float | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        if labels is None:
            return cls.forward(self, *args, **kwargs)
        places = learned_places(labels) if learned is None else learned
        lowered = torch.autocast(labels.device.type, self.autocast_dtype) if self.autocast_dtype else nullcontext()
        with lowered:
            return _losses(self, labels, places, temperature, kwargs)

    wrapped = wraps(cls.forward)(forward)  # generate() reads the signature to know what the model takes
    return type(cls.__name__, (SummedLoss, cls), {"forward": wrapped, "__module__": cls.__module__})


def _losses(model: Any, labels: Tensor, learned: Tensor, temperature: float | None, inputs: dict[str, Any]) -> Any:
    """The summed loss; at a ``temperature`` that of each learned token."""
    from transformers.modeling_outputs import CausalLMOutputWithPast

    blind = inputs.get("pixel_values") is None and inputs.get("pixel_values_videos") is None
    # Before the language model, as with pictures: processes that share weights must use them in the same order.
    nothing = _unseen(model) if blind else None
    # With a cache, transformers would not look for packed rows, and examples would see each other.
    hidden = model.model(**inputs, use_cache=False).last_hidden_state
    head = model.get_output_embeddings()
    if temperature is not None:
        before = hidden.flatten(0, 1).index_select(0, learned - 1)
        loss = each_loss(before, head.weight, labels.flatten().index_select(0, learned), temperature)
    elif model.fused_loss:
        before = hidden.flatten(0, 1).index_select(0, learned - 1)
        loss = summed_loss(before, head.weight, labels.flatten().index_select(0, learned))
    else:
        scores = head(hidden[:, :-1]).float().flatten(0, 1)
        loss = functional.cross_entropy(scores, labels[:, 1:].flatten(), reduction="sum", ignore_index=IGNORED)
    if nothing is not None:
        loss = loss + nothing
    return CausalLMOutputWithPast(loss=loss)


def _unseen(model: Any) -> Tensor:
    """Zero, by way of vision tower and projector: with several processes, each must take part in every step.

    A batch of texts alone would leave them out on one process, and the others would wait for it for ever.
    """
    vision = model.config.vision_config
    if model.config.model_type == "qwen3_vl":
        side = vision.spatial_merge_size
        values = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
        pixels = torch.zeros(side * side, values, device=model.device, dtype=torch.float32)
        grid = torch.tensor([[1, side, side]], device=model.device)
        seen = model.model.get_image_features(pixels, grid)
        features = [seen.pooler_output, seen.deepstack_features]
    elif model.config.model_type != "llava_next":
        return _untouched(model)
    else:
        pixels = torch.zeros(1, 3, vision.image_size, vision.image_size, device=model.device)
        seen = model.model.vision_tower(pixels, output_hidden_states=True)
        taken = model.config.vision_feature_layer
        layers = [seen.hidden_states[one] for one in ([taken] if isinstance(taken, int) else taken)]
        # The newline between rows of tiles learns with the language model, from pictures alone.
        features = [model.model.multi_modal_projector(torch.cat(layers, dim=-1)), model.model.image_newline]
    return torch.stack([one.float().sum() * 0.0 for one in _tensors(features)]).sum()


def _untouched(model: Any) -> Tensor:
    """Zero, with a gradient of zero for everything that learns: enough where whole weights are shared (DDP)."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.stack([one.float().sum() * 0.0 for one in learning]).sum()


def _tensors(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, list | tuple):
        for one in nested:
            yield from _tensors(one)


def summed_loss(hidden: Tensor, weight: Tensor, targets: Tensor, at_once: int = SCORES_AT_ONCE) -> Tensor:
    """Sum of the cross-entropies of ``hidden @ weight.T`` (rows, vocabulary) against ``targets`` (rows).

    On a GPU with the package liger-kernel its kernel is used; else pieces of at most ``at_once`` scores.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    if hidden.is_cuda and find_spec("liger_kernel") is not None:
        return _by_liger(hidden, weight, targets)
    rows = max(1, at_once // weight.shape[0])
    loss: Tensor = _InPieces.apply(hidden, weight, targets, rows)
    return loss


def each_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float = 1.0, at_once: int = SCORES_AT_ONCE
) -> Tensor:
    """The cross-entropy of each row of ``hidden @ weight.T / temperature`` (rows, vocabulary) against its target.

    Pieces of at most ``at_once`` scores are calculated again in the backward pass, so that none are kept.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    rows = max(1, at_once // weight.shape[0])
    pieces = zip(hidden.split(rows), targets.split(rows), strict=True)
    losses = [checkpoint(_piece, one, weight, wanted, temperature, use_reentrant=False) for one, wanted in pieces]
    return torch.cat(losses)


def _piece(hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float) -> Tensor:
    with torch.autocast(hidden.device.type, enabled=False):
        scores = functional.linear(hidden, weight).float() / temperature
        return functional.cross_entropy(scores, targets, reduction="none")


def _by_liger(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    if not len(targets):  # the kernel divides by the number of rows
        return hidden.sum() * 0.0
    kernel = import_module("liger_kernel.transformers.functional").liger_fused_linear_cross_entropy
    with torch.autocast(hidden.device.type, enabled=False):
        loss = kernel(hidden, weight, targets, reduction="sum")
    return (loss[0] if isinstance(loss, tuple) else loss).float()


class _InPieces(torch.autograd.Function):  # type: ignore[misc]  # its base is not typed
    """Scores of a few rows at a time, and their gradient at once, so that none are kept for the backward pass.

    For cross-entropy the gradient needs only the scores and the targets; the backward pass scales it. The idea is
    that of Liger Kernel's fused linear cross-entropy (Hsu et al. 2024).
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, rows: int) -> Tensor:
        learn_hidden, learn_weight = ctx.needs_input_grad[:2]
        loss = hidden.new_zeros((), dtype=torch.float32)
        to_hidden = torch.empty_like(hidden) if learn_hidden else None
        to_weight = torch.zeros_like(weight, dtype=torch.float32) if learn_weight else None
        with torch.autocast(hidden.device.type, enabled=False):
            for first in range(0, len(targets), rows):
                piece = slice(first, first + rows)
                scores = functional.linear(hidden[piece], weight).float()
                loss += functional.cross_entropy(scores, targets[piece], reduction="sum")
                if not (learn_hidden or learn_weight):
                    continue
                gradient = torch.softmax(scores, dim=-1, out=scores)
                gradient[torch.arange(len(gradient), device=gradient.device), targets[piece]] -= 1.0
                gradient = gradient.to(hidden.dtype)
                if to_hidden is not None:
                    to_hidden[piece] = gradient @ weight
                if to_weight is not None:
                    to_weight += (gradient.T @ hidden[piece]).float()
        ctx.save_for_backward(to_hidden, None if to_weight is None else to_weight.to(weight.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        to_hidden, to_weight = ctx.saved_tensors
        scaled = [None if one is None else one * upstream.to(one.dtype) for one in (to_hidden, to_weight)]
        return scaled[0], scaled[1], None, None
