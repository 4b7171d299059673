"""What every exporter promises, held against files read back by readers that are not ours."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest

from export_readers import READERS, STEPS_ONLY, WITHOUT_MEDIA, formats, written
from made_captions import captioned, step
from made_dataset import caption_row, clip_of, dropped, kept, made_store, row_id, story
from sharegpt4video.dataset.export import EXPORTERS, export
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError


def test_every_exporter_is_held_to_the_contract() -> None:
    assert READERS.keys() == EXPORTERS.keys()


def made(root: Path, count: int = 6) -> tuple[Store, list[CaptionRow]]:
    """Six videos: two to train on, one each in val and test, two dropped. Released ids are ours, to compare."""
    rows = [caption_row(number, user_id=row_id(number)) for number in range(count)]
    chosen = [kept(0), kept(1), kept(2, "val"), kept(3, "test"), dropped(4), dropped(5, "a duplicate of 0")]
    return made_store(root, rows, selected=chosen[:count]), rows


@formats
def test_what_is_kept_is_there_on_its_side_of_the_split(format: str, tmp_path: Path) -> None:
    store, rows = made(tmp_path / "set")
    result = written(store, format, tmp_path / "out")
    found = READERS[format](tmp_path / "out")
    sides = {id: split for id, (split, _) in found.items()}
    assert sides == {row_id(0): "train", row_id(1): "train", row_id(2): "val", row_id(3): "test"}
    for row in rows[:4]:
        text = found[row.id][1]
        assert text == row.summary or (format in STEPS_ONLY and all(one.text in text for one in row.steps))
    assert (result.videos, result.clips) == (4, 0)
    assert result.splits == {"train": 2, "val": 1, "test": 1}
    assert result.left_out == {"videos dropped by the filters": 2}
    assert "videos dropped by the filters" in result.text()


@formats
def test_only_the_splits_asked_for(format: str, tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    written(store, format, tmp_path / "out", splits=["val", "test"])
    assert {id: split for id, (split, _) in READERS[format](tmp_path / "out").items()} == {
        row_id(2): "val",
        row_id(3): "test",
    }
    with pytest.raises(SettingsError, match="'validation'"):
        written(store, format, tmp_path / "other", splits=["validation"])


@formats
def test_without_a_selection_everything_is_there_and_that_is_said(format: str, tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0, user_id=row_id(0)), caption_row(1, user_id=row_id(1))])
    result = written(store, format, tmp_path / "out")
    assert {split for split, _ in READERS[format](tmp_path / "out").values()} == {"train"}
    assert result.videos == 2
    assert "no selection" in result.notes[0]


@formats
def test_captions_with_a_problem(format: str, tmp_path: Path) -> None:
    bad_summary = caption_row(0, story(0, "I am sorry, I cannot", "refused"), user_id=row_id(0))
    bad_step = caption_row(1, user_id=row_id(1))
    bad_step = replace(
        bad_step,
        steps=(bad_step.steps[0], replace(bad_step.steps[1], text="As an AI", problem="refused"), *bad_step.steps[2:]),
    )
    empty = caption_row(2, story(2, " "), user_id=row_id(2))
    store = made_store(tmp_path / "set", [bad_summary, bad_step, empty])
    result = written(store, format, tmp_path / "out")
    everything = "".join(
        file.read_text("utf-8", "replace")
        for file in (tmp_path / "out").rglob("*")
        if file.is_file() and file.suffix != ".parquet"
    )
    assert "I am sorry" not in everything
    assert "As an AI" not in everything
    found = READERS[format](tmp_path / "out")
    if format in (*STEPS_ONLY, "captioner", "preferences"):  # their steps are good
        assert row_id(1) in found
    else:
        assert found.keys() == {row_id(1)}
        assert result.left_out["videos whose caption has a problem"] == 1
        assert result.left_out["videos without a caption"] == 1
    if format == "preferences":  # what has a problem is never preferred
        return
    written(store, format, tmp_path / "all", include_problems=True)
    found = READERS[format](tmp_path / "all")
    assert row_id(0) in found
    if format not in (*STEPS_ONLY, "captioner"):
        assert "I am sorry" in found[row_id(0)][1]


@formats
def test_an_empty_data_set(format: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    result = written(store, format, tmp_path / "out")
    assert (result.videos, result.texts, result.left_out) == (0, 0, {})
    assert READERS[format](tmp_path / "out") == {}
    assert json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))["finished"] is True


@formats
def test_a_folder_with_something_in_it_is_refused(format: str, tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(SettingsError, match="not empty"):
        written(store, format, out)
    assert [file.name for file in out.iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SettingsError, match="is a file"):
        written(store, format, tmp_path / "file", overwrite=True)


@formats
def test_overwriting_replaces_an_export_and_nothing_else(format: str, tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", "utf-8")
    written(store, format, out, overwrite=True)
    written(store, format, out, overwrite=True, splits=["val"])
    assert READERS[format](out).keys() == {row_id(2)}
    assert (out / "notes.txt").read_text("utf-8") == "mine"


@formats
def test_two_exports_of_the_same_are_equal(format: str, tmp_path: Path) -> None:
    store, rows = made(tmp_path / "set")
    store.append("clips", [clip_of(rows[0], 0, 2)])
    for name in ("one", "two"):
        written(store, format, tmp_path / name, clips=True)
    if format == "lance":  # it names its files at random
        assert READERS[format](tmp_path / "one") == READERS[format](tmp_path / "two")
        return
    files = [
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        for root in (tmp_path / "one", tmp_path / "two")
    ]
    assert files[0] == files[1]
    assert files[0]


class Breaking(Store):
    """A store whose disk fails after the first rows."""

    def batches(self, table: str, columns: Any = None, **more: Any) -> Iterator[Any]:
        for batch in super().batches(table, columns, **more):
            yield batch
            if table == "captions" and (columns is None or len(columns) > 5):
                raise OSError("the disk is gone")


@formats
def test_what_breaks_half_way_leaves_no_half_file(format: str, tmp_path: Path) -> None:
    made(tmp_path / "set")
    with pytest.raises(OSError, match="the disk is gone"):
        written(Breaking(tmp_path / "set"), format, tmp_path / "out")
    left = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert all(file.suffix in (".srt", ".vtt") or file.name == "export.json" for file in left)
    assert json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))["finished"] is False
    written(Store(tmp_path / "set"), format, tmp_path / "out", overwrite=True)
    assert len(READERS[format](tmp_path / "out")) == 4


ODD = 'A "quoted", comma; “curly” – naïve 東京 🎬 עברית\u2028line\u0085next <b>&amp; 1 --> 2 {x} \\n \x7f end.'


@formats
def test_any_character_comes_through(format: str, tmp_path: Path) -> None:
    if format == "preferences":
        pytest.skip("a text of odd characters is never preferred; test_preferences.py has them in the rejected one")
    texts = ["First line.\n\nThird\tline.\r\nLast.", ODD]
    rows = [
        caption_row(
            number,
            captioned([replace(step("opening", 0.0, 2.0, text), frame_seconds=(0.0,))], 2.0, text),
            location=f"/videos/ü {number}, '\"x.mp4",
            user_id=row_id(number),
        )
        for number, text in enumerate(texts)
    ]
    written(made_store(tmp_path / "set", rows), format, tmp_path / "out")
    found = READERS[format](tmp_path / "out")
    for row, text in zip(rows, texts, strict=True):
        got = found[row.id][1]
        seen = text.replace("\u2028", " ").replace("\u0085", " ").replace("\x7f", "")
        if format in STEPS_ONLY:
            got = unicodedata.normalize("NFKC", got) if format == "srt" else got  # tags are written full-width
            assert _words(got.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) == _words(seen)
        elif format == "csv":  # people open it in spreadsheets
            assert got == seen
        else:
            assert got == text


def _words(text: str) -> list[str]:
    return re.sub("-+->", "->", text).replace("&amp;", "&").split()


@formats
def test_places_for_pictures_are_never_made_by_a_caption(format: str, tmp_path: Path) -> None:
    text = "A screen says <image> and <video>."
    row = caption_row(0, captioned([replace(step("opening", 0.0, 2.0, text), frame_seconds=(0.0,))], 2.0, text))
    written(made_store(tmp_path / "set", [row]), format, tmp_path / "out")
    if format in ("llava", "captioner"):
        for sample in json.loads((tmp_path / "out" / "train.json").read_text("utf-8")):
            images = sample.get("image", [])
            images = [images] if isinstance(images, str) else images
            assert "video" not in sample  # a trainer would open it as well
            words = " ".join(turn["value"] for turn in sample["conversations"])
            assert words.count("<image>") == len(images)
            assert "<video>" not in words


@formats
def test_clips_come_with_their_own_captions(format: str, tmp_path: Path) -> None:
    store, rows = made(tmp_path / "set")
    clips = [
        clip_of(rows[0], 0, 2, media="/clips/a.mp4"),
        clip_of(rows[0], 3, 3, media="/clips/b.mp4", problem="cut off"),
        clip_of(rows[4], 0, 1, media="/clips/c.mp4"),  # of a video that was dropped
    ]
    store.append("clips", clips)
    result = written(store, format, tmp_path / "out", clips=True)
    found = READERS[format](tmp_path / "out")
    if format == "preferences":  # nobody keeps what a clip was called before
        assert found.keys() == {row_id(0), row_id(1), row_id(2), row_id(3)}
        return
    assert found.keys() == {row_id(0), row_id(1), row_id(2), row_id(3), clips[0].id}
    assert found[clips[0].id][0] == "train"
    assert result.clips == 1
    assert result.left_out["clips whose caption has a problem"] == 1
    if format not in STEPS_ONLY:
        assert found[clips[0].id][1] == clips[0].text


@formats
def test_storage_that_is_not_a_local_disk(format: str, tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    address = f"memory://exports/{format}"
    result = written(store, format, address)
    assert result.videos == 4
    fs = fsspec.filesystem("memory")
    fs.get(f"/exports/{format}", str(tmp_path / "copy"), recursive=True)
    assert len(READERS[format](tmp_path / "copy")) == 4
    with pytest.raises(SettingsError, match="not empty"):
        export(store, format, address, options=WITHOUT_MEDIA.get(format))


@formats
def test_unknown_options_are_named(format: str, tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    with pytest.raises(SettingsError, match=f"{format}: wrong_name"):
        export(store, format, str(tmp_path / "out"), options={"wrong_name": 1})
    assert not (tmp_path / "out").exists()


def test_unknown_formats_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="known are: sharegpt4video, parquet"):
        export(Store(tmp_path / "set"), "jsonl", str(tmp_path / "out"))
    with pytest.raises(SettingsError, match="needs a folder"):
        export(Store(tmp_path / "set"), "csv", "")


def test_a_manifest_cannot_make_an_export_delete_what_lies_elsewhere(tmp_path: Path) -> None:
    store, _ = made(tmp_path / "set")
    (tmp_path / "precious").mkdir()
    (tmp_path / "out").mkdir()
    said = {"files": [], "folders": ["../precious"]}
    (tmp_path / "out" / "export.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(SettingsError, match="precious"):
        export(store, "csv", str(tmp_path / "out"), overwrite=True)
    assert (tmp_path / "precious").is_dir()


def test_importing_the_exports_loads_no_reader_of_videos() -> None:
    heavy = ["cv2", "torch", "huggingface_hub", "datasets", "lance"]
    code = f"import sys, sharegpt4video.dataset.export; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_csv_read_by_the_standard_library(tmp_path: Path) -> None:
    store, rows = made(tmp_path / "set")
    export(store, "csv", str(tmp_path / "out"))
    found = list(csv.DictReader(io.StringIO((tmp_path / "out" / "captions.csv").read_text("utf-8"), newline="")))
    assert [row["caption"] for row in found] == [row.summary for row in rows[:4]]
