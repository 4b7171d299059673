"""The rows of reviews: nothing is lost whoever writes, merges, cleans, dies or loses its storage at the same time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_dataset import caption_row, made_store, row_id
from sharegpt4video.dataset.reviews import table
from sharegpt4video.dataset.reviews.desk import Desk
from sharegpt4video.dataset.reviews.single import StaleReview
from sharegpt4video.dataset.reviews.table import Reviews, commit, new_id
from sharegpt4video.dataset.rows import Review
from sharegpt4video.dataset.store import storage
from sharegpt4video.dataset.store.lock import lock
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    root = tmp_path / "set" if request.param == "local" else f"memory://{tmp_path.name}-{time.time_ns()}"
    return made_store(str(root), [caption_row(number) for number in range(4)])


def again(store: Store) -> Store:
    return Store.open(store.address)


def said(number: int, text: str, **more: Any) -> Review:
    plain: dict[str, Any] = {"author": "ada", "kind": "edit", "step": 0, "was": "Room 0 is empty.", "text": text}
    return Review(new_id(), row_id(number), 0, **plain | more)


def texts(store: Store, number: int = 0) -> list[str | None]:
    reviews = Reviews(store)
    reviews.refresh()
    return [row.text for row in reviews.of(row_id(number), all_of_them=True)]


def test_reviews_come_in_the_order_in_which_they_were_committed(store: Store) -> None:
    writers = [again(store) for _ in range(3)]
    for number in range(9):
        commit(writers[number % 3], [said(0, str(number))])
    assert texts(store) == [str(number) for number in range(9)]


def test_a_writer_with_a_clock_behind_still_comes_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(store, [said(0, "first")])
    late = again(store)
    monkeypatch.setattr("time.time_ns", lambda: 1)
    commit(late, [said(0, "second")])
    assert texts(store) == ["first", "second"]


def test_merging_keeps_every_row_and_its_place(store: Store) -> None:
    for number in range(12):
        commit(again(store), [said(0, str(number))])
    reader = Reviews(store)
    reader.refresh()
    assert store.compact("reviews") == 1
    commit(again(store), [said(0, "12")])
    reader.refresh()
    assert [row.text for row in reader.of(row_id(0))] == texts(store) == [str(number) for number in range(13)]


def test_a_reader_goes_on_when_parts_are_merged_under_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        commit(again(store), [said(0, str(number))])
    reader, read, other = Reviews(store), Reviews._read, again(store)
    merged: list[int] = []

    def merging(self: Reviews, path: str) -> Any:
        if not merged:
            merged.append(other.compact("reviews"))
        return read(self, path)

    monkeypatch.setattr(Reviews, "_read", merging)
    reader.refresh()
    assert [row.text for row in reader.of(row_id(0))] == [str(number) for number in range(6)]


def test_a_part_that_is_gone_for_good_is_told(store: Store) -> None:
    commit(store, [said(0, "one")])
    storage.remove(store.fs, store.parts("reviews"))
    generation = store.next_stamp("reviews", afresh=True)
    lost = f"{generation:020d}-00000000-0000000000000000.g{generation:020d}.parquet"
    record = f'{{"parts": ["{lost}"], "removed": []}}'
    storage.put(store.fs, f"{store.root}/reviews/_swap-{generation:020d}.json", record.encode())
    with pytest.raises(StorageError, match="is gone"):
        Reviews(store).refresh()


def test_cleaning_up_leaves_what_a_reviewer_is_writing(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0)])
    commit(store, [said(0, "one")])
    half = tmp_path / "set" / "reviews" / ".part.unfinished"
    half.write_bytes(b"half")
    with lock(store.root) as held:
        store.guard = held.check
        store.clean(older_than_seconds=0.0)
    assert half.exists()


def test_reviews_are_written_while_a_build_holds_the_lock(store: Store) -> None:
    with lock(store.address):
        Desk(again(store)).add(row_id(0), step=0, was="Room 0 is empty.", text="A hall.")
    assert texts(store) == ["A hall."]


def test_what_cannot_be_written_is_told_and_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fs: Any, path: str, _data: bytes) -> None:
        raise StorageError(f"{path}: cannot be written: No space left on device")

    desk = Desk(store)
    monkeypatch.setattr(storage, "put", full)
    with pytest.raises(StorageError, match="No space left"):
        desk.add(row_id(0), step=0, was="Room 0 is empty.", text="A hall.")
    monkeypatch.undo()
    assert texts(store) == []
    desk.add(row_id(0), step=0, was="Room 0 is empty.", text="A hall.")
    assert texts(store) == ["A hall."]


def test_a_reader_whose_disk_fails_reads_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        commit(again(store), [said(0, str(number))])
    reader, add, calls = Reviews(store), table.ReviewTexts.adding, []

    def failing(self: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise StorageError("the temporary folder is full")
        return add(self)

    monkeypatch.setattr(table.ReviewTexts, "adding", failing)
    with pytest.raises(StorageError, match="temporary folder"):
        reader.refresh()
    reader.refresh()
    assert [row.text for row in reader.of(row_id(0))] == ["0", "1", "2", "3"]


def test_several_reviewers_and_one_who_merges_at_the_same_time(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(number) for number in range(4)])
    done = threading.Event()

    def write(writer: int) -> None:
        mine = Store.open(store.root)
        for number in range(12):
            commit(mine, [said(writer, f"{writer} {number}")])

    def merge() -> None:
        while not done.is_set():
            Store.open(store.root).compact("reviews")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    merging = threading.Thread(target=merge)
    for one in (*writers, merging):
        one.start()
    for one in writers:
        one.join()
    done.set()
    merging.join()
    for writer in range(4):
        assert texts(store, writer) == [f"{writer} {number}" for number in range(12)]


WRITER = """
import sys
sys.path[:0] = sys.argv[2:]
from made_dataset import row_id
from sharegpt4video.dataset.dataset import open_dataset
ds, number = open_dataset(sys.argv[1]), 0
while True:
    ds.reviews.add(row_id(0), f"text {number}", step=0, author="ada", stale="keep")
    print(number, flush=True)
    number += 1
