"""How much arithmetic the batches of a step are, and how much the device could do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..model.flops import Flops, training_flops
from ..model.gpus import gpu_by_device_name
from ..model.parts import base_model
from ..model.sizes import COUNTED
from ..settings import TrainSettings

if TYPE_CHECKING:
    from ..data.packing import Batch


def peak_flops(device: torch.device, model: nn.Module | None = None) -> float | None:
    """The most dense bf16 operations per second of a device; None for a CPU and for GPUs that are not in the list.

    None, too, for a ``model`` whose operations cannot be counted.
    """
    if device.type != "cuda" or (model is not None and base_model(model).config.model_type not in COUNTED):
        return None
    known = gpu_by_device_name(torch.cuda.get_device_name(device))
    return known.peak_flops if known else None


def flops_of(settings: TrainSettings, model: nn.Module) -> Callable[[Sequence[Batch]], Flops]:
    """A function that counts the operations of batches, from the lengths of their samples."""
    config = base_model(model).config

    def count(batches: Sequence[Batch]) -> Flops:
        return sum((_of_batch(batch) for batch in batches), start=Flops())

    def _of_batch(batch: Batch) -> Flops:
        inputs = batch.inputs
        tiles, patches = batch.tiles, None
        grids = [inputs[name] for name in ("image_grid_thw", "video_grid_thw") if name in inputs]
        if grids:
            # Native video models see pairs of frames of any size.
            grid = torch.cat(grids)
            tiles = int(grid[:, 0].sum())
            patches = int((grid.prod(dim=1).sum() / grid[:, 0].sum()).item())
        needed = training_flops(
            config,
            settings.tune,
            tokens=batch.tokens,
            visual_tiles=tiles,
            attended=sum(length**2 for length in lengths(inputs)),
            loss_tokens=batch.loss_tokens if settings.run.fused_loss else None,
            patches=patches,
            checkpointing=settings.run.checkpointing,
        )
        # Calculated, but nothing that training needs; its attention is too little to be counted.
        padding = training_flops(
            config,
            settings.tune,
            tokens=batch.padding,
            visual_tiles=0,
            attended=0,
            loss_tokens=0 if settings.run.fused_loss else None,
            checkpointing=settings.run.checkpointing,
        )
        return replace(needed, thrown_away=needed.thrown_away + padding.hardware)

    return count


def lengths(inputs: Mapping[str, Tensor]) -> list[int]:
    """How long each example of a batch is: a packed one begins where its positions begin anew."""
    if "position_ids" not in inputs:
        return [int(one) for one in inputs["attention_mask"].sum(dim=1)]
    found = []
    for row in inputs["position_ids"]:
        starts = [*(row == 0).nonzero().flatten().tolist(), len(row)]
        found += [after - before for before, after in pairwise(starts)]
    return found
