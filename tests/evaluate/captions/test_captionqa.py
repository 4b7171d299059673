"""CaptionQA: which questions offer a way out, what that is worth, and which are left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from made_benchmarks import write_captionqa
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.captions.answering import NOT_TOLD
from sharegpt4video.evaluate.captions.captionqa import CAPTIONQA, is_yes_no
from sharegpt4video.evaluate.captions.given import CaptionSet, Given
from sharegpt4video.evaluate.launch import answer_from_captions
from sharegpt4video.evaluate.runner import load_questions
from sharegpt4video.vlm.fake import FakeVLM


def test_questions_without_a_right_choice_are_left_out(tmp_path: Path) -> None:
    questions = load_questions(CAPTIONQA, write_captionqa(tmp_path), "strict")
    assert [question.id for question in questions] == ["nat_001/0", "nat_001/1", "doc_001/0"]
    assert [question.options[question.right or 0] for question in questions] == ["red", "no", "blue"]
    assert [question.groups["domain"] for question in questions] == ["natural", "natural", "document"]
    assert sorted(questions[0].options) == ["blue", "green", "red"]


@pytest.mark.parametrize(
    ("stem", "choices", "closed"),
    [
        ("Is it red?", ["red", "blue"], True),
        ("Island or sea?", ["a", "b"], False),
        ("What?", ["Yes", "No"], True),
        ("What?", ["yes, a lot", "none"], True),
        ("What?", ["red", "none"], False),
    ],
)
def test_what_is_taken_for_yes_or_no(stem: str, choices: list[str], closed: bool) -> None:
    assert is_yes_no(stem, choices) is closed


def test_silence_is_worth_a_guess_and_a_bonus(tmp_path: Path) -> None:
    judge = FakeVLM(lambda r: next((line[0] for line in r.user_text.split("\n") if line.endswith(NOT_TOLD)), "A"))
    sets = {"ours": CaptionSet("ours", [Given("nat_001", "A car."), Given("doc_001", "A page.")])}
    write_captionqa(tmp_path / "c")
    report = answer_from_captions("captionqa", sets, judge, annotations=tmp_path / "c", out=tmp_path / "out")
    open_worth, closed = 100 * (1 / 3 + 0.05), report.sets["ours"].groups["category"]["Attribute"]
    offered = [request for request in judge.requests if NOT_TOLD in request.user_text]
    assert len(offered) == 2
    assert closed.count == 3
    assert report.sets["ours"].groups["domain"]["document"].value == pytest.approx(open_worth)


@pytest.mark.parametrize(
    "row", [1, {"id": "a"}, {"id": "a", "questions": 3}, {"id": "a", "questions": [3]},
            {"id": "a", "questions": [{"choices": 1e9}]}],
)  # fmt: skip
def test_rows_of_another_form_are_refused(tmp_path: Path, row: object) -> None:
    (tmp_path / "q.jsonl").write_text(f"{json.dumps({'id': 'b', 'questions': None})}\n{json.dumps(row)}\n")
    with pytest.raises(SettingsError, match="row 2"):
        load_questions(CAPTIONQA, tmp_path, "strict")
