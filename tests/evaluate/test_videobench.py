"""Video-Bench: prompts, answers from elsewhere, the judge's letter, the file for the leaderboard, the real files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Question, Verdict
from sharegpt4video.evaluate.judge import Judge, run
from sharegpt4video.evaluate.videobench import SETS, figures, load, official_prompt, score, write_submission
from sharegpt4video.vlm.fake import FakeVLM

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "videobench"


def made(folder: Path, name: str = "NBA", **more: object) -> Path:
    item = {
        "vid_path": "Eval_video/NBA/1.mp4",
        "video_id": "1",
        "question": "Who?",
        "choices": {"A": "One", "B": "Two"},
    }
    (folder / f"{name}_QA_new.json").write_text(json.dumps({"0": item | more, "1": item | {"question": "Where?"}}))
    return folder


def first(folder: Path, protocol: str = "official", **options: object) -> Question:
    return next(iter(load(folder, protocol, options)))  # type: ignore[arg-type]


def test_sets_come_as_a_text_with_commas_and_answers_as_an_object(tmp_path: Path) -> None:
    made(made(tmp_path), "MV")
    assert [q.groups["set"] for q in load(tmp_path, "strict", {"sets": "MV, NBA"})] == ["MV", "MV", "NBA", "NBA"]
    (answers := tmp_path / "answers.json").write_text("[]")
    with pytest.raises(SettingsError, match="answers of NBA are an object"):
        first(tmp_path, answers=answers, sets="NBA")


def test_the_official_prompt_of_two_and_six_options() -> None:
    two = "Who? A.One B.Two \n Among the two options A, B above, the one closest to the correct answer is:"
    assert official_prompt("Who?", ["One", "Two"]) == two
    six = official_prompt("Who?", list("uvwxyz"))
    assert six == (
        "Who?Choices: A.u B.v C.w D.x E.y F.z \n Among the six options A, B, C, D, E, F above, the one closest to the "
        "correct answer is:"
    )
    assert official_prompt("Who?", list("xyz")).endswith("is: ")
    assert official_prompt("Who?", ["alone"]) == "Who?"


def test_each_protocol_asks_in_its_own_words(tmp_path: Path) -> None:
    made(tmp_path)
    original, strict = first(tmp_path, "original"), first(tmp_path, "strict")
    assert original.text.startswith(" The provided image arranges keyframes from a video in a grid view")
    assert original.text.endswith("Question: Who?\nOptions:\n (A) One\n(B) Two \nOnly give the best option.")
    assert strict.text == "Question: Who?\nOptions:\n(A) One\n(B) Two\nOnly give the best option."
    assert first(tmp_path).text == official_prompt("Who?", ["One", "Two"])


def test_an_answer_without_a_letter_scores_nothing(tmp_path: Path) -> None:
    asked = first(made(tmp_path, answer="B"), "strict")
    assert run(score(asked, "Nobody.", "strict")) == Verdict(0.0, unscored="unparsed")


def test_public_files_have_no_answers_and_count_nothing(tmp_path: Path) -> None:
    asked = first(made(tmp_path), "strict")
    verdict = run(score(asked, "B) Two", "strict"))
    assert (asked.answer, verdict.counted, verdict.numbers["choice"]) == ("", False, 1.0)
    assert figures([(asked, Answer(asked.id, "B", "m"), verdict)], "strict")["overall"].count == 0


@pytest.mark.parametrize("layout", ["file", "folder", "inside"])
def test_answers_come_from_where_they_are(tmp_path: Path, layout: str) -> None:
    (tmp_path / "more").mkdir()
    if layout == "file":
        (tmp_path / "answers.json").write_text(json.dumps({"NBA": {"0": "B"}}))
        asked = first(made(tmp_path), answers=tmp_path / "answers.json")
    elif layout == "folder":
        asked = first(made(tmp_path), answers=made(tmp_path / "more", answer="B"))
    else:
        asked = first(made(tmp_path, answer="B"))
    assert asked.answer == "B"
    assert run(score(asked, "(B)", "strict")).score == 1
    assert run(score(asked, "(B)", "original")).score == 1
    assert run(score(asked, "", "original")) == Verdict(0.0, unscored="empty")


def test_a_judge_says_the_letter_of_a_free_answer(tmp_path: Path) -> None:
    asked = first(made(tmp_path, answer="B"))
    vlm = FakeVLM(['{"maximum probability":"B"}'], max_images=0)
    verdict = run(score(asked, "The second of them.", "official"), Judge(vlm, tmp_path / "judged"))
    assert (verdict.score, verdict.by, verdict.numbers["choice"]) == (1.0, "judge", 1.0)
    assert "'target sequcene': 'The second of them.'" in vlm.requests[0].user_text
    assert run(score(asked, "The second of them.", "official")).unscored == "no judge"


def test_a_judge_that_says_something_else_is_unparsed(tmp_path: Path) -> None:
    asked = first(made(tmp_path, answer="B"))
    vlm = FakeVLM(["I cannot say that of any option."], max_images=0)
    verdict = run(score(asked, "Nobody.", "official"), Judge(vlm, tmp_path / "judged"))
    assert (verdict.score, verdict.unscored, verdict.numbers) == (0.0, "unparsed", {})


def test_the_released_layout(tmp_path: Path) -> None:
    row = {
        "question": "Who?",
        "options": "(A) One\n(B) Two",
        "answer": "(B) Two",
        "task_split": "sport",
        "video_path": "v",
    }
    (tmp_path / "NBA_QA_new.json").write_text(json.dumps([row]))
    asked = first(tmp_path, "original")
    assert "Options:\n (A) One\n(B) Two \nOnly give the best option." in asked.text
    assert asked.groups["set"] == "sport"
    assert [run(score(asked, said, "original")).score for said in ("B) Two", "A) One", ")")] == [1, 0, 0]


def test_the_file_for_the_leaderboard(tmp_path: Path) -> None:
    asked = list(load(made(tmp_path), "strict", {}))
    scored = [
        (q, Answer(q.id, text, "m"), run(score(q, text, "strict"))) for q, text in zip(asked, ["B", "?"], strict=True)
    ]
    assert write_submission(scored, tmp_path / "out.json") == 1
    stored = json.loads((tmp_path / "out.json").read_text())
    assert stored["NBA"]["0"]["output_chatgpt_choice"] == "B"
    assert set(stored["NBA"]["0"]) == {"video_id", "question", "output_sequence", "output_chatgpt_choice"}


def test_figures_are_micro_over_all_and_means_of_levels(tmp_path: Path) -> None:
    made(tmp_path, "NBA", answer="B")
    made(tmp_path, "MV", answer="B")
    asked = [q for q in load(tmp_path, "strict", {}) if q.answer]
    scored = [(q, Answer(q.id, "", "m"), Verdict(float(q.groups["set"] == "MV"))) for q in [*asked, asked[-1]]]
    found = figures(scored, "strict")
    alike = Counter(q.groups["set"] for q, _, _ in scored)
    assert found["overall"].value == pytest.approx(100 * alike["MV"] / 3)
    assert found["mean of sets: prior knowledge"].value == 50


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ActivityNet_QA_new\.json"):
        list(load(tmp_path, "official", {}))
    with pytest.raises(SettingsError, match=r"MOT_QA_new\.json"):
        list(load(made(tmp_path), "official", {"sets": ["NBA", "MOT"]}))


def test_the_real_files() -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/eval/videobench is not here")
    asked = list(load(REAL, "official", {}))
    assert len(asked) == len({q.id for q in asked}) == 17036
    assert Counter(q.groups["set"] for q in asked) == {name: count for name, (_, count) in SETS.items()}
    assert sum(bool(q.reference["single_option"]) for q in asked) == 1
    assert not any(q.answer for q in asked)
