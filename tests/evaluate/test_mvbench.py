"""MVBench: what is asked under each protocol, how answers are read, and the real annotation where it is at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Protocol, Question, Verdict
from sharegpt4video.evaluate.figures import chance
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.mvbench import TASKS, figures, is_right, load, score

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "mvbench"
PROTOCOLS: tuple[Protocol, ...] = ("strict", "official", "original", "lmms-eval")


def made(folder: Path, **more: object) -> Path:
    """The twenty files, each with one question whose answer is B."""
    for task in TASKS:
        item = {"video": "a.mp4", "question": "What?", "candidates": ["One.", "Two.", "Three."], "answer": "Two."}
        (folder / f"{task.file}.json").write_text(json.dumps([item | {"start": 1.5, "end": 4.0} | more]))
    return folder


def question(folder: Path, protocol: Protocol, task: str = "action_sequence") -> Question:
    return next(iter(load(made(folder), protocol, {"tasks": task})))


def verdict(asked: Question, text: str, protocol: Protocol) -> Verdict:
    return run(score(asked, text, protocol))


def test_the_official_question(tmp_path: Path) -> None:
    asked = question(tmp_path, "official")
    assert asked.text.endswith(
        "Question: What?\nOptions:\n(A) One.\n(B) Two.\n(C) Three.\nOnly give the best option.\n"
    )
    assert asked.text.startswith(asked.system)
    assert (asked.prefill, asked.max_tokens, asked.answer) == ("Best option:(", 100, "B")
    assert (asked.video, asked.start_seconds, asked.end_seconds) == ("star/Charades_v1_480/a.mp4", 1.5, 4.0)


def test_the_released_question_has_the_grid_prefix_and_its_blanks(tmp_path: Path) -> None:
    asked = question(tmp_path, "original")
    assert asked.text.startswith(" The provided image arranges keyframes from a video in a grid view, ")
    assert asked.text.endswith("throughout the frames. Question: What?\nOptions:\n(A) One.\n(B) Two.\n(C) Three. "
                               "\nOnly give the best option.")  # fmt: skip
    assert asked.system.endswith("addresses the question.\n")
    assert asked.max_tokens == 32


def test_the_harness_asks_about_cut_clips(tmp_path: Path) -> None:
    asked = question(tmp_path, "lmms-eval")
    assert asked.text == "Question:What?\nOption:\n(A) One.\n(B) Two.\n(C) Three.\nOnly give the best option.\n"
    assert (asked.system, asked.prefill, asked.max_tokens) == ("", "", 16)
    assert (asked.video, asked.start_seconds) == ("star/Charades_segment/a.mp4", None)


def test_episodic_reasoning_is_a_folder_of_pictures_with_bounds(tmp_path: Path) -> None:
    asked = question(tmp_path, "strict", "Episodic Reasoning")
    assert asked.reference["folder_fps"] == 3.0
    assert (asked.video, asked.end_seconds) == ("tvqa/frames_fps3_hq/a.mp4", 4.0)


def test_tasks_without_bounds_are_whole_videos(tmp_path: Path) -> None:
    assert question(tmp_path, "official", "Scene Transition").start_seconds is None


@pytest.mark.parametrize("said", ["", "(", ")"])
def test_nothing_is_right_under_the_official_rule_alone(tmp_path: Path, said: str) -> None:
    for letter in "ABC":
        assert is_right(said, letter, "One.", "official")
        assert not is_right(said, letter, "One.", "original")
    asked = question(tmp_path, "official")
    assert verdict(asked, "", "official") == Verdict(1.0, unscored="empty")
    assert verdict(asked, "", "original") == Verdict(0.0, unscored="empty")
    assert verdict(asked, "", "strict") == Verdict(0.0, unscored="empty")
    assert verdict(asked, ")", "strict").score == 0
    assert not verdict(question(tmp_path, "lmms-eval"), "", "lmms-eval").counted


@pytest.mark.parametrize(
    ("said", "official", "original", "strict"),
    [
        ("B) Two.", 1, 1, 1),
        ("B", 1, 1, 1),
        ("b).", 1, 1, 1),
        ("A) One.", 0, 0, 0),
        ("The answer is (B)", 0, 0, 1),
        ("Two.", 0, 0, 1),
        ("B) Two.\nBecause A) is wrong.", 1, 1, 1),
    ],
)
def test_answers_by_rule(tmp_path: Path, said: str, official: int, original: int, strict: int) -> None:
    found = [verdict(question(tmp_path, name), said, name).score for name in ("official", "original", "strict")]
    assert found == [official, original, strict]


def test_a_label_is_right_where_the_options_are_letters(tmp_path: Path) -> None:
    item = {"video": "a.mp4", "question": "Which letter comes first?", "candidates": ["c", "a", "t"], "answer": "c"}
    (tmp_path / "character_order.json").write_text(json.dumps([item]))
    (asked,) = load(tmp_path, "strict", {"tasks": "character_order"})
    assert [verdict(asked, said, "strict").score for said in ("A)", "A) c", "C)", "B)")] == [1, 1, 0, 0]


def test_the_harness_joins_words_at_marks_that_stand_beside_a_blank_anywhere() -> None:
    assert is_right("so-b", "B", "", "lmms-eval")
    for said in ("so-b -now", "so-b - now", "so-b, 1,000"):  # then every dash goes without a blank in its place
        assert not is_right(said, "B", "", "lmms-eval")


@pytest.mark.parametrize(("said", "letter"), [("B. Two", "B"), ("(B) Two", "B"), ("a man takes it, so B", "A")])
def test_the_harness_takes_the_article_for_an_option(said: str, letter: str) -> None:
    assert [known for known in "ABCDE" if is_right(said, known, "", "lmms-eval")] == [letter]


def test_figures_name_tasks_chance_and_what_is_above_it(tmp_path: Path) -> None:
    asked = list(load(made(tmp_path), "strict", {}))
    scored = [(q, Answer(q.id, "B", "m"), Verdict(float(at < 10))) for at, q in enumerate(asked)]
    found = figures(scored, "strict")
    assert list(found)[:2] == ["overall", "Action Sequence"]
    assert found["overall"].value == 50
    assert found["chance"].value == pytest.approx(100 / 3)
    assert found["above chance"].value == pytest.approx(25)  # (1/2 - 1/3) / (2/3)
    assert found["overall"].low < 50 < found["overall"].high
    titles = [task.title for task in TASKS]
    assert [(found[title].value, found[title].count) for title in titles] == [(100, 1)] * 10 + [(0, 1)] * 10


@pytest.mark.parametrize(("protocol", "overall"), [("lmms-eval", 50), ("official", 20), ("strict", 20)])
def test_only_the_harness_takes_the_mean_of_the_tasks(tmp_path: Path, protocol: Protocol, overall: float) -> None:
    first, *_, second = load(made(tmp_path), protocol, {"tasks": "action_sequence,moving_count"})
    right, wrong, left_out = Verdict(1.0), Verdict(0.0), Verdict(1.0, unscored="empty", counted=False)
    verdicts = [(first, right), *[(second, wrong)] * 4, *[(first, left_out)] * 3]
    found = figures([(asked, Answer(asked.id, "", "m"), verdict) for asked, verdict in verdicts], protocol)
    assert (found["overall"].value, found["Action Sequence"].value, found["Moving Count"].value) == (overall, 100, 0)
    assert (found["Action Sequence"].count, found["Moving Count"].count, found["chance"].count) == (1, 4, 5)
    assert found["above chance"].value == pytest.approx((overall - 100 / 3) / (100 - 100 / 3) * 100)


def test_figures_of_files_that_tell_no_task_are_those_of_all_questions(tmp_path: Path) -> None:
    asked = replace(question(tmp_path, "lmms-eval"), groups={"task": ""}, reference={"options_unknown": True})
    scored = [(asked, Answer(asked.id, "", "m"), Verdict(score)) for score in (1.0, 0.0, 0.0, 0.0)]
    found = figures(scored, "lmms-eval")
    assert list(found) == ["overall"], "without the options, nobody can tell what guessing reaches"
    assert found["overall"].value == 25
    known = question(tmp_path, "lmms-eval", "Moving Count")
    found = figures([*scored, (known, Answer(known.id, "", "m"), Verdict(1.0))], "lmms-eval")
    assert list(found) == ["overall", "Moving Count"], "nor without those of some"


def test_questions_with_one_option_are_counted_apart(tmp_path: Path) -> None:
    asked = question(tmp_path, "strict")
    single = replace(asked, id="single", options=("Two.",), answer="A")
    scored = [
        (one, Answer(one.id, "", "m"), Verdict(score)) for one, score in ((asked, 0.0), (asked, 1.0), (single, 1.0))
    ]
    found = figures(scored, "strict")
    assert (found["overall"].value, found["overall"].count) == (pytest.approx(200 / 3), 3)
    assert (found["without single-option questions"].value, found["without single-option questions"].count) == (50, 2)
    assert found["chance"].value == pytest.approx(100 * (1 / 3 + 1 / 3 + 1) / 3)


def test_wrong_files_and_tasks_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"action_sequence\.json"):
        list(load(tmp_path, "strict", {}))
    with pytest.raises(SettingsError, match="no task"):
        list(load(made(tmp_path), "strict", {"tasks": "juggling"}))
    for text in ("{}", '["a"]', '[{"video": "a.mp4"}, 7]'):
        (tmp_path / "object_shuffle.json").write_text(text)
        with pytest.raises(SettingsError, match=r"object_shuffle\.json: an MVBench file is a list of questions"):
            list(load(tmp_path, "strict", {"tasks": "object_shuffle"}))
    with pytest.raises(SettingsError, match="not among its candidates"):
        list(load(made(tmp_path, answer="Four."), "strict", {}))


def test_the_real_annotation() -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/eval/mvbench is not here")
    asked = list(load(REAL, "official", {}))
    assert len(asked) == len({q.id for q in asked}) == 4000
    assert round(chance(asked) or 0, 2) == 28.29
    assert sum(len(q.options) == 1 for q in asked) == sum(bool(q.reference["single_option"]) for q in asked) == 5
    assert {q.groups["task"] for q in asked if q.start_seconds is not None} == {
        "Action Sequence", "Action Prediction", "Object Interaction", "Action Localization", "Episodic Reasoning",
    }  # fmt: skip
    assert all(q.end_seconds is None or q.end_seconds > (q.start_seconds or 0) for q in asked)
    # Saying nothing at all: every question right officially, every one wrong by our rule.
    assert all(is_right("(", q.answer, q.options["ABCDEFG".index(q.answer)], "official") for q in asked)
    assert not any(run(score(q, "", "strict")).score for q in asked[:200])


def test_an_item_without_its_bounds_is_an_error(tmp_path: Path) -> None:
    made(tmp_path)
    item = {"video": "a.mp4", "question": "What?", "candidates": ["One.", "Two."], "answer": "Two.", "start": 1.0}
    (tmp_path / "action_sequence.json").write_text(json.dumps([item]))
    with pytest.raises(SettingsError, match=r"action_sequence/0: no end; is this a file of MVBench"):
        list(load(tmp_path, "strict", {"tasks": "action_sequence"}))
    assert list(load(tmp_path, "strict", {"tasks": "object_shuffle"}))
