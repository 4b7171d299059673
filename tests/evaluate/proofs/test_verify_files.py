"""Result files of other tools: what comes out, beside what is right by construction and by the tools' own rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app
from sharegpt4video.errors import MissingExtra, SettingsError
from sharegpt4video.evaluate.proofs import tables, vlmevalkit
from sharegpt4video.evaluate.proofs.tvbench import extract_harness
from sharegpt4video.evaluate.proofs.verify import Verification
from sharegpt4video.evaluate.proofs.verify_files import verify_file

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "scripts"


def cells(found: Verification) -> dict[str, str]:
    return {check.cell: check.shown for check in found.checks}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif path.suffix == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for line in [list(rows[0]), *(list(row.values()) for row in rows)]:
            book.active.append(line)
        book.save(path)
    else:
        import csv

        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def video_mme_log(metric: str = "videomme_perception_score", pred: str = "A") -> list[dict[str, Any]]:
    """Four answers about two durations; "Answer: B" is B today and A to the rule of old."""
    rows = []
    for number, (said, answer) in enumerate([("A", "A"), ("(B)", "C"), ("Answer: B", "B"), ("", "D")]):
        told = {
            "question_id": f"00{number // 2 + 1}-{number % 2 + 1}",
            "duration": ("short", "long")[number // 2],
            "category": "Knowledge",
            "sub_category": "Astronomy",
            "task_category": "OCR Problems",
            "pred_answer": ["A", "B", pred, ""][number],
            "answer": answer,
        }
        rows.append({"doc_id": number, "target": answer, "filtered_resps": [said], metric: told})
    return rows


@pytest.mark.parametrize(
    ("metric", "pred", "overall"),
    [("videomme_perception_score", "B", "50.00"), ("videomme_percetion_score", "A", "25.00")],
)
def test_a_log_about_video_mme_is_read_by_the_rule_of_its_time(
    tmp_path: Path, metric: str, pred: str, overall: str
) -> None:
    file = write(tmp_path / "20260722_samples_videomme.jsonl", video_mme_log(metric, pred))
    results = {"results": {"videomme": {"alias": "videomme", f"{metric},none": float(overall)}}}
    (tmp_path / "20260722_results.json").write_text(json.dumps(results), encoding="utf-8")
    found = verify_file(file, "videomme")
    assert cells(found)["overall"] == f"{overall}00"
    assert cells(found)["long"] == ("50.00" if pred == "B" else "0.00")
    assert (found.compared, found.failures) == (1, [])
    assert found.agreement == ["the rules score 4 of 4 answers as the file itself does"]


def test_a_results_file_that_says_otherwise_is_a_failure(tmp_path: Path) -> None:
    file = write(tmp_path / "D_samples_videomme.jsonl", video_mme_log(pred="B"))
    results = {"results": {"videomme": {"videomme_perception_score,none": 75.0}}}
    (tmp_path / "D_results.json").write_text(json.dumps(results), encoding="utf-8")
    assert verify_file(file, "videomme").failures == ["overall: computed 50.0000, published 75.0000"]


@pytest.mark.parametrize("responses", [["B"], "B", [["B"]]])
def test_responses_lie_in_the_lists_that_versions_put_them_in(tmp_path: Path, responses: Any) -> None:
    row = {"doc_id": 0, "target": "x", "filtered_resps": responses}
    row["mvbench_accuracy"] = {"pred_answer": "B", "gt_answer": "B", "score": 1}
    log = write(tmp_path / "samples_mvbench_action_sequence.jsonl", [row])
    assert cells(verify_file(log, "mvbench")) == {"overall": "100.00", "Action Sequence": "100.00"}
    whole = tmp_path / "mvbench_action_sequence.json"
    whole.write_text(json.dumps({"logs": [row]}), encoding="utf-8")
    assert cells(verify_file(whole, "mvbench"))["overall"] == "100.00"


def test_the_logs_of_a_folder_are_one_benchmark_with_two_means(tmp_path: Path) -> None:
    def row(said: str, right: str) -> dict[str, Any]:
        told = {"pred_answer": said, "gt_answer": right, "score": int(said == right)}
        return {"doc_id": 0, "filtered_resps": [said], "mvbench_accuracy": told}

    write(tmp_path / "m" / "D_samples_mvbench_action_count.jsonl", [row("A", "A")])
    write(tmp_path / "m" / "C_samples_mvbench_action_count.jsonl", [row("B", "A")])  # an earlier run
    three = [row("A", "A"), row("B", "A"), row("B", "A"), row("", "A")]  # an empty answer leaves the denominator
    write(tmp_path / "m" / "D_samples_mvbench_state_change.jsonl", three)
    found = verify_file(tmp_path, "mvbench")
    assert cells(found) == {
        "mean of the tasks": "66.67",
        "mean of the questions": "50.00",
        "Action Count": "100.00",
        "State Change": "33.33",
    }
    assert "1 answers are empty" in found.notes


def test_logs_of_several_models_are_never_one_score(tmp_path: Path) -> None:
    def row(said: str) -> dict[str, Any]:
        told = {"pred_answer": said, "gt_answer": "A", "score": int(said == "A")}
        return {"doc_id": 0, "filtered_resps": [said], "mvbench_accuracy": told}

    write(tmp_path / "one" / "D_samples_mvbench_action_count.jsonl", [row("A")])
    write(tmp_path / "other" / "D_samples_mvbench_state_change.jsonl", [row("B")])
    with pytest.raises(SettingsError, match=r"logs in 2 folders.*give one: .*one, .*other"):
        verify_file(tmp_path, "mvbench")
    write(tmp_path / "one" / "C_samples_mvbench_action_count.jsonl", [row("B")])
    found = verify_file(tmp_path / "one", "mvbench")
    assert cells(found)["overall"] == "100.00"
    assert "1 older logs of the same tasks in the folder are left out" in found.notes


def test_answers_with_and_without_subtitles_are_never_one_score(tmp_path: Path) -> None:
    for task in ("videomme", "videomme_w_subtitle"):
        write(tmp_path / f"D_samples_{task}.jsonl", video_mme_log())
    with pytest.raises(SettingsError, match=r"samples_videomme\.jsonl and .*subtitle.* the same questions"):
        verify_file(tmp_path, "videomme")


def test_the_samples_from_outside_are_read() -> None:
    if not CASES.exists():
        pytest.skip("needs ../shared/cases beside the checkout")
    found = verify_file(CASES / "20260722_samples_videomme.jsonl", "videomme")
    assert cells(found)["overall"] == "33.33"
    assert found.failures == ["4 of 9 answers are not scored as the file itself does"]  # its letters are made up
    found = verify_file(CASES / "samples_mvbench_action_sequence.jsonl", "mvbench")
    assert cells(found)["Action Sequence"] == "100.00"


KIT_VIDEO_MME = [
    {
        "index": number,
        "duration": ("short", "long")[number // 2],
        "domain": "Knowledge",
        "sub_category": "Geography",
        "task_type": "Action Recognition",
        "question": "What?",
        "answer": answer,
        "prediction": said,
    }
    for number, (said, answer) in enumerate([("A", "A"), ("Answer: B", "B"), ("None", "D"), ("no letter", "C")])
]


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".json", ".xlsx"])
def test_a_table_about_video_mme_is_scored_as_its_tool_does(tmp_path: Path, suffix: str) -> None:
    file = write(tmp_path / f"M_Video-MME{suffix}", KIT_VIDEO_MME)
    rating = {
        "overall": {"overall": "0.500", "domain": {"Knowledge": "0.500"}, "sub_category": {}, "task_type": {}},
        "short": {
            "overall": "1.000",
            "domain": {},
            "sub_category": {"Geography": "1.000", "Law": "nan"},
            "task_type": {},
        },
    }
    (tmp_path / "M_Video-MME_rating.json").write_text(json.dumps(rating), encoding="utf-8")
    found = verify_file(file, "videomme")
    assert (found.compared, found.failures) == (4, [])
    assert cells(found)["long"] == "0.000"


MVBENCH = {"task_type": "Action Count", "candidates": "['one ball', 'two balls', 'red']", "question": "Q"}


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("B", 1),
        ("(b) anything", 1),
        ("I think it shows two balls", 1),  # by its text, once no label is there
        ("red", 0),
        ("The correct answer is B because A and C are wrong", 1),
        ("A or C", 0),
        ("", 1),  # missing: "not a number" there, and so no zero
        ("N/A", 1),
        (vlmevalkit.FAILED, 1),  # -1 there, which is no zero either
        ("I can't process this file.", 0),
    ],
)
def test_a_table_about_mvbench_is_scored_as_its_tool_does_odd_cases_too(tmp_path: Path, said: str, right: int) -> None:
    row = {"index": 0, **MVBENCH, "answer": "two balls", "prediction": said}
    assert (
        cells(verify_file(write(tmp_path / "M_MVBench.tsv", [row]), "mvbench"))["Action Count"] == f"{100 * right}.00"
    )


def test_the_score_file_and_the_rating_beside_a_table_are_compared(tmp_path: Path) -> None:
    rows = [{"index": n, **MVBENCH, "answer": "two balls", "prediction": said} for n, said in enumerate("BA")]
    file = write(tmp_path / "M_MVBench.tsv", rows)
    write(
        tmp_path / "M_MVBench_score.tsv", [{**row, "score": score} for row, score in zip(rows, (1.0, 1.0), strict=True)]
    )
    rating = {"Action Count": [2, 2, "100.00%"], "overall": [2, 2, "100.00%"]}
    (tmp_path / "M_MVBench_rating.json").write_text(json.dumps(rating), encoding="utf-8")
    found = verify_file(file, "mvbench")
    who = "as the tool's own score file does (was it judged by a model?)"
    assert found.agreement == [f"the rules score 1 of 2 answers {who}"]
    assert found.failures[0] == "overall: computed 50.00, published 100.00"
    assert found.failures[-1] == f"1 of 2 answers are not scored {who}"


def scored_rows(rows: list[dict[str, Any]], scores: list[int]) -> list[dict[str, Any]]:
    return [{**row, "score": score} for row, score in zip(rows, scores, strict=True)]


def test_the_score_file_of_another_table_is_not_taken(tmp_path: Path) -> None:
    file = write(tmp_path / "M_Video-MME.tsv", KIT_VIDEO_MME)
    write(tmp_path / "M_Video-MME_nosubs.tsv", KIT_VIDEO_MME)
    write(tmp_path / "M_Video-MME_nosubs_score.tsv", scored_rows(KIT_VIDEO_MME, [0, 0, 1, 1]))
    assert verify_file(file, "videomme").agreement == []
    write(tmp_path / "M_Video-MME_gpt-4o_score.tsv", scored_rows(KIT_VIDEO_MME, [0, 0, 0, 0]))
    write(tmp_path / "M_Video-MME_score.tsv", scored_rows(KIT_VIDEO_MME, [1, 1, 0, 0]))
    found = verify_file(file, "videomme")
    assert (found.failures, found.agreement[0][:30]) == ([], "the rules score 4 of 4 answers")
    assert "compared with M_Video-MME_score.tsv, of 2 score files beside the table" in found.notes


def test_rows_that_a_score_file_lacks_or_scores_for_another_answer_are_told(tmp_path: Path) -> None:
    file = write(tmp_path / "M_Video-MME.tsv", KIT_VIDEO_MME)
    scored = scored_rows(KIT_VIDEO_MME, [0, 1, 0, 0])[:3]
    scored[0]["prediction"] = "C"
    write(tmp_path / "M_Video-MME_score.tsv", scored)
    found = verify_file(file, "videomme")
    assert (found.failures, found.agreement[0][:30]) == ([], "the rules score 2 of 2 answers")
    assert any("lacks 1 of the 4 rows" in note for note in found.notes)
    assert any("scores other predictions in 1 rows" in note for note in found.notes)


def test_a_score_file_without_an_index_is_compared_row_by_row(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "index"} for row in KIT_VIDEO_MME]
    file = write(tmp_path / "M_Video-MME.tsv", rows)
    write(tmp_path / "M_Video-MME_score.tsv", scored_rows(rows, [1, 1, 0, 0]))
    found = verify_file(file, "videomme")
    assert (found.failures, found.agreement[0][:30]) == ([], "the rules score 4 of 4 answers")


def test_tables_about_tempcompass_are_scored_by_its_rules(tmp_path: Path) -> None:
    common: dict[str, Any] = {"dim": "action", "video": "1"}
    lines = "['Option 1: A man runs.', 'Option 2: A man sits.']"
    rows = [
        {**common, "index": 0, "task_type": "multi-choice", "answer": "B. b"},
        {**common, "index": 1, "task_type": "caption_matching", "answer": "Option 2: A man sits."},
    ]
    rows[0] |= {"question": "Q", "candidates": "['A. a', 'B. b']", "prediction": "B."}
    rows[1] |= {"question": "Q", "candidates": lines, "prediction": "Option 1"}
    found = verify_file(write(tmp_path / "M_TempCompass_MCQ.tsv", rows), "tempcompass")
    assert cells(found)["action. multi-choice"] == "100.00"
    assert cells(found)["caption_matching"] == "0.00"
    spoken = [{"index": 0, **common, "task_type": "yes_no", "question": "Q", "answer": "no", "prediction": "Nothing"}]
    assert cells(verify_file(write(tmp_path / "M_TempCompass_YorN.csv", spoken), "tempcompass"))["overall"] == "100.00"


def test_the_notebook_of_tvbench_gives_both_means_beside_its_own_counts(tmp_path: Path) -> None:
    rows = [{"pred": f"({said}", "gt": "(A) left."} for said in "AAB"] + [{"pred": "(b)", "gt": "(B) right"}]
    stored = {"acc_dict": {"Object Count": [2, 3], "Moving Direction": [1, 1]}, "res_list": rows}
    file = tmp_path / "test.json"
    file.write_text(json.dumps(stored), encoding="utf-8")
    found = verify_file(file, "tvbench")
    assert (found.compared, found.failures) == (3, [])
    assert cells(found)["mean of the tasks"] == "83.33"
    assert cells(found)["mean of the questions"] == "75.00"
    file.write_text(json.dumps({**stored, "acc_dict": {"Object Count": [3, 3], "Moving Direction": [1, 1]}}))
    assert "Object Count: computed 66.67, published 100.00" in verify_file(file, "tvbench").failures


def test_tarsiers_predictions_of_tvbench_leave_out_what_begins_with_no_letter(tmp_path: Path) -> None:
    def row(number: int, task: str, said: str) -> dict[str, Any]:
        answer = [{"type": "text", "text": " Answer: ("}, {"type": "text", "text": said, "reference": "B"}]
        return {"messages": [{"role": "assistant", "content": answer}], "dataset": f"TVBench/{task}", "idx": number}

    said = [(0, "Action Count", "B)"), (1, "Action Count", "1"), (2, "Action Count", "A"), (3, "Action Count", "b")]
    rows = [row(*one) for one in [*said, (0, "Object Count", "A) x"), (0, "Object Count", "B")]]
    found = verify_file(write(tmp_path / "p.jsonl", rows), "tvbench")
    assert cells(found) == {
        "mean of the tasks": "33.33",
        "mean of the questions": "50.00",
        "Action Count": "66.67",
        "Object Count": "0.00",
    }


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("I see B", ""),
        ("it goes up", "B"),
        ("right up", ""),
        ("Right", "A"),
        ("", ""),
        ("A.", "A"),
    ],
)
def test_lmms_eval_reads_tvbench_by_letter_then_text(said: str, letter: str) -> None:
    assert extract_harness(said, ("right", "up")) == letter


Make = Callable[[Path], Path]
WRONG: dict[str, tuple[Make, str, str]] = {
    "another benchmark": (
        lambda folder: write(folder / "x_samples_videomme.jsonl", video_mme_log()),
        "mvbench",
        "holds answers to Video-MME, not to MVBench; give it as --video-mme",
    ),
    "columns of something else": (
        lambda folder: write(folder / "a.csv", [{"a": 1, "b": 2}]),
        "mvbench",
        "its columns: a, b",
    ),
    "an empty file": (lambda folder: write(folder / "a.jsonl", []), "videomme", "is not valid JSON|holds no rows"),
    "a line cut short": (
        lambda folder: _text(folder / "s.jsonl", '{"doc_id": 0, "filtered_resps": ["A"]}\n{"doc_id": 1, "fil'),
        "videomme",
        "line 2: is not valid JSON",
    ),
    "a picture": (lambda folder: _bytes(folder / "a.tsv", b"\x89PNG\r\n\xff\xfe"), "videomme", "neither UTF-8 text"),
    "an archive that is no table": (lambda folder: _bytes(folder / "a.xlsx", b"PK\x03\x04rubbish"), "mvbench", "Excel"),
    "an incomplete log": (
        lambda folder: write(
            folder / "s.jsonl", [{"filtered_resps": ["A"], "videomme_perception_score": {"answer": "A"}}]
        ),
        "videomme",
        "row 1: its videomme_perception_score has no question_id, duration",
    ),
    "candidates that are no list": (
        lambda folder: write(
            folder / "a.tsv", [{"index": 0, **MVBENCH, "candidates": "x y", "answer": "a", "prediction": "?"}]
        ),
        "mvbench",
        "cannot be scored",
    ),
    "an empty folder": (lambda folder: folder, "tvbench", "holds no log of lmms-eval"),
}


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("case", WRONG)
def test_files_of_something_else_are_told_what_they_are(tmp_path: Path, case: str) -> None:
    make, benchmark, message = WRONG[case]
    if case.startswith("an archive"):
        pytest.importorskip("openpyxl")
    with pytest.raises(SettingsError, match=message):
        verify_file(make(tmp_path), benchmark)


def test_excel_without_its_reader_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[evaluate\]"):
        tables.read_rows(_bytes(tmp_path / "a.xlsx", b"PK\x03\x04"))


def test_the_command_tells_files_apart_and_ends_with_1_on_a_difference(tmp_path: Path) -> None:
    log = write(tmp_path / "D_samples_videomme.jsonl", video_mme_log(pred="B"))
    run = CliRunner().invoke(app, ["evaluate", "verify-scorers", "--video-mme", str(log)])
    assert run.exit_code == 0, run.output
    (tmp_path / "D_results.json").write_text(
        json.dumps({"results": {"videomme": {"videomme_perception_score,none": 75.0}}}), encoding="utf-8"
    )
    run = CliRunner().invoke(app, ["evaluate", "verify-scorers", "--video-mme", str(log)])
    assert run.exit_code == 1
    assert "DIFFERENT" in run.output
    run = CliRunner().invoke(app, ["evaluate", "verify-scorers", "--mvbench", str(log)])
    assert run.exit_code == 2


def test_a_line_separator_inside_a_response_ends_no_line(tmp_path: Path) -> None:
    rows = video_mme_log(pred="B")
    rows[0]["filtered_resps"] = ["A\u2028because\x85it is"]
    file = tmp_path / "D_samples_videomme.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert tables.read_rows(file) == rows


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_table_that_ends_inside_quotes_is_refused(tmp_path: Path, end: str) -> None:
    file = tmp_path / "M_Video-MME.tsv"
    file.write_text(f'a\tb\n1\t"x\ny"\n2\tz{end}', encoding="utf-8")
    assert tables.read_rows(file) == [{"a": "1", "b": "x\ny"}, {"a": "2", "b": "z"}]
    file.write_text(f'a\tb\n1\t"x\n2\ty\n3\tz{end}', encoding="utf-8")
    with pytest.raises(SettingsError, match="ends inside quotes"):
        tables.read_rows(file)


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ('{"acc_dict": {"X": [1e400, 2]}, "res_list": [{"pred": "(A)", "gt": "(A) x"}]}', "acc_dict of 'X'"),
        ('[{"pred": "(A)", "gt": "(A) x", "task_type": ["x"]}, 3]', "not a result file of MVBench"),
    ],
)
def test_odd_values_in_a_notebooks_file_are_clear_errors(tmp_path: Path, whole: str, message: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(whole, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        verify_file(file, "mvbench")


@pytest.mark.parametrize("name", ["notes.txt", "20260101_samples_tempcompass_yes_no.jsonl"])
def test_a_folder_of_tempcompass_is_no_folder_of_logs(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps({"filtered_resps": ["yes"], "tempcompass_acc": 1}))
    with pytest.raises(SettingsError, match="log of"):
        verify_file(tmp_path, "tempcompass")
