"""Exports on a disk that is full: one clear error, no half-written file."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sharegpt4video.dataset.export.multimap import DiskMultimap
from sharegpt4video.dataset.export.target import Target, seen_from
from sharegpt4video.errors import StorageError


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("pieces", [[b"x" * 20_000], [b"x" * 100] * 200, [b"x" * 9000, b"y"]])
def test_what_does_not_fit_is_told_with_its_file_and_leaves_nothing(tmp_path: Path, pieces: list[bytes]) -> None:
    target = Target(str(tmp_path / "out"))
    target.prepare("csv")
    with (
        pytest.raises(StorageError, match=r"out/a\.tar: cannot be written: File too large; raise the limit"),
        files_of_at_most(8192),
        target.writing("a.tar") as file,
    ):
        file.writelines(pieces)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["export.json"]


def test_a_temporary_folder_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StorageError, match=r"cannot be written: .*set TMPDIR to a larger disk"), files_of_at_most(4096):
        DiskMultimap((bytes(16), "text " * 50) for _ in range(1000))
    assert list(tmp_path.iterdir()) == []


def test_texts_come_back_by_key_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with DiskMultimap([(b"a", "one"), (b"b", "other"), (b"a", "two")]) as texts:
        assert texts.get(b"a") == ["one", "two"]
        assert texts.get(b"c") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_path_seen_from_a_folder_leads_to_the_file(through_a_link: bool, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a b.mp4").write_bytes(b"x")
    folder = tmp_path / "deep" / "er" / "out"
    folder.mkdir(parents=True)
    if through_a_link:  # ".." behind a link leads to what is above the folder it points to
        (tmp_path / "link").symlink_to(folder)
        (tmp_path / "media").symlink_to(tmp_path / "videos")
    out, media = ("link", "media") if through_a_link else ("deep/er/out", "videos")
    found = seen_from(str(tmp_path / out), str(tmp_path / media / "a b.mp4"))
    assert not found.startswith("/")
    assert (tmp_path / out / found).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/data/videos/a.mp4", "../videos/a.mp4"),
        ("/data/out/a.mp4", "a.mp4"),
        ("/data/a.zip::in/../x.mp4", "../a.zip::in/../x.mp4"),
        ("s3://bucket/a.mp4", "s3://bucket/a.mp4"),
        ("https://host/a.mp4", "https://host/a.mp4"),
        ("panda/abc.mp4", "panda/abc.mp4"),
    ],
)
def test_only_local_paths_are_seen_from_elsewhere(location: str, seen: str) -> None:
    assert seen_from("/data/out", location) == seen
