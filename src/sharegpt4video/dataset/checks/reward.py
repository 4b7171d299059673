"""The checks as a judge of drawn answers on real data (``grpo.judge: sharegpt4video.dataset.checks.reward:Findings``).

An answer is held against what was measured, against the text before it, against the steps it sums up, and against the
rules for texts, as ``dataset check`` and ``--verify`` do. No model is asked, so nobody can be talked round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

from pydantic import TypeAdapter

from ...errors import SettingsError
from ...records import Facts, Finding
from ...verify.answers import DESCRIBES, draft_of
from ...verify.prose import Passage
from ...vlm.base import Request
from ...vlm.stored import request_of
from ..compare.claims import claims, said
from . import CHECKS, severity
from .language import check_language_code


@dataclass(frozen=True)
class Judged:
    """How good an answer is; ``figures`` are its findings, and the share of the data's claims that it makes."""

    reward: float
    figures: Mapping[str, float]


class Asked(Protocol):
    """A question: what the data answer, and all that the data say of it."""

    @property
    def id(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def plain(self) -> Mapping[str, Any]: ...


class Findings:
    """Punishes findings by how bad they are, and rewards claims that the data make, too.

    recall    what telling all that the data's answer tells is worth. Without it the best answer would say nothing.
    language  that the texts should be in

    Questions come from ``sg4v dataset export --format captioner --set facts=true``; without measured facts, texts are
    still held against the rules and the texts before them. Raises SettingsError for a sample without its request.
    """

    def __init__(self, recall: float = 1.0, language: str = "en") -> None:
        check_language_code(language)
        self._recall, self._language = recall, language

    def __call__(self, question: Asked, answers: Sequence[str]) -> list[Judged]:
        request = _request(question)
        return [self._judged(request, question.answer, answer) for answer in answers]

    def _judged(self, request: Request, wanted: str, answer: str) -> Judged:
        found = findings(request, answer, self._language)
        told = recall(wanted, answer)
        figures = {"findings": float(len(found)), "claims_told": told}
        return Judged(self._recall * told - severity(found), figures)


def findings(request: Request, answer: str, language: str = "en") -> tuple[Finding, ...]:
    """What is wrong with an answer to a request; an empty one is unusable. A prompt rewritten describes no video."""
    if not answer.strip():
        return (Finding("unusable", 0, "the answer is empty"),)
    if request.task not in DESCRIBES:
        return ()
    draft, number = draft_of(request, answer, language)
    checks = (check for check in CHECKS.values() if check.group != "times")
    return tuple(one for check in checks for one in check.run(draft) if one.step == number)


def recall(wanted: str, answer: str) -> float:
    """The share of the claims of a text (things, colours, actions, numbers, quotations) that an answer makes as well.

    A text without claims is told by any answer.
    """
    asked, told = Passage(0, wanted), Passage(0, answer)
    every = list(claims([asked]))
    known = said([told], claims([told]))
    return sum(known.says(claim.kind, claim.meanings) for claim in every) / len(every) if every else 1.0


def _request(question: Asked) -> Request:
    plain = question.plain.get("request")
    if not isinstance(plain, Mapping):
        raise SettingsError(
            f"{question.id}: its file does not say what was asked; judge questions of sg4v dataset export --format"
            " captioner"
        )
    try:
        measured = _facts().validate_python(question.plain.get("facts") or [])
        return replace(request_of(plain, 0), facts=tuple(measured))
    except ValueError as error:
        raise SettingsError(f"{question.id}: its request cannot be read: {error}") from error


@cache
def _facts() -> TypeAdapter[list[Facts]]:
    return TypeAdapter(list[Facts])
