"""What earlier runs have done is found by id, whatever bytes the id is made of."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.dataset.ledger import Failures, Ledger
from sharegpt4video.dataset.rows import (
    CaptionRow,
    Failure,
    FailureKind,
    Selected,
    ShortCaption,
    SourceVideo,
    Stage,
    Survey,
)
from sharegpt4video.dataset.sources.listed import Listed
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.schema import to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import Provenance, Step

IDS = ["1f" * 15 + "00", "00" * 15 + "01", "00" + "ab" * 14 + "00", "ff" * 16, "a0" * 8 + "00" * 8]
MADE = Provenance("m", "default", "p", "0", {})


def failure(id: str, kind: FailureKind) -> Failure:
    return Failure(id, f"/{id}.mp4", "", "caption", kind, "why")


@pytest.mark.parametrize("id", IDS)
def test_ids_with_zero_bytes_are_found(id: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    others = [other for other in IDS if other != id]
    store.append("surveys", [Survey(other, codec=other) for other in [*others, id]])
    store.append("shorts", [ShortCaption(id, "a cat", "", MADE)])
    store.append("failures", [failure(id, "stalled")])
    known = Ledger(store)
    found = known.survey(id)
    assert found is not None
    assert found.codec == id
    assert known.short_text(id) == "a cat"
    assert known.failed(id)
    assert not any(known.failed(other) for other in others)


@settings(max_examples=30)
@given(st.sets(st.binary(min_size=16, max_size=16).filter(any), min_size=1, max_size=30), st.data())
def test_any_ids(packed: set[bytes], data: st.DataObject) -> None:
    import tempfile

    ids = sorted(one.hex() for one in packed)
    there = data.draw(st.sets(st.sampled_from(ids)))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.append("surveys", [Survey(id, codec=id) for id in there])
        known = Ledger(store)
        assert {id for id in ids if known.surveyed(id)} == there


def test_failures_of_the_kinds_to_retry_are_not_known(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append("failures", [failure(IDS[0], "stalled"), failure(IDS[1], "unreadable")])
    store.append("failures", [failure(IDS[0], "crashed")])
    assert [Ledger(store, retry=kinds).failed(IDS[0]) for kinds in ((), ("stalled",), ("crashed",), ("all",))] == [
        True,
        True,
        False,
        False,
    ]


def test_what_was_not_the_fault_of_the_video_is_always_tried_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append("failures", [failure(IDS[0], "unavailable"), failure(IDS[1], "model"), failure(IDS[2], "unsafe")])
    store.append("shorts", [ShortCaption(IDS[0], "", "unavailable: HTTP 503", MADE)])
    known = Ledger(store)
    assert [known.failed(id) for id in IDS[:3]] == [False, False, True]
    assert known.short_text(IDS[0]) is None


def test_a_caption_that_lacks_an_answer_is_not_done(tmp_path: Path) -> None:
    step = Step("opening", 0.0, 0.0, "", 0, (0.0,), (), problem="unavailable: HTTP 503: busy")
    problems = {
        IDS[0]: ("", ""),
        IDS[1]: ("unavailable: HTTP 503", ""),
        IDS[2]: ("", step.problem),
        IDS[3]: ("0.00-9.00 s could not be condensed: mixed up: it answers another", ""),
        IDS[4]: ("refused: the server says: unavailable in your country", "cut off"),
    }
    rows = [
        CaptionRow(id, "", "", 0, "", 0, 0, 0.0, 1.0, "sliding", (), (replace(step, problem=told),), "", why, (), MADE)
        for id, (why, told) in problems.items()
    ]
    store = Store(tmp_path)
    store.append("captions", rows)
    known = Ledger(store)
    assert [known.captioned(id) for id in IDS] == [True, False, False, False, True]
    assert [known.next_revision(id) for id in IDS] == [0, 1, 1, 1, 0]
    assert [bool(row.caption.unanswered) for row in rows] == [False, True, True, True, False]
    assert status(store).unanswered == 3


def test_an_id_comes_for_the_first_time_once(tmp_path: Path) -> None:
    known = Ledger(Store(tmp_path))
    assert [known.first_time(id) for id in (IDS[0], IDS[1], IDS[0])] == [True, True, False]


def test_a_short_caption_with_a_problem_cannot_be_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append("shorts", [ShortCaption(IDS[3], "I'm sorry", "refused", MADE)])
    assert Ledger(store).short_text(IDS[3]) == ""
    assert Ledger(store).short_text(IDS[0]) is None


STAGES: tuple[Stage, ...] = ("survey", "short", "caption", "check", "repair")
STAND = {
    "captioned": ["check", "repair"],  # they leave the caption as it was
    "surveyed": ["short", "caption", "check", "repair"],
    "told in short": ["survey", "caption", "check", "repair"],
    "dropped": ["check", "repair"],
    "listed": [*STAGES],
    "named": ["list"],
    "named and listed since": [],
}


def test_which_failures_stand(tmp_path: Path) -> None:
    store = Store(tmp_path)
    names = {
        hashlib.md5(f"{state} {stage}".encode()).hexdigest(): (state, stage)
        for state in STAND
        for stage in (["list"] if state.startswith("named") else STAGES)
    }
    store.append("failures", [Failure(id, "/v", "", stage, "crashed", "why") for id, (_, stage) in names.items()])
    ids = {state: [id for id, (its, _) in names.items() if its == state] for state in STAND}
    store.append("sources", [SourceVideo(id, f"/{id}") for id, (state, _) in names.items() if state != "named"])
    store.append("captions", [CaptionRow(id, "", "", 0, "", 0, 0, 0.0, 1.0, "sliding", (), (), "", "", (), MADE)
                              for id in ids["captioned"]])  # fmt: skip
    store.append("surveys", [Survey(id) for id in ids["surveyed"]])
    store.append("shorts", [ShortCaption(id, "a cat", "", MADE) for id in ids["told in short"]])
    store.append("selection", [Selected(id, False, "too dark", id, "") for id in ids["dropped"]])
    failures = Failures(store, Listed(store))
    standing = [
        names[id]
        for batch in store.batches("failures")
        for id in batch.column("id").filter(pa.array(failures.standing(batch))).to_pylist()
    ]
    assert sorted(standing) == sorted((state, stage) for state, stages in STAND.items() for stage in stages)


@pytest.mark.parametrize("stage", ["survey", "short", "check", "repair"])
def test_what_counts_as_left_is_built(stage: Stage, tmp_path: Path) -> None:
    """A survey may crash, succeed at the next try, and that run be killed before it captions the video."""
    store = Store(tmp_path)
    store.append("sources", [SourceVideo(IDS[0], "/v.mp4")])
    store.append("failures", [Failure(IDS[0], "/v.mp4", "", stage, "crashed", "why")])
    assert Ledger(store).failed(IDS[0]) == (status(store).left == 0)
    store.append("surveys", [Survey(IDS[0])])
    store.append("shorts", [ShortCaption(IDS[0], "a cat", "", MADE)])
    assert status(store).left == 1
    assert not Ledger(store).failed(IDS[0])


def test_each_survey_is_its_own_in_whatever_order_they_are_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ids = [hashlib.sha256(bytes([part, at])).hexdigest()[:32] for part in range(3) for at in range(100)]
    for part in range(3):
        store.append("surveys", [Survey(id, codec=id) for id in ids[100 * part : 100 * (part + 1)]])
    for known in (Ledger(store), Ledger(store, with_hashes=True)):
        for order in (ids, ids[::-1], sorted(ids)):
            assert [survey.codec for id in order if (survey := known.survey(id)) is not None] == order
    assert Ledger(store).survey("0" * 32) is None


def test_a_survey_that_does_not_fit_does_not_keep_its_neighbours_from_being_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = to_table(Survey, [Survey(id, codec="h264") for id in IDS])
    codecs = pa.array([None, *["h264"] * (len(IDS) - 1)], pa.string())
    store.append_arrow("surveys", table.set_column(table.schema.names.index("codec"), "codec", codecs))
    known = Ledger(store)
    assert [survey.codec for id in IDS[1:] if (survey := known.survey(id)) is not None] == ["h264"] * (len(IDS) - 1)
    with pytest.raises(ValueError, match="codec"):
        known.survey(IDS[0])
