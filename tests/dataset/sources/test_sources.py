"""What the user names becomes sources: all of them, in one order, with ids that depend on content and span alone."""

from __future__ import annotations

import gzip
import os
import pickle
import random
import subprocess
import sys
import tarfile
import threading
import time
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growth import assert_in_proportion
from listed_sources import failures, found, names, put
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.sources import named
from sharegpt4video.dataset.sources import sources as module
from sharegpt4video.dataset.sources.found import natural_key
from sharegpt4video.dataset.sources.ids import with_span
from sharegpt4video.dataset.sources.named import expanded
from sharegpt4video.dataset.sources.sources import SourceGone, UnsafeSource, find_sources, open_source
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.files import content_id

# ids


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=8), st.sampled_from([None, 0.0, 1.0, 1.5]), st.sampled_from([None, 2.0, 1e9])
        ),
        unique=True,
    )
)
def test_ids_differ_whenever_content_or_span_differ(keys: list[tuple[bytes, float | None, float | None]]) -> None:
    ids = [with_span(content_id([data]), start, end) for data, start, end in keys]
    assert len(set(ids)) == len(keys)
    assert all(len(id) == 32 and int(id, 16) >= 0 for id in ids)


@given(st.floats(0, 1e9) | st.none(), st.floats(0, 1e9) | st.none())
def test_the_id_of_a_span_leads_back_to_the_content(start: float | None, end: float | None) -> None:
    whole = content_id([b"film"])
    assert with_span(with_span(whole, start, end), start, end) == whole


def test_ids_are_blake2b_of_the_bytes_wherever_they_lie(tmp_path: Path) -> None:
    import hashlib

    data = os.urandom(3 << 20)
    put(tmp_path / "a.mp4", data)
    put(tmp_path / "far" / "b.mkv", data)
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(tmp_path / "a.mp4", "in/c.mp4")
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.write(tmp_path / "a.mp4", "d.mp4")
    (tmp_path / "t.tar.gz").write_bytes(gzip.compress((tmp_path / "t.tar").read_bytes()))
    rows = found(tmp_path)
    assert len(rows) == 5
    assert {row.id for row in rows} == {hashlib.blake2b(data, digest_size=16).hexdigest()}
    assert {row.size_bytes for row in rows} == {len(data)}


# folders


def test_a_folder_is_walked_in_natural_order(tmp_path: Path) -> None:
    for name in [
        "b10.mp4",
        "b9.mp4",
        "B1.mp4",
        "a/2.mkv",
        "a/10.mkv",
        "a/01.mkv",
        "c.txt",
        "d",
        ".e.mp4",
        ".f/g.mp4",
        "b2/x.webm",
    ]:
        put(tmp_path / name)
    listing = find_sources([str(tmp_path)])
    rows = [row for row in listing if isinstance(row, SourceVideo)]
    assert names(rows, tmp_path) == ["a/01.mkv", "a/2.mkv", "a/10.mkv", "B1.mp4", "b2/x.webm", "b9.mp4", "b10.mp4"]
    assert listing.skipped == {
        "not a video (.txt)": 1,
        "not a video (no known ending)": 1,
        "hidden": 1,
        "hidden folder": 1,
    }


@settings(max_examples=15)
@given(st.lists(st.from_regex(r"[a-cÄé0-9]{1,4}", fullmatch=True), unique=True, min_size=2, max_size=8), st.randoms())
def test_the_order_does_not_depend_on_how_files_were_made(
    tmp_path_factory: pytest.TempPathFactory, stems: list[str], rng: random.Random
) -> None:
    orders = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("order")
        rng.shuffle(stems)
        for stem in stems:
            put(folder / f"{stem}.mp4")
        orders.append(names(found(folder), folder))
    assert orders[0] == orders[1]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "zz"]), st.integers(0, 10**9)), unique=True))
def test_natural_order_counts_numbers_as_numbers(parts: list[tuple[str, int]]) -> None:
    assert sorted((f"{word}{number}.mp4" for word, number in parts), key=natural_key) == [
        f"{word}{number}.mp4" for word, number in sorted(parts)
    ]


