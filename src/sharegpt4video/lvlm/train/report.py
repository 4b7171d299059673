"""What a training run tells: each step as it is done, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    loss: float | None
    """Sum of the token losses of the step over its learned tokens; None for a rest in which no sample was usable."""
    gradient_norm: float
    """Before it was shortened."""
    rates: dict[str, float]
    """Learning rate by parameter group."""
    samples: int
    skipped: int
    tokens: int
    loss_tokens: int
    visual_tokens: int
    seconds: float
    tokens_per_second: float
    samples_per_second: float
    mfu: float | None
    """Share of the device's peak that went into the arithmetic of the model, recomputation not counted (0..1)."""
    data_stall: float
    """Share of the step in which the model waited for samples (0..1; the slowest process)."""
    peak_memory_bytes: int
    """Of the device, or of the process on a CPU (the fullest process)."""

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
    """Of the last step; None when this call did none, or nothing could be learned from it."""
    checkpoint: Path
    interrupted: bool
    """A signal ended it after ``steps``; the same command goes on from there."""
    resumed_from: int
    """Steps that were done before this call."""
    seconds: float
    samples: int
    """That were to be learned from in these steps, in earlier calls too; those left out are among them."""
    skipped: Mapping[str, int]
    """How many of them were left out, by what was wrong with them."""
    max_skipped_share: float
    """How many may be (``data.max_skipped_share``)."""

    @property
    def skipped_share(self) -> float:
        return sum(self.skipped.values()) / max(self.samples, 1)

    @property
    def too_many_skipped(self) -> bool:
        """Whether so many were left out that the run cannot pass for one over the whole data."""
        return self.skipped_share > self.max_skipped_share

    def text(self) -> str:
        """The end of the run for a reader; the last line says what was left out."""
        done = f"{self.steps} of {self.total_steps} steps in {self.seconds:.0f} s"
        since = f", {self.resumed_from} of them before" if self.resumed_from else ""
        loss = "" if self.loss is None else f", loss {self.loss:.4f}"
        how = "interrupted; run the same command to resume. " if self.interrupted else ""
        return "\n".join([f"{how}{done}{since}{loss}; checkpoint: {self.checkpoint}", *self._left_out()])

    def _left_out(self) -> Iterator[str]:
        count = sum(self.skipped.values())
        if not count:
            return
        kinds = ", ".join(
            f"{number} {kind}" for kind, number in sorted(self.skipped.items(), key=lambda one: (-one[1], one[0]))
        )
        rule = f", more than data.max_skipped_share ({self.max_skipped_share:.2g}) allows" * self.too_many_skipped
        yield (
            f"left out {count:,} of {self.samples:,} samples ({self.skipped_share:.2%}){rule}: {kinds};"
            f" {self.checkpoint.parent.parent / 'skipped.jsonl'} names each"
        )
