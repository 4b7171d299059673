from dataclasses import replace
from pathlib import Path

import pytest

from made_dataset import caption_row, clip_of, made_store, story
from sharegpt4video.dataset.export import export
from sharegpt4video.foreign import csv_cell, csv_path


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ('=HYPERLINK("http://evil")', '\'=HYPERLINK("http://evil")'),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        ("-dQw4w9WgXc", "-dQw4w9WgXc"),  # an id of YouTube
        ("A man = a plan", "A man = a plan"),
        ("a\0b", "ab"),
    ],
)
def test_no_text_is_a_formula(text: str, safe: str) -> None:
    assert csv_cell(text) == safe


def test_a_path_still_leads_to_its_file() -> None:
    assert csv_path("-clips/a.mp4") == "./-clips/a.mp4"
    assert csv_path("/videos/=a.mp4") == "/videos/=a.mp4"


def test_columns_by_name(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    row = caption_row(0)
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [clip_of(row, 0, 2), clip_of(row, 3, 3, media="/clips/b.mp4")])
    expected = {
        "plain": (["id", "user_id", "path", "split", "start_seconds", "end_seconds", "caption"], 3),
        "opensora": (["path", "text", "width", "height", "split", "id"], 2),
        "videox": (["file_path", "text", "type", "split", "id"], 2),
        # diffsynth/core/data/unified_dataset.py of DiffSynth-Studio; docs/dataset-preparation.md of LTX's trainer.
        "diffsynth": (["video", "prompt", "split", "id"], 2),
        "ltx": (["video", "caption", "split", "id"], 2),
    }
    for columns, (names, count) in expected.items():
        export(store, "csv", str(tmp_path / columns), clips=True, options={"columns": columns})
        table = polars.read_csv(tmp_path / columns / "captions.csv")
        assert (table.columns, table.height) == (names, count)
    plain = polars.read_csv(tmp_path / "plain" / "captions.csv")
    assert plain["end_seconds"].to_list() == [8.0, 4.0, 4.0]
    found = [(tmp_path / "plain" / path).resolve() for path in plain["path"].to_list()]
    assert found == [Path(path).resolve() for path in ("/videos/0.mp4", "/videos/0.mp4", "/clips/b.mp4")]
    opensora = polars.read_csv(tmp_path / "opensora" / "captions.csv")
    assert opensora["path"].to_list() == ["/videos/0.mp4", "/clips/b.mp4"], "its reader joins them with no folder"
    for columns, text in (("diffsynth", "prompt"), ("ltx", "caption")):
        rows = polars.read_csv(tmp_path / columns / "captions.csv")
        assert rows[text].to_list() == polars.read_csv(tmp_path / "videox" / "captions.csv")["text"].to_list()
        paths = [(tmp_path / columns / path).resolve() for path in rows["video"].to_list()]
        assert paths == [Path(path).resolve() for path in ("/videos/0.mp4", "/clips/b.mp4")]


def test_cut_files_that_were_stored_with_a_relative_path_are_named_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = caption_row(0)
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [clip_of(row, 3, 3, media="clips/b.mp4")])
    export(store, "csv", str(tmp_path / "out"), clips=True)
    assert "../clips/b.mp4" in (tmp_path / "out" / "captions.csv").read_text("utf-8")


def test_hard_texts_are_one_cell(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    texts = ['a "b", c\nd', "e\r\nf", "'g;h'", "=1+1"]
    rows = [replace(caption_row(n, story(n, text)), location=f"/v/{n}, x.mp4") for n, text in enumerate(texts)]
    export(made_store(tmp_path / "set", rows), "csv", str(tmp_path / "out"))
    options = "header=true, quote='\"', escape='\"', new_line='\\r\\n'"
    found = duckdb.sql(f"SELECT caption FROM read_csv('{tmp_path}/out/captions.csv', {options})").fetchall()
    assert [caption for (caption,) in found] == [*texts[:3], "'=1+1"]
