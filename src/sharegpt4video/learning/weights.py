"""Weights and the optimiser's moments by the names of the parameters, on their way into a checkpoint and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .errors import TrainingError

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW remembers of a parameter."""


def whole(tensor: Tensor) -> Tensor:
    """A tensor that is spread over processes as one; every process must call it."""
    gathered: Any = tensor
    return gathered.full_tensor() if hasattr(gathered, "full_tensor") else tensor


def part_of(tensor: Tensor, like: Tensor) -> Tensor:
    """The piece of a whole tensor that belongs into ``like``, on its device."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor.to(like.device, like.dtype, copy=True)
    # Every process has read the whole tensor itself: nothing needs to be sent.
    spread = distribute_tensor(
        tensor.to(like.device, like.dtype), like.device_mesh, like.placements, src_data_rank=None
    )
    return spread.clone()


def check_names(weights: Mapping[str, Tensor], trained: Mapping[str, nn.Parameter]) -> None:
    """Raises TrainingError when a checkpoint's weights are not those that are trained now."""
    missing, extra = sorted(trained.keys() - weights.keys()), sorted(weights.keys() - trained.keys())
    if missing or extra:
        shown = ", ".join([*(f"not in it: {name}" for name in missing[:3]), *(f"only in it: {n}" for n in extra[:3])])
        raise TrainingError(
            f"the checkpoint holds other weights than are trained now ({len(missing)} missing, {len(extra)} extra; "
            f"{shown}); were the model, the libraries or the settings changed?"
        )
    for name, parameter in trained.items():
        if tuple(weights[name].shape) != tuple(parameter.shape):
            raise TrainingError(
                f"{name} has the shape {tuple(weights[name].shape)} in the checkpoint, here {tuple(parameter.shape)}"
            )


def moments_of(optimiser: torch.optim.Optimizer, trained: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """What an optimiser remembers, as ``NAME::MOMENT``, on the CPU."""
    found = {}
    for name, parameter in trained.items():
        state: dict[str, Any] = optimiser.state.get(parameter, {})
        for moment in MOMENTS:
            if moment in state:
                found[f"{name}::{moment}"] = state[moment].detach().to("cpu", copy=True).contiguous()
    return found


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
def load_into(
    optimiser: torch.optim.Optimizer,
    trained: Mapping[str, nn.Parameter],
    weights: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
) -> None:
    """Put saved weights and moments back. Raises TrainingError when other parameters are trained now."""
    check_names(weights, trained)
    fused = bool(optimiser.defaults.get("fused"))
    for name, parameter in trained.items():
        parameter.copy_(weights[name])
        state = {moment: moments[f"{name}::{moment}"] for moment in MOMENTS if f"{name}::{moment}" in moments}
        if state:
            optimiser.state[parameter] = {
                moment: tensor.to(parameter.device if fused or moment != "step" else "cpu", copy=True)
                for moment, tensor in state.items()
            }
