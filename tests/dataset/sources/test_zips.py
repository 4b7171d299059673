"""Zip archives: every trick that is refused, and every proper way to write one that is read."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import pytest

from made_archives import (
    content,
    left_behind,
    listed,
    patched,
    read,
    write_zip,
)
from sharegpt4video.dataset.sources import zips
from sharegpt4video.dataset.sources.members import spot_of
from sharegpt4video.dataset.sources.places import UnsafeSource
from sharegpt4video.errors import VideoError


def test_links_and_second_members_of_a_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        link = zipfile.ZipInfo("link.mp4")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
        opened.writestr("a.mp4", content(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("a.mp4", content(2))
    drafts, failures, _ = listed(tmp_path / "a.zip")
    assert {key: read(draft) for key, draft in drafts.items()} == {"a.mp4": content(1)}
    assert [f.kind for f in failures] == ["unsafe", "unsafe"]


def test_a_zip_that_admits_to_be_a_bomb_is_refused_by_its_list(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("z.mp4", bytes(80 << 20)), ("a.mp4", b"abc")], zipfile.ZIP_DEFLATED)
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["a.mp4"]
    assert [failure.kind for failure in failures] == ["unsafe"]


def test_a_zip_that_lies_about_a_size_is_stopped_by_the_real_bytes(tmp_path: Path) -> None:
    before = left_behind()
    path = write_zip(tmp_path / "a.zip", [("z.mp4", bytes(50 << 20))], zipfile.ZIP_DEFLATED)
    drafts, _, _ = listed(patched(path, "z.mp4", size=1000))
    with pytest.raises(UnsafeSource, match="unpacks to more than 1,000 bytes"):
        read(drafts["z.mp4"])
    assert left_behind() == before


def test_a_damaged_deflated_member_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("z.mp4", bytes(5000))], zipfile.ZIP_DEFLATED)
    drafts, _, _ = listed(patched(path, "z.mp4", crc=7))
    with pytest.raises(VideoError, match="checksum"):
        read(drafts["z.mp4"])


def test_overlapping_members_of_a_zip_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [(f"{i}.mp4", content(i)) for i in range(4)])
    drafts, failures, _ = listed(patched(path, "2.mp4", offset=0))
    assert list(drafts) == ["1.mp4", "3.mp4"]
    assert [failure.kind for failure in failures] == ["unsafe", "unsafe"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"flags": 1}, "unreadable"),
        ({"method": 14}, "unreadable"),
        ({"size": 5000}, "unsafe"),
        ({"packed": 1 << 30}, "unsafe"),
    ],
)
def test_members_of_a_zip_that_cannot_be_read_are_refused(tmp_path: Path, values: dict[str, int], kind: str) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1)), ("b.mp4", content(2))])
    drafts, failures, _ = listed(patched(path, "b.mp4", **values))
    assert list(drafts) == ["a.mp4"]
    assert [failure.kind for failure in failures] == [kind]


def test_a_zip_whose_list_points_elsewhere_is_refused_when_opened(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1)), ("b.mp4", content(1))])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"b.mp4", b"c.mp4", 1))  # the local name is not the listed one
    drafts, _, _ = listed(path)
    with pytest.raises(UnsafeSource, match="disagree"):
        read(drafts["b.mp4"])


def test_an_endless_directory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", [(f"{i}.mp4", b"x") for i in range(100)])
    monkeypatch.setattr(zips, "MAX_DIRECTORY_BYTES", 4096)
    drafts, failures, _ = listed(path)
    assert not drafts
    assert [failure.kind for failure in failures] == ["unsafe"]


class _NoSeek(io.RawIOBase):
    """A target that cannot seek: zipfile then writes lengths behind the data."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips_written_as_a_stream_and_zip64_are_read(tmp_path: Path, packing: int) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as file, zipfile.ZipFile(_NoSeek(file), "w", packing) as opened:
        for i in range(3):
            with opened.open(f"{i}.mp4", "w", force_zip64=True) as member:
                member.write(content(i, 3000))
    drafts, failures, _ = listed(path)
    assert not failures
    assert [read(draft) for draft in drafts.values()] == [content(i, 3000) for i in range(3)]


def test_data_in_front_of_a_zip_is_allowed(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1))])
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    drafts, failures, _ = listed(path)
    assert not failures
    assert read(drafts["a.mp4"]) == content(1)


@pytest.mark.parametrize("data", [b"", b"PK", os.urandom(5000), b"PK\5\6" + bytes(18)])
def test_what_is_no_zip_is_one_failure(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    drafts, failures, _ = listed(tmp_path / "a.zip")
    assert not drafts
    assert [failure.kind for failure in failures] in (["unreadable"], [])
    assert failures or data.startswith(b"PK\5\6")  # the last one is a proper, empty zip


def test_the_checksum_of_the_standard_library_is_ours(tmp_path: Path) -> None:
    drafts, _, _ = listed(write_zip(tmp_path / "a.zip", [("a.mp4", content(1))]))
    spot = spot_of(drafts["a.mp4"].source.modified)
    assert spot is not None
    assert spot.crc == zlib.crc32(content(1))


def test_a_damaged_description_in_a_zip_costs_only_its_video(tmp_path: Path) -> None:
    entries = [
        ("a.mp4", content(1)),
        ("a.json", b"{}" * 50),
        ("b.mp4", content(2)),
        ("c.mp4", content(3)),
        ("c.txt", b"fine"),
    ]
    path = patched(write_zip(tmp_path / "a.zip", entries), "a.json", crc=1)
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["b.mp4", "c.mp4"]
    assert [failure.kind for failure in failures] == ["unreadable"]


def test_names_of_old_zips_are_as_long_as_they_are_written(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1)), ("b.mp4", content(2))])
    path.write_bytes(path.read_bytes().replace(b"a.mp4", b"\x81.mp4"))  # a u with two dots in code page 437
    drafts, failures, _ = listed(path)
    assert not failures
    assert {key: read(draft) for key, draft in drafts.items()} == {"\xfc.mp4": content(1), "b.mp4": content(2)}


@pytest.mark.parametrize(("version", "refused"), [(20, False), (63, False), (64, True), (99, True), (65535, True)])
def test_a_member_of_a_later_version_of_the_format_is_lost_alone(tmp_path: Path, version: int, refused: bool) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1)), ("b.mp4", content(2)), ("c.mp4", content(3))])
    data = bytearray(path.read_bytes())
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    data[second + 6 : second + 8] = version.to_bytes(2, "little")
    path.write_bytes(data)
    drafts, failures, _ = listed(path)
    wanted = {"a.mp4": content(1), "b.mp4": content(2), "c.mp4": content(3)}
    if refused:
        del wanted["b.mp4"]
    assert {key: read(draft) for key, draft in drafts.items()} == wanted
    assert ["version" in failure.message and "b.mp4" in failure.location for failure in failures] == [True] * refused
