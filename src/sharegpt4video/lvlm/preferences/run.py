"""Runs of preference training: how they differ from a run over conversations (``train/run.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from ...learning.checkpoints import Checkpoint
from ...learning.processes import Processes
from ..data.encode import Encoder
from ..data.example import Step
from ..data.packing import Batch
from ..model.build import processor
from ..settings import TrainSettings, only_adapters
from ..train.assemble import make_encoder, make_loader
from ..train.engines import ScoredModel
from ..train.loop import Counts, Loop
from ..train.report import OnStep, StepReport, TrainResult
from ..train.run import Run
from .drawing import Drawer
from .judging import open_judge
from .pairs import PairEncoder, PairLoader, read_pairs
from .questions import QuestionEncoder, QuestionLoader, read_questions
from .reference import FILE, reference_of
from .rollouts import Rollouts
from .scored import AsBefore, ScoredAnswers, ScoredPairs, with_first_weights, without_adapters, without_dropout
from .settings import DpoSettings, GrpoSettings


class PairRun(Run):
    """Learns from pairs of answers (DPO)."""

    @staticmethod
    def encoder_of(settings: TrainSettings) -> Encoder:
        return make_encoder(settings, PairEncoder)

    @staticmethod
    def count(settings: TrainSettings, encoder: Encoder, processes: Processes) -> int:
        return len(_pairs(settings, encoder, processes))

    @staticmethod
    def scoring(settings: TrainSettings) -> Callable[[nn.Module], ScoredModel]:
        return partial(ScoredPairs, settings=_dpo(settings))

    def _go(self, model: nn.Module, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        without_dropout(model)
        self._scored = _inside(self.engine.module, ScoredPairs)
        self._reference = None
        if not only_adapters(self.settings.tune):
            if self.processes.first and not resume:
                (self.out / FILE).unlink(missing_ok=True)
            self.processes.wait()
            once = replace(self.settings.optimiser, epochs=1.0, max_steps=None)
            sources = tuple(replace(source, weight=1.0) for source in self.settings.data.sources)
            every = replace(self.settings, optimiser=once, data=replace(self.settings.data, sources=sources))
            pairs = _pairs(every, self.encoder, self.processes)
            self._reference = reference_of(self.out, self._scored, pairs, self.processes, self.on_note)
        return super()._go(model, resume=resume, on_step=on_step)

    def steps_from(self, done: int) -> PairLoader:
        loader = _pairs(self.settings, self.encoder, self.processes, done)
        loader.reference = self._reference
        return loader

    def loop(self, model: nn.Module, total: int, blank: Callable[[], Batch]) -> Loop:
        def begin(counts: Counts) -> None:
            self._scored.pairs_per_token = counts.samples / max(counts.loss_tokens, 1)

        parts = self.loop_parts(model, total, blank)
        return Loop(**parts, mean_over="samples", tells=True, begin_step=begin)


class AnswerRun(Run):
    """Learns from answers that the model draws, and a judge compares (GRPO)."""

    @staticmethod
    def encoder_of(settings: TrainSettings) -> Encoder:
        return make_encoder(settings, QuestionEncoder)

    @staticmethod
    def count(settings: TrainSettings, encoder: Encoder, processes: Processes) -> int:
        return len(_questions(settings, encoder, processes)) * _grpo(settings).updates

    @staticmethod
    def scoring(settings: TrainSettings) -> Callable[[nn.Module], ScoredModel]:
        return partial(ScoredAnswers, settings=_grpo(settings))

    def _go(self, model: nn.Module, *, resume: bool, on_step: OnStep | None) -> TrainResult:
        without_dropout(model)
        grpo = _grpo(self.settings)
        self._judge = open_judge(grpo.judge, grpo.judge_options)
        self._as_before: AsBefore | None = None
        if grpo.beta:
            adapters = only_adapters(self.settings.tune)
            self._as_before = without_adapters(model) if adapters else with_first_weights(model)
        self._model = model
        return super()._go(model, resume=resume, on_step=on_step)

    def _rounding(self, found: Checkpoint) -> list[str]:
        if found.processes != self.processes.count:  # each draws for its own questions
            self.on_note(
                f"{found.processes} processes drew answers before, now {self.processes.count} do: they draw others, so"
                " the run goes on, but not as it would have"
            )
        return super()._rounding(found)

    def steps_from(self, done: int) -> Rollouts:
        grpo = _grpo(self.settings)
        return Rollouts(
            questions=_questions(self.settings, self.encoder, self.processes, done // grpo.updates),
            drawer=Drawer(self._model, grpo, self.encoder.pad_id, self.encoder.never_said),
            judge=self._judge,
            tokenizer=processor(self.settings.model).tokenizer,
            scored=_inside(self.engine.module, ScoredAnswers),
            settings=grpo,
            as_before=self._as_before,
            seed=f"{self.settings.optimiser.seed} {self.processes.rank}",
        )

    def loop(self, model: nn.Module, total: int, blank: Callable[[], Batch]) -> Loop:
        parts = self.loop_parts(model, total, blank)
        return _AnswerLoop(**parts, tells=True, looks_ahead=False, updates=_grpo(self.settings).updates)


@dataclass
class _AnswerLoop(Loop):
    """A loop that is only left where new answers would be drawn: what is drawn is not part of a checkpoint."""

    updates: int = 1

    def run(self, steps: Iterable[Step], asked_to_stop: Callable[[], bool]) -> Iterator[tuple[StepReport, Step, bool]]:
        for report, step, stop in super().run(steps, asked_to_stop):
            yield report, step, stop and report.step % self.updates == 0


def _pairs(settings: TrainSettings, encoder: Encoder, processes: Processes, start_step: int = 0) -> PairLoader:
    return make_loader(settings, encoder, processes, start_step, kind=PairLoader, read=read_pairs)


def _questions(settings: TrainSettings, encoder: Encoder, processes: Processes, start_step: int = 0) -> QuestionLoader:
    return make_loader(
        _in_questions(settings), encoder, processes, start_step, kind=QuestionLoader, read=read_questions
    )


def _in_questions(settings: TrainSettings) -> TrainSettings:
    """The settings with the steps of the questions, of which each is learned from several times."""
    steps, updates = settings.optimiser.max_steps, _grpo(settings).updates
    if steps is None or updates == 1:
        return settings
    # Both are multiples (TrainSettings), so that no answers are left half learned from.
    return replace(
        settings,
        grpo=replace(_grpo(settings), updates=1),
        optimiser=replace(settings.optimiser, max_steps=steps // updates),
    )


def _inside(module: nn.Module, kind: type[ScoredPairs | ScoredAnswers]) -> ScoredPairs | ScoredAnswers:
    """What gives the loss inside of what shares it."""
    return next(part for part in module.modules() if isinstance(part, kind))


def _dpo(settings: TrainSettings) -> DpoSettings:
    assert settings.dpo is not None
    return settings.dpo


def _grpo(settings: TrainSettings) -> GrpoSettings:
    assert settings.grpo is not None
    return settings.grpo
