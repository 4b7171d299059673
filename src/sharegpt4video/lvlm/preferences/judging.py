"""Who judges the answers that a model draws: one small protocol, and how a judge is found by name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ...errors import SettingsError
from ...learning.errors import TrainingError

OURS = frozenset({"sharegpt4video.dataset.checks.reward:Findings", "sharegpt4video.world.chain.reward:Facts"})
"""Judges of the package. All others are code of somebody else, which a file alone must not start."""


@dataclass(frozen=True)
class Question:
    """What a model was asked.

    text    the question as it stands in the data, without places of pictures
    answer  what the data answers
    plain   all that the data says of the sample: ``task``, ``request``, ``seconds``, whatever the file holds
    """

    id: str
    text: str
    answer: str
    plain: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Judged(Protocol):
    """How good an answer is: any finite number, compared with those of the other answers to the same question.

    ``figures`` go into the log, as means over all answers of a step.
    """

    @property
    def reward(self) -> float: ...
    @property
    def figures(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Verdict:
    """A `Judged` for judges that have none of their own."""

    reward: float
    figures: Mapping[str, float] = field(default_factory=dict)


class Judge(Protocol):
    """Judges all answers to one question; the same ones always get the same verdicts."""

    def __call__(self, question: Question, answers: Sequence[str]) -> Sequence[Judged]: ...


def open_judge(place: str, options: Mapping[str, Any]) -> Judge:
    """The judge at ``MODULE:NAME``, or ``FILE.py:NAME``: a class or function that, called with the options, gives one.

    Raises SettingsError for one that is not there or does not take the options.
    """
    where, _, name = place.rpartition(":")
    module = _module(where)
    made = getattr(module, name, None)
    if not callable(made):
        raise SettingsError(f"grpo.judge: {where} has no {name!r} that could be called")
    try:
        inspect.signature(made).bind(**options)
    except TypeError as error:
        raise SettingsError(f"grpo.judge_options do not fit {place}: {error}") from error
    judge: Judge = made(**options)
    if not callable(judge):
        raise SettingsError(f"grpo.judge: {place} gives {judge!r}, which cannot be called with a question and answers")
    return judge


def _module(where: str) -> ModuleType:
    if not where.endswith(".py"):
        try:
            return importlib.import_module(where)
        except ImportError as error:
            raise SettingsError(f"grpo.judge: {where} cannot be imported: {error}") from error
    path = Path(where).expanduser()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SettingsError(f"grpo.judge: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judged(judge: Judge, question: Question, answers: Sequence[str]) -> list[Judged]:
    """The verdicts on all answers. Raises TrainingError for too few of them, and rewards that are no finite numbers."""
    found = list(judge(question, answers))
    if len(found) != len(answers):
        raise TrainingError(f"grpo.judge gave {len(found)} verdicts on {len(answers)} answers to {question.id}")
    wrong = [one.reward for one in found if not math.isfinite(one.reward)]
    if wrong:
        raise TrainingError(f"grpo.judge gave {question.id} a reward of {wrong[0]}, which is no finite number")
    return found
