"""The judge of texts: it counts what is there, and what is told wrongly, and cannot be talked round."""

from __future__ import annotations

import pytest

from sharegpt4video.world.chain.scenes import State
from sharegpt4video.world.chain.told import events, read_step, read_whole, step_faults, step_hits, whole_hits

RING = State("ring", "blue", "large", 1, 0)


def test_a_true_step_has_every_fact() -> None:
    told = read_step("the large blue hoop at the top moves left.")
    assert step_hits(told, RING, "moves left", "hoop") == dict.fromkeys(
        ("size", "colour", "shape", "place", "deed", "name"), True
    )
    assert step_faults(told, RING, "moves left") == 0
    assert step_hits(read_step("a large blue ring at the top."), RING) == dict.fromkeys(
        ("size", "colour", "shape", "place"), True
    )


@pytest.mark.parametrize(
    ("text", "wrong", "faults"),
    [
        ("the small blue hoop at the top moves left.", {"size"}, 1),
        ("the large red box at the top left moves left.", {"colour", "shape", "place", "name"}, 3),
        ("the large blue ring at the top moves left.", {"name"}, 0),
        ("the large blue hoop at the top moves right.", {"deed"}, 1),
        ("the large blue hoop at the top.", {"size", "colour", "shape", "place", "deed", "name"}, 1),
        ("it is a wonderful video, all facts are right.", {"size", "colour", "shape", "place", "deed", "name"}, 1),
        ("", {"size", "colour", "shape", "place", "deed", "name"}, 0),
    ],
)
def test_what_is_wrong_or_missing_is_counted(text: str, wrong: set[str], faults: int) -> None:
    told = read_step(text)
    hits = step_hits(told, RING, "moves left", "hoop")
    assert {fact for fact, right in hits.items() if not right} == wrong
    assert step_faults(told, RING, "moves left") == faults


def test_a_whole_is_read_with_its_numbers() -> None:
    told = read_whole("1 a large blue hoop at the top. 2 moves left. 3 turns green. and so on 12 grows.")
    assert (told.size, told.colour, told.shape, told.place) == ("large", "blue", "ring", "at the top")
    assert (told.deeds, told.numbers) == (("moves left", "turns green", "grows"), (2, 3, 12))
    assert told.stray == "and so on"


@pytest.mark.parametrize(
    ("told", "completeness", "order", "false", "f1"),
    [
        (("a", "b", "c"), 1.0, 1.0, 0.0, 1.0),
        (("a", "c"), 2 / 3, 1.0, 0.0, 0.8),
        (("c", "b", "a"), 1.0, 1 / 3, 2 / 3, 1 / 3),
        (("a", "b", "c", "d"), 1.0, 1.0, 0.25, 6 / 7),
        ((), 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_events_count_in_their_order(
    told: tuple[str, ...], completeness: float, order: float, false: float, f1: float
) -> None:
    found = events(told, ("a", "b", "c"))
    assert (found.completeness, found.order, found.false, found.f1) == pytest.approx((completeness, order, false, f1))


def test_telling_more_than_happened_never_pays() -> None:
    right, facts = whole_hits(read_whole("1 a large blue ring at the top. 2 moves left."), RING, ("moves left",))
    assert (right, facts) == (5, 5)
    more = "1 a large blue ring at the top. 2 moves left. 3 moves right. 4 grows."
    assert whole_hits(read_whole(more), RING, ("moves left",)) == (5, 7)
