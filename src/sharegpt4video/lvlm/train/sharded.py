"""The engine of FSDP2: every process holds a piece of each weight, frozen or not, and gathers a layer for its turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .engines import PlainEngine, ScoredModel
from .processes import Processes
from .report import TrainingError


class ShardedEngine(PlainEngine):
    """Weights are read by the first process alone; each other one is sent its pieces."""

    def share(self, scored: ScoredModel) -> nn.Module:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        processes = self._processes
        empty = bool(sum(one[0] for one in processes.gather([float(_is_empty(scored))])))
        weights = scored.state_dict() if empty and processes.first else {}
        buffers = dict(scored.named_buffers())
        if empty:
            scored.to("meta")
        mesh = init_device_mesh(processes.device.type, (processes.count,))
        # No mixed-precision policy: autocast decides, as in one process, so that results differ in rounding alone.
        for layer in repeated_layers(scored):
            fully_shard(layer, mesh=mesh)
        shared: nn.Module = fully_shard(scored, mesh=mesh)
        if empty:
            _fill(shared, weights, buffers, processes)
        return shared

    @contextlib.contextmanager
    def accumulating(self, *, last: bool) -> Iterator[None]:
        module: Any = self.module
        module.set_requires_gradient_sync(last)
        yield


def repeated_layers(model: nn.Module) -> list[nn.Module]:
    """The layers of every tower, as the model's authors name them (``_no_split_modules``)."""
    names = {name for part in model.modules() for name in (getattr(part, "_no_split_modules", None) or ())}
    lists = [part for part in model.modules() if isinstance(part, nn.ModuleList)]
    found = [layer for part in lists for layer in part if type(layer).__name__ in names]
    if not found:
        raise TrainingError("FSDP2 finds no repeated layers in this model; set run.sharding to none or deepspeed")
    return found


def _is_empty(model: nn.Module) -> bool:
    return any(parameter.is_meta for parameter in model.parameters())


def _fill(model: nn.Module, weights: dict[str, Tensor], buffers: dict[str, Tensor], processes: Processes) -> None:
    """Send each process its pieces of the weights that the first one holds, and the buffers, which nobody shares."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    model.to_empty(device=processes.device)
    set_model_state_dict(
        model,
        weights,
        options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=processes.first),
    )
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if processes.first:
                buffer.copy_(buffers[name])
            dist.broadcast(buffer, src=0)
