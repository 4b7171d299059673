"""The catalogue as a whole: at once from Parquet, later from its index, whatever happens to the index."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from made_catalogue import append, caption_of, id_of, indexed, made
from sharegpt4video.dataset.reviews import bulk
from sharegpt4video.dataset.reviews.changes import Replace
from sharegpt4video.dataset.reviews.desk import Desk
from sharegpt4video.dataset.store.lock import is_being_written, lock
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, SG4VError, StorageError
from sharegpt4video.web.catalogue.catalogue import Catalogue, NoSuchCaption
from sharegpt4video.web.catalogue.pages import Query
from sharegpt4video.web.catalogue.raw import raw_page

INDEX_IN_A_PROCESS = """
import os, signal, sys
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.catalogue import follow
from sharegpt4video.web.catalogue.index import opened
from sharegpt4video.web.catalogue.place import place_for
follow.BATCH_ROWS = 4
store, left = Store.open(sys.argv[1]), [int(sys.argv[2])]
def pause():
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
index = opened(place_for(store), store.address)
follow.Follower(store, index, pause).refresh()
"""


def all_ids(catalogue: Catalogue, **asked: Any) -> list[str]:
    query, after, found = Query.of(**asked), "", []
    while True:
        page = catalogue.page(query, after, 7)
        found += [item.id for item in page.items]
        after = page.next
        if not after:
            return found


def eventually(holds: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except StorageError:  # the index is being rebuilt
            pass
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_first_pages_need_no_index(tmp_path: Path) -> None:
    catalogue = Catalogue(made(tmp_path / "set", range(25)).root)  # not started
    assert all_ids(catalogue) == [id_of(n) for n in range(25)]
    item = catalogue.page(Query.of(), "", 1).items[0]
    assert (item.video, item.summary, item.seconds, item.steps) == ("0.mp4", "Summary of video0.", 4.0, 2)
    assert catalogue.row(id_of(3)) == caption_of(3)
    with pytest.raises(NoSuchCaption):
        catalogue.row("0" * 32)
    with pytest.raises(SettingsError, match="start again"):
        catalogue.page(Query.of(), "~nonsense", 5)


def test_pages_of_parquet_show_captions_as_reviewed(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(5))
    Desk(store).add(id_of(2), "A whale sings.")
    found, after = [], ""
    while True:
        page = raw_page(store, after, 2)
        found += [item.summary for item in page.items]
        after = page.next
        if not after:
            break
    expected = [f"Summary of video{number}." for number in range(5)]
    assert found == [*expected[:2], "A whale sings.", *expected[3:]]


def test_a_text_that_was_just_written_is_found_at_once(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(5))
    with Catalogue(store.root, poll_seconds=60) as catalogue:
        assert catalogue.wait()
        for number, word in enumerate(("whale", "zebra", "heron")):
            Desk(store).add(id_of(number), f"A {word} comes.")
            catalogue.refresh_soon()
            assert all_ids(catalogue, q=word) == [id_of(number)]


def test_what_came_with_a_refresh_is_told_at_once(tmp_path: Path) -> None:
    """Not a second later: a page that has just loaded would show the numbers of half a data set."""
    store = made(tmp_path / "set", range(20))
    with Catalogue(store.root, poll_seconds=60) as catalogue:
        assert catalogue.wait()
        for rows in (30, 40):
            append(store, range(rows - 10, rows))
            catalogue.overview()
            catalogue.refresh_soon()
            assert len(all_ids(catalogue, q="summary")) == rows  # waits for the refresh
            told = catalogue.overview()
            motion = next(one for one in told.described.columns if one.name == "motion")
            assert (told.counts.captions, told.indexed_rows, motion.most) == (rows, rows, (rows - 1) / 1000)


def test_pages_of_parquet_go_on_when_the_index_is_there(tmp_path: Path) -> None:
    catalogue = Catalogue(made(tmp_path / "set", range(25)).root, poll_seconds=0.1)
    first = catalogue.page(Query.of(), "", 10)
    with catalogue:
        assert catalogue.wait()
        second = catalogue.page(Query.of(), first.next, 200)
        assert [item.id for item in (*first.items, *second.items)] == [id_of(n) for n in range(25)]
        assert sorted(all_ids(catalogue)) == all_ids(catalogue) == sorted(map(id_of, range(25)))
        assert catalogue.row(id_of(3)) == caption_of(3)
        assert catalogue.page(Query.of()).total == 25


@pytest.mark.parametrize("batches", [5, 11])
def test_a_killed_process_leaves_nothing_wrong(tmp_path: Path, batches: int) -> None:
    store = made(tmp_path / "set", range(24), part_rows=12)
    store.append("captions", [caption_of(n, revision=1, summary=f"Whale {n}.") for n in range(0, 24, 2)])
    command = [sys.executable, "-c", INDEX_IN_A_PROCESS, str(tmp_path / "set"), str(batches)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with indexed(store) as one:
        assert len(one.rows("id")) <= 24  # what was committed is there
        one.refresh()
        assert sorted(one.ids()) == sorted(map(id_of, range(24)))
        assert sorted(one.ids("whale")) == sorted(id_of(n) for n in range(0, 24, 2))
        assert len({row[0] for row in one.rows("doc")}) == 24


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("videos.duckdb", "garbage"),
        ("videos.duckdb", "spotted"),
        ("words.sqlite", "gone"),
        ("words.sqlite", "cut"),
        ("words.sqlite", "spotted"),
        ("pictures.i8", "cut"),
    ],
)
def test_a_damaged_index_is_made_anew(tmp_path: Path, name: str, how: str) -> None:
    store = made(tmp_path / "set", range(12))
    with indexed(store) as one:
        one.refresh()
        path = one.index.place.folder / name
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    else:
        if how == "spotted":
            for at in random.Random(0).sample(range(len(data)), len(data) // 50):
                data[at] ^= 0xFF
        path.write_bytes({"garbage": b"?" * len(data), "cut": data[: len(data) // 2]}.get(how, bytes(data)))
    with Catalogue(store.root, poll_seconds=0.1) as catalogue:
        eventually(lambda: catalogue.wait(0.1) and catalogue.page(Query.of("summary")).total == 12)
        assert sorted(all_ids(catalogue)) == sorted(map(id_of, range(12)))


def test_an_index_of_another_version_or_data_set_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = made(tmp_path / "set", range(5))
    with indexed(store) as one:
        one.refresh()
    shutil.copytree(tmp_path / "set", tmp_path / "copy")
    other = Store.open(tmp_path / "copy")
    append(other, range(5, 7))
    with indexed(other) as one:
        assert one.rows("id") == []
        one.refresh()
        assert len(one.ids()) == 7
    monkeypatch.setattr("sharegpt4video.web.catalogue.index.VERSION", "0")
    with indexed(store) as one:
        assert one.rows("id") == []


def test_two_servers_on_one_data_set_have_an_index_each(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(9))
    with Catalogue(store.root, poll_seconds=0.1) as one, Catalogue(store.root, poll_seconds=0.1) as other:
        assert one.wait()
        assert other.wait()
        append(store, range(9, 12))
        for each in (one, other):
            eventually(lambda each=each: len(all_ids(each)) == 12)
        assert {path.name for path in (tmp_path / "set" / ".catalogue").iterdir()} >= {"0", "1"}
    assert not (tmp_path / "set" / ".catalogue" / "1").exists()  # the second one goes with its server
    with Catalogue(store.root, poll_seconds=0.1) as again:
        assert again.wait()
        assert len(all_ids(again)) == 12


def test_where_nothing_can_be_written_the_index_goes_to_the_cache(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(3))
    (tmp_path / "set" / ".catalogue").write_text("no folder can be made here")
    with Catalogue(store.root, cache=tmp_path / "cache", poll_seconds=0.1) as catalogue:
        assert catalogue.wait()
        assert len(all_ids(catalogue)) == 3
        assert list((tmp_path / "cache").rglob("videos.duckdb"))
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("nor here")
    with Catalogue(store.root, cache=tmp_path / "cache", poll_seconds=0.1) as catalogue:
        assert catalogue.wait()
        assert len(all_ids(catalogue)) == 3


def test_the_folder_may_be_deleted_while_it_is_used(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(6))
    with Catalogue(store.root, poll_seconds=0.1) as catalogue:
        assert catalogue.wait()
        shutil.rmtree(tmp_path / "set" / ".catalogue")
        append(store, range(6, 9))
        eventually(lambda: len(all_ids(catalogue)) == 9)
    with Catalogue(store.root, poll_seconds=0.1) as catalogue:
        eventually(lambda: catalogue.wait(0.1) and len(all_ids(catalogue)) == 9)


def test_a_full_disk_stops_the_index_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of Parquet and single captions come as before, a review says why it is not stored, and then all goes on."""
    store = made(tmp_path / "set", range(12))
    monkeypatch.setattr("sharegpt4video.web.catalogue.catalogue.OPEN_SECONDS", 3.0)
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, room[1]))
    try:
        with Catalogue(store.root, cache=tmp_path / "cache", poll_seconds=0.1) as catalogue:
            with pytest.raises(StorageError, match=r"no index can be made here.*free some space"):
                catalogue.number(id_of(3))
            assert len(catalogue.page(Query.of()).items) == 12
            assert catalogue.row(id_of(3)).video == "3.mp4"
            with pytest.raises(StorageError, match=r"reviews.*cannot be written"):
                Desk(store).add(id_of(3), "A whale.")
            resource.setrlimit(resource.RLIMIT_FSIZE, room)
            Desk(store).add(id_of(3), "A whale.")
            assert catalogue.wait()
            eventually(lambda: all_ids(catalogue, q="whale") == [id_of(3)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        signal.signal(signal.SIGXFSZ, before)


def test_reviews_are_seen_in_texts_verdicts_and_findings(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(8))
    with indexed(store) as one:
        one.refresh()
        desk = Desk(store)
        desk.add(id_of(2), "A whale sings.", step=0, was="Step 0 of video2.")
        desk.add(id_of(3), verdict="reject")
        one.refresh()
        assert one.ids("whale") == [id_of(2)]
        assert one.ids("", "verdict=reject") == [id_of(3)]
        assert one.ids("", "edited=true") == [id_of(2)]
        batch = bulk.apply(store, Replace("Summary", "Gist"))
        one.refresh()
        assert len(one.ids("gist")) == 8
        assert one.ids("summary") == []
        bulk.undo(store, batch.id)
        one.refresh()
        assert one.ids("gist") == []
        assert len(one.ids("summary")) == 8
        assert one.ids("whale") == [id_of(2)]
        store.compact("reviews")
        one.refresh()
        assert one.ids("whale") == [id_of(2)]
    with indexed(store) as one:  # and an index that is made later says the same
        one.index.place.clear()
    with indexed(store) as one:
        one.refresh()
        assert (one.ids("whale"), one.ids("", "verdict=reject")) == ([id_of(2)], [id_of(3)])
        assert one.rows("summary", "video = '2.mp4'") == [("Summary of video2.",)]


def test_whether_somebody_writes_is_seen_from_the_locks(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(2))
    assert not is_being_written(store.fs, store.root)
    with lock(store.root):
        assert is_being_written(store.fs, store.root)
        with Catalogue(store.root, poll_seconds=0.1) as catalogue:
            assert catalogue.wait()
            assert catalogue.live().building
    assert not is_being_written(store.fs, store.root)
    with lock(store.root, shard=(1, 3)):
        assert is_being_written(store.fs, store.root)


def test_there_has_to_be_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(SG4VError, match="not a data set"):
        Catalogue(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_fts5_all_but_words_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.web.catalogue.index.have_fts5", lambda: False)
    with indexed(made(tmp_path / "set", range(4))) as one:
        one.refresh()
        assert len(one.ids("", "shots<2")) == 2
        with pytest.raises(SettingsError, match="no FTS5"):
            one.ids("summary")