def test_links_are_followed_once_and_never_in_circles(tmp_path: Path) -> None:
    put(tmp_path / "outside" / "o.mp4")
    put(tmp_path / "in" / "a.mp4")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to("self")
    (tmp_path / "in" / "out1").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "out2").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "file.mp4").symlink_to(tmp_path / "outside" / "o.mp4")
    (tmp_path / "in" / "nowhere.mp4").symlink_to(tmp_path / "gone")
    listing = find_sources([str(tmp_path / "in")])
    rows = list(listing)
    assert names([r for r in rows if isinstance(r, SourceVideo)], tmp_path / "in") == [
        "a.mp4",
        "file.mp4",
        "out1/o.mp4",
    ]
    assert [(r.kind, r.location.rpartition("/")[2]) for r in rows if isinstance(r, Failure)] == [
        ("vanished", "nowhere.mp4")
    ]
    assert listing.skipped["folder seen already (through a link)"] == 2


def test_odd_names_are_listed_or_refused_with_a_reason(tmp_path: Path) -> None:
    put(tmp_path / "new\nline.mp4")
    put(tmp_path / "semi;colon 'quote' %41.mp4")
    put(tmp_path / "x.zip::y.mp4")
    put(tmp_path / "[a]{1,2}*.mp4")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.mp4")).write_bytes(b"x")
    put(tmp_path / "empty.mp4").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.mp4")
    rows = list(find_sources([str(tmp_path)]))
    assert len([row for row in rows if isinstance(row, SourceVideo)]) == 4
    told = {row.location.rpartition("/")[2]: row.message for row in rows if isinstance(row, Failure)}
    assert set(told) == {"bad?.mp4", "empty.mp4", "pipe.mp4"}
    assert "UTF-8" in told["bad?.mp4"]
    assert "empty" in told["empty.mp4"]
    assert "regular file" in told["pipe.mp4"]
    for row in rows:
        assert pickle.loads(pickle.dumps(row)) == row
        if isinstance(row, SourceVideo):
            with open_source(row) as video:
                assert video == row.location
    assert len(found(tmp_path / "[a]{1,2}*.mp4")) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_an_unreadable_folder_is_a_failure_and_the_rest_is_listed(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "closed" / "b.mp4")
    put(tmp_path / "d.mp4")
    (tmp_path / "closed").chmod(0)
    code = """
import os, sys
from sharegpt4video.dataset.sources.sources import find_sources
here = os.open(sys.argv[1], os.O_RDONLY)
os.fchdir(here); os.setuid(65534)
print([getattr(row, 'kind', 'source') for row in find_sources(['.'])])
"""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o1000:  # the temporary folder of everybody
            break
        folder.chmod(0o755)
    shown = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert shown.stdout.strip() == "['source', 'unreadable', 'source']", shown.stderr[-500:]


# single files, patterns, braces, lists


def test_patterns_and_braces(tmp_path: Path) -> None:
    for name in ["s-008.mp4", "s-009.mp4", "s-010.mp4", "deep/er/x.mp4", "s.txt", "[1].mp4"]:
        put(tmp_path / name)
    assert names(found(tmp_path / "s-*.mp4"), tmp_path) == ["s-008.mp4", "s-009.mp4", "s-010.mp4"]
    assert names(found(tmp_path / "s-{008..010}.mp4"), tmp_path) == ["s-008.mp4", "s-009.mp4", "s-010.mp4"]
    assert names(found(tmp_path / "**" / "*.mp4"), tmp_path) == [
        "[1].mp4",
        "deep/er/x.mp4",
        "s-008.mp4",
        "s-009.mp4",
        "s-010.mp4",
    ]
    assert names(found(tmp_path / "{s-009,[1]}.mp4"), tmp_path) == ["s-009.mp4", "[1].mp4"]
    assert names(found(tmp_path / "s-0[01]?.mp4"), tmp_path) == ["s-008.mp4", "s-009.mp4", "s-010.mp4"]
    listing = find_sources([str(tmp_path / "*")])
    assert len(list(listing)) == 5
    assert listing.skipped == {"not a video (.txt)": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a{0..2}", ["a0", "a1", "a2"]),
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{a,b}{1,2}", ["a1", "a2", "b1", "b2"]),
        ("a{b}", ["a{b}"]),
        ("plain", ["plain"]),
    ],
)
def test_braces_are_written_out(text: str, words: list[str]) -> None:
    assert expanded(text) == words


