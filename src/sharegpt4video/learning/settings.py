"""Settings that every training run has, whatever it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from ..checking import Count, Limits, wrong_values
from ..config import STRICT

LearningRate = Annotated[float, Limits(0, 10, over=True)]
Part = Annotated[float, Limits(0, 1, under=True)]
"""A share that cannot be all."""


@dataclass(frozen=True)
class AnyRun:
    """How a run calculates and what it leaves behind."""

    __pydantic_config__ = STRICT

    precision: Literal["bf16", "fp32"] = "bf16"
    """Of the calculation; what learns is kept in 32 bits in either case."""
    save_every_steps: Count = 200
    keep_checkpoints: Count = 2
    log_every_steps: Count = 1
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Where figures go besides ``log.jsonl`` in the output folder."""

    def problems(self) -> list[str]:
        return [*wrong_values(self, "run.").values()]


HARMLESS = frozenset({"name", "run.save_every_steps", "run.keep_checkpoints", "run.log_every_steps", "run.trackers"})
"""Settings by dotted name that change no number of a run."""
