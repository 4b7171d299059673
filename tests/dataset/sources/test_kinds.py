"""What a thing is, by its name or its location: decided once, whatever else lies beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from listed_sources import put
from made_archives import content, listed, write_tar
from sharegpt4video.dataset.rows import Failure
from sharegpt4video.dataset.sources.contents import Contents
from sharegpt4video.dataset.sources.found import drafts_of
from sharegpt4video.dataset.sources.kinds import Found, kind_of, single_kind, split_member
from sharegpt4video.dataset.sources.named import checked_inputs
from sharegpt4video.files import content_id


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.MP4", "video"), ("a.b.webm", "video"), ("a.tar.GZ", "archive"), ("a.zip", "archive"), ("a.gz", "other")),
        *(("a.txt", "list"), ("a.parquet", "list"), ("mp4", "other"), (".mp4", "other"), ("", "other")),
    ],
)
def test_a_name_tells_the_kind_by_its_ending(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        *(("/v/a.mp4", "video"), ("s3://b/a.mp4", "video"), ("/v/a::b.mp4", "video"), ("/v/a.tar::", "video")),
        *(("/v/a.tar::b.mp4", "member"), ("s3://b/a.tgz::x/b.mp4", "member"), ("/v/a.tar::x.zip::b.mp4", "member")),
        *(("https://h/a.mp4", "address"), ("HTTP://h/a.tar", "address")),
    ],
)
def test_a_location_tells_what_a_single_video_is(location: str, kind: str) -> None:
    assert single_kind(location) == kind


def test_the_first_archive_in_a_location_is_the_one() -> None:
    assert split_member("/v/a.tar::x.zip::b.mp4") == ("/v/a.tar", "x.zip::b.mp4")


def test_a_file_with_the_name_of_a_member_is_a_file_and_the_member_stays_one(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", [("b.mp4", content(1))])
    drafts, _, _ = listed(archive)
    beside = put(tmp_path / "a.tar::b.mp4", content(2))
    assert single_kind(str(beside)) == "video"
    assert checked_inputs([str(beside)])[0].kind == "video"
    draft = drafts["b.mp4"]
    assert draft.kind == "member"
    assert Contents(None).of(draft.source, draft.kind) == content_id([content(1)])


def test_what_the_words_stand_for_has_its_kind(tmp_path: Path) -> None:
    for name in ("v.mp4", "odd", "l.csv", "a.zip", ".h.zip", "sub/x.mp4"):
        put(tmp_path / name, "path\nv.mp4\n" if name == "l.csv" else "")

    def kinds(*words: str) -> list[tuple[str, str]]:
        return [(Path(one.location).name, one.kind) for one in checked_inputs(f"{tmp_path}/{word}" for word in words)]

    assert kinds("v.mp4", "odd", "l.csv", "a.zip", "sub", "a.zip::m.mp4") == [
        *(("v.mp4", "video"), ("odd", "video"), ("l.csv", "list"), ("a.zip", "archive"), ("sub", "folder")),
        ("a.zip::m.mp4", "member"),
    ]
    assert kinds("*") == [
        *(("a.zip", "archive"), ("l.csv", "other"), ("odd", "other"), ("sub", "folder"), ("v.mp4", "video")),
    ]
    assert kinds("*.csv") == [("l.csv", "list")]
    assert kinds(".h.zip", ".*") == [(".h.zip", "other"), (".h.zip", "other")]
    assert [one.kind for one in checked_inputs(["https://h/a.mp4", f"@{tmp_path}/odd"])] == ["address", "list"]


def test_what_is_left_out_is_counted_and_a_failure_goes_through(tmp_path: Path) -> None:
    lost = Failure("0" * 32, "x", "", "list", "unreadable", "x")
    skipped: Counter[str] = Counter()
    found = [Found("/v/.a.mp4", "other"), lost, Found("/v/a.txt", "other"), Found(str(tmp_path), "folder")]
    assert list(drafts_of(found, skipped, None)) == [lost]
    assert skipped == {"hidden": 1, "not a video (.txt)": 1}
