"""Captions from files: every layout is read, and a caption is found for its own video and for no other."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from made_captions import captioned, step
from sharegpt4video.errors import InputMissing, SettingsError
from sharegpt4video.evaluate.captions.given import CaptionSet, Given, captions_of_rows, read_captions


def write(path: Path, content: object) -> Path:
    lines = path.suffix == ".jsonl" and isinstance(content, list)
    path.write_text("".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content))  # type: ignore[attr-defined]
    return path


@pytest.mark.parametrize("name", ["c.json", "c.jsonl"])
@pytest.mark.parametrize("field", ["caption", "summary", "text", "conversations"])
def test_rows_in_every_layout(tmp_path: Path, name: str, field: str) -> None:
    said: object = "A dog."
    if field == "conversations":
        said = [{"from": "human", "value": "<video>\nDescribe."}, {"from": "gpt", "value": "A dog."}]
    found = read_captions(write(tmp_path / name, [{"video": "videos/a.mp4", field: said}]))
    assert (found.name, found.of("a.mp4").text, found.of("x/a.webm").text) == ("c", "A dog.", "A dog.")


def test_an_object_of_videos_and_a_folder_of_caption_files(tmp_path: Path) -> None:
    assert read_captions(write(tmp_path / "c.json", {"a.b": "A dog."})).of("a.b.mp4").text == "A dog."
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.json").write_text(captioned([step("opening", 0, 1, "A cat.")], 1, "A cat.").to_json())
    assert read_captions(folder).of("set/a.mp4").text == "A cat."
    assert read_captions(folder / "a.json", "mine").name == "mine"
    rows = [SimpleNamespace(location="/v/a.mp4", summary="A cat.", summary_problem="", content_id="1")]
    assert captions_of_rows(rows, "set").of("other.mp4", "1").text == "A cat."


def test_content_decides_where_it_is_known() -> None:
    one = CaptionSet("one", [Given("a.mp4", "A dog.", "1"), Given("b.mp4", "A cat.", "2"), Given("c.mp4", "A cow.")])
    assert one.of("renamed.mp4", "2").text == "A cat."
    assert one.of("a.mp4", "9").missing == "caption of another video of that name"
    assert (one.of("a.mp4").text, one.of("c.mp4", "9").text) == ("A dog.", "A cow.")
    assert one.of("d.mp4", "9").missing == "no caption"


def test_names_in_several_folders_are_told_apart_or_refused() -> None:
    both = CaptionSet("both", [Given("x/a.mp4", "A dog."), Given("y/a.mp4", "A cat.")])
    assert (both.of("set/x/a.mp4").text, both.of("y/a.mkv").text) == ("A dog.", "A cat.")
    with pytest.raises(SettingsError, match=r"two captions of a\.mp4"):
        both.of("a.mp4")
    same = CaptionSet("same", [Given("x/a.mp4", "A dog.", "1"), Given("y/b.mp4", "A cat.", "1")])
    assert same.of("y/b.mp4", "1").text == "A cat."
    with pytest.raises(SettingsError, match=r"two captions of c\.mp4"):  # whichever came first would count
        same.of("c.mp4", "1")
    twice = CaptionSet("twice", [Given("x/a.mp4", "A dog."), Given("y/a.mp4", "A dog.")])
    assert twice.of("a.mp4").text == "A dog."


def test_a_name_is_the_same_in_both_forms_of_unicode() -> None:
    one = CaptionSet("one", [Given("caf\u00e9/\u00fc.mp4", "A dog."), Given("x/\u00fc.mp4", "A cat.")])
    assert one.of("cafe\u0301/u\u0308.webm").text == "A dog."


def test_a_point_within_a_name_is_no_ending() -> None:
    one = CaptionSet("one", [Given("dog_0.5_12.9", "Another part.")])
    assert one.of("dog_0.5_12.3").missing == one.of("dog_0.5_12.3.mp4").missing == "no caption"
    assert one.of("dog_0.5_12.9.mp4").text == "Another part."


def test_texts_that_are_none_are_missing() -> None:
    one = CaptionSet("one", [Given("a", " "), Given("b", "Sorry.", problem="refused: sorry")])
    assert (one.of("a").missing, one.of("b").missing) == ("caption is empty", "caption not usable: refused: sorry")


@pytest.mark.parametrize(
    "content",
    ["no json", "3", '[{"video": "a"}]', '[{"caption": "a"}]', '{"a": 1}', "[]", "{}", '{"a": "x", "a": "y"}'],
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(SettingsError, match=r"c\b"):
        read_captions(tmp_path / "c.json")


def test_missing_files_are_said_to_be_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(InputMissing):
            read_captions(path)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(SettingsError, match="not a caption"):
        read_captions(tmp_path)
