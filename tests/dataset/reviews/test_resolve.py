"""Which text counts, and what contradicts it: cases by hand, and a slow model of the rules for random histories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.reviews.resolve import SUMMARY, Conflict, Texts, edit_key, resolved
from sharegpt4video.dataset.rows import Review
from sharegpt4video.records import Edit, Step

STORED = Texts(0, "sum", "", ("one", "two"), ("cut off", ""))


def review(number: int, was: str, text: str, *, step: int = 0, revision: int = 0, **more: Any) -> Review:
    plain: dict[str, Any] = {"author": f"author {number}", "kind": "edit"} | more
    made = Review(f"{number:032x}", "a" * 32, number, stored_revision=revision, step=step, was=was, text=text, **plain)
    return replace(made, base_revision=revision)


@pytest.mark.parametrize(
    ("kind", "model", "by_hand"),
    [("edit", "", True), ("import", "", True), ("replace", "", False), ("recaption", "m", False), ("edit", "m", False)],
)
def test_an_edit_tells_whether_a_person_wrote_all_of_it(kind: str, model: str, by_hand: bool) -> None:
    (edit,) = resolved(STORED, [review(1, "sum", "SUM", step=SUMMARY, kind=kind, model=model)]).edits
    assert edit == Edit(SUMMARY, model or "author 1", by_hand)


def at(number: int) -> dict[str, Any]:
    return {"author": f"author {number}", "time_ns": number}


def test_without_reviews_nothing_is_changed() -> None:
    found = resolved(STORED, [])
    assert (found.changed, found.edits, found.conflicts, found.key) == ({}, (), (), 0)


def test_a_new_text_takes_the_problem_away() -> None:
    found = resolved(STORED, [review(1, "one", "ONE"), review(2, "sum", "SUM", step=SUMMARY)])
    assert found.changed == {0: ("ONE", ""), SUMMARY: ("SUM", "")}
    assert found.edits == (Edit(SUMMARY, "author 2", True), Edit(0, "author 1", True))
    assert not found.conflicts


def test_words_replaced_leave_the_problem() -> None:
    swap = review(1, "one", "1", kind="replace", batch="b" * 32)
    assert resolved(STORED, [swap]).changed == {0: ("1", "cut off")}
    assert resolved(STORED, [swap, review(2, "1", "1, checked")]).changed == {0: ("1, checked", "")}
    assert resolved(STORED, [review(1, "one", "ONE"), review(2, "ONE", "1", kind="replace")]).changed == {0: ("1", "")}


def test_a_problem_that_a_person_found_wrong_goes_with_the_text_left() -> None:
    found = resolved(STORED, [review(1, "one", "one")])
    assert found.changed == {0: ("one", "")}
    assert found.key != 0


def test_one_after_the_other_is_no_conflict() -> None:
    found = resolved(STORED, [review(1, "one", "1"), review(2, "1", "I")])
    assert (found.changed[0][0], found.conflicts) == ("I", ())


def test_two_from_the_same_text_are_a_conflict_and_the_later_counts() -> None:
    found = resolved(STORED, [review(1, "one", "1"), review(2, "one", "I")])
    assert found.changed[0][0] == "I"
    assert found.conflicts == (Conflict(0, "one", "1", "I", **at(1)),)


def test_two_who_wrote_the_same_agree() -> None:
    assert not resolved(STORED, [review(1, "one", "1"), review(2, "one", "1")]).conflicts


def test_going_on_with_one_side_leaves_the_other() -> None:
    found = resolved(STORED, [review(1, "one", "1"), review(2, "one", "I"), review(3, "1", "1!")])
    assert found.changed[0][0] == "1!"
    assert found.conflicts == (Conflict(0, "one", "I", "1!", **at(2)),)


def test_a_review_of_the_text_that_stands_resolves() -> None:
    both = [review(1, "one", "1"), review(2, "one", "I")]
    for text in ("I", "1", "neither"):
        found = resolved(STORED, [*both, review(3, "I", text)])
        assert (found.changed[0][0], found.conflicts) == (text, ())


def test_a_bulk_change_resolves_nothing() -> None:
    both = [review(1, "one", "1"), review(2, "one", "I")]
    found = resolved(STORED, [*both, review(3, "I", "II", kind="replace", batch="b" * 32)])
    assert found.changed[0][0] == "II"
    assert [one.mine for one in found.conflicts] == ["1"]


def test_a_repair_that_left_the_text_alone_keeps_the_review() -> None:
    found = resolved(replace(STORED, revision=1), [review(1, "one", "1"), review(2, "1", "I")])
    assert (found.changed[0][0], found.conflicts) == ("I", ())


def test_a_repair_that_wrote_the_same_text_later_counts_and_shows_both() -> None:
    repaired = replace(STORED, revision=1, steps=("repaired", "two"))
    found = resolved(repaired, [review(1, "one", "1"), review(2, "1", "I")])
    assert found.changed == {}
    assert found.conflicts == (Conflict(0, "1", "I", "repaired", **at(2)),)


def test_who_was_still_at_the_text_before_a_repair_counts_and_shows_both() -> None:
    repaired = replace(STORED, revision=1, steps=("repaired", "two"))
    found = resolved(repaired, [review(1, "one", "1", revision=1)])
    assert found.changed[0][0] == "1"
    assert found.conflicts == (Conflict(0, "", "repaired", "1"),)


def test_a_repair_that_came_to_the_reviewed_text_agrees() -> None:
    found = resolved(replace(STORED, revision=1, steps=("1", "two")), [review(1, "one", "1")])
    assert (found.changed, found.conflicts) == ({}, ())


def test_a_step_that_is_gone_keeps_its_review_as_a_conflict() -> None:
    found = resolved(replace(STORED, revision=1, steps=("one",), problems=("",)), [review(1, "two", "2", step=1)])
    assert found.changed == {}
    assert found.conflicts == (Conflict(1, "two", "2", "", **at(1)),)


def test_a_caption_of_one_text_has_one_text() -> None:
    fast = Texts(0, "all of it", "", ("all of it",), ("",))
    for step in (0, SUMMARY):
        found = resolved(fast, [review(1, "all of it", "ALL", step=step)])
        assert found.changed == {0: ("ALL", ""), SUMMARY: ("ALL", "")}


def test_the_key_is_that_of_the_texts() -> None:
    one, other = resolved(STORED, [review(1, "one", "1")]), resolved(STORED, [review(9, "one", "1")])
    assert one.key == other.key != resolved(STORED, [review(1, "one", "I")]).key
    assert 0 < one.key < 1 << 63
    steps = [Step("change", 0.0, 1.0, text, 0, ()) for text in ("1", "two")]
    assert edit_key(one.edits, "sum", steps, 0, 1) == one.key == edit_key(one.edits, "sum", steps, 0, 0)
    assert edit_key(one.edits, "sum", steps, 1, 1) == 0


WORDS = ["one", "a", "b", "c", "d"]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["x", "y", "z"])), max_size=8))
def test_nothing_written_is_lost(history: list[tuple[int, str]]) -> None:
    """Each writer saw some earlier text. Whatever stands unreplaced is the text, or is shown as a conflict."""
    texts, reviews, replaced = ["one"], [], set()
    for number, (saw, word) in enumerate(history, 1):
        was = texts[min(saw, len(texts) - 1)]
        text = f"{word}{number}"
        reviews.append(review(number, was, text, kind="replace", batch="b" * 32))  # of which none resolves others
        texts.append(text)
        replaced.add(was)
    found = resolved(STORED, reviews)
    counts = found.changed[0][0] if 0 in found.changed else "one"
    assert counts == texts[-1]
    assert {counts, *(one.mine for one in found.conflicts)} == set(texts) - replaced
    assert all(one.theirs == counts for one in found.conflicts)
