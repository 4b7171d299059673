import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.cli.files import fitted, video_name, write_whole


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


@pytest.mark.parametrize("url", ["https://example.org/a%00b.mp4", "https://example.org/x%2Fa_b.mp4?x=%00"])
def test_a_url_gives_a_name_that_a_disk_takes(url: str) -> None:
    assert video_name(url) == "a_b"


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=300), st.integers(1, 60))
def test_a_long_name_is_cut_to_what_a_folder_takes(stem: str, suffix_bytes: int) -> None:
    suffix = "." + "j" * suffix_bytes
    short = fitted(stem, suffix)
    assert len(f"{short}{suffix}".encode()) <= 255
    assert short == fitted(stem, suffix)
    assert (short == stem) == (len(f"{stem}{suffix}".encode()) <= 255)


def test_long_names_that_differ_at_the_end_stay_apart() -> None:
    assert fitted("é" * 200 + "1", ".json") != fitted("é" * 200 + "2", ".json")


def test_a_file_of_the_longest_name_can_be_written(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 255), "x")
    assert [file.name for file in tmp_path.iterdir()] == ["x" * 255]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:  # as on FAT
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    write_whole(tmp_path / "a", "mine", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", "yours", replace=False)
    assert (tmp_path / "a").read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


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
