"""TempCompass: what is asked by each protocol, and what rules and judge make of answers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from made_benchmarks import write_json, write_tempcompass
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Question, Verdict
from sharegpt4video.evaluate.judge import Judge, run
from sharegpt4video.evaluate.tempcompass import ASPECTS, ITEMS, TEMPCOMPASS, figures, load, score
from sharegpt4video.evaluate.tempcompass_prompts import cut_for, last_line, quoted
from sharegpt4video.vlm.fake import FakeVLM

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "tempcompass"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_tempcompass(tmp_path / "tc")


def by_id(folder: Path, protocol: str = "official", **options: object) -> dict[str, Question]:
    return {question.id: question for question in load(folder, protocol, options)}  # type: ignore[arg-type]


def test_every_form_is_asked_as_the_authors_do(sample: Path) -> None:
    asked = by_id(sample)
    choice = "What is the girl doing?\nA. jumping\nB. sitting\nC. waving"
    assert asked["multi-choice/100/action/0"].text == f"{choice}\nPlease directly give the best option:"
    assert asked["yes_no/100/action/0"].text == "Is the girl jumping?\nPlease answer yes or no:"
    assert asked["caption_matching/100/action/0"].text.endswith("\nPlease directly give the best option:")
    assert asked["captioning/100/action/0"].text.endswith("\nGenerated Caption:")
    assert asked["multi-choice/100/action/0"].video == "100.mp4"
    assert asked["multi-choice/100/action/0"].options == ("jumping", "sitting", "waving")
    assert asked["yes_no/100/action/0"].options == ("yes", "no")
    assert asked["caption_matching/100/action/0"].options == ("The girl is waving.", "The girl is jumping.")
    assert asked["captioning/100/action/0"].options == ()
    assert asked["multi-choice/100/action/0"].groups["detail"] == "coarse-grained action"
    assert asked["multi-choice/100/order/0"].groups == {"format": "multi-choice", "aspect": "order", "detail": "order"}


def test_the_released_scripts_put_the_grid_sentence_in_front(sample: Path) -> None:
    text = by_id(sample, "original")["yes_no/100/action/1"].text
    assert text.startswith("The provided image arranges keyframes from a video in a grid view, keyframes are")
    assert text.endswith("throughout the frames. Question: Is the girl asleep?\nPlease answer yes or no:")
    assert TEMPCOMPASS.layouts["original"] == "grid"
    assert TEMPCOMPASS.grid_sides["original"] is None
    assert by_id(sample, "official", old_suffix=True)["multi-choice/100/order/0"].text.endswith("\nBest Option:")


def test_options_choose_and_are_checked(sample: Path) -> None:
    assert {name.split("/")[0] for name in by_id(sample, forms="yes_no,captioning")} == {"yes_no", "captioning"}
    for wrong in ({"forms": "riddles"}, {"captions": "upside-down"}):
        with pytest.raises(SettingsError):
            by_id(sample, **wrong)


def test_damaged_files_are_named(sample: Path, tmp_path: Path) -> None:
    (sample / "questions" / "yes_no.json").write_text("{")
    with pytest.raises(SettingsError, match=r"yes_no\.json"):
        by_id(sample)
    with pytest.raises(SettingsError, match="llyx97/TempCompass"):
        by_id(tmp_path / "nowhere")


def judged(
    sample: Path, name: str, said: str, reply: str | None, protocol: str = "official"
) -> tuple[Verdict, list[str]]:
    """The verdict on an answer, and what the judge was asked for it."""
    vlm = FakeVLM([reply or ""])
    judge = Judge(vlm, sample / "judge") if reply is not None else None
    verdict = run(score(by_id(sample, protocol)[name], said, protocol), judge)  # type: ignore[arg-type]
    return verdict, [request.user_text for request in vlm.requests]


def test_a_rule_decides_before_the_judge_is_asked(sample: Path) -> None:
    verdict, asked = judged(sample, "multi-choice/200/action/0", " B. sitting</s>", "Incorrect")
    assert (verdict.score, verdict.by, asked) == (1, "rule", [])


def test_the_judge_decides_what_no_rule_can_read(sample: Path) -> None:
    verdict, asked = judged(sample, "multi-choice/200/action/0", "She sits.", "Correct")
    assert (verdict.score, verdict.by) == (1, "judge")
    assert asked[0].startswith("\nYou will receive a multi-choice question, the ground-truth answer and the prediction")
    assert asked[0].endswith("C. waving\nGround-Truth Answer: B. sitting\nModel Prediction: She sits.")


def test_without_a_judge_an_unread_choice_is_wrong_and_a_caption_is_left_out(sample: Path) -> None:
    choice, _ = judged(sample, "yes_no/200/action/0", "She sits.", None)
    caption, _ = judged(sample, "captioning/200/action/0", "A girl sits.", None)
    assert (choice.score, choice.counted, choice.unscored) == (0, True, "unparsed")
    assert (caption.counted, caption.unscored) == (False, "no judge")


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("Reasoning: she sits\nAnswer: B. sitting", 1),
        ("B. sitting", 1),
        ("Answer: A. jumping", 0),
        ("Reasoning: Answer unclear\nAnswer: B. sitting or C. waving", 0),
        ("Answer: None of the choices are correct", 0),
    ],
)
def test_a_caption_is_right_when_it_answers_the_question_of_its_video(sample: Path, reply: str, right: int) -> None:
    verdict, asked = judged(sample, "captioning/200/action/0", "A girl sits.", reply)
    assert (verdict.score, verdict.by) == (right, "judge")
    question = "What is the girl doing?\nA. jumping\nB. sitting\nC. waving"
    assert asked[0].endswith(f"Video Description:A girl sits.\nMulti-Choice Question:\n{question}\n")


def test_lmms_eval_does_not_strip_and_ends_with_answer(sample: Path) -> None:
    verdict, asked = judged(sample, "multi-choice/200/action/0", " B", "Incorrect", "lmms-eval")
    assert (verdict.score, verdict.by) == (0, "judge")
    assert asked[0].startswith("\n        You will receive")
    _, asked = judged(sample, "captioning/200/action/0", "A girl sits.", "Answer: B. sitting", "lmms-eval")
    assert asked[0].endswith("C. waving\nAnswer:")


def test_strict_counts_empty_answers_as_wrong_without_asking(sample: Path) -> None:
    for name in by_id(sample, "strict"):
        verdict, asked = judged(sample, name, " </s>", "Correct. Answer: B. sitting", "strict")
        assert (verdict.score, verdict.unscored, asked) == (0, "empty", [])


def test_strict_reads_sentences_that_the_official_rules_leave_to_the_judge(sample: Path) -> None:
    verdict, asked = judged(sample, "multi-choice/200/action/0", "The answer is (B).", "Incorrect", "strict")
    assert (verdict.score, verdict.by, asked) == (1, "rule", [])
    verdict, _ = judged(sample, "yes_no/200/action/1", "Nothing is seen", None, "strict")
    assert (verdict.score, verdict.unscored) == (0, "unparsed")
    for number, said, right in ((0, "Yes.", 1), (0, "No.", 0), (1, "Yes.", 0), (1, "The answer is no", 1)):
        verdict, asked = judged(sample, f"yes_no/200/action/{number}", said, "Correct", "strict")
        assert (verdict.score, verdict.by, asked) == (right, "rule", [])


def test_captions_are_cut_out_of_long_answers_by_the_models_name() -> None:
    assert [cut_for(name) for name in ("gemini", "reka-core", "video-llava")] == ["last-line", "quoted", "plain"]
    assert last_line('Information B.\n\n**Caption:** "A girl sits."') == "A girl sits."
    assert last_line("A girl sits.") == "A girl sits."
    assert quoted('The caption is "A girl sits." as seen') == "A girl sits."
    assert quoted("B fits.\nCaption: A girl sits.") == "A girl sits."
    assert quoted("A: b: c") == "A: b: c"


def test_figures_hold_every_cell(sample: Path) -> None:
    scored = [
        (q, Answer(q.id, "", "m"), Verdict(float(q.groups["format"] == "yes_no"))) for q in by_id(sample).values()
    ]
    cells = figures(scored, "official")
    assert next(iter(cells)) == "overall"
    assert cells["overall"].count == 18
    assert cells["overall"].value == pytest.approx(100 * 6 / 18)
    assert (cells["action"].count, cells["order"].count) == (15, 3)
    assert (cells["yes_no"].value, cells["captioning"].value) == (100, 0)
    assert cells["yes_no / fine-grained action"].count == 4
    assert cells["all forms / coarse-grained action"].count == 5


def test_the_real_questions_are_those_we_know() -> None:
    if not REAL.is_dir():
        pytest.skip("the real annotation files are not here")
    known = {"multi-choice": "c5bbdd249bbeca2d", "yes_no": "f10910c595a30aff", "caption_matching": "ef8038edfbcd713e"}
    for form, prefix in (known | {"captioning": "49815114d9753ab2"}).items():
        data = (REAL / "questions" / f"{form}.json").read_bytes()
        assert hashlib.sha256(data).hexdigest().startswith(prefix)
    questions = list(load(REAL, "official", {}))
    assert Counter(question.groups["format"] for question in questions) == ITEMS
    assert {question.groups["aspect"] for question in questions} == set(ASPECTS)
    assert len({question.video for question in questions}) == 410
    assert all("detail" in question.groups for question in questions)


def test_meta_information_may_be_missing(sample: Path) -> None:
    (sample / "meta_info.json").unlink()
    assert "detail" not in by_id(sample)["yes_no/100/action/0"].groups
    write_json(sample / "meta_info.json", [])
    assert len(by_id(sample)) == 18
    assert json.loads((sample / "meta_info.json").read_text()) == []
