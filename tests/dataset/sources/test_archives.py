"""Archives read in place: what is found, where its bytes are, and every trick of a tar that is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_archives import (
    PACKINGS,
    content,
    left_behind,
    listed,
    read,
    special,
    write_any,
    write_tar,
    write_zip,
)
from sharegpt4video.dataset.sources import members
from sharegpt4video.dataset.sources.archives import member_stat, open_member
from sharegpt4video.dataset.sources.kinds import split_member
from sharegpt4video.dataset.sources.members import Spot, keys_of, spot_of
from sharegpt4video.dataset.sources.places import SourceGone
from sharegpt4video.errors import VideoError


@pytest.mark.parametrize("name", PACKINGS)
def test_members_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    sizes = [1, 511, 512, 513, 70_000]
    if name in ("a.tar", "a.zip", "deflated.zip", "a.tar.gz"):
        sizes += [1 << 20, (1 << 20) + 1, 5]
    entries = [(f"deep/folder {i}/ä{i}.mp4", content(i, size)) for i, size in enumerate(sizes)]
    drafts, failures, _ = listed(write_any(tmp_path / name, entries))
    assert not failures
    assert {key: read(draft) for key, draft in drafts.items()} == dict(entries)
    assert [draft.source.size_bytes for draft in drafts.values()] == sizes


@pytest.mark.parametrize("name", PACKINGS)
def test_an_unpacked_member_is_private_and_gone_afterwards(tmp_path: Path, name: str) -> None:
    drafts, _, _ = listed(write_any(tmp_path / name, [("x/clip.mp4", content(1))]))
    source = drafts["x/clip.mp4"].source
    before = left_behind()
    with open_member(source.location, source.size_bytes, source.modified) as video:
        if isinstance(video, str):
            assert Path(video).name == "clip.mp4"
            assert Path(video).parent.stat().st_mode & 0o077 == 0
        else:
            assert video.name == "clip.mp4"
            assert video.seek(-10, os.SEEK_END) == 990
            assert video.read() == content(1)[-10:]
            assert left_behind() == before
    assert left_behind() == before


@pytest.mark.parametrize("name", PACKINGS)
def test_a_description_beside_a_video_gives_its_id_and_caption(tmp_path: Path, name: str) -> None:
    entries = [
        ("0001.json", json.dumps({"id": "u1", "caption": "one", "w": 64}).encode()),
        ("0001.mp4", content(1)),
        ("b/0002.mp4", content(2)),
        ("b/0002.txt", "zwei ✓\n".encode()),
        ("v1.0.mp4", content(3)),
        ("v1.0.json", b'{"text": "point zero"}'),
        ("v1.1.mp4", content(4)),
        ("v1.1.txt", b"point one"),
        ("s.left.mp4", content(5)),
        ("s.json", b'{"start": 1, "end": "0:03"}'),
        ("plain.mp4", content(6)),
        ("broken.mp4", content(7)),
        ("broken.json", b"{"),
        ("alone.json", b"{}"),
        ("readme.md", b""),
    ]
    drafts, failures, skipped = listed(write_any(tmp_path / name, entries))
    told = {key: (d.source.user_id, d.source.caption, d.source.start_seconds) for key, d in drafts.items()}
    assert told == {
        "0001.mp4": ("u1", "one", None),
        "b/0002.mp4": ("b/0002", "zwei ✓", None),
        "v1.0.mp4": ("v1.0", "point zero", None),
        "v1.1.mp4": ("v1.1", "point one", None),
        "s.left.mp4": ("s", "", 1.0),
        "plain.mp4": ("", "", None),
    }
    assert drafts["0001.mp4"].source.tags == {"w": "64"}
    assert [failure.location.partition("::")[2] for failure in failures] == ["broken.mp4"]
    assert skipped == {"description without a video beside it": 1, "not a video (.md)": 1}


BAD_NAMES = [
    "../up.mp4",
    "a/../../up.mp4",
    "/etc/abs.mp4",
    "C:/drive.mp4",
    "c:drive.mp4",
    "a\\b.mp4",
    "inner.tar",
    "in/x.zip",
]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_names_that_climb_out_are_refused_and_the_rest_is_listed(tmp_path: Path, name: str) -> None:
    entries = [("first.mp4", content(0)), *((bad, content(1)) for bad in BAD_NAMES), ("last.mp4", content(2))]
    drafts, failures, _ = listed(write_any(tmp_path / name, entries))
    assert list(drafts) == ["first.mp4", "last.mp4"]
    assert [failure.location.partition("::")[2] for failure in failures] == BAD_NAMES
    assert {failure.kind for failure in failures} == {"unsafe"}
    assert len({failure.id for failure in failures}) == len(BAD_NAMES)


def test_links_devices_and_second_members_of_a_tar_are_refused(tmp_path: Path) -> None:
    entries: list[tuple[str, Any]] = [
        special("sym.mp4", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.mp4", tarfile.LNKTYPE, "a.mp4"),
        special("pipe.mp4", tarfile.FIFOTYPE),
        special("disk", tarfile.BLKTYPE),
        ("a.mp4", content(1)),
        ("a.mp4", content(2)),
        special("folder", tarfile.DIRTYPE),
        ("b.mp4", b""),
    ]
    drafts, failures, _ = listed(write_tar(tmp_path / "a.tar", entries))
    assert list(drafts) == ["a.mp4"]
    assert read(drafts["a.mp4"]) == content(1)
    assert [f.kind for f in failures if "b.mp4" not in f.location] == ["unsafe"] * 5
    assert [f.kind for f in failures if "b.mp4" in f.location] == ["unreadable"]


def test_a_sparse_member_longer_than_its_archive_is_called_sparse(tmp_path: Path) -> None:
    info = tarfile.TarInfo("hole.mp4")
    info.size = 512
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999"}
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"0\n".ljust(512, b"\0")))
        last = tarfile.TarInfo("b.mp4")
        last.size = 1000
        tar.addfile(last, io.BytesIO(content(1)))
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["b.mp4"]
    assert ["sparse" in failure.message for failure in failures] == [True]


def test_labels_and_folder_lists_of_gnu_tar_are_no_failures(tmp_path: Path) -> None:
    entries: list[tuple[str, Any]] = [special("backup", b"V"), special("folder/", b"D"), ("a.mp4", content(1))]
    drafts, failures, skipped = listed(write_tar(tmp_path / "a.tar", entries))
    assert (list(drafts), failures, skipped.total()) == (["a.mp4"], [], 2)


@pytest.mark.parametrize("name", ["a.tar", "a.zip"])
def test_a_description_is_found_whatever_the_case_of_its_ending(tmp_path: Path, name: str) -> None:
    entries = [("a.mp4", content(1)), ("a.JSON", b'{"caption": "one"}'), ("b.mp4", content(2)), ("b.Txt", b"two")]
    drafts, failures, skipped = listed(write_any(tmp_path / name, entries))
    assert [draft.source.caption for draft in drafts.values()] == ["one", "two"]
    assert not failures
    assert not skipped


def test_hidden_members_are_skipped(tmp_path: Path) -> None:
    entries = [("__MACOSX/._a.mp4", b"x"), (".git/b.mp4", b"x"), ("./c.mp4", b"x"), ("d/.e.mp4", b"x")]
    drafts, failures, skipped = listed(write_any(tmp_path / "a.zip", entries))
    assert list(drafts) == ["./c.mp4"]
    assert not failures
    assert skipped == {"hidden": 3}


@pytest.mark.parametrize("name", PACKINGS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_archive_cut_short_says_so_and_keeps_what_is_whole(tmp_path: Path, name: str, share: float) -> None:
    path = write_any(tmp_path / name, [(f"{i}.mp4", content(i, 20_000)) for i in range(10)])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    drafts, failures, _ = listed(path)
    assert failures
    assert {failure.kind for failure in failures} == {"unreadable"}
    for key, draft in drafts.items():
        assert read(draft) == content(int(key[:-4]), 20_000)
    if name == "a.tar":
        assert len(drafts) == int(len(data) * share) // 20_992


def test_a_tar_without_its_end_mark_is_reported(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.mp4", content(1))])
    path.write_bytes(path.read_bytes()[:1536])
    drafts, failures, _ = listed(path)
    assert read(drafts["a.mp4"]) == content(1)
    assert ["no end mark" in failure.message for failure in failures] == [True]


def damaged_tar(path: Path, header: bytes, at: int = 2) -> Path:
    """Five members, with something else in place of the start of one header; packed if the name says so."""
    data = bytearray(write_tar(path.with_suffix(".plain"), [(f"{i}.mp4", content(i)) for i in range(5)]).read_bytes())
    data[at * 1536 : at * 1536 + len(header)] = header
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def sized(size: bytes) -> bytes:
    """The header of the third of these members, claiming another size, its checksum made to fit."""
    head = bytearray(tarfile.TarInfo("2.mp4").tobuf())
    head[124:136] = size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


DAMAGE = {
    "noise": os.urandom(400),
    "zero byte": b"\xff" * 512,
    "size over the end": sized(b"77777777777\0"),
    "size in binary": sized(b"\x80" + b"\x7f" * 11),
    "size below zero": sized(b"\xff" * 12),
    "size of letters": sized(b"zzzzzzzzzzz\0"),
}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_header_costs_its_member_alone(tmp_path: Path, name: str, damage: str) -> None:
    if name.endswith("gz") and damage in ("size over the end", "size in binary"):
        pytest.skip("how long a compressed tar is cannot be told before its end")
    drafts, failures, _ = listed(damaged_tar(tmp_path / name, DAMAGE[damage]))
    assert list(drafts) == ["0.mp4", "1.mp4", "3.mp4", "4.mp4"]
    assert {key: read(draft) for key, draft in drafts.items()} == {f"{i}.mp4": content(i) for i in (0, 1, 3, 4)}
    assert 1 <= len(failures) <= 2
    assert f"it is read on from byte {3 * 1536}" in failures[-1].message


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_a_wrong_checksum_of_a_packed_tar_is_told(tmp_path: Path, name: str) -> None:
    path = write_any(tmp_path / name, [("a.mp4", content(0)), ("b.mp4", content(1))])
    data = bytearray(path.read_bytes())
    data[-6 if name.endswith("gz") else len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert listed(path)[1]


def test_a_damaged_first_header_costs_its_member_alone(tmp_path: Path) -> None:
    head = bytearray(tarfile.TarInfo("0.mp4").tobuf())
    head[0] ^= 1  # the checksum does not fit any more
    drafts, failures, _ = listed(damaged_tar(tmp_path / "a.tar", bytes(head), at=0))
    assert list(drafts) == ["1.mp4", "2.mp4", "3.mp4", "4.mp4"]
    assert len(failures) == 1


def test_what_is_no_tar_is_not_searched_for_members(tmp_path: Path) -> None:
    drafts, failures, _ = listed(damaged_tar(tmp_path / "a.tar", b"\xff" * 512, at=0))
    assert not drafts
    assert len(failures) == 1


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_an_endless_name_costs_its_member_alone(tmp_path: Path, name: str, format: int) -> None:
    path = tmp_path / name
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w", format=format) as tar:
        for number, member in enumerate(("a.mp4", "x" * (2 << 20) + ".mp4", "b.mp4")):
            info = tarfile.TarInfo(member)
            info.size = 1000
            tar.addfile(info, io.BytesIO(content(number)))
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["a.mp4", "b.mp4"]
    assert [failure.kind for failure in failures] == ["unsafe"]


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    path = tmp_path / "a.tar"
    head = write_tar(path, [("a.mp4", content(1))]).read_bytes()[:1536]
    path.write_bytes(head + info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["a.mp4"]
    assert [failure.kind for failure in failures] == ["unsafe"]


def test_names_that_are_no_unicode_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        for name in ("é.mp4", "b.mp4"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    drafts, failures, _ = listed(path)
    assert list(drafts) == ["b.mp4"]
    assert [failure.kind for failure in failures] == ["unreadable"]
    failures[0].location.encode()
    failures[0].message.encode()


def test_old_compressions_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    (tmp_path / "a.tar").write_bytes(b"\x28\xb5\x2f\xfd")
    for name in ("a.tar.zst", "a.tar"):
        assert "make a plain .tar" in listed(tmp_path / name)[1][0].message


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_tar_that_is_a_bomb_is_stopped(tmp_path: Path, pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "FREE_BYTES", 1 << 20)
    path = write_tar(tmp_path / "plain.tar", [("a.mp4", content(1)), ("zeros.mp4", bytes(30 << 20))])
    ending = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    bomb = tmp_path / f"bomb.tar.{ending}"
    bomb.write_bytes(pack(path.read_bytes()))
    drafts, failures, _ = listed(bomb)
    assert "zeros.mp4" not in drafts
    assert [failure.kind for failure in failures] == ["unsafe"]


def test_one_member_is_found_by_name(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("x.mp4", content(1)), ("../y.mp4", content(2))])
    found = member_stat(f"{path}::x.mp4")
    with open_member(f"{path}::x.mp4", found.size_bytes, found.modified) as video:
        assert not isinstance(video, str)
        assert video.read() == content(1)
    with open_member(f"{path}::x.mp4", 0, "") as video:
        assert not isinstance(video, str)
        assert video.read() == content(1)
    for name in ("z.mp4", "../y.mp4"):
        with pytest.raises(FileNotFoundError):
            member_stat(f"{path}::{name}")


def test_an_archive_that_vanished_is_told_apart(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("x.mp4", content(1))])
    drafts, _, _ = listed(path)
    path.unlink()
    with pytest.raises(SourceGone):
        read(drafts["x.mp4"])


@given(st.text(min_size=1), st.integers(0, 1 << 62), st.one_of(st.none(), st.integers(0, 2**32 - 1)))
def test_a_place_reads_back(modified: str, offset: int, crc: int | None) -> None:
    spot = Spot(modified, offset, crc)
    assert spot_of(str(spot)) == spot


def test_members_are_told_from_odd_file_names() -> None:
    assert split_member("s3://b/x.tar::a/b.mp4") == ("s3://b/x.tar", "a/b.mp4")
    assert split_member("/d/x.TAR.GZ::a::b.mp4") == ("/d/x.TAR.GZ", "a::b.mp4")
    assert split_member("/d/a::b.mp4") is None
    assert keys_of("d.x/a.b.mp4") == ("d.x/a.b", "d.x/a")


def test_fuzzed_archives_never_raise(tmp_path: Path) -> None:
    rng = random.Random(7)
    for name in ("a.tar", "a.zip", "a.tar.gz"):
        whole = write_any(tmp_path / name, [(f"{i}.mp4", content(i, 600)) for i in range(6)]).read_bytes()
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 12)):
                data[rng.randrange(len(data))] = rng.choice([0, 255, 0x80, rng.randrange(256)])
            (tmp_path / name).write_bytes(data)
            drafts, _, _ = listed(tmp_path / name)
            for draft in drafts.values():
                try:
                    read(draft)
                except VideoError:
                    continue
                except OSError as error:  # a slice reads through to the file
                    assert "cut short" in str(error)  # noqa: PT017


@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.xz", "a.zip"])
def test_what_an_archive_holds_tells_its_kind_whatever_its_name_says(tmp_path: Path, name: str, packing: str) -> None:
    path = write_tar(tmp_path / name, [("a.mp4", content(1)), ("b.mp4", content(2))], f"w:{packing}")
    drafts, failures, _ = listed(path)
    assert not failures
    assert {key: read(draft) for key, draft in drafts.items()} == {"a.mp4": content(1), "b.mp4": content(2)}


def test_a_zip_called_a_tar_is_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("a.mp4", content(1))]).rename(tmp_path / "a.tar")
    assert {key: read(draft) for key, draft in listed(path)[0].items()} == {"a.mp4": content(1)}


def test_another_archive_under_the_same_name_is_looked_at_anew(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.mp4", content(1))], "w:gz")
    assert listed(path)[0]
    write_tar(path, [("b.mp4", content(2, 2000))])
    assert {key: read(draft) for key, draft in listed(path)[0].items()} == {"b.mp4": content(2, 2000)}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("zeros", [0, 512, 70_144])
def test_all_parts_of_tars_put_together_are_read(tmp_path: Path, zeros: int, packed: bool) -> None:
    parts = [
        write_tar(tmp_path / f"{name}.part", [(f"{name}.mp4", content(at))]).read_bytes() + bytes(zeros)
        for at, name in enumerate("abc")
    ]
    path = tmp_path / ("all.tar.gz" if packed else "all.tar")
    path.write_bytes(b"".join(map(gzip.compress, parts)) if packed else b"".join(parts))
    drafts, failures, skipped = listed(path)
    assert (failures, skipped) == ([], {})
    assert {key: read(draft) for key, draft in drafts.items()} == {
        f"{n}.mp4": content(at) for at, n in enumerate("abc")
    }


def test_what_follows_a_tar_and_is_none_is_counted(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.mp4", content(1))])
    path.write_bytes(path.read_bytes() + b"a signature" * 99)
    drafts, failures, skipped = listed(path)
    assert (list(drafts), failures) == (["a.mp4"], [])
    assert skipped == {"data after the end of a tar that is not a tar": 1}


@pytest.mark.parametrize("name", PACKINGS)
def test_an_archive_is_opened_once_to_list_it(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_any(tmp_path / name, [("a.mp4", content(1)), ("b.mp4", content(2))])
    opened: list[object] = []
    plain_open = open

    def counted(file: Any, *args: Any, **kwargs: Any) -> Any:
        opened.append(file)
        return plain_open(file, *args, **kwargs)

    monkeypatch.setattr("builtins.open", counted)
    drafts, _, _ = listed(path)
    assert len(drafts) == 2
    assert opened.count(str(path)) == 1
