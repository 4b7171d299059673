"""Exports on a disk that is full: one clear error, no half-written file."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sharegpt4video.dataset.export.multimap import DiskMultimap
from sharegpt4video.dataset.export.target import Target
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
