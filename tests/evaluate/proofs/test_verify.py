"""Stored predictions scored again: made files in every layout, and the real ones against the leaderboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made_benchmarks import store, write_tempcompass
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.proofs import verify
from sharegpt4video.evaluate.proofs.tempcompass_files import find_models, stored_answers
from sharegpt4video.evaluate.proofs.tempcompass_replay import Replayed, replay
from sharegpt4video.evaluate.tempcompass import entries

REAL = Path(__file__).resolve().parents[4] / "shared" / "eval" / "tempcompass"

Change = dict[str, Any]


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    return write_tempcompass(tmp_path / "tc")


def predictions(sample: Path, form: str, **said: Any) -> dict[str, dict[str, list[Change]]]:
    """Predictions that are all right, but for those given as ``v<video>=``, for the first question about its action."""
    content = json.loads((sample / "questions" / f"{form}.json").read_text())
    found: dict[str, dict[str, list[Change]]] = {}
    for video, aspect, number, item in entries(content):
        text = said.get(f"v{video}", item["answer"]) if (aspect, number) == ("action", 0) else item["answer"]
        found.setdefault(video, {}).setdefault(aspect, []).append({**item, "prediction": text})
    return found


def only(root: Path | None, **folders: Path) -> Replayed:
    (stored,) = find_models(root, **folders)
    return replay(stored, root)


def test_right_predictions_score_everything_but_captions(sample: Path) -> None:
    for form in ("multi-choice", "yes_no", "caption_matching", "captioning"):
        store(sample / "predictions" / "any", form, predictions(sample, form))
    result = only(sample)
    assert result.figures["overall"].value == 100
    assert result.figures["overall"].count == 15  # the captions need a judge
    assert result.figures["captioning"].count == 0
    assert result.notes == ["captioning: 3 answers no rule reads and no judge saw, left out"]


def test_odd_answers_are_read_and_counted(sample: Path) -> None:
    said = {"v100": None, "v200": ["no"], "v200_reverse": {"text": " Yes.</s>"}}
    store(sample / "predictions" / "any", "yes-no", predictions(sample, "yes_no", **said))
    result = only(sample)
    assert (result.figures["yes_no"].count, result.figures["yes_no"].value) == (6, pytest.approx(100 * 4 / 6))
    assert dict(result.by["yes_no"]) == {"no answer": 1, "rule": 5}
    assert sum("answers that are a list" in note or "answers that are a dict" in note for note in result.notes) == 2
    assert "multi-choice: no file" in result.notes


@pytest.mark.parametrize("key", ["response", "video-llm-prediction", "model_prediction", "output"])
def test_answers_may_have_other_names(sample: Path, key: str) -> None:
    content = predictions(sample, "multi-choice", v100="C")
    for items in (items for aspects in content.values() for items in aspects.values()):
        for item in items:
            item[key] = item.pop("prediction")
    store(sample / "predictions" / "any", "multi_choice", content)
    assert only(sample).figures["multi-choice"].value == pytest.approx(100 * 5 / 6)


def test_missing_and_surplus_videos_are_told(sample: Path) -> None:
    content = predictions(sample, "yes_no")
    del content["200"]
    content["999.mp4"] = content["100"]
    store(sample / "predictions" / "any", "yes_no", content)
    result = only(sample)
    assert result.figures["yes_no"].count == 4
    assert "yes_no: 2 of 6 questions have no entry and are not counted" in result.notes
    assert "yes_no: 2 entries answer no question and are not counted" in result.notes
    assert "yes_no" in result.incomplete


@pytest.mark.parametrize(
    "key", ["chatgpt-response", "chatgpt_response", "gpt-response", "gpt4o-response", "llm_response"]
)
def test_the_stored_judge_decides_where_rules_end(sample: Path, key: str) -> None:
    content = predictions(sample, "yes_no", v100="She does.", v200="She may.")
    store(sample / "predictions" / "any", "yes_no", content)
    rated = {
        video: {aspect: [_rated(item) for item in items] for aspect, items in aspects.items()}
        for video, aspects in content.items()
    }
    rated["100"]["action"][0] |= {key: "Correct", "rating": 1, "match_success": False}
    rated["200"]["action"][0] |= {key: "Incorrect", "rating": 1, "match_success": False}  # a rating that does not fit
    store(sample / "auto_eval_results" / "any", "yes_no", rated)
    result = only(sample)
    assert result.figures["yes_no"].value == pytest.approx(100 * 5 / 6)
    assert result.agreed["yes_no", "judge"] == [1, 2]
    assert result.agreed["yes_no", "rule"] == [4, 4]
    assert result.rules_alone["yes_no"].value == pytest.approx(100 * 4 / 6)


def _rated(item: Change) -> Change:
    return {
        "question": item["question"],
        "gt-answer": item["answer"],
        "video-llm-prediction": item["prediction"],
        "rating": 1,
    }


def test_captions_are_rated_from_what_the_judge_took(sample: Path) -> None:
    content = predictions(sample, "captioning", v100="A girl jumps.", v200=None, v200_reverse='So: "A girl waves."')
    store(sample / "predictions" / "reka-any", "captioning", content)
    jumping = {"chatgpt-answer": "A. jumping", "gt-answer": "A. jumping", "rating": 1}
    waving = {"chatgpt-response": "Answer: C. waving, B. sitting", "gt-answer": "C. waving", "rating": 0}
    nothing = {"question": "?", "gt-answer": "B. sitting", "rating": 0, "video-llm-prediction": None}
    judged = {
        "100": {"action": [jumping | {"video-llm-prediction": "A girl jumps."}]},
        "200": {"action": [nothing]},
        "200_reverse": {"action": [waving | {"video-llm-prediction": "A girl waves."}]},
    }
    store(sample / "auto_eval_results" / "reka-any", "captioning", judged)
    result = only(sample)
    assert (result.figures["captioning"].count, result.figures["captioning"].value) == (3, pytest.approx(100 / 3))
    assert result.agreed["captioning", "judge"] == [2, 2]
    assert result.agreed["captioning", "judged caption"] == [2, 2]  # cut as Reka's are


def test_a_failed_judge_counts_as_published_and_is_told(sample: Path) -> None:
    rated = {
        "100": {
            "action": [{"chatgpt-answer": None, "gt-answer": "A. jumping", "rating": -1, "video-llm-prediction": "x"}]
        }
    }
    store(sample / "judged" / "any", "captioning", rated)
    result = only(sample)
    assert result.figures["captioning"].value == -100
    assert result.by["captioning"] == {"judge failed (rated -1, as published)": 1}


def test_logs_of_lmms_eval_are_read(sample: Path) -> None:
    logs = []
    for video, aspect, _, item in entries(json.loads((sample / "questions" / "yes_no.json").read_text())):
        rated = {"video-llm-prediction": item["answer"], "gt-answer": item["answer"], "rating": 1}
        logs.append({"doc": {"video_id": video, "dim": aspect, **item}, "avg_accuracy": rated})
    (sample / "logs").mkdir()
    (sample / "logs" / "tempcompass_yes_no.json").write_text(json.dumps({"logs": logs}))
    assert only(sample, judged=sample / "logs").figures["yes_no"].value == 100


def test_files_may_be_scored_without_the_questions(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere" / "model"
    store(folder, "multi-choice", predictions(sample, "multi-choice", v100="B"))
    (found,) = verify.verify_tempcompass(None, folder)
    cells = {check.cell: check for check in found.checks}
    assert cells["multi-choice"].shown == "83.33"
    assert any("without the question files" in note for note in found.notes)
    assert not found.failures


def test_questions_of_another_wording_are_scored_as_they_stand(sample: Path) -> None:
    content = predictions(sample, "yes_no")
    content["100"]["action"][0] = {"question": "Is she standing?", "answer": "no", "prediction": "no"}
    store(sample / "predictions" / "any", "yes_no", content)
    result = only(sample)
    assert result.figures["yes_no"].value == 100
    assert any("1 questions are not worded" in note for note in result.notes)


def test_nothing_found_and_nothing_readable_are_errors(sample: Path) -> None:
    with pytest.raises(SettingsError, match="no TempCompass files found"):
        list(find_models(sample))
    store(sample / "predictions" / "any", "yes_no", {})
    with pytest.raises(SettingsError, match="holds no TempCompass items"):
        list(find_models(sample))
    (sample / "predictions" / "any" / "yes_no.json").write_text("no")
    with pytest.raises(SettingsError, match="cannot be read as JSON"):
        list(find_models(sample))


def test_a_difference_from_what_is_published_is_a_failure(sample: Path) -> None:
    store(sample / "predictions" / "video-llava", "multi-choice", predictions(sample, "multi-choice"))
    (found,) = verify.verify_tempcompass(sample)
    assert "multi-choice: computed 100.00, published 45.57" in found.failures
    assert "DIFFERENT" in found.text()
    assert "captioning: 34.83 is published, but not compared for want of captioning answers" in found.notes


def test_what_nobody_judged_is_not_held_against_the_published_score(sample: Path) -> None:
    content = predictions(sample, "caption_matching", v100="The second, I think.")
    store(sample / "predictions" / "video-llava", "caption_matching", content)
    (found,) = verify.verify_tempcompass(sample)
    assert all("rules alone" in failure for failure in found.failures)
    assert any(note.endswith("for want of caption_matching judgements") for note in found.notes)


def test_stored_predictions_become_answers_to_be_judged(sample: Path) -> None:
    from sharegpt4video.evaluate.tempcompass import load

    store(sample / "predictions" / "any", "yes_no", predictions(sample, "yes_no", v100=None))
    (stored,) = find_models(sample)
    answers = stored_answers(stored, list(load(sample, "official", {})))
    assert len(answers) == 6
    assert answers["yes_no/100/action/0"].problem == "empty"
    assert answers["yes_no/200/action/1"].text == "no"


def test_the_leaderboard_comes_out_of_the_published_predictions() -> None:
    if not REAL.is_dir():
        pytest.skip("the published predictions are not here")
    (found,) = verify.verify_tempcompass(REAL)
    assert not found.failures
    assert found.compared == 28
    shown = {check.cell: check.shown for check in found.checks}
    formats = [shown[name] for name in ("multi-choice", "yes_no", "caption_matching", "captioning", "overall")]
    assert formats == ["45.57", "56.38", "63.34", "34.83", "49.77"]
    aspects = [shown[name] for name in ("action", "direction", "speed", "order", "attribute_change")]
    assert aspects == ["71.41", "42.40", "41.94", "45.66", "45.74"]
    agreement = "\n".join(found.agreement)
    for equal in (
        "multi-choice: our rules equal the stored ratings for 1580 of 1580",
        "for 2453 of 2453",
        "1496 of 1496",
    ):
        assert equal in agreement
    assert "captioning: the judge's words read again equal the stored ratings for 2004 of 2004" in agreement


def test_judgements_in_the_repository_belong_to_the_model_of_their_name(sample: Path, tmp_path: Path) -> None:
    content = predictions(sample, "yes_no", v100="no")
    other = {v: {a: [_rated(item) for item in items] for a, items in part.items()} for v, part in content.items()}
    store(sample / "auto_eval_results" / "another", "yes_no", other)
    store(tmp_path / "mine", "yes_no", content)
    result = only(sample, predictions=tmp_path / "mine")
    assert (result.model, result.agreed) == ("mine", {})
    given = only(sample, predictions=tmp_path / "mine", judged=sample / "auto_eval_results" / "another")
    assert given.agreed["yes_no", "rule"] == [5, 6]  # two folders that are both given belong together


def test_a_stored_rating_counts_where_no_answer_is_stored(sample: Path) -> None:
    rated = {
        "100": {"action": [{"rating": 1}]},
        "200": {"action": [{"rating": 0}]},
        "200_reverse": {"action": [{"rating": 5}]},  # a grade of another scale
    }
    store(sample / "auto_eval_results" / "any", "captioning", rated)
    result = only(sample)
    assert result.figures["captioning"].value == pytest.approx(100 / 3)
    assert any("1 ratings that are none of 1, 0 and -1" in note for note in result.notes)


def test_empty_captions_are_left_out_with_the_others_when_nobody_judged(sample: Path) -> None:
    for form in ("yes_no", "captioning"):
        store(sample / "predictions" / "any", form, predictions(sample, form, v100=None))
    result = only(sample)
    assert result.figures["captioning"].count == 0
    assert result.figures["overall"].count == 6


def test_files_with_a_mark_of_their_encoding_and_names_with_a_slash(sample: Path) -> None:
    path = store(sample / "predictions" / "lab" / "model", "yes_no", predictions(sample, "yes_no"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    result = only(sample)
    assert (result.model, result.figures["yes_no"].value) == ("lab/model", 100)


def test_of_two_files_for_a_form_the_one_of_its_name_counts(sample: Path) -> None:
    folder = sample / "predictions" / "any"
    store(folder, "yes_no_2", predictions(sample, "yes_no", v100="no"))
    store(folder, "yes-no", predictions(sample, "yes_no", v100="no"))
    with pytest.raises(SettingsError, match=r"yes-no.json, yes_no_2.json may each be the form 'yes_no'"):
        only(sample)
    store(folder, "yes_no", predictions(sample, "yes_no"))
    assert only(sample).figures["yes_no"].value == 100


def test_a_file_of_mvbench_is_verified_without_figures_it_cannot_tell(tmp_path: Path) -> None:
    rows = [{"pred": "(A) left", "gt": "(A) left", "task_type": "moving_direction"}, {"pred": "", "gt": "(B) up"}]
    (tmp_path / "results.json").write_text(json.dumps({"res_list": rows}), encoding="utf-8-sig")
    found = verify.verify_mvbench(tmp_path / "results.json", "official")
    assert [(check.cell, check.shown) for check in found.checks] == [
        ("overall", "100.00"),
        ("Moving Direction", "100.00"),
    ]
    assert found.notes == ["1 answers are empty"]
    (without_tasks := tmp_path / "notebook.json").write_text(
        json.dumps({"res_list": [*rows[1:], rows[0] | {"task_type": ""}]})
    )
    assert verify.verify_mvbench(without_tasks, "lmms-eval").checks[0].shown == "100.00"
    (without_tasks).write_text("{}")
    with pytest.raises(SettingsError, match="holds no results"):
        verify.verify_mvbench(without_tasks)


def test_judgements_of_another_run_do_not_score_given_predictions(sample: Path, tmp_path: Path) -> None:
    judged = predictions(sample, "yes_no", v100="She does.")
    rated = {v: {a: [_rated(item) for item in items] for a, items in part.items()} for v, part in judged.items()}
    store(sample / "auto_eval_results" / "any", "yes_no", rated)
    store(sample / "auto_eval_results" / "any", "multi-choice", rated)
    given = predictions(sample, "yes_no", v100="She does not.", v200="She may.")
    del given["200_reverse"]
    store(tmp_path / "any", "yes_no", given)
    result = only(sample, predictions=tmp_path / "any")
    assert (result.figures["overall"].count, result.figures["overall"].value) == (4, 50)
    assert result.by["yes_no"] == {"rule": 2, "nobody": 2}
    assert "yes_no: 2 judgements in the copy of the repository are of other answers and not used" in result.notes
    assert "yes_no: 2 of 6 questions have no entry and are not counted" in result.notes
    assert "multi-choice: no file" in result.notes


def test_answers_that_are_not_those_judged_are_told(sample: Path) -> None:
    store(sample / "predictions" / "any", "yes_no", predictions(sample, "yes_no", v100="no", v200=" no</s>"))
    judged = predictions(sample, "yes_no", v200="no")
    rated = {v: {a: [_rated(item) for item in items] for a, items in part.items()} for v, part in judged.items()}
    store(sample / "auto_eval_results" / "any", "yes_no", rated)
    result = only(sample)
    assert result.agreed["yes_no", "judged answer"] == [5, 6]
    assert "yes_no: 1 of 6 answers are not those that were judged; the judged ones count" in result.notes


def test_a_part_of_the_answers_is_not_held_against_the_published_score(sample: Path) -> None:
    content = predictions(sample, "multi-choice")
    del content["200"]
    store(sample / "predictions" / "video-llava", "multi-choice", content)
    (found,) = verify.verify_tempcompass(sample)
    assert not found.failures
    assert "multi-choice: 45.57 is published, but not compared for want of some multi-choice answers" in found.notes


def test_a_log_a_line_of_todays_lmms_eval_is_read(sample: Path) -> None:
    lines = []
    for video, aspect, _, item in entries(json.loads((sample / "questions" / "yes_no.json").read_text())):
        rated = _rated(item | {"prediction": item["answer"]}) | {"video_id": video, "dim": aspect}
        lines.append(json.dumps({"doc_id": len(lines), "filtered_resps": "\u2028", "avg_accuracy": rated}))
    (sample / "logs").mkdir()
    (sample / "logs" / "20240829_152030_samples_tempcompass_yes_no.jsonl").write_text("\n".join(lines) + "\n")
    result = only(sample, judged=sample / "logs")
    assert (result.figures["yes_no"].count, result.figures["yes_no"].value) == (6, 100)
