"""Judges for tests."""

from __future__ import annotations

from collections.abc import Sequence

from sharegpt4video.lvlm.preferences.judging import Question, Verdict


class Length:
    """The more letters "e", the better."""

    def __init__(self, letter: str = "e") -> None:
        self._letter = letter
        self.asked: list[tuple[Question, tuple[str, ...]]] = []

    def __call__(self, question: Question, answers: Sequence[str]) -> list[Verdict]:
        self.asked.append((question, tuple(answers)))
        counts = [answer.count(self._letter) for answer in answers]
        return [Verdict(float(count), {"letters": float(count)}) for count in counts]


def too_few() -> object:
    return lambda _question, answers: [Verdict(0.0)] * (len(answers) - 1)


def not_a_number() -> object:
    return lambda _question, answers: [Verdict(float("nan"))] * len(answers)
