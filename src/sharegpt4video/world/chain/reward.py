"""The exact reader of texts as a judge of drawn answers (``grpo.judge: sharegpt4video.world.chain.reward:Facts``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .told import LOOK_FACTS, Told, events, read_step, read_whole


@dataclass(frozen=True)
class Judged:
    """How good a text is, and its facts: the share of the true ones that it tells, and how many it tells wrongly."""

    reward: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Counted:
    """Facts of a text: ``right`` of ``wanted``, and ``false`` ones. What is no sentence of the world is one, and so is
    a wrong numbering."""

    right: int
    wanted: int
    false: int


class Asked(Protocol):
    """A question, of which the data know the true answer."""

    @property
    def answer(self) -> str: ...


class Facts:
    """Rewards true facts and punishes false ones, each as a share of those there are to tell.

    ``false`` is what a false fact weighs beside a true one: at 1, to guess among two is worth nothing.
    """

    def __init__(self, false: float = 1.0) -> None:
        self._false = false

    def __call__(self, question: Asked, answers: Sequence[str]) -> list[Judged]:
        return [self._judged(counted(answer, question.answer)) for answer in answers]

    def _judged(self, found: Counted) -> Judged:
        reward = (found.right - self._false * found.false) / found.wanted
        return Judged(reward, {"facts_right": found.right / found.wanted, "facts_false": float(found.false)})


def counted(text: str, truth: str) -> Counted:
    """The facts of a text, against a true text that tells all of them: of a step, or of a whole."""
    true = read_step(truth)
    told = read_whole(text) if true.stray else read_step(text)
    if true.stray:
        true = read_whole(truth)
    # Of a thing's two names a step must keep the one before; elsewhere either is right.
    facts = ("size", "colour", "name", "place") if true.deeds and not true.numbers else LOOK_FACTS
    pairs = [(getattr(told, fact), getattr(true, fact)) for fact in facts]
    found = events(told.deeds, true.deeds)
    right = sum(bool(one) and one == other for one, other in pairs) + found.in_order
    false = sum(bool(one) and one != other for one, other in pairs) + found.told - found.in_order
    return Counted(right, len(facts) + len(true.deeds), false + bool(told.stray) + _misnumbered(told, true))


def _misnumbered(told: Told, true: Told) -> bool:
    return bool(true.numbers) and told.numbers != tuple(range(2, 2 + len(told.numbers)))