@pytest.mark.parametrize("text", ["{0..99999999}", "{0..9999}{0..9999}", "{1..9}" * 12])
def test_endless_braces_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "MOST_EXPANSIONS", 5000)
    with pytest.raises(SettingsError, match="more than"):
        expanded(text)


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "a.json")
    wrong = ["nope.mp4", "n*.mp4", "{1..2}.mp4", "@gone.txt", "a.json", "x.tar::y.mp4"]
    with pytest.raises(SettingsError) as caught:
        find_sources(
            [str(tmp_path / "a.mp4"), *(f"@{tmp_path}/{w[1:]}" if w[0] == "@" else f"{tmp_path}/{w}" for w in wrong)]
        )
    for word in ["nope.mp4", "n*.mp4", "1.mp4", "gone.txt", "a.json", "x.tar::y.mp4"]:
        assert f"{tmp_path}/{word}" in str(caught.value)
    for scheme in ["ftp://h/a.mp4", "reference://x", "simplecache::s3://b/a.mp4", "https://h/shard.tar", "a\0b"]:
        with pytest.raises(SettingsError):
            find_sources([scheme])
    with pytest.raises(SettingsError, match="no videos"):
        find_sources([])


@pytest.mark.parametrize("inputs", ["videos/", b"videos", None, 5, [5], [None], [""], [" "], ["@"]])
def test_what_is_no_list_of_names_is_refused(inputs: Any) -> None:
    """One text alone would be taken for its letters, and an empty one (an unset variable) for the working directory."""
    with pytest.raises(SettingsError, match="name"):
        find_sources(inputs)


def test_two_dots_behind_a_link_lead_where_the_system_says(tmp_path: Path) -> None:
    put(tmp_path / "far" / "deep" / "c.mp4", b"deep")
    put(tmp_path / "far" / "b.mp4", b"right")
    put(tmp_path / "near" / "b.mp4", b"wrong")
    (tmp_path / "near" / "link").symlink_to(tmp_path / "far" / "deep")
    put(tmp_path / "near" / "list.txt", b"link/../b.mp4\nlink/c.mp4\n../near/b.mp4\n")
    sources = list(find_sources([str(tmp_path / "near" / "list.txt")]))
    assert [Path(source.location).read_bytes() for source in sources] == [b"right", b"deep", b"wrong"]
    assert sources[1].location == str(tmp_path / "near" / "link" / "c.mp4")


def test_a_file_that_is_named_is_a_video_whatever_its_ending(tmp_path: Path) -> None:
    assert len(found(put(tmp_path / "clip.bin"))) == 1
    assert len(found(f"file://{tmp_path}/clip.bin")) == 1


def test_lists_of_all_kinds_together(tmp_path: Path) -> None:
    for name in ["v/a.mp4", "v/b.mp4", "w/c.mp4"]:
        put(tmp_path / name)
    with tarfile.open(tmp_path / "v" / "s.tar", "w") as tar:
        tar.add(tmp_path / "w" / "c.mp4", "m.mp4")
    put(tmp_path / "v" / "l.txt", f"a.mp4,1,2\n../w/c.mp4\n{tmp_path}/v/b.mp4\ns.tar::m.mp4\ns.tar\n")
    put(tmp_path / "v" / "t.csv", "path,id,note\nb.mp4,7,x\n")
    put(tmp_path / "v" / "t.jsonl", '{"path": "b.mp4", "start": 1}\n')
    pq.write_table(pa.table({"file": ["a.mp4"], "text": ["said"]}), tmp_path / "v" / "t.parquet")
    put(tmp_path / "v" / "odd", "a.mp4\n")
    v = tmp_path / "v"
    rows = found(
        v / "l.txt", v / "t.csv", v / "t.jsonl", v / "t.parquet", f"@{v}/odd", tmp_path / "w", v / "t.{csv,jsonl}"
    )
    assert names(rows[:5], tmp_path) == ["v/a.mp4", "w/c.mp4", "v/b.mp4", "v/s.tar::m.mp4", "v/s.tar::m.mp4"]
    assert (rows[0].start_seconds, rows[0].end_seconds) == (1.0, 2.0)
    assert (rows[5].user_id, rows[5].tags) == ("7", {"note": "x"})
    assert rows[6].start_seconds == 1.0
    assert rows[7].caption == "said"
    assert names(rows[8:], tmp_path) == ["v/a.mp4", "w/c.mp4", "v/b.mp4", "v/b.mp4"]
    by_place: dict[str, set[str]] = {}
    for row in rows:
        by_place.setdefault(row.id, set()).add(f"{row.location.rpartition('/')[2]} {row.start_seconds}")
    assert {frozenset(places) for places in by_place.values()} == {
        frozenset({"a.mp4 1.0"}),
        frozenset({"c.mp4 None", "s.tar::m.mp4 None"}),
        frozenset({"b.mp4 None"}),
        frozenset({"b.mp4 1.0"}),
        frozenset({"a.mp4 None"}),
    }