"""


def test_killed_at_any_moment_what_was_told_is_stored(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(number) for number in range(4)])
    command = [sys.executable, "-c", WRITER, store.root, str(TESTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as told:
        first = told.readline()
        merged = 0
        for _ in range(3):
            time.sleep(random.Random(merged).uniform(0.02, 0.1))
            merged = store.compact("reviews")
        process.send_signal(signal.SIGKILL)
        process.wait()
        lines = [first, *told]
    stored = texts(store)
    assert stored[: len(lines)] == [f"text {number}" for number in range(len(lines))]
    assert len(stored) <= len(lines) + 1, "the last one may have been stored and not told"
    store.clean(older_than_seconds=0.0)
    assert texts(store) == stored


# The desk


def test_a_stale_text_is_refused_with_the_one_that_is_there(store: Store) -> None:
    desk = Desk(store)
    desk.add(row_id(0), step=0, was="Room 0 is empty.", text="A hall.", author="ada")
    with pytest.raises(StaleReview) as refused:
        Desk(again(store)).add(row_id(0), step=0, was="Room 0 is empty.", text="A cellar.", author="bob")
    assert (refused.value.theirs, refused.value.revision) == ("A hall.", 0)
    kept = {"step": 0, "was": "Room 0 is empty.", "text": "A cellar.", "author": "bob"}
    desk.add(row_id(0), **kept, stale="keep")
    one = desk.one(row_id(0))
    assert one.caption.steps[0].text == "A cellar."
    assert [(each.mine, each.theirs, each.author) for each in one.conflicts] == [("A hall.", "A cellar.", "ada")]
    desk.add(row_id(0), step=0, was="A cellar.", text="A cellar.", author="ada")
    assert desk.one(row_id(0)).conflicts == ()


def test_a_repair_beside_a_review_is_a_conflict_that_shows_both(store: Store) -> None:
    desk = Desk(store)
    desk.add(row_id(0), step=0, was="Room 0 is empty.", text="A hall.", author="ada")
    before = desk.one(row_id(0)).original
    steps = (replace(before.steps[0], text="An empty room."), *before.steps[1:])
    store.append("captions", [replace(before, revision=1, steps=steps)])
    one = Desk(again(store)).one(row_id(0))
    assert one.caption.steps[0].text == "An empty room."
    assert [(each.base_text, each.mine, each.theirs) for each in one.conflicts] == [
        ("Room 0 is empty.", "A hall.", "An empty room.")
    ]


def test_a_verdict_is_stale_once_the_text_is_another(store: Store) -> None:
    desk = Desk(store)
    desk.add(row_id(1), verdict="accept", author="ada")
    assert (desk.one(row_id(1)).verdict, desk.one(row_id(1)).verdict_is_stale) == ("accept", False)
    desk.add(row_id(1), was=desk.one(row_id(1)).caption.summary, text="Another.", author="bob")
    assert (desk.one(row_id(1)).verdict, desk.one(row_id(1)).verdict_is_stale) == ("accept", True)
    desk.add(row_id(1), verdict="", author="ada")
    assert desk.one(row_id(1)).verdict == ""


@pytest.mark.parametrize(
    ("id", "review", "message"),
    [
        (row_id(0), {}, "a text, a verdict or both"),
        (row_id(0), {"step": 4, "text": "x"}, "has steps 0 to 3, not 4"),
        (row_id(0), {"verdict": "maybe"}, "verdict"),
        (row_id(0), {"text": "x" * 100_001}, "at most 100,000 characters"),
        (row_id(9), {"text": "x"}, "no caption with the id"),
        ("../etc", {"text": "x"}, "32 hex digits"),
    ],
)
def test_what_is_no_review_is_refused(id: str, review: dict[str, Any], message: str, tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0)])
    with pytest.raises(SettingsError, match=message):
        Desk(store).add(id, **review)
    assert store.parts("reviews") == []
