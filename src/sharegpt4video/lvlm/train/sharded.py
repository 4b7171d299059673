"""The engine of FSDP2: every process holds a piece of each weight, frozen or not, and gathers a layer for its turn.

What learns is kept in 32 bits, in pieces, and gathered in the type of the arithmetic. Autocast would do that, too, but
after gathering, and keep its copy of every weight for the backward pass, whole in each process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ...learning.errors import TrainingError
from ...learning.processes import Processes
from ..model.loss import without_autocast
from .engines import PlainEngine, ScoredModel


class ShardedEngine(PlainEngine):
    """Weights are read by the first process alone; each other one is sent its pieces."""

    def share(self, scored: ScoredModel) -> nn.Module:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        processes = self._processes
        empty = bool(sum(one[0] for one in processes.gather([float(_is_empty(scored))])))
        weights = scored.state_dict() if empty and processes.first else {}
        buffers = dict(scored.named_buffers())
        if empty:
            scored.to("meta")
        mesh = init_device_mesh(processes.device.type, (processes.count,))
        lowered = without_autocast(scored)
        policy = MixedPrecisionPolicy(param_dtype=lowered, reduce_dtype=torch.float32 if lowered else None)
        for layer in repeated_layers(scored):
            fully_shard(layer, mesh=mesh, mp_policy=policy)
        shared: nn.Module = fully_shard(scored, mesh=mesh, mp_policy=policy)
        if empty:
            _fill(shared, weights, buffers, processes)
        return shared

    @contextlib.contextmanager
    def accumulating(self, *, last: bool) -> Iterator[None]:  # noqa: ARG002
        """Gradients go into pieces after each batch: until the last one they would lie whole in every process."""
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
