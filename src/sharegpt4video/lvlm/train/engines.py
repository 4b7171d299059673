"""How weights and gradients are shared: by nobody, copied (DDP), in pieces (``sharded``), by DeepSpeed (``deepspeed``).

An engine runs a batch backwards, takes an optimiser step, and gives out and takes in what a checkpoint
holds: whole tensors on the CPU by the name of the parameter, whatever the sharing, so that a run may go on with another
number of processes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...learning.processes import Processes
from ...learning.weights import MOMENTS, check_names, part_of, whole
from ..model.loss import loss_of
from ..settings import OptimiserSettings

Scored = tuple[Tensor, int, dict[str, Tensor]]
"""The summed loss of a batch, over how many it is summed, and what else is to be told: a sum and a count by name."""


class ScoredModel(nn.Module):  # type: ignore[misc]  # torch is not checked
    """What is shared between processes: a model that gives the summed loss of a batch, and over how many tokens.

    The loss is calculated inside ``forward``, where weights that other processes hold are at hand.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, Any]) -> Scored:
        return (*loss_of(self.model, inputs), {})


class PlainEngine:
    """One process, or several that each hold the whole model and average their gradients (DDP)."""

    def __init__(
        self, scored: ScoredModel, groups: list[dict[str, Any]], settings: OptimiserSettings, processes: Processes
    ) -> None:
        self._processes = processes
        self._settings = settings
        names = {id(p): name for name, p in scored.model.named_parameters()}
        self.module: nn.Module = self.share(scored)
        # Sharing may have put other parameters into the place of the old ones.
        self.trained = {name: p for name, p in scored.model.named_parameters() if p.requires_grad}
        groups = [{**group, "params": [self.trained[names[id(p)]] for p in group["params"]]} for group in groups]
        self.optimiser = self._make_optimiser(groups)

    def share(self, scored: ScoredModel) -> nn.Module:
        """The module as this engine runs it, on the device."""
        scored.to(self._processes.device)
        if self._processes.count == 1:
            return scored
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(scored, broadcast_buffers=False, gradient_as_bucket_view=True)

    def _make_optimiser(self, groups: list[dict[str, Any]]) -> torch.optim.AdamW:
        settings = self._settings
        # One kernel for all weights on a GPU; on a CPU the plain one is as fast and the same everywhere.
        fused = self._processes.device.type == "cuda"
        return torch.optim.AdamW(groups, betas=settings.betas, eps=settings.epsilon, fused=fused)

    def backward(self, inputs: dict[str, Any], scale: float, *, last: bool) -> Scored:
        """Run a batch forward and backward; gives what the module gives of it, with the loss detached.

        Gradients are exchanged with the last batch of a step alone.
        """
        with self.accumulating(last=last):
            loss, count, told = self.module(inputs)
            (loss * scale).backward()
        return loss.detach(), count, told

    @contextlib.contextmanager
    def accumulating(self, *, last: bool) -> Iterator[None]:
        if last or self._processes.count == 1:
            yield
            return
        module: Any = self.module
        with module.no_sync():
            yield

    def update(self, rates: Sequence[float]) -> float:
        """Shorten the gradients, change the weights, forget the gradients; gives the gradients' length before.

        Nothing is changed when that is no finite number.
        """
        longest = self._settings.max_grad_norm or float("inf")
        norm = float(whole(torch.nn.utils.clip_grad_norm_(list(self.trained.values()), longest)))
        if math.isfinite(norm):
            for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
                group["lr"] = rate
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm

    def save(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The trained weights and the optimiser's state as whole tensors on the CPU; every process must call it.

        Processes other than the first get nothing.
        """
        weights = {name: self._kept(parameter) for name, parameter in self.trained.items()}
        moments: dict[str, Tensor | None] = {}
        for name, parameter in self.trained.items():
            state = self.optimiser.state.get(parameter, {})
            moments |= {f"{name}::{moment}": self._kept(state[moment]) for moment in MOMENTS if moment in state}
        return _present(weights), _present(moments)

    def _kept(self, tensor: Tensor) -> Tensor | None:
        """The whole tensor on the CPU in the first process; the others only help to gather it."""
        found = whole(tensor.detach())
        return found.to("cpu", copy=True).contiguous() if self._processes.first else None

    def save_own(self, folder: Path) -> None:
        """For an engine that writes files of its own into a checkpoint."""

    def load_own(self, folder: Path) -> None:
        """Read what ``save_own`` wrote."""

    def load(self, weights: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
        """Take in what ``save`` gave. Raises TrainingError when other parameters are trained now."""
        check_names(weights, self.trained)
        for name, parameter in self.trained.items():
            with torch.no_grad():
                parameter.copy_(part_of(weights[name], parameter))
            state = {m: moments[f"{name}::{m}"] for m in MOMENTS if f"{name}::{m}" in moments}
            if state:
                self.optimiser.state[parameter] = {m: self._placed(m, t, parameter) for m, t in state.items()}

    def _placed(self, moment: str, tensor: Tensor, parameter: Tensor) -> Tensor:
        if moment != "step":
            return part_of(tensor, parameter)
        on_device = bool(self.optimiser.defaults["fused"])
        return tensor.to(parameter.device) if on_device else tensor


def _present(tensors: dict[str, Tensor | None]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}
