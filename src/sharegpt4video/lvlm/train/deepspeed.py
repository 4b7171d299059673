"""The engine of DeepSpeed, ZeRO stage 2: gradients and optimiser state in pieces, weights whole in each process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import MissingExtra
from ...learning.errors import TrainingError
from ...learning.processes import Processes
from ..settings import OptimiserSettings
from .engines import PlainEngine, Scored, ScoredModel


def deepspeed_config(optimiser: OptimiserSettings, processes: int) -> dict[str, Any]:
    """DeepSpeed's own settings, made from ours.

    The loss is scaled over the whole step before it reaches DeepSpeed, which is therefore told of single batches; it is
    told by the loop which of them is the last. It is not told of bf16: it would round the trained weights, too, which
    stay in 32 bits while the model calculates in 16 (``model/loss.py``).
    """
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "train_batch_size": processes,
        "gradient_clipping": optimiser.max_grad_norm,
        "zero_optimization": {
            "stage": 2,
            "overlap_comm": True,
            "contiguous_gradients": True,
            "reduce_bucket_size": 200_000_000,
            "allgather_bucket_size": 200_000_000,
        },
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 1_000_000_000,
    }


class DeepSpeedEngine(PlainEngine):
    """Held against one process by a test that needs DeepSpeed; it was run with 0.19 on a CPU, over gloo."""

    def __init__(
        self,
        scored: ScoredModel,
        groups: list[dict[str, Any]],
        settings: OptimiserSettings,
        processes: Processes,
    ) -> None:
        try:
            import deepspeed
        except ImportError as error:
            raise MissingExtra("run.sharding: deepspeed (which is not in the extra: also pip install deepspeed)",
                               "train") from error  # fmt: skip
        self._deepspeed: Any = deepspeed
        super().__init__(scored, groups, settings, processes)
        self._engine, self._zero, _, _ = deepspeed.initialize(
            model=scored, optimizer=self.optimiser, config=deepspeed_config(settings, processes.count)
        )

    def share(self, scored: ScoredModel) -> nn.Module:
        return scored.to(self._processes.device)

    def backward(self, inputs: dict[str, Any], scale: float, *, last: bool) -> Scored:
        self._engine.set_gradient_accumulation_boundary(is_boundary=last)
        loss, count, told = self._engine(inputs)
        self._engine.backward(loss * scale)
        return loss.detach(), count, told

    def update(self, rates: Sequence[float]) -> float:
        """DeepSpeed shortens and steps in one, and knows the length only afterwards."""
        for group, rate in zip(self._zero.param_groups, rates, strict=True):
            group["lr"] = rate
        self._engine.step()
        return float(self._engine.get_global_grad_norm() or 0.0)

    def save_own(self, folder: Path) -> None:
        """DeepSpeed writes its pieces of the optimiser by itself; the trained weights are written as ever."""
        self._engine.save_checkpoint(str(folder), tag="deepspeed", exclude_frozen_parameters=True)

    def save(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        if not self._processes.first:
            return {}, {}
        return {name: p.detach().to("cpu", torch.float32, copy=True) for name, p in self.trained.items()}, {}

    def load_own(self, folder: Path) -> None:
        path, _ = self._engine.load_checkpoint(str(folder), tag="deepspeed", load_module_strict=False)
        if path is None:
            raise TrainingError(f"{folder}: DeepSpeed finds no state of its own in it; was it written without it?")
