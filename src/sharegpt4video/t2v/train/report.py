"""What a training run of a video generator reports: each step, and the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...learning.report import RunEnded, StepDone


@dataclass(frozen=True)
class StepReport(StepDone):
    """One optimiser step over all processes."""

    loss: float
    clips: int
    cpu_seconds: float
    """Of this process, all its threads together."""


OnStep = Callable[[StepReport], None]


@dataclass(frozen=True, repr=False)
class TrainResult(RunEnded):
    """How a training run ended; ``text()`` is what the command prints."""

    model: Path | None
    """The model that `sg4v t2v sample` takes; None when the run was interrupted."""
    clips: int
    left_out: int
    cut_captions: int

    def text(self) -> str:
        where = f"model: {self.model}" if self.model else f"checkpoint: {self.checkpoint}"
        lost = f"\n{self.left_out:,} clips could not be read; left-out.txt names each" if self.left_out else ""
        cut = f"\n{self.cut_captions:,} captions were cut at the encoder's window" if self.cut_captions else ""
        return f"{self.done(f' on {self.clips:,} clips')}; {where}{lost}{cut}"
