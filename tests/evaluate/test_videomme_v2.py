"""Video-MME-v2: letters of answers, and what a group of four is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from made_benchmarks import write_videomme_v2
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.runner import load_questions
from sharegpt4video.evaluate.videomme_v2 import VIDEOMME_V2, extract, group_score


@pytest.mark.parametrize(
    ("said", "letter"),
    [("B", "B"), ("Final Answer: H.", "H"), ("The answer is (C)", "C"), ("a cat", ""), ("An E", "A"), ("", "")],
)
def test_letters(said: str, letter: str) -> None:
    assert extract(said) == letter


@pytest.mark.parametrize(
    ("marks", "kind", "structure", "worth"),
    [
        ((1, 0, 1, 0), "relevance", "None", 25),
        ((1, 1, 1, 1), "relevance", "None", 100),
        ((1, 1, 1, -1), "relevance", "None", 25),  # officially, no letter takes a right answer away
        ((1, 1, 0, 1), "logic", "[1, 2, 3, 4]", 25),
        ((0, 1, 1, 1), "logic", "[1, 2, 3, 4]", 0),
        ((-1, 1, 1, 1), "logic", "[1, 2, 3, 4]", 100),  # officially, no letter counts as right in a chain
        ((1, 0, 1, 1), "logic", "[1, [2, 3], 4]", 100 * 4 / 12),
        ((0, 1, 1, 1), "logic", "[[1, 2], 3, 4]", 10),
        ((1, 1, 1, 0), "logic", "[[1, 2], 3, 4]", 50),
    ],
)
def test_what_a_group_is_worth(marks: tuple[int, ...], kind: str, structure: str, worth: float) -> None:
    assert group_score(marks, kind, structure) == pytest.approx(worth)


def test_figures_of_groups_and_questions(tmp_path: Path) -> None:
    questions = load_questions(VIDEOMME_V2, write_videomme_v2(tmp_path), "official")
    assert questions[0].options[0] == "thing 10A"
    wrong = {"001-1": "A", "002-4": "hm"}
    scored = [
        (q, Answer(q.id, "", "m"), run(VIDEOMME_V2.score(q, wrong.get(q.id, q.answer), "official"))) for q in questions
    ]
    figures = {name: figure.value for name, figure in VIDEOMME_V2.figures(scored, "official").items()}
    assert figures["overall"] == pytest.approx((56.25 + 100 + 100) / 3)  # 002's last has no letter
    assert figures["group type: logic"] == pytest.approx(100)
    assert VIDEOMME_V2.figures(scored, "strict")["group type: logic"].value == pytest.approx((100 * 7 / 12 + 100) / 2)
    assert (figures["level: 1"], figures["accuracy"]) == (pytest.approx(56.25), pytest.approx(100 * 10 / 12))
    part = VIDEOMME_V2.figures(scored[:6], "official")
    assert part["overall"].count == 1  # a group of two questions is none


def test_other_files_are_refused(tmp_path: Path) -> None:
    rows = pq.read_table(write_videomme_v2(tmp_path / "a") / "test.parquet").to_pylist()
    for name, wrong in (("short", rows[:3]), ("other", [{**row, "group_type": "x"} for row in rows])):
        pq.write_table(pa.Table.from_pylist(wrong), tmp_path / f"{name}.parquet")
        with pytest.raises(SettingsError, match=name):
            load_questions(VIDEOMME_V2, tmp_path / f"{name}.parquet", "strict")
    later = [*rows[:3], {"video_id": rows[0]["video_id"]}]
    many = [{**row, "options": "\n".join("ABCDEFGHI")} for row in rows]
    for number, other in enumerate(({"rows": rows}, [1], [], later, many, None)):
        (tmp_path / f"{number}.json").write_text(json.dumps(other))
        with pytest.raises(SettingsError, match=rf"{number}\.json"):
            load_questions(VIDEOMME_V2, tmp_path / f"{number}.json", "strict")
