"""``sg4v dataset review``: each verb as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from made_dataset import caption_row, made_store, row_id
from sharegpt4video.cli.app import app
from sharegpt4video.dataset.dataset import open_dataset


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return made_store(tmp_path / "set", [caption_row(number) for number in range(3)]).root


def run(*arguments: str, code: int = 0, stdin: str = "") -> str:
    done = CliRunner().invoke(app, ["dataset", "review", *arguments], input=stdin)
    assert done.exit_code == code, done.output
    return done.output


def test_replace_list_and_undo(folder: str) -> None:
    shown = run("replace", folder, "Person", "Someone", "--dry-run")
    assert "6 would change" in shown
    assert "+ Someone 0 comes in." in shown
    batch = run("replace", folder, "Person", "Someone", "--author", "ada").split()[0]
    listed = run("list", folder)
    assert "3 captions edited, 0 accepted, 0 rejected" in listed
    assert f"{batch}  6 reviews  applied  kind 'replace', find 'Person', put 'Someone'" in listed
    run("undo", folder, batch)
    assert "undone" in run("list", folder)
    assert "is already undone" in run("undo", folder, batch, code=2)


def test_reviews_travel_as_json_lines(folder: str, tmp_path: Path) -> None:
    lines = [
        {"caption": row_id(0), "step": 1, "was": "Person 0 comes in.", "text": "Somebody enters.", "author": "ada"},
        {"caption": row_id(0), "step": 1, "was": "Somebody enters.", "text": "Two people enter."},
        {"caption": row_id(1), "verdict": "reject"},
        {"caption": row_id(2), "was": "another text", "text": "x"},
        {"caption": row_id(2), "step": "one", "text": "x"},
        {"caption": row_id(2), "txt": "x"},
    ]
    stdin = "\n".join(map(json.dumps, lines)) + "\n\nnot JSON\n"
    told = run("apply", folder, "-", "--author", "bob", stdin=stdin, code=1)
    assert "3 reviews stored" in told
    assert "line 4" in told
    assert "was changed meanwhile" in told
    assert "line 5: step is 'one', not a number" in told
    assert "line 6: has an unknown key 'txt'" in told
    assert "line 8: is not JSON" in told
    assert "1 captions edited, 0 accepted, 1 rejected" in run("list", folder)
    run("export", folder, "--out", str(tmp_path / "reviews.jsonl"))
    copy = made_store(tmp_path / "copy", [caption_row(number) for number in range(3)]).root
    assert "3 reviews stored" in run("apply", copy, str(tmp_path / "reviews.jsonl"))
    both = [list(open_dataset(root).captions()) for root in (copy, folder)]
    assert [row.steps for row in both[0]] == [row.steps for row in both[1]]
    assert both[0][0].steps[1].text == "Two people enter."
    exported = [json.loads(line) for line in run("export", copy).splitlines()]
    assert [line["author"] for line in exported] == ["ada", "bob", "bob"]


def test_conflicts_are_listed(folder: str) -> None:
    stale = {"caption": row_id(0), "step": 0, "was": "something else", "text": "My own."}
    run("apply", folder, "-", "--keep-stale", stdin=json.dumps(stale))
    assert f"conflict: {row_id(0)} step 0\n  counts: My own.\n  unknown: Room 0 is empty." in run("list", folder)


def test_import_says_what_it_left_out(folder: str, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "1.txt").write_text("By hand.")
    (tmp_path / "texts" / "x.txt").write_text("By hand.")
    told = run("import", folder, str(tmp_path / "texts"), code=1)
    assert "1 text imported" in told
    assert "x.txt: no video of the data set has this name" in told


def test_reject_by_a_filter_needs_a_filter_that_exists(folder: str) -> None:
    assert "min_second" in run("reject", folder, "--set", "min_second=3", code=2)
    assert "not change anything" in run("reject", folder, "--set", "min_seconds=3", code=2)
