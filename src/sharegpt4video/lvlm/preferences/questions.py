"""Questions to draw answers to: conversations of which the last answer is left to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.encode import Encoder
from ..data.example import Example, Step
from ..data.loader import StepLoader
from ..data.masks import IGNORED, last_answer
from ..data.packing import Batch
from ..data.samples import Sample, Samples, read_samples
from ..settings import DataSource
from .judging import Question


@dataclass(frozen=True)
class Asked(Sample):
    """A conversation, with all that its file says of it."""

    plain: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def question(self) -> Question:
        *_, asked, answer = self.turns
        return Question(self.id, asked.text, answer.text, self.plain)


class Questions(Samples):
    """The conversations of one file, each read when asked for."""

    def made(self, plain: Any, name: str, size: int) -> Asked:
        return Asked(**vars(super().made(plain, name, size)), plain=plain)


def read_questions(source: DataSource) -> Questions:
    """Index a file of conversations. Raises as ``read_samples`` does."""
    found = read_samples(source)
    return Questions(found.path, Path(found.media), found.places)


@dataclass(frozen=True, eq=False)
class QuestionExample(Example):
    """A conversation up to its last answer, ready to be continued. Nothing of it is learned."""

    question: Question = field(kw_only=True)


class QuestionEncoder(Encoder):
    """Encodes conversations up to where the last answer begins: just what the model is asked with."""

    def encode(self, sample: Sample) -> Example:
        assert isinstance(sample, Asked)
        whole = super().encode(sample)
        begin = last_answer(whole.labels)
        return QuestionExample(
            **{
                **vars(whole),
                "input_ids": whole.input_ids[:begin],
                "labels": whole.labels[:begin].fill_(IGNORED),
                "aligned": {name: values[:begin] for name, values in whole.aligned.items()},
            },
            question=sample.question,
        )


class QuestionLoader(StepLoader):
    """The questions of each step; ``asked`` are those of the step that was given last, whose batches are empty."""

    asked: Sequence[QuestionExample] = ()

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        self.asked = [one for one in examples if isinstance(one, QuestionExample)]
        return []

    def batches_of(self, answers: Sequence[Example]) -> list[Batch]:
        """The batches of some answers, packed as the settings say."""
        return super().batches(answers)


def emptied(step: Step) -> Step:
    """A step whose questions have been told of already."""
    return replace(step, skipped=[])
