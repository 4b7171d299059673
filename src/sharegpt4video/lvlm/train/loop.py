"""The training loop: one optimiser step after the other, whatever shares the weights.

The loss of a step is the sum of the token losses of its global batch over the learned tokens of its global batch, so
packing, the micro-batch and the number of processes change nothing but rounding. Pairs of answers are summed over
their number instead.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ...learning.errors import TrainingError
from ...learning.measure import peak_memory_bytes
from ...learning.processes import Processes
from ...learning.schedule import Schedule
from ..model.flops import Flops
from .engines import PlainEngine
from .report import StepReport
from .transfer import Transfer, ahead

if TYPE_CHECKING:
    from ..data.example import Step
    from ..data.packing import Batch

Arithmetic = Callable[[list["Batch"]], Flops]
"""Arithmetic of one process for its batches of a step, recomputation not counted."""


@dataclass
class Loop:
    """Runs steps and reports each."""

    engine: PlainEngine
    processes: Processes
    schedule: Schedule
    group_names: tuple[str, ...]
    total_steps: int
    flops: Arithmetic
    peak_flops: float | None
    """Of one device; None where it is not known: then there is no MFU."""
    blank: Callable[[], Batch] = field(repr=False)
    """Makes a batch of which nothing is learned: a process with fewer batches than another runs it instead."""
    mean_over: Literal["tokens", "samples"] = "tokens"
    """What the summed losses of a step are divided by."""
    tells: bool = False
    """Whether batches or steps have more to tell than a loss; every process must say the same."""
    looks_ahead: bool = True
    """Whether the next step may be put together while one is computed; not if it depends on what is learned."""
    begin_step: Callable[[Counts], None] = field(default=lambda _: None, repr=False)
    """Called with what a step holds before anything of it is computed."""

    def run(self, steps: Iterable[Step], asked_to_stop: Callable[[], bool]) -> Iterator[tuple[StepReport, Step, bool]]:
        """Yield a report of each step as soon as it is done, the step, and whether any process was asked to stop.

        Raises TrainingError for a loss or gradients that are no finite numbers and for a step without learned tokens,
        before the weights are changed.
        """
        on_gpu = self.processes.device.type == "cuda"
        with Transfer(self.processes.device) as transfer, contextlib.ExitStack() as stack:
            # Closed when the run is left early: a thread is at work in it.
            coming = stack.enter_context(contextlib.closing(ahead(steps))) if on_gpu and self.looks_ahead else steps
            yield from self._run(coming, asked_to_stop, transfer)

    def _run(
        self, steps: Iterable[Step], asked_to_stop: Callable[[], bool], transfer: Transfer
    ) -> Iterator[tuple[StepReport, Step, bool]]:
        begun = time.perf_counter()
        for step in steps:
            counts = self._count(step)
            rates = self.schedule.rates(step.number)
            loss, norm, told = self._learned(step, counts, rates, transfer)
            ended = self.processes.gather([time.perf_counter() - begun, peak_memory_bytes(), float(asked_to_stop())])
            begun = time.perf_counter()
            seconds = max(one[0] for one in ended)
            report = StepReport(
                step=step.number + 1,
                total_steps=self.total_steps,
                loss=loss,
                gradient_norm=norm,
                rates=dict(zip(self.group_names, rates, strict=True)),
                samples=counts.samples,
                skipped=counts.skipped,
                tokens=counts.tokens,
                loss_tokens=counts.loss_tokens,
                visual_tokens=counts.visual_tokens,
                seconds=seconds,
                tokens_per_second=counts.tokens / seconds,
                samples_per_second=counts.samples / seconds,
                mfu=self._mfu(counts.flops, seconds),
                data_stall=min(counts.waited / seconds, 1.0),
                peak_memory_bytes=int(max(one[1] for one in ended)),
                told=told,
            )
            yield report, step, any(one[2] for one in ended)

    def _learned(
        self, step: Step, counts: Counts, rates: Sequence[float], transfer: Transfer
    ) -> tuple[float | None, float, dict[str, float]]:
        """Learn from a step; gives its loss, the length of its gradients, and what else it has to tell.

        A rest without a usable sample changes nothing: a run must be able to end in spite of it.
        """
        if step.rest and not counts.samples:
            return None, 0.0, {}
        divisor = counts.loss_tokens if self.mean_over == "tokens" else counts.samples
        self.begin_step(counts)
        losses, sums = self._backward(step, self._scale(step, divisor), counts.most_batches, transfer)
        loss_sum = self._checked_loss(step, losses)
        norm = self.engine.update(rates)
        if not math.isfinite(norm):
            raise TrainingError(self._refused(step, f"the gradients are not finite (norm {norm})"))
        return loss_sum / divisor, norm, self._told([*step.told.items(), *sums])

    def _told(self, mine: Sequence[tuple[str, tuple[float, float]]]) -> dict[str, float]:
        """Means over all processes of what has been told, by name; each is a sum and over how many it is."""
        if not self.tells:
            return {}
        sums: dict[str, tuple[float, float]] = {}
        for name, (value, count) in self.processes.gather_lists(mine):
            before = sums.get(name, (0.0, 0.0))
            sums[name] = before[0] + value, before[1] + count
        return {name: value / count for name, (value, count) in sums.items() if count}

    def _count(self, step: Step) -> Counts:
        """Sums over all processes, in one exchange."""
        batches = step.batches
        mine = [
            step.loss_tokens,
            step.samples,
            len(step.skipped),
            sum(batch.tokens for batch in batches),
            sum(batch.visual_tokens for batch in batches),
            self.flops(batches).model if self.peak_flops else 0.0,
            len(batches),
            step.waited_seconds,  # not what passed since the last step: a checkpoint may have been written
        ]
        every = self.processes.gather([float(one) for one in mine])
        sums = [sum(column) for column in zip(*every, strict=True)]
        return Counts(
            loss_tokens=int(sums[0]),
            samples=int(sums[1]),
            skipped=int(sums[2]),
            tokens=int(sums[3]),
            visual_tokens=int(sums[4]),
            flops=sums[5],
            most_batches=int(max(one[6] for one in every)),
            waited=max(one[7] for one in every),
        )

    def _scale(self, step: Step, divisor: int) -> float:
        """What a summed loss is multiplied with. Gradients are averaged over processes, hence their number."""
        if not divisor:
            raise TrainingError(self._refused(step, "no token of this step is learned, so it has no loss"))
        return self.processes.count / divisor

    def _backward(
        self, step: Step, scale: float, most_batches: int, transfer: Transfer
    ) -> tuple[list[Tensor], list[tuple[str, tuple[float, float]]]]:
        """Summed losses of this process's batches, and what they tell; every process runs the same number of them."""
        losses: list[Tensor] = []
        sums: list[tuple[str, tuple[float, float]]] = []
        counted = 0
        own_batches = len(step.batches)
        batches = (step.batches[index] if index < own_batches else self.blank() for index in range(most_batches))
        for index, inputs in enumerate(transfer(batches)):
            own, last = index < own_batches, index == most_batches - 1
            loss, count, told = self.engine.backward(inputs, scale if own else 0.0, last=last)
            if own:
                losses.append(loss)
                counted += count
                sums += [(name, (float(value[0]), float(value[1]))) for name, value in told.items()]
        expected = step.loss_tokens if self.mean_over == "tokens" else step.samples
        if counted != expected:
            raise TrainingError(
                f"step {step.number + 1}: of {expected} learned {self.mean_over} in the data, the model counts"
                f" {counted}"
            )
        return losses, sums

    def _checked_loss(self, step: Step, losses: list[Tensor]) -> float:
        """The loss of the step over all processes, summed in the order of the ranks."""
        mine = torch.stack(losses).double().sum().item() if losses else 0.0
        every = [one[0] for one in self.processes.gather([mine])]
        if not all(math.isfinite(one) for one in every):
            raise TrainingError(self._refused(step, f"the loss is not finite ({sum(every)})"))
        return sum(every)

    def _refused(self, step: Step, what: str) -> str:
        ids = self.processes.gather_lists([one for batch in step.batches for one in batch.ids])
        shown = ", ".join(ids[:16]) + (f" and {len(ids) - 16} more" if len(ids) > 16 else "")
        return (
            f"step {step.number + 1}: {what}. Samples of the step: {shown}. Nothing was learned from it; the "
            "newest checkpoint is from before. Look at these samples; if they are fine, lower the learning rates"
        )

    def _mfu(self, flops: float, seconds: float) -> float | None:
        if not self.peak_flops:
            return None
        return flops / seconds / (self.peak_flops * self.processes.count)


@dataclass(frozen=True)
class Counts:
    """What a step holds, over all processes."""

    loss_tokens: int
    samples: int
    skipped: int
    tokens: int
    visual_tokens: int
    flops: float
    most_batches: int
    waited: float
    """Seconds that the slowest process waited for its samples."""
