"""A training run from settings to its last checkpoint. A newcomer reads this first, then ``loop``."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ...learning import checkpoints
from ...learning.errors import TrainingError
from ...learning.processes import Processes
from ...learning.randomness import random_states, restore_random_states, seed_everything
from ...learning.report import OnNote
from ...learning.resume import begin
from ...learning.schedule import Schedule
from ...learning.stopping import Stopping
from ...learning.tracking import Log, Named, skipped_kinds
from ..data.encode import Encoder
from ..data.example import Step
from ..data.packing import Batch
from ..data.samples import SampleError
from ..mixture.prepare import Mixture, prepare
from ..settings import TrainSettings
from .assemble import attention, check_machine, make_encoder, make_engine, make_loader, make_model
from .engines import PlainEngine, ScoredModel
from .loop import Loop
from .report import OnStep, StepReport, TrainResult
from .resume_check import check_same, facts_of
from .speed import flops_of, peak_flops

logger = logging.getLogger(__name__)


def train(
    settings: TrainSettings,
    out: str | Path,
    *,
    resume: bool = True,
    on_step: OnStep | None = None,
    on_note: OnNote = logger.info,
) -> TrainResult:
    """Train, or go on with, the run in the folder ``out``.

    Goes on from the newest sound checkpoint, bit for bit as if it had not stopped (same machine, libraries and number
    of processes). Without ``resume`` what an earlier run left in ``out`` is removed first. SIGTERM and SIGINT end it
    after the step, with a checkpoint. ``on_step`` and ``on_note`` are called in the first process. The sources of a
    mixture are written into ``out`` first.

    Raises SettingsError for settings that fit neither the machine nor the checkpoint, StorageError for damaged or
    unwritable files, TrainingError for a loss that is not a number or too little memory, MissingExtra.
    """
    out = Path(out)
    processes = Processes()
    mixture: Mixture | None = None
    if settings.mixture is not None:
        settings, mixture = prepare(settings, out, resume=resume)
        if processes.first:
            on_note(mixture.text())
    check_machine(settings, processes)
    with _advice_when_memory_ends(settings), _kernels(settings):
        seed_everything(settings.optimiser.seed)
        kernel = attention(settings, processes)
        if processes.first:
            (logger.warning if kernel.slow else on_note)(kernel.text)
        kind, (model, groups) = _kind(settings), make_model(settings, processes)
        encoder = kind.encoder_of(settings)
        steps = kind.count(settings, encoder, processes)
        facts = processes.from_first(facts_of(settings.data, model, steps) if processes.first else None)
        if mixture is not None and processes.first:
            facts |= {"mixture": mixture.counts, "prompts": list(mixture.prompts)}
        engine = make_engine(settings, model, groups, processes, kind.scoring(settings))
        made = kind(settings, out, processes, engine, groups, encoder, facts, on_note)
        return made.go(model, resume=resume, on_step=on_step)


def _kind(settings: TrainSettings) -> type[Run]:
    """The run that settings describe: of conversations, or of preferences."""
    if settings.dpo is None and settings.grpo is None:
        return Run
    from ..preferences.run import AnswerRun, PairRun

    return PairRun if settings.dpo is not None else AnswerRun


class Steps(Protocol):
    """The steps of a run, in order."""

    def __iter__(self) -> Iterator[Step]: ...

    def blank(self) -> Batch:
        """A batch of which nothing is learned."""

    def dealt(self, steps: int) -> int:
        """How many samples the first steps of the run are made of, those left out included."""


@dataclass
class Run:
    """The parts of a run that checkpoints are made of. Other kinds of training are other kinds of it."""

    settings: TrainSettings
    out: Path
    processes: Processes
    engine: PlainEngine
    groups: list[dict[str, Any]]
    encoder: Encoder
    facts: dict[str, Any]
    on_note: OnNote

    @staticmethod
    def encoder_of(settings: TrainSettings) -> Encoder:
        """What makes examples of samples."""
        return make_encoder(settings)

    @staticmethod
    def count(settings: TrainSettings, encoder: Encoder, processes: Processes) -> int:
        """How many steps the whole run has."""
        return len(make_loader(settings, encoder, processes))

    @staticmethod
    def scoring(settings: TrainSettings) -> Callable[[nn.Module], ScoredModel]:  # noqa: ARG004
        """What gives a model its loss."""
        return ScoredModel

    def go(self, model: nn.Module, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        """Load what there is, run what is left, save. No other run may be in the folder meanwhile."""
        with checkpoints.alone(self.out) if self.processes.first else contextlib.nullcontext():
            return self._go(model, resume=resume, on_step=on_step)

    def _go(self, model: nn.Module, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        begun, total, done = time.monotonic(), self.facts["steps"], self.begin(resume=resume)
        # Dropout differs between processes, which hold different samples; from here on only the loop draws.
        if not done:
            seed_everything(self.settings.optimiser.seed + self.processes.rank)
        steps = self.steps_from(done)
        loop = self.loop(model, total, steps.blank)
        last: StepReport | None = None
        stopped = warned = False
        log = self._log(done) if self.processes.first else None
        # Closed after an error, too: the last figures are those one looks for.
        with contextlib.closing(log) if log else contextlib.nullcontext(), Stopping() as stopping:
            for last, step, stopped in loop.run(steps, lambda: stopping.asked) if done < total else ():
                self._tell(last, self.processes.gather_lists(step.skipped), log, on_step)
                if last.skipped and not warned:
                    warned = self._warn(last.step, steps.dealt(last.step))
                if stopped or last.step == total or last.step % self.settings.run.save_every_steps == 0:
                    self.save(last.step)
                if stopped:
                    break
        now = last.step if last else done
        return TrainResult(
            steps=now,
            total_steps=total,
            loss=last.loss if last else None,
            checkpoint=checkpoints.checkpoint_folder(self.out, now),
            interrupted=stopped and now < total,
            resumed_from=done,
            seconds=time.monotonic() - begun,
            samples=steps.dealt(now),
            skipped=self.processes.from_first(skipped_kinds(self.out) if self.processes.first else None),
            max_skipped_share=self.settings.data.max_skipped_share,
        )

    def begin(self, *, resume: bool) -> int:
        """Load the newest checkpoint; gives the number of steps done."""
        found = begin(self.out, self.processes, self.settings.to_plain(), self._rounding, resume=resume)
        if found is None:
            return 0
        self.engine.load(found.weights(), found.moments())
        self.engine.load_own(found.folder)
        states = found.random_states(self.processes.rank)
        if states:
            restore_random_states(states)
        return found.step

    def _rounding(self, found: checkpoints.Checkpoint) -> list[str]:
        return check_same(found, self.settings, self.facts, self.processes.count)

    def save(self, step: int) -> None:
        """Write a checkpoint; every process must call it."""
        folder = checkpoints.unfinished_folder(self.out, step)
        weights, moments = self.engine.save()
        with checkpoints.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.engine.save_own(folder)
            checkpoints.write_random_states(folder, self.processes.rank, random_states())
        self.processes.wait()
        if self.processes.first:
            with checkpoints.writing(folder):
                checkpoints.write_tensors(folder, weights, moments)
                final = checkpoints.checkpoint_folder(self.out, step)
                plain = self.settings.to_plain()
                checkpoints.finish(folder, final, step, plain, self.processes.count, self.facts)
            checkpoints.keep_newest(self.out, step, self.settings.run.keep_checkpoints)
        self.processes.wait()

    def steps_from(self, done: int) -> Steps:
        """The steps of the run after those that are done."""
        return make_loader(self.settings, self.encoder, self.processes, done)

    def loop(self, model: nn.Module, total: int, blank: Callable[[], Batch]) -> Loop:
        """What runs them."""
        return Loop(**self.loop_parts(model, total, blank))

    def loop_parts(self, model: nn.Module, total: int, blank: Callable[[], Batch]) -> dict[str, Any]:
        """What a loop of any kind is made with."""
        share, peaks = self.settings.optimiser.warmup_share, [group["lr"] for group in self.groups]
        return {
            "engine": self.engine,
            "processes": self.processes,
            "schedule": Schedule(peaks, total, share),
            "group_names": tuple(group["name"] for group in self.groups),
            "total_steps": total,
            "flops": flops_of(self.settings, model),
            "peak_flops": peak_flops(self.processes.device, model),
            "blank": blank,
        }

    def _log(self, done: int) -> Log:
        run = Named(self.settings.name, self.settings.to_plain(), self.out, done)
        return Log(run, self.settings.run)

    def _tell(self, report: StepReport, skipped: list[SampleError], log: Log | None, on_step: OnStep | None) -> None:
        if log is None:
            return
        log.step(report)
        log.skipped(report.step, [(one.kind, str(one)) for one in skipped])
        if on_step:
            on_step(report)

    def _warn(self, step: int, dealt: int) -> bool:
        """Say as soon as too many samples are left out: hours later is late. Whether it was said."""
        if not self.processes.first:
            return False
        count, allowed = sum(skipped_kinds(self.out).values()), self.settings.data.max_skipped_share
        if count <= allowed * dealt:
            return False
        self.on_note(
            f"step {step}: {count:,} of the first {dealt:,} samples were left out; data.max_skipped_share allows"
            f" {allowed:.2%} ({self.out / 'skipped.jsonl'} says why)"
        )
        return True


@contextmanager
def _advice_when_memory_ends(settings: TrainSettings) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(f"out of memory on the GPU: {', '.join(_advice(settings))}. ({error})") from error


def _advice(settings: TrainSettings) -> list[str]:
    """What would take less memory, the cheapest first."""
    data, run, optimiser = settings.data, settings.run, settings.optimiser
    found = []
    if not run.fused_loss:
        found.append("set run.fused_loss")
    if optimiser.micro_batch > 1:
        found.append(f"lower optimiser.micro_batch ({optimiser.micro_batch}); the results stay the same")
    if data.packing and data.pack_tokens > data.max_tokens:
        found.append(f"lower data.pack_tokens ({data.pack_tokens})")
    if data.packing and data.pack_images > 1:
        found.append(f"lower data.pack_images ({data.pack_images})")
    if run.checkpointing != "full":
        found.append("set run.checkpointing to full")
    found.append("use more GPUs with run.sharding=fsdp2" if run.sharding != "fsdp2" else "use more GPUs")
    return [*found, "sg4v train lvlm CONFIG --plan shows what takes how much"]


@contextmanager
def _kernels(settings: TrainSettings) -> Iterator[None]:
    """TF32 for what stays in 32 bits on a GPU, as in the recipe; deterministic kernels when asked for."""
    import os

    before = torch.are_deterministic_algorithms_enabled()
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high" if settings.run.precision == "bf16" else "highest")
    if settings.run.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
