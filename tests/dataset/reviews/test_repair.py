"""Repair beside reviews: what people wrote is not asked about again, stays theirs, and can still be undone."""

from __future__ import annotations

from pathlib import Path

from made_dataset import made_store
from made_rows import TEXTS, row_of
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.checks.repair import repair
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.dataset import open_dataset
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.vlm.fake import FakeVLM

FAULTY = "In frame 2 the man sits down on the bench and opens a newspaper."
REVIEWED = "In frame 1 the man walks to a wooden bench."
GOOD = "The man sits down on the bench and opens a newspaper."


def test_a_repair_leaves_reviewed_texts_alone_and_they_can_be_undone(tmp_path: Path) -> None:
    row = row_of((TEXTS[0], TEXTS[1], FAULTY))
    store = made_store(tmp_path / "set", [row])
    ds = open_dataset(tmp_path / "set")
    review = ds.reviews.add(row.id, REVIEWED, step=1, author="ada")
    assert check_dataset(store).findings["meta talk"] == 2
    model = FakeVLM(lambda request: GOOD if request.task == "change" else row.summary, max_images=0)
    result = repair(store, model=model, settings=CaptionSettings())
    assert [request.start_seconds for request in model.requests if request.task == "change"] == [2.0]
    assert result.better == 1
    one = ds.reviews.one(row.id)
    assert one.original.revision == 1
    assert [step.text for step in one.caption.steps] == [TEXTS[0], REVIEWED, GOOD]
    assert [step.text for step in one.original.steps] == [TEXTS[0], TEXTS[1], GOOD], "stored is what models wrote"
    assert one.conflicts == ()
    assert (one.original.edits, one.original.edit_key) == ((), 0)
    assert result.checks is not None
    assert result.checks.findings["meta talk"] == 1, "what a person wrote is checked all the same"
    ds.reviews.undo(review.id)
    assert [step.text for step in ds.reviews.one(row.id).caption.steps] == [TEXTS[0], TEXTS[1], GOOD]


def test_a_caption_whose_findings_are_all_in_reviewed_texts_is_not_asked_about(tmp_path: Path) -> None:
    row = row_of((TEXTS[0], TEXTS[1], FAULTY))
    store = made_store(tmp_path / "set", [row])
    open_dataset(tmp_path / "set").reviews.add(row.id, FAULTY.replace("2", "3"), step=2)
    check_dataset(store)
    model = FakeVLM(max_images=0)
    result = repair(Store.open(store.root), model=model, settings=CaptionSettings())
    assert (result.faulty, result.not_askable, len(model.requests)) == (1, 1, 0)
