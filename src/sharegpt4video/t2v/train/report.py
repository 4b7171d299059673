"""What a training run tells: each step as it is done, and the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...display import Result


@dataclass(frozen=True)
class StepReport:
    """One optimiser step over all processes."""

    step: int
    """Counted from 1."""
    total_steps: int
    loss: float
    gradient_norm: float
    """Before it was shortened."""
    rates: dict[str, float]
    clips: int
    seconds: float
    cpu_seconds: float
    """Of this process, all its threads together."""

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


OnStep = Callable[[StepReport], None]
OnNote = Callable[[str], None]
"""Takes a line that a reader should see as it happens."""


@dataclass(frozen=True, repr=False)
class TrainResult(Result):
    """How a training run ended; ``text()`` is what the command prints."""

    steps: int
    total_steps: int
    loss: float | None
    """Of the last step; None when this call did none."""
    checkpoint: Path
    model: Path | None
    """The model that `sg4v t2v sample` takes; None when the run was interrupted."""
    interrupted: bool
    resumed_from: int
    seconds: float
    clips: int
    left_out: int
    cut_captions: int

    def text(self) -> str:
        done = f"{self.steps} of {self.total_steps} steps on {self.clips:,} clips in {self.seconds:.0f} s"
        since = f", {self.resumed_from} of them before" if self.resumed_from else ""
        loss = "" if self.loss is None else f", loss {self.loss:.4f}"
        how = "interrupted; run the same command to resume. " if self.interrupted else ""
        where = f"model: {self.model}" if self.model else f"checkpoint: {self.checkpoint}"
        lost = f"\n{self.left_out:,} clips could not be read; left-out.txt names each" if self.left_out else ""
        cut = f"\n{self.cut_captions:,} captions were cut at the encoder's window" if self.cut_captions else ""
        return f"{how}{done}{since}{loss}; {where}{lost}{cut}"
