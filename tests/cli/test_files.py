import os
from pathlib import Path

import pytest

from sharegpt4video.cli.files import check_names, video_name, write_whole
from sharegpt4video.errors import SettingsError


@pytest.mark.parametrize(
    ("video", "name"),
    [
        ("a/park.mp4", "park"),
        ("park.v2.mkv", "park.v2"),
        ("https://example.org/films/big%20buck.mp4?token=1", "big buck"),
        ("https://example.org/", "video"),
    ],
)
def test_names(video: str, name: str) -> None:
    assert video_name(video) == name


def test_two_videos_must_not_share_a_file() -> None:
    check_names(["a/x.mp4", "a/y.mp4"])
    with pytest.raises(SettingsError, match=r"a/x\.mp4 and b/x\.mkv"):
        check_names(["a/x.mp4", "b/x.mkv"])


def test_the_same_video_twice_is_two_writers_of_one_file() -> None:
    with pytest.raises(SettingsError, match="both"):
        check_names(["a.mp4", "a.mp4"])


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_whole(path, "é\n")
    assert path.read_bytes() == b"\xc3\xa9\n"
    write_whole(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX")
def test_files_get_the_usual_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_whole(tmp_path / "a", "x")
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
