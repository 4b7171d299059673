"""Bulk changes: what a preview says is what is done, all of it or nothing, and it can be undone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_dataset import caption_row, made_store, row_id
from sharegpt4video.dataset.dataset import Dataset, open_dataset
from sharegpt4video.dataset.reviews import bulk, changes
from sharegpt4video.dataset.reviews.another_model import Recaption
from sharegpt4video.dataset.reviews.bulk import Batch, Preview
from sharegpt4video.dataset.reviews.changes import Replace
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo, Survey
from sharegpt4video.dataset.settings import FilterSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.records import Shot
from sharegpt4video.vlm.fake import FakeVLM


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    made_store(tmp_path / "set", [caption_row(number) for number in range(20)])
    return open_dataset(tmp_path / "set")


def every_text(ds: Dataset) -> dict[str, list[str]]:
    rows: list[CaptionRow] = list(Store.open(ds.path).rows("captions"))
    return {row.id: [row.summary, *(step.text for step in row.steps)] for row in rows}


def test_a_preview_counts_and_shows_ten_and_changes_nothing(ds: Dataset) -> None:
    found = ds.reviews.replace("Person", "Someone", dry_run=True)
    assert isinstance(found, Preview)
    assert found.total == 40
    assert len(found.examples) == 10
    assert (found.examples[0].before, found.examples[0].after) == (
        "Person 0 sits down in a room. Then it rains.",
        "Someone 0 sits down in a room. Then it rains.",
    )
    assert ds.reviews.batches() == []
    assert "40 would change" in found.text()


def test_replacing_and_undoing_and_undoing_that(ds: Dataset) -> None:
    before = every_text(ds)
    batch = ds.reviews.replace("Person", "Someone", author="ada")
    assert isinstance(batch, Batch)
    after = every_text(ds)
    assert after == {id: [text.replace("Person", "Someone") for text in texts] for id, texts in before.items()}
    (told,) = ds.reviews.batches()
    assert (told.id, told.rows, told.author, told.finished, told.undone) == (batch.id, 40, "ada", True, False)
    undone = ds.reviews.undo(batch.id, author="ada")
    assert every_text(ds) == before
    assert ds.reviews.batches()[0].undone
    with pytest.raises(SettingsError, match="already undone"):
        ds.reviews.undo(batch.id)
    ds.reviews.undo(undone.id)
    assert every_text(ds) == after
    Store.open(ds.path).compact("reviews")
    assert every_text(ds) == after


def test_undoing_a_batch_leaves_what_people_wrote_since(ds: Dataset) -> None:
    batch = ds.reviews.replace("Person", "Someone")
    ds.reviews.add(row_id(3), "Someone quite different.")
    ds.reviews.undo(batch.id)
    assert every_text(ds)[row_id(3)][0] == "Someone quite different."
    assert every_text(ds)[row_id(4)][0] == "Person 4 sits down in a room. Then it rains."


def test_a_single_review_can_be_undone(ds: Dataset) -> None:
    before = every_text(ds)
    review = ds.reviews.add(row_id(3), "Something else.")
    ds.reviews.undo(review.id)
    assert every_text(ds) == before
    assert [(row.id, counts) for row, counts in ds.reviews.every()] == [(review.id, False)]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"find": "person", "put": "x", "ignore_case": True, "part": "steps"}, "x 0 comes in."),
        ({"find": r"Person (\d+)", "put": r"No. \1", "regex": True, "part": "steps"}, "No. 0 comes in."),
        ({"find": "comes in.", "put": "comes\\1 in.", "part": "steps"}, "Person 0 comes\\1 in."),
        ({"find": "COMES IN.", "put": "a\\1b", "part": "steps", "ignore_case": True}, "Person 0 a\\1b"),
        ({"find": "Room", "put": "Hall", "part": "summary"}, None),
    ],
)
def test_ways_to_look(ds: Dataset, change: dict[str, Any], first: str | None) -> None:
    found = ds.reviews.replace(**change, dry_run=True)
    assert isinstance(found, Preview)
    assert (found.examples[0].after if found.examples else None) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"find": "", "put": "x"}, "text to search for is empty"),
        ({"find": "(", "put": "x", "regex": True}, "missing"),
        ({"find": "x*", "put": "y", "regex": True}, "empty text"),
        ({"find": "x", "put": r"\2", "regex": True}, "2"),
        ({"find": "unheard of", "put": "y"}, "would not change anything"),
    ],
)
def test_what_makes_no_sense_is_refused(ds: Dataset, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ds.reviews.replace(**change)
    assert Store.open(ds.path).parts("reviews") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(find=st.text(min_size=1, max_size=4), put=st.text(max_size=4), text=st.text(max_size=30))
def test_plain_search_is_that_of_python(find: str, put: str, text: str) -> None:
    import pyarrow as pa

    change = Replace(find, put)
    assert change.replaced(pa.array([text])).to_pylist() == [text.replace(find, put)]
    loose = Replace(find, put, ignore_case=True)
    if find.isascii() and text.isascii():
        python = re.sub(re.escape(find), lambda _: put, text, flags=re.IGNORECASE)
        assert loose.replaced(pa.array([text])).to_pylist() == [python]


def test_only_these_captions(ds: Dataset) -> None:
    batch = ds.reviews.replace("Person", "Someone", ids=[row_id(2), row_id(5)])
    assert isinstance(batch, Batch)
    assert batch.rows == 4
    assert {id for id, texts in every_text(ds).items() if "Someone" in texts[0]} == {row_id(2), row_id(5)}


def test_a_change_that_was_killed_changes_nothing(ds: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    before, commits, commit = every_text(ds), [], bulk.commit

    def dying(store: Store, rows: Any) -> Any:
        commits.append(len(rows))
        if len(commits) == 4:
            raise StorageError("killed")
        return commit(store, rows)

    monkeypatch.setattr(bulk, "commit", dying)
    monkeypatch.setattr(bulk, "PART_ROWS", 16)
    with pytest.raises(StorageError, match="killed"):
        ds.reviews.replace("Person", "Someone")
    assert every_text(ds) == before
    (batch,) = ds.reviews.batches()
    assert (batch.rows, batch.finished) == (32, False)
    monkeypatch.undo()
    ds.reviews.replace("Person", "Someone")
    assert every_text(ds) != before


def test_a_filter_rejects_and_leaves_what_was_accepted(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(number) for number in range(6)])
    store.append("surveys", [Survey(row_id(n), duration_seconds=float(n), width=640, height=480) for n in range(5)])
    ds = open_dataset(tmp_path / "set")
    ds.reviews.add(row_id(0), verdict="accept")
    filters = FilterSettings(min_seconds=3.0)
    found = ds.reviews.reject(filters, dry_run=True)
    assert isinstance(found, Preview)
    assert (found.total, found.skipped) == (2, {"accepted by somebody": 1, "not surveyed": 1})
    assert found.examples[0].after == "reject: too short: 1.0 s, at least 3.0"
    assert found.change == {"kind": "filter", "filters": {"min_seconds": 3.0}}
    batch = ds.reviews.reject(filters)
    assert [row.id for row in ds.captions()] == [row_id(number) for number in (0, 3, 4, 5)]
    assert isinstance(batch, Batch)
    ds.reviews.undo(batch.id)
    assert len(list(ds.captions())) == 6


def test_another_model_tells_the_same_steps_again(ds: Dataset) -> None:
    def told(request: Any) -> str:
        return f"Told again: {request.task} from {request.start_seconds}."

    ds.reviews.add(row_id(1), verdict="reject")
    model = FakeVLM(told, max_images=0)
    found = ds.reviews.recaption(model, ids=[row_id(n) for n in range(3)], dry_run=True, author="ada")
    assert isinstance(found, Preview)
    assert (found.total, len(found.examples)) == (3, 10)
    asked = len(model.requests)
    batch = ds.reviews.recaption(model, ids=[row_id(n) for n in range(3)], author="ada")
    assert isinstance(batch, Batch)
    assert batch.rows == 10
    assert len(model.requests) == asked, "answers are kept"
    rows = {row.id: row for row in ds.captions()}
    assert [step.text for step in rows[row_id(0)].steps][1] == "Told again: change from 0.0."
    assert rows[row_id(0)].summary == "Told again: summary from 0.0."
    assert {edit.author for edit in rows[row_id(0)].edits} == {model.name}
    assert rows[row_id(3)].edits == ()


def test_videos_that_are_gone_are_told(ds: Dataset) -> None:
    with pytest.raises(SettingsError, match="not change anything"):
        ds.reviews.recaption(FakeVLM(max_images=8))
    found = ds.reviews.recaption(FakeVLM(max_images=8), dry_run=True)
    assert isinstance(found, Preview)
    assert found.skipped == {"videos that cannot be read": 20}


def test_a_caption_of_one_text_is_counted_once(tmp_path: Path) -> None:
    row = caption_row(0)
    whole = replace(row.steps[0], kind="whole", text="A red car.", start_seconds=0.0, end_seconds=8.0)
    one = replace(row, mode="fast", steps=(whole,), summary="A red car.", shots=(Shot(0.0, 8.0),))
    store = made_store(tmp_path / "set", [one])
    store.append("sources", [SourceVideo(one.id, one.location)])
    ds = open_dataset(tmp_path / "set")
    batch = ds.reviews.replace("red", "blue")
    assert isinstance(batch, Batch)
    assert batch.rows == 1
    assert every_text(ds) == {one.id: ["A blue car.", "A blue car."]}


def test_texts_do_not_grow_beyond_what_a_caption_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_BYTES", 10_000)  # some at a time: their places have to stay right
    rows = [replace(caption_row(number), summary="e" * (400 if number % 3 else 600)) for number in range(9)]
    ds = open_dataset(made_store(tmp_path / "set", rows).root)
    found = ds.reviews.replace("e", "x" * 200, part="summary", dry_run=True)
    assert isinstance(found, Preview)
    assert (found.total, found.skipped) == (6, {"would have more than 100,000 characters": 3})
    assert {one.id for one in found.examples} == {row_id(number) for number in range(9) if number % 3}
    assert {one.after for one in found.examples} == {"x" * 80_000}


def test_a_preview_of_another_model_asks_it_for_ten_and_no_more(tmp_path: Path) -> None:
    ds = open_dataset(made_store(tmp_path / "set", [caption_row(number) for number in range(200)]).root)
    model = FakeVLM(lambda request: f"Told again: {request.task}.", max_images=0)
    found = ds.reviews.recaption(model, dry_run=True)
    assert isinstance(found, Preview)
    assert (found.total, len(found.examples)) == (200, 10)
    assert len(model.requests) < 200, "of 800"


@pytest.mark.parametrize("change", [Replace("Person", "Someone"), Replace("unheard of", "x"), Recaption(FakeVLM())])
def test_a_change_ends_soon_when_it_is_stopped(ds: Dataset, change: bulk.Change) -> None:
    """Also one that has found nothing to change yet, or asks a model that takes its time."""

    class Stopped(Exception):
        pass

    def stop(_: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        ds.reviews.change(change, on_progress=stop)
    assert ds.reviews.batches() == []