def test_rows_that_cannot_be_used_are_failures_with_file_and_line(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    (tmp_path / "folder").mkdir()
    text = "path,id,start,end\na.mp4,1,,\ngone.mp4,2,,\na.mp4,3,5,4\n,4,,\nfolder,5,,\nftp://h/x.mp4,6,,\na.tar::b.mp4,7,,\nt.csv/x.mp4,8,,\n"
    table = put(tmp_path / "t.csv", text)
    rows = list(find_sources([str(table)]))
    assert isinstance(rows[0], SourceVideo)
    wrong = [row for row in rows if isinstance(row, Failure)]
    kinds = ["vanished", "unreadable", "unreadable", "unreadable", "unsafe", "vanished", "vanished"]
    assert [row.kind for row in wrong] == kinds
    for number, row in enumerate(wrong, 3):
        assert f"{table}, line {number}:" in row.message
        assert row.stage == "list"
    assert len({row.id for row in wrong}) == len(wrong)
    assert wrong[0].user_id == "2"


def test_a_name_in_another_unicode_form_is_found(tmp_path: Path) -> None:
    put(tmp_path / unicodedata.normalize("NFD", "café.mp4"))
    put(tmp_path / "l.txt", unicodedata.normalize("NFC", "café.mp4"))
    assert Path(found(tmp_path / "l.txt")[0].location).exists()


def test_one_member_of_an_archive_can_be_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(put(tmp_path / "a.mp4"), "m.mp4")
    assert found(f"{tmp_path}/s.tar::m.mp4")[0].size_bytes == 5
    assert [row.kind for row in failures(f"{tmp_path}/s.tar::n.mp4")] == ["vanished"]


# scale


def test_a_folder_of_many_files_is_listed_quickly(tmp_path: Path) -> None:
    for size in (2_500, 20_000):
        (tmp_path / str(size)).mkdir()
        for number in range(size):
            with open(tmp_path / f"{size}/{number}.mp4", "w") as file:  # noqa: PTH123 - faster
                file.write(str(number))
    listed = {}

    def listing(size: int) -> None:
        listed[size] = found(tmp_path / str(size))

    assert_in_proportion(listing, 20_000, clock=time.process_time)
    rows = listed[20_000]
    assert [int(Path(row.location).stem) for row in rows] == list(range(20_000))
    assert len({row.id for row in rows}) == 20_000


def test_a_large_table_is_read_in_little_memory(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    with (tmp_path / "t.csv").open("w") as file:
        file.write("path,id,start,end,caption\n")
        for number in range(60_000):
            file.write(f"a.mp4,id{number},{number},{number + 1},a caption that takes some room in memory {number}\n")
    code = f"""
import resource, sys
from sharegpt4video.dataset.sources.sources import find_sources
list_ = find_sources([{str(tmp_path / "t.csv")!r}])
for _ in range(1000): next(list_)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 1000 + sum(1 for _ in list_)
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(shown[0]) == 60_000
    assert int(shown[1]) < 20


def test_a_listing_that_is_left_early_leaves_no_threads(tmp_path: Path) -> None:
    for number in range(500):
        put(tmp_path / f"{number}.mp4")
    listing = find_sources([str(tmp_path)])
    next(listing)
    listing.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sg4v-hash")]


def test_the_module_says_what_it_offers() -> None:
    assert {"find_sources", "open_source", "SourceGone", "UnsafeSource", "StoredHashes"} <= set(module.__all__)
    assert issubclass(SourceGone, VideoError)
    assert issubclass(UnsafeSource, VideoError)
