"""Caption files find the video that they were made from, wherever both lie, and are joined with no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from made_captions import captioned, step
from media import numbered_run, write_video
from sharegpt4video.caption_files import AnotherVideo, check_made_from, read_caption, video_of
from sharegpt4video.cli.app import app
from sharegpt4video.errors import VideoError
from sharegpt4video.files import file_content_id
from sharegpt4video.records import VideoCaption
from sharegpt4video.t2v.sources import records_from

CAPTION = captioned([step("opening", 0.0, 1.0, "A dog.")], 1.0, video="a.mp4")


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_caption_finds_its_video_when_both_have_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(touched(tmp_path / "elsewhere" / "x").parent)
    touched(tmp_path / "videos" / "deep" / "a.mp4")
    touched(tmp_path / "a.mp4")  # of the same name, and nearer
    told = replace(CAPTION, video_path="../videos/deep/a.mp4")
    (tmp_path / "captions").mkdir()
    assert video_of(told, tmp_path / "captions" / "a.json") == str(tmp_path / "videos" / "deep" / "a.mp4")
    for name in ("videos", "captions"):
        (tmp_path / name).rename(touched(tmp_path / "new" / "x").parent / name)
    there = str(tmp_path / "new" / "videos" / "deep" / "a.mp4")
    assert video_of(told, tmp_path / "new" / "captions" / "a.json") == there
    # With a folder named: by the longest part of the path that is there.
    assert video_of(told, tmp_path / "a.json", tmp_path / "new" / "videos") == there
    assert video_of(told, tmp_path / "a.json", tmp_path / "new" / "videos" / "deep") == there
    assert video_of(told, tmp_path / "a.json", tmp_path / "none") == str(tmp_path / "none" / "a.mp4")


def test_captions_of_earlier_versions_are_looked_for_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "captions").mkdir()
    file = tmp_path / "captions" / "a.json"
    monkeypatch.chdir(touched(tmp_path / "here" / "x").parent)
    assert video_of(CAPTION, file) == str(tmp_path / "here" / "a.mp4")
    for place in (tmp_path, tmp_path / "captions", tmp_path / "here"):
        nearer = touched(place / "a.mp4")
        assert video_of(CAPTION, file) == str(nearer)
    assert video_of(CAPTION, file, tmp_path) == str(tmp_path / "a.mp4")


def test_an_address_stays_one_unless_a_folder_is_named(tmp_path: Path) -> None:
    told = replace(CAPTION, video_path="https://host/b/a.mp4")
    assert video_of(told, tmp_path / "a.json") == "https://host/b/a.mp4"
    assert video_of(told, tmp_path / "a.json", tmp_path) == str(tmp_path / "a.mp4")


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    content = file_content_id(video)
    check_made_from(video, content)
    video.write_bytes(b"two")
    with pytest.raises(AnotherVideo, match=r"a\.mp4: not the video that the caption was made from; caption it again"):
        check_made_from(video, content)
    check_made_from(video, "")  # of an earlier version, which did not note it
    check_made_from("https://host/a.mp4", content)
    with pytest.raises(VideoError, match="cannot be read: No such file"):
        check_made_from(tmp_path / "b.mp4", content)


def test_the_command_writes_where_its_video_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    videos = [tmp_path / "videos" / part / "v.mp4" for part in ("one", "two")]
    for number, video in enumerate(videos):
        video.parent.mkdir(parents=True)
        write_video(video, numbered_run(8 + number), fps=8)
    done = CliRunner().invoke(app, ["caption", "videos", "--out", "out/captions", "--no-ocr"])
    assert done.exit_code == 0, done.output
    assert sorted(record.video for record in records_from(tmp_path / "out" / "captions")) == list(map(str, videos))
    paths = {read_caption(file).video_path for file in (tmp_path / "out" / "captions").glob("*.json")}
    assert paths == {"../../videos/one/v.mp4", "../../videos/two/v.mp4"}
    printed = CliRunner().invoke(app, ["caption", "videos/one/v.mp4", "--json", "--no-ocr"])
    assert VideoCaption.from_json(printed.stdout).video_path == "videos/one/v.mp4"
