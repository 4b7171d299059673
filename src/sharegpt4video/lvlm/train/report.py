"""What a training run of a language model that sees tells: each step as it is done, and the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...learning.report import RunEnded, StepDone


@dataclass(frozen=True)
class StepReport(StepDone):
    """One optimiser step over all processes.

    ``loss`` is the sum of the token losses of the step over its learned tokens; None for a rest in which no sample was
    usable.
    """

    samples: int
    skipped: int
    tokens: int
    loss_tokens: int
    visual_tokens: int
    tokens_per_second: float
    samples_per_second: float
    mfu: float | None
    """Share of the device's peak that went into the arithmetic of the model, recomputation not counted (0..1)."""
    data_stall: float
    """Share of the step in which the model waited for samples (0..1; the slowest process)."""
    peak_memory_bytes: int
    """Of the device, or of the process on a CPU (the fullest process)."""
    told: dict[str, float] = field(default_factory=dict)
    """What preference training says of a step: rewards, margins, accuracy and the like."""

    def to_plain(self) -> dict[str, Any]:
        """The figures by name; those of ``told`` stand among the others."""
        plain = asdict(self)
        plain |= plain.pop("told")
        return plain


OnStep = Callable[[StepReport], None]


@dataclass(frozen=True, repr=False)
class TrainResult(RunEnded):
    """How a training run ended; ``text()`` is what the command prints."""

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
        return "\n".join([f"{self.done()}; checkpoint: {self.checkpoint}", *self._left_out()])

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
