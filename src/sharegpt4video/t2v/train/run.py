"""A training run of a video generator from settings to the model. A newcomer reads this first, then ``learner``."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ...errors import SettingsError
from ...files import write_whole
from ...learning import checkpoints
from ...learning.errors import TrainingError
from ...learning.processes import Processes
from ...learning.report import OnNote
from ...learning.resume import begin, changes, refuse_another_run, version_notes
from ...learning.schedule import Schedule
from ...learning.settings import HARMLESS
from ...learning.stopping import Stopping
from ...learning.tracking import Log, Named
from ...learning.weights import load_into, moments_of
from ..clips import read_clips, unreadable
from ..latents import space_of
from ..settings import T2VSettings
from .average import Average
from .inputs import TrainingSet, read_inputs
from .learner import Learner, make_learner, save_model
from .report import OnStep, StepReport, TrainResult

logger = logging.getLogger(__name__)
AVERAGE = "average.safetensors"
ROUNDING = ("optimiser.micro_batch", "run.checkpointing")


def train(
    settings: T2VSettings,
    data: str,
    out: str | Path,
    *,
    cache: str | Path | None = None,
    resume: bool = True,
    on_step: OnStep | None = None,
    on_note: OnNote = logger.info,
) -> TrainResult:
    """Train, or go on with, the run in the folder ``out`` on the clips that ``data`` names.

    Goes on from the newest sound checkpoint, bit for bit as if it had not stopped (same machine, libraries and number
    of processes). Without ``resume`` what an earlier run left in ``out`` is removed first. SIGTERM and SIGINT end it
    after the step, with a checkpoint. Clips and captions are made ready once, in ``cache`` (``out/cache`` if it is not
    given), which runs on the same data can share.

    Raises SettingsError for settings that fit neither data nor checkpoint, VideoError if no clip can be read,
    StorageError for damaged or unwritable files, TrainingError for a loss that is not a number, MissingExtra.
    """
    out, processes = Path(out), Processes()
    if settings.optimiser.batch % processes.count:
        raise SettingsError(
            f"optimiser.batch ({settings.optimiser.batch}) is no multiple of the {processes.count} processes"
        )
    clips = read_clips(data, settings.data.splits)
    dtype = torch.bfloat16 if settings.run.precision == "bf16" else torch.float32
    space = space_of(settings.model, processes.device, dtype)
    folder = Path(cache) if cache else out / "cache"
    if not processes.first:
        processes.wait()  # the first fills the cache
    inputs = read_inputs(clips, settings, space, folder, processes.device)
    if processes.first:
        processes.wait()
        _say_what_is_lost(inputs, len(clips), out, on_note)
    return Run(settings, out, processes, inputs, on_note).go(resume=resume, on_step=on_step)


def _say_what_is_lost(inputs: TrainingSet, count: int, out: Path, on_note: OnNote) -> None:
    for line in unreadable(inputs.clips.problems, count):
        on_note(f"warning: {line}")
        write_whole(out / "left-out.txt", "\n".join(f"{why}" for _, why in inputs.clips.problems).encode())
    if inputs.cut.over:
        on_note(f"warning: {inputs.cut.text()}")


@dataclass
class Run:
    """The parts of a run."""

    settings: T2VSettings
    out: Path
    processes: Processes
    inputs: TrainingSet
    on_note: OnNote
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        how = self.settings.optimiser
        self.learner = make_learner(self.settings, self.inputs).to(self.processes.device)
        self.trained = self.learner.trained
        self.module: Any = self.learner
        if self.processes.count > 1:
            from torch.nn.parallel import DistributedDataParallel

            self.module = DistributedDataParallel(self.learner, broadcast_buffers=False)
        decayed = [weight for weight in self.trained.values() if weight.ndim > 1]
        others = [weight for weight in self.trained.values() if weight.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": how.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=how.rate, betas=how.betas, eps=how.epsilon, fused=True)
        self.average = Average(self.trained, how.ema)
        self.schedule = Schedule([how.rate], how.steps, fall=how.schedule, rising=how.warmup_steps)
        self.draws = self.inputs.draws(self.settings)

    def go(self, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        """Load what there is, run what is left, save. No other run may be in the folder meanwhile."""
        with checkpoints.alone(self.out) if self.processes.first else contextlib.nullcontext():
            return self._go(resume=resume, on_step=on_step)

    def _go(self, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        begun, total, done = time.monotonic(), self.settings.optimiser.steps, self._begin(resume=resume)
        last: StepReport | None = None
        stopped = False
        log = self._log(done) if self.processes.first else None
        with contextlib.closing(log) if log else contextlib.nullcontext(), Stopping() as stopping:
            for number in range(done, total):
                last = self._step(number)
                if log:
                    log.step(last)
                if on_step and self.processes.first:
                    on_step(last)
                stopped = any(asked for (asked,) in self.processes.gather([float(stopping.asked)]))
                if stopped or last.step == total or last.step % self.settings.run.save_every_steps == 0:
                    self._save(last.step)
                if stopped:
                    break
        now = last.step if last else done
        finished = now == total
        model = self._model(now) if finished else None
        return TrainResult(
            now, total, last.loss if last else None, checkpoints.checkpoint_folder(self.out, now),
            stopped and not finished, done, time.monotonic() - begun, model=model,
            clips=len(self.inputs.clips.kept), left_out=len(self.inputs.clips.problems),
            cut_captions=self.inputs.cut.over,
        )  # fmt: skip

    def _step(self, number: int) -> StepReport:
        """One optimiser step. Raises TrainingError, before the weights change, for a loss that is no finite number."""
        begun, cpu_begun = time.perf_counter(), time.process_time()
        how, device = self.settings.optimiser, self.processes.device
        torch.manual_seed((how.seed * 1_000_003 + number * self.processes.count + self.processes.rank) % 2**63)
        mine = how.batch // self.processes.count
        first, draw, losses = self.processes.rank * mine, self.draws.step(number), []
        for places in _parts(range(first, first + mine), how.micro_batch):
            batch = self.inputs.batch(draw, places, self.settings.data.frames)
            sent = {name: None if value is None else value.to(device) for name, value in batch.items()}
            with self._arithmetic(), self._quiet(last=places[-1] == first + mine - 1):
                loss = self.module(**sent).sum() / mine
                loss.backward()
            losses.append(loss.detach())
        shown = self.processes.gather([float(torch.stack(losses).sum())])
        loss_now = sum(one for (one,) in shown) / len(shown)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained.values(), how.max_grad_norm or math.inf, foreach=True))
        if not (math.isfinite(loss_now) and math.isfinite(norm)):
            raise TrainingError(
                f"step {number + 1}: the loss is {loss_now}, the length of the gradients {norm}; nothing was learned "
                f"from it, and the newest checkpoint is from before. Lower optimiser.rate ({how.rate:g})"
            )
        (rate,) = self.schedule.rates(number)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update(number + 1)
        seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
        return StepReport(number + 1, how.steps, loss_now, norm, {"all": rate}, seconds, how.batch, cpu_seconds)

    def _arithmetic(self) -> Any:
        if self.settings.run.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.processes.device.type, torch.bfloat16)

    def _quiet(self, *, last: bool) -> Any:
        """Processes exchange gradients with the last part of a step alone."""
        return contextlib.nullcontext() if last or self.processes.count == 1 else self.module.no_sync()

    def _log(self, done: int) -> Log:
        run = Named(self.settings.name, self.settings.to_plain(), self.out, done)
        return Log(run, self.settings.run)

    def _begin(self, *, resume: bool) -> int:
        """Load the newest checkpoint; gives the number of steps done."""
        plain = self.settings.to_plain()
        found = begin(self.out, self.processes, plain, self._check_same, resume=resume, made=["model"])
        if found is None:
            return 0
        load_into(self.optimiser, self.trained, found.weights(), found.moments())
        if self.settings.optimiser.ema:
            self.average.load(load_file(found.folder / AVERAGE))
        return found.step

    def _facts(self) -> dict[str, Any]:
        """What besides the settings decides a run."""
        import hashlib

        said = json.dumps([self.inputs.texts, self.inputs.clips.kept, [list(each[0]) for each in self.inputs.captions]])
        return {"texts": hashlib.sha256(said.encode()).hexdigest(), "clips": list(self.inputs.clips.array.shape)}

    def _check_same(self, found: checkpoints.Checkpoint) -> Iterator[str]:
        """What can change the rounding alone. Raises SettingsError for all that makes it another run."""
        said = changes(found.settings, self.settings.to_plain())
        wrong = [text for name, text in said.items() if name not in (*HARMLESS, *ROUNDING) and not self._longer(name)]
        wrong += [f"{name} is not the same" for name, now in self._facts().items() if found.facts.get(name) != now]
        refuse_another_run(found, wrong)
        yield from (text for name, text in said.items() if name in ROUNDING)
        yield from version_notes(found)

    def _longer(self, name: str) -> bool:
        """With constant rates, a run may be made longer: no step depends on how many there are."""
        return name == "optimiser.steps" and self.settings.optimiser.schedule == "constant"

    def _save(self, step: int) -> None:
        """Write a checkpoint; every process must call it."""
        if self.processes.first:
            folder = checkpoints.unfinished_folder(self.out, step)
            weights = {name: weight.detach().cpu().contiguous() for name, weight in self.trained.items()}
            with checkpoints.writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
                checkpoints.write_tensors(folder, weights, moments_of(self.optimiser, self.trained))
                if self.settings.optimiser.ema:
                    average = {name: value.cpu().contiguous() for name, value in self.average.named().items()}
                    save_file(average, folder / AVERAGE)
                final, plain = checkpoints.checkpoint_folder(self.out, step), self.settings.to_plain()
                checkpoints.finish(folder, final, step, plain, self.processes.count, self._facts())
            checkpoints.keep_newest(self.out, step, self.settings.run.keep_checkpoints)
        self.processes.wait()

    def _model(self, step: int) -> Path:
        """Write the averaged weights as a model."""
        folder = self.out / "model"
        if self.processes.first:
            self.average.swap()
            save_model(self.learner, self.settings, folder, step)
            self.average.swap()
        self.processes.wait()
        return folder


def _parts(places: range, size: int) -> Iterator[range]:
    for first in range(0, len(places), size):
        yield places[first : first + size]
