"""The judge of chains: true facts, false ones, order and form."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sharegpt4video.world.chain.reward import Facts, counted

STEP = "the small red square at the top left moves right."
WHOLE = "1 a small red square at the top left. 2 moves right. 3 turns blue. 4 grows."


@dataclass(frozen=True)
class Asked:
    answer: str


@pytest.mark.parametrize(
    ("text", "truth", "right", "wanted", "false"),
    [
        (STEP, STEP, 5, 5, 0),
        (STEP.replace("red", "blue"), STEP, 4, 5, 1),
        (STEP.replace("square", "box"), STEP, 4, 5, 1),  # the step before called it a square
        (STEP.replace("moves right", "grows"), STEP, 4, 5, 1),
        ("a small red box at the top left.", "a small red square at the top left.", 4, 4, 0),
        ("Something red moves.", STEP, 0, 5, 1),
        ("", STEP, 0, 5, 0),
        (WHOLE, WHOLE, 7, 7, 0),
        ("1 a small red square at the top left. 2 moves right. 3 turns blue.", WHOLE, 6, 7, 0),
        ("1 a small red square at the top left. 2 turns blue. 3 moves right. 4 grows.", WHOLE, 6, 7, 1),
        ("1 a small red square at the top left. 2 moves right. 2 turns blue. 4 grows.", WHOLE, 7, 7, 1),
        (WHOLE + " 5 shrinks.", WHOLE, 7, 7, 1),
        (WHOLE + " It is nice.", WHOLE, 7, 7, 1),
    ],
)
def test_facts_are_counted_against_the_true_text(text: str, truth: str, right: int, wanted: int, false: int) -> None:
    found = counted(text, truth)
    assert (found.right, found.wanted, found.false) == (right, wanted, false)


def test_a_guess_is_worth_nothing_and_silence_neither() -> None:
    guessed, silent, true = Facts()(Asked(WHOLE), [WHOLE.replace("grows", "shrinks"), WHOLE[:-9], WHOLE])
    assert (guessed.reward, silent.reward, true.reward) == (pytest.approx(5 / 7), pytest.approx(6 / 7), 1.0)
    assert guessed.figures == {"facts_right": pytest.approx(6 / 7), "facts_false": 1.0}
    assert Facts(false=0.0)(Asked(WHOLE), [WHOLE.replace("grows", "shrinks")])[0].reward == pytest.approx(6 / 7)
