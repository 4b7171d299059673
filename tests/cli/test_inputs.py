"""What ``sg4v caption`` is given: files, folders, lists, patterns and names on stdin."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from media import write_video
from scenes import texture
from sharegpt4video.cli import inputs
from sharegpt4video.cli.app import app
from sharegpt4video.cli.inputs import named_videos, with_stdin
from sharegpt4video.errors import SettingsError

pytestmark = pytest.mark.usefixtures("here")

Feed = Callable[[bytes], None]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: ``clips`` with 2.mp4, 10.mp4, deep/x.mkv, a note and a hidden file; a.mp4 beside it."""
    for name in ("clips/2.mp4", "clips/10.mp4", "clips/deep/x.mkv", "clips/note.md", "clips/.hidden.mp4", "a.mp4"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*words: str) -> list[str]:
    return named_videos(words).videos


def test_a_file_is_a_video_whether_it_is_there_or_not() -> None:
    words = ["a.mp4", "gone.mp4", "https://host/v.mp4?x=[1]", "clips/note.md", "rtsp://camera/1", "/dev/stdin"]
    assert names(*words) == words


def test_a_folder_is_its_videos_in_natural_order_named_as_the_user_does(here: Path) -> None:
    assert names("clips") == ["clips/2.mp4", "clips/10.mp4", "clips/deep/x.mkv"]
    assert names("./clips/") == names("clips")
    assert names(str(here / "clips")) == [str(here / name) for name in names("clips")]
    left_out = named_videos(["clips"]).left_out()
    assert "1 hidden" in left_out
    assert "1 not a video (.md)" in left_out


def test_braces_are_written_out_where_the_shell_does_not() -> None:
    assert names("clips/{2,10}.mp4") == ["clips/2.mp4", "clips/10.mp4"]
    Path("{2,10}.mp4").write_bytes(b"x")
    assert names("{2,10}.mp4") == ["{2,10}.mp4"], "a file of that name is meant"


def test_a_member_of_an_archive_is_told_from_a_file_that_is_missing(here: Path) -> None:
    with tarfile.open(here / "shard.tar", "w") as archive:
        archive.add(here / "a.mp4", "a.mp4")
    found = named_videos(["shard.tar::a.mp4"])
    assert not found.videos
    assert found.unusable == [
        f"{here / 'shard.tar'}: 1 video in an archive; unpack it, or let sg4v dataset build read it there"
    ]


def test_each_video_comes_once_but_for_one_that_is_named_twice() -> None:
    assert names("a.mp4", "a.mp4") == ["a.mp4", "a.mp4"]
    assert names("clips/10.mp4", "clips", "clips/*.mp4") == ["clips/10.mp4", "clips/2.mp4", "clips/deep/x.mkv"]


@pytest.mark.parametrize(("name", "text"), [
    ("l.txt", "# mine\n\nclips/2.mp4\na.mp4\n"),
    ("l.csv", "path,note\nclips/2.mp4,x\na.mp4,y\n"),
    ("l.jsonl", '{"path": "clips/2.mp4"}\n{"video": "a.mp4"}\n'),
])  # fmt: skip
def test_lists_are_read(name: str, text: str) -> None:
    Path(name).write_text(text)
    assert names(name) == ["clips/2.mp4", "a.mp4"]
    Path("odd").write_text("a.mp4\n")
    assert names("@odd") == ["a.mp4"]


def test_what_is_no_video_in_a_list_is_told_and_the_rest_goes_on() -> None:
    Path("l.txt").write_text("a.mp4\nclips/2.mp4,1,2\nclips/10.mp4,5,1\n")
    found = named_videos(["l.txt"])
    assert found.videos == ["a.mp4"]
    assert len(found.unusable) == 2
    assert "line 2: a part of a video" in found.unusable[0]
    assert "line 3" in found.unusable[1]


@pytest.mark.parametrize("data", [b"a.mp4\nclips\n", b"a.mp4\r\n\r\n# no\r\nclips", b"a.mp4\0clips\0"])
def test_names_on_stdin_are_words(feed: Feed, data: bytes) -> None:
    feed(data)
    assert with_stdin(["first", "-", "last"]) == ["first", "a.mp4", "clips", "last"]
    feed(data)
    assert names("-") == ["a.mp4", "clips/2.mp4", "clips/10.mp4", "clips/deep/x.mkv"]


def test_a_name_on_stdin_that_is_no_text_is_kept(feed: Feed) -> None:
    feed(b"\xff \xc3\xa4.mp4\n")
    (name,) = names("-")
    assert name.encode("utf-8", "surrogateescape") == b"\xff \xc3\xa4.mp4"


@pytest.mark.parametrize("words", [["empty"], ["-"], ["*.webm"]])
def test_no_video_at_all_is_wrong_usage(here: Path, feed: Feed, words: list[str]) -> None:
    (here / "empty").mkdir()
    feed(b"\n# nothing\n")
    with pytest.raises(SettingsError, match=r"no video|no file matches"):
        named_videos(words)


def test_a_closed_stdin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs.sys, "stdin", None)
    with pytest.raises(SettingsError, match="closed"):
        named_videos(["-"])


def sg4v(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], input=stdin)


def test_a_folder_is_captioned_and_counted() -> None:
    big = texture(1, 80, 60)
    for name in ("clips/2.mp4", "clips/deep/x.mkv"):
        write_video(Path(name), [big[at : at + 48, at : at + 64] for at in range(8)], fps=8)
    made = sg4v("caption", "clips", "-m", "fake", "--out", "out", "--set", "facts.ocr=false")
    assert made.exit_code == 1, "10.mp4 is no video"
    assert "captioned 2 videos, 1 failed" in made.output
    assert sorted(path.name for path in Path("out").glob("*.json")) == ["2.json", "x.json"]
    Path("l.txt").write_text("clips/2.mp4\nclips/2.mp4,1,2\n")
    again = sg4v("caption", "-", "-m", "fake", "--out", "out", "--set", "facts.ocr=false", stdin="l.txt\n")
    assert again.exit_code == 1
    assert "a part of a video" in again.output
    assert "1 already done, 1 failed" in again.output
