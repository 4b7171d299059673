"""On-policy steps: answers are sampled from the current model, judged, and made into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..data.example import Example, Step
from ..data.masks import IGNORED
from ..data.packing import Batch
from ..train.transfer import inputs_of
from .drawing import Drawer, Drawn
from .judging import Judge, Judged, judged
from .losses import advantages_of
from .questions import QuestionExample, QuestionLoader, emptied
from .scored import AsBefore, ScoredAnswers
from .settings import GrpoSettings

Told = dict[str, tuple[float, float]]


@dataclass
class Rollouts:
    """The steps of a run: each step of ``questions`` is drawn for once and learned from ``settings.updates`` times.

    ``as_before`` is how the model was at the beginning; None where no distance to that is kept. ``seed`` and the
    number of the step decide what is drawn, so a run goes on as if it had not stopped.
    """

    questions: QuestionLoader
    drawer: Drawer
    judge: Judge
    tokenizer: Any
    scored: ScoredAnswers
    settings: GrpoSettings
    as_before: AsBefore | None
    seed: str

    def __len__(self) -> int:
        return len(self.questions) * self.settings.updates

    def __iter__(self) -> Iterator[Step]:
        for step in self.questions:
            batches, told = self._answered(self.questions.asked, step.number)
            learned = sum(batch.loss_tokens for batch in batches)
            for update in range(self.settings.updates):
                number = step.number * self.settings.updates + update
                yield replace(step, number=number, batches=batches, loss_tokens=learned, told=told)
                step, told = emptied(step), {}

    def blank(self) -> Batch:
        """A batch without any learned token."""
        return self.questions.blank()

    def dealt(self, steps: int) -> int:
        """How many questions the first steps of the run are made of, those left out included."""
        return self.questions.dealt(-(-steps // self.settings.updates))

    def _answered(self, asked: Sequence[QuestionExample], number: int) -> tuple[list[Batch], Told]:
        if not asked:
            return [], {}
        drawn = self.drawer.draw(asked, f"{self.seed} {number}")
        verdicts = [judged(self.judge, one.question, [self._text(answer) for answer in answers])
                    for one, answers in zip(asked, drawn, strict=True)]  # fmt: skip
        rewards = torch.tensor([[verdict.reward for verdict in row] for row in verdicts], dtype=torch.float64)
        scaled, margin = self.settings.by_deviation, self.settings.tie_margin
        advantages = advantages_of(rewards, by_deviation=scaled, tie_margin=margin).float()
        answers = [answer_of(one, answer, f"{place}:{rank}") for place, one in enumerate(asked)
                   for rank, answer in enumerate(drawn[place])]  # fmt: skip
        of_each = {answer.id: advantage for answer, advantage in zip(answers, advantages.flatten(), strict=True)}
        by_id = {answer.id: answer for answer in answers}
        batches = [self._batch(batch, by_id, of_each) for batch in self.questions.batches_of(answers)]
        named = {f"{place}:{rank}": one.id for place, one in enumerate(asked) for rank in range(len(drawn[place]))}
        batches = [replace(batch, ids=tuple(named[id] for id in batch.ids)) for batch in batches]
        return batches, _told(drawn, verdicts, rewards, advantages)

    def _text(self, answer: Drawn) -> str:
        text: str = self.tokenizer.decode(answer.ids, skip_special_tokens=True)
        return text.strip()

    def _batch(self, batch: Batch, answers: dict[str, Example], advantages: dict[str, Tensor]) -> Batch:
        """The batch with all that its loss is made of."""
        more = {
            "answer_tokens": torch.tensor([answers[id].loss_tokens for id in batch.ids]),
            "advantages": torch.stack([advantages[id] for id in batch.ids]),
        }
        if self.settings.updates == 1 and self.as_before is None:
            return replace(batch, inputs={**batch.inputs, **more})
        inputs = inputs_of(batch, next(self.scored.parameters()).device)
        with torch.no_grad():
            if self.settings.updates > 1:
                more["drawn"] = self.scored.log_probs(inputs).cpu()
            if self.as_before is not None:
                with self.as_before():
                    more["reference"] = self.scored.log_probs(inputs).cpu()
        return replace(batch, inputs={**batch.inputs, **more})


def answer_of(question: Example, answer: Drawn, id: str) -> Example:
    """A question with an answer, of which the answer is learned."""
    count = len(answer.ids)
    return Example(
        id,
        torch.cat([question.input_ids, answer.ids]),
        torch.cat([torch.full_like(question.input_ids, IGNORED), answer.ids]),
        question.pixel_values,
        question.image_sizes,
        question.tensors,
        {name: torch.cat([values, values.new_zeros(count)]) for name, values in question.aligned.items()},
        visual_tokens=question.visual_tokens,
        media=question.media,
    )


def _told(
    drawn: Sequence[Sequence[Drawn]], verdicts: Sequence[Sequence[Judged]], rewards: Tensor, advantages: Tensor
) -> Told:
    answers = rewards.numel()
    deviation = rewards.std(dim=1)
    told = {
        "reward": (float(rewards.sum()), answers),
        "reward_deviation": (float(deviation.sum()), len(rewards)),
        "undecided": (float((advantages == 0).all(dim=1).sum()), len(rewards)),
        "answer_tokens": (float(sum(len(one.ids) for row in drawn for one in row)), answers),
        "cut_off": (float(sum(not one.ended for row in drawn for one in row)), answers),
    }
    figures: Told = {}
    for verdict in (one for row in verdicts for one in row):
        for name, value in verdict.figures.items():
            before = figures.get(name, (0.0, 0.0))
            figures[name] = before[0] + value, before[1] + 1
    return {**told, **figures}
