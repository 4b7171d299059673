"""CameraBench: what is asked of which video, and what counts as right about a question, a video, a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_benchmarks import write_camerabench
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Protocol
from sharegpt4video.evaluate.camerabench import CAMERABENCH, read
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.runner import load_questions


def test_each_row_asks_both_questions_of_both_videos(tmp_path: Path) -> None:
    questions = load_questions(CAMERABENCH, write_camerabench(tmp_path), "strict", {"skills": "has_motion"})
    assert [(q.stem, q.video, q.answer) for q in questions] == [
        ("Does it move left?", "left1.mp4", "yes"),
        ("Does it move left?", "left2.mp4", "no"),
        ("Does it not move left?", "left1.mp4", "no"),
        ("Does it not move left?", "left2.mp4", "yes"),
    ]
    assert all(question.options[question.right or 0] == question.answer for question in questions)
    with pytest.raises(SettingsError, match=r"of tracking"):
        load_questions(CAMERABENCH, tmp_path, "strict", {"skills": "tracking"})


def test_always_yes_is_right_half_the_time_and_about_nothing_throughout(tmp_path: Path) -> None:
    questions = load_questions(CAMERABENCH, write_camerabench(tmp_path), "strict")

    def figures(said: dict[str, str]) -> dict[str, float]:
        scored = [
            (q, Answer(q.id, "", "m"), run(CAMERABENCH.score(q, said.get(q.id, q.answer), "strict"))) for q in questions
        ]
        return {name: figure.value for name, figure in CAMERABENCH.figures(scored, "strict").items()}

    names = ("overall", "question accuracy", "video accuracy", "row accuracy")
    yes = figures({q.id: "Yes." for q in questions})
    assert [yes[name] for name in names] == [50, 0, 0, 0]
    one_wrong = figures({questions[0].id: "No"})  # of eight answers, four questions, four videos, two rows
    assert [one_wrong[name] for name in names] == [87.5, 75, 75, 50]
    assert one_wrong["only_motion"] == 100


@pytest.mark.parametrize(
    ("said", "protocol", "yes"),
    [
        ("Yes", "lmms-eval", True),
        ("It is not, no. Yes?", "lmms-eval", False),
        ("Nothing", "lmms-eval", None),
        ("", "strict", None),
    ],
)
def test_how_an_answer_is_read(said: str, protocol: Protocol, yes: bool | None) -> None:
    assert read(said, protocol) is yes
