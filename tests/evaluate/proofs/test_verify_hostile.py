"""Result files with values of the wrong type, missing or repeated ones: read, or refused with a clear word."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.proofs import tables
from sharegpt4video.evaluate.proofs.verify_files import verify_file

MVBENCH = {"task_type": "Action Count", "candidates": "['one ball', 'two balls', 'red']", "question": "Q"}


def video_mme_log() -> list[dict[str, Any]]:
    told = {"duration": "short", "category": "K", "sub_category": "S", "task_category": "T", "pred_answer": "A"}
    return [
        {
            "doc_id": n,
            "filtered_resps": ["A"],
            "videomme_perception_score": {"question_id": f"1-{n}", **told, "answer": right},
        }
        for n, right in enumerate("AB")
    ]


def kit_video_mme() -> list[dict[str, Any]]:
    kinds = {"duration": "short", "domain": "K", "sub_category": "S", "task_type": "T", "question": "What?"}
    return [{"index": n, **kinds, "answer": "A", "prediction": said} for n, said in enumerate("AB")]


def mvbench_log() -> list[dict[str, Any]]:
    rows = [("A", "A", 1), ("B", "A", 0)]
    return [
        {"doc_id": n, "filtered_resps": [said], "mvbench_accuracy": {"score": score, "gt_answer": gt}}
        for n, (said, gt, score) in enumerate(rows)
    ]


def tvbench_log() -> list[dict[str, Any]]:
    rows = [("A", "A", 1.0), ("B", "A", 0.0)]
    return [
        {"doc_id": n, "filtered_resps": [said], "target": gt, "tvbench_acc": score, "doc": {"candidates": ["x", "y"]}}
        for n, (said, gt, score) in enumerate(rows)
    ]


def tarsier_rows() -> list[dict[str, Any]]:
    answer = [{"type": "text", "text": "B)", "reference": "B"}]
    rows = [{"messages": [{"role": "assistant", "content": answer}], "dataset": "TVBench/Action Count", "idx": 0}]
    return [*rows, {**rows[0], "idx": 1}]


def official_rows() -> list[dict[str, Any]]:
    questions = [
        {"question_id": f"1-{n}", "task_type": "OCR", "options": ["A. x"], "answer": "A", "response": "A"} for n in "12"
    ]
    video = {"video_id": "1", "duration": "short", "domain": "Knowledge", "sub_category": "Law", "questions": questions}
    return [
        video,
        {
            **video,
            "video_id": "2",
            "questions": [{**one, "question_id": f"2-{one['question_id']}"} for one in questions],
        },
    ]


def kit_rows() -> list[dict[str, Any]]:
    return [
        {"index": n, **MVBENCH, "answer": "two balls", "prediction": said, "score": score}
        for n, (said, score) in enumerate([("B", 1), ("A", 0)])
    ]


NOTEBOOK = {"acc_dict": {"Object Count": [1, 2]}, "res_list": [{"pred": f"({said}", "gt": "(A) left"} for said in "AB"]}
READ: list[tuple[str, str, Callable[[], Any]]] = [
    ("1_samples_videomme.jsonl", "videomme", video_mme_log),
    ("1_samples_mvbench_action_count.jsonl", "mvbench", mvbench_log),
    ("1_samples_tvbench_action_count.jsonl", "tvbench", tvbench_log),
    ("tarsier.jsonl", "tvbench", tarsier_rows),
    ("test.json", "tvbench", lambda: NOTEBOOK),
    ("official.json", "videomme", official_rows),
    ("M_MVBench.json", "mvbench", kit_rows),
    ("M_Video-MME.json", "videomme", kit_video_mme),
]
HOSTILE = [None, "", 0, -1, 2, True, 1.5, float("nan"), 10**30, [], {}, [["A"]], "0", "False", "nan", "\ud800", ...]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [place for key in keys for place in [(*at, key), *places(value[key], (*at, key))]]


def store(path: Path, content: Any) -> None:
    lines = [content] if path.suffix == ".json" else content
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


@pytest.mark.parametrize(("name", "benchmark", "rows"), READ, ids=[name for name, _, _ in READ])
def test_values_of_the_wrong_type_are_read_or_told_and_never_group_or_score(
    tmp_path: Path, name: str, benchmark: str, rows: Callable[[], Any]
) -> None:
    file = tmp_path / name
    # Of equal rows the second stands for all; the first is what a file is told by.
    for place in [place for place in places(rows()) if place[0] != 0]:
        for value in HOSTILE:
            content = json.loads(json.dumps(rows()))
            inner = content
            for key in place[:-1]:
                inner = inner[key]
            if value is ...:
                del inner[place[-1]]
            else:
                inner[place[-1]] = value
            store(file, content)
            try:
                found = verify_file(file, benchmark)
            except SettingsError:
                continue  # any other error is a defect
            assert all(0 <= check.computed <= 100 for check in found.checks), (place, value)
            assert not {"None", "short, None"} & {check.cell for check in found.checks}, (place, value)


@pytest.mark.parametrize(("name", "benchmark", "rows"), READ, ids=[name for name, _, _ in READ])
def test_a_question_that_is_in_a_file_more_than_once_is_told(
    tmp_path: Path, name: str, benchmark: str, rows: Callable[[], Any]
) -> None:
    if name == "test.json":
        pytest.skip("a notebook's file names no questions")
    store(tmp_path / name, rows() * 3)
    count = sum(len(row.get("questions", [0])) for row in rows())
    what = "the first of each counts, as in its scorer" if name.startswith("tarsier") else "count each time"
    assert (
        f"{count} questions are in the file more than once, and {what}" in verify_file(tmp_path / name, benchmark).notes
    )


@pytest.mark.parametrize(("score", "equal"), [("0", True), ("False", True), (False, True), (0.0, True), ("1", False)])
def test_a_stored_score_is_what_it_says_also_as_text(tmp_path: Path, score: object, equal: bool) -> None:
    for name, rows, key in [
        ("1_samples_mvbench_action_count.jsonl", mvbench_log(), "mvbench_accuracy"),
        ("1_samples_tvbench_action_count.jsonl", tvbench_log(), None),
        ("M_MVBench.json", kit_rows(), None),
    ]:
        (rows[1][key] if key else rows[1])["tvbench_acc" if "tvbench" in name else "score"] = score  # row 1 is wrong
        store(tmp_path / name, rows)
        found = verify_file(tmp_path / name, "tvbench" if "tvbench" in name else "mvbench")
        assert (found.failures == []) is equal, name


@pytest.mark.parametrize("pair", [[1, 0], [2, 1], [-1, 2], ["1", "2"], [True, 2], [1.0, 2], [1], None])
def test_counts_that_cannot_be_are_refused(tmp_path: Path, pair: object) -> None:
    store(tmp_path / "test.json", {**NOTEBOOK, "acc_dict": {"Object Count": pair}})
    with pytest.raises(SettingsError, match=r"acc_dict of 'Object Count' is .* not \[right, all\]"):
        verify_file(tmp_path / "test.json", "tvbench")


def test_rows_that_are_scored_otherwise_end_with_exit_code_1_though_the_means_are_equal(tmp_path: Path) -> None:
    rows = kit_rows()
    rows[0]["score"], rows[1]["score"] = 0, 1
    store(tmp_path / "M_MVBench.json", rows)
    done = CliRunner().invoke(app, ["evaluate", "verify-scorers", "--mvbench", str(tmp_path / "M_MVBench.json")])
    assert done.exit_code == 1
    assert "2 of 2 answers are not scored as the tool's own score file does" in done.output


def test_a_row_with_more_fields_than_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(SettingsError, match="row 3: has 3 fields where the first row has 2"):
        tables.read_rows(tmp_path / "t.csv")


def _workbook(path: Path, sheet: bytes, packed: bytes = b"") -> Path:
    """A workbook of two cells whose sheet says something else."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.save(plain := io.BytesIO())
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            data = read.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(b'"A1:B1"', b'"A1:XFD1048576"').replace(b"</sheetData>", sheet + b"</sheetData>")
            written.writestr(name, data)
        if packed:
            written.writestr("xl/media/zeros", packed)
    return path


def test_a_workbook_is_not_as_large_as_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kilobytes that claim a million rows of 16,384 cells took six gigabytes; so do bombs of zeros."""
    last = b'<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert tables.read_rows(_workbook(tmp_path / "rows.xlsx", last)) == [{"a": 1, "b": None}]
    monkeypatch.setattr(tables, "MOST_BYTES", 1 << 20)
    with pytest.raises(SettingsError, match="it unpacks to more than 1,048,576 bytes"):
        tables.read_rows(_workbook(tmp_path / "bomb.xlsx", b"", bytes(2 << 20)))
