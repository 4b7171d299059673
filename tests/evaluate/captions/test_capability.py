"""CAPability: what a judge is asked, what its marks are worth, and the figures of the authors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made_benchmarks import SAMPLES
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Question, Verdict
from sharegpt4video.evaluate.captions.capability import CAPABILITY, VIEWS, mark_of, verdict_of
from sharegpt4video.evaluate.judge import Judge, run
from sharegpt4video.evaluate.runner import load_questions
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM


@pytest.fixture
def questions(tmp_path: Path) -> dict[str, Question]:
    write, options = SAMPLES["capability"]
    found = load_questions(CAPABILITY, write(tmp_path / "c"), "strict", options)
    return {question.reference["task"]: question for question in found}


@pytest.mark.parametrize(
    ("task", "judgement", "mark"),
    [
        ("event", {"score": 1}, 1),
        ("event", {"score": "-1"}, -1),
        ("event", {"score": 2}, None),
        ("event", {"score": True}, None),
        ("camera_movement", {"pred": ["left", "up"]}, 1),
        ("camera_movement", {"pred": "['up']"}, -1),
        ("camera_movement", {"pred": "up"}, -1),
        ("camera_movement", {"pred": "N/A"}, 0),
        ("camera_movement", {"pred": ["sideways"]}, None),
        ("style", {}, None),
        ("style", {"pred": [["left"], {}]}, None),
    ],
)
def test_marks(task: str, judgement: dict[str, Any], mark: int | None) -> None:
    assert mark_of(task, judgement, "left") == mark


def test_each_element_is_asked_about_until_the_judge_can_be_read(
    questions: dict[str, Question], tmp_path: Path
) -> None:
    def says(request: Request) -> str:
        if '"chair"' in request.user_text:
            return "```json\n" + json.dumps({"score": 1, "reason": "two"}) + "\n```"
        return json.dumps({"score": -1}) if request.reminder else "Well."

    judge = FakeVLM(says)
    verdict = run(CAPABILITY.score(questions["dynamic_object_number"], "Two chairs.", "strict"), Judge(judge, tmp_path))
    assert verdict.numbers == {"all": 2, "spoken": 2, "right": 1}
    assert verdict.score == 0.5
    assert len(judge.requests) == 3
    vague = run(
        CAPABILITY.score(questions["event"], "A dog.", "strict"), Judge(FakeVLM(lambda _: "Hm."), tmp_path / "2")
    )
    assert (vague.unscored, vague.counted) == ("unparsed", False)
    assert run(CAPABILITY.score(questions["event"], " ", "strict")).numbers["spoken"] == 0


def test_figures_are_precision_recall_and_f1_and_their_means(questions: dict[str, Question]) -> None:
    marks = {"event": [1, 1, 0, -1], "camera_movement": [1, 0, 0, 0]}
    scored = [
        (questions[task], Answer("", "", "m"), verdict_of([mark])) for task, each in marks.items() for mark in each
    ]
    figures = {name: figure.value for name, figure in CAPABILITY.figures(scored, "strict").items()}
    assert figures["Event, precision"] == pytest.approx(200 / 3)
    assert (figures["Event, recall"], figures["Event"]) == (pytest.approx(50), pytest.approx(400 / 7))
    assert figures["Camera movement"] == pytest.approx(40)
    assert figures["overall"] == pytest.approx((400 / 7 + 40) / 2)
    assert figures["overall, precision"] == pytest.approx((200 / 3 + 100) / 2)
    assert CAPABILITY.figures([(questions["event"], Answer("", "", "m"), Verdict(0.0))], "strict") == {}


def test_views(tmp_path: Path) -> None:
    assert len(VIEWS) == 13
    with pytest.raises(SettingsError, match="has no view 'taste'"):
        load_questions(CAPABILITY, tmp_path, "strict", {"tasks": "taste"})


@pytest.mark.parametrize(
    "wrong", [{"data_type": "sound"}, {"annotation": ["dog"]}, {"annotation": {}}, {"data_type": None}]
)
def test_rows_that_cannot_be_asked_about_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    row = {"file_id": "1", "file_path": "a.mp4", "data_type": "video", "annotation": {"dog": 1}}
    (tmp_path / "dynamic_object_number.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps({**row, **wrong})}\n")
    with pytest.raises(SettingsError, match=r"dynamic_object_number\.jsonl, line 2: "):
        load_questions(CAPABILITY, tmp_path, "strict", {"tasks": "dynamic_object_number"})
