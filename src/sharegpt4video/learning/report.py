"""What a training run tells, whatever it trains: each step as it is done, and the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..display import Result

OnNote = Callable[[str], None]
"""Takes a line that a reader should see as it happens."""


@dataclass(frozen=True)
class StepDone:
    """One optimiser step over all processes."""

    step: int
    """Counted from 1."""
    total_steps: int
    loss: float | None
    """None where nothing could be learned."""
    gradient_norm: float
    """Before it was shortened."""
    rates: dict[str, float]
    """Learning rate by parameter group."""
    seconds: float

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, repr=False)
class RunEnded(Result):
    """How a training run ended; ``text()`` is what the command prints."""

    steps: int
    total_steps: int
    loss: float | None
    """Of the last step; None when this call did none, or nothing could be learned from it."""
    checkpoint: Path
    interrupted: bool
    """A signal ended it after ``steps``; the same command goes on from there."""
    resumed_from: int
    """Steps that were done before this call."""
    seconds: float

    def done(self, on: str = "") -> str:
        """How far it came and how it ended, but for where the result is. ``on`` tells what was learned from."""
        how = "interrupted; run the same command to resume. " if self.interrupted else ""
        since = f", {self.resumed_from} of them before" if self.resumed_from else ""
        loss = "" if self.loss is None else f", loss {self.loss:.4f}"
        return f"{how}{self.steps} of {self.total_steps} steps{on} in {self.seconds:.0f} s{since}{loss}"
