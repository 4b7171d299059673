"""The checks as a judge of answers: what was measured, what was told before, and what there was to tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from made_captions import captioned
from made_dataset import caption_row, made_store
from made_facts import LEFT, RIGHT, at, between, thing
from sharegpt4video.dataset.checks.reward import Findings, recall
from sharegpt4video.dataset.export import export
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import Step


@dataclass(frozen=True)
class Asked:
    id: str
    answer: str
    plain: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture
def questions(tmp_path: Path) -> dict[str, Asked]:
    """The questions of a caption with measured facts, as they are exported."""
    dog = between(0.0, 2.0, thing("dog", LEFT, RIGHT))
    steps = [
        Step("opening", 0.0, 0.0, "A brown dog stands on grass.", 0, (0.0,), (at(0.0, thing("dog", LEFT, LEFT)),)),
        Step("change", 0.0, 2.0, "The dog runs to the right.", 0, (0.0, 2.0), (dog,)),
    ]
    row = caption_row(0, captioned(steps, 2.0, "A brown dog stands on grass. Then it runs to the right."))
    store = made_store(tmp_path / "set", [row])
    export(store, "captioner", str(tmp_path / "out"), options={"facts": True, "pictures": False})
    plain = json.loads((tmp_path / "out" / "train.json").read_text("utf-8"))
    return {one["task"]: Asked(one["id"], one["conversations"][1]["value"], one) for one in plain}


def test_an_answer_against_the_facts_is_worse(questions: dict[str, Asked]) -> None:
    asked = questions["change"]
    right, wrong, person = Findings()(asked, [asked.answer, "The dog runs to the left.", "A man runs to the right."])
    assert right.reward == 1.0
    assert right.figures == {"findings": 0.0, "claims_told": 1.0}
    assert wrong.figures["findings"] == 1.0
    assert wrong.reward < person.reward < right.reward


def test_a_summary_is_held_against_its_steps(questions: dict[str, Asked]) -> None:
    asked = questions["summary"]
    right, more = Findings()(asked, [asked.answer, "A brown dog runs past a red car on the grass."])
    assert (right.figures["findings"], more.figures["findings"]) == (0.0, 1.0)


def test_to_say_nothing_is_no_way_out(questions: dict[str, Asked]) -> None:
    asked = questions["opening"]
    full, vague, empty = Findings()(asked, [asked.answer, "There is something in the picture.", ""])
    assert full.reward > vague.reward > empty.reward


def test_a_prompt_written_anew_describes_no_video(questions: dict[str, Asked]) -> None:
    (found,) = Findings()(questions["recaption"], [questions["recaption"].answer])
    assert found.reward == 1.0


def test_what_a_text_tells_of_another() -> None:
    assert recall("A brown dog runs.", "A puppy, brown all over, is running.") == 1.0
    assert recall("A brown dog runs.", "A cat.") == 0.0
    assert recall("It is quiet.", "") == 1.0


def test_a_sample_that_does_not_say_what_was_asked_is_named() -> None:
    with pytest.raises(SettingsError, match=r"abc: its file does not say what was asked"):
        Findings()(Asked("abc", "A dog."), ["A dog."])
    with pytest.raises(SettingsError, match="cannot be read"):
        Findings()(Asked("abc", "A dog.", {"request": {"task": "change", "colour": 1}}), ["A dog."])
