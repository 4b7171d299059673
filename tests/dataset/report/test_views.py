from __future__ import annotations

import numpy as np
import pytest

from sharegpt4video.dataset.decide.waterfall import GateCounts
from sharegpt4video.dataset.report.numbers import Group, SelectionNumbers
from sharegpt4video.dataset.report.scan import SEPARATOR, CaptionNumbers
from sharegpt4video.dataset.report.tally import Counted, Tally
from sharegpt4video.dataset.report.views import (
    GroupSizes,
    boilerplate,
    group_sizes,
    makers,
    mean,
    models,
    moves,
    of_videos,
    ranked,
    scored,
    shares,
    threshold,
)


def counted(**amounts: float) -> Counted:
    found = Counted()
    found.add(amounts.keys(), amounts.values())
    return found


def test_means_have_three_digits() -> None:
    tally = Tally(1)
    assert mean(tally) == "–"
    tally.add(np.array([1234, 1235, 3]))
    assert mean(tally) == "824"
    tally.add(np.array([0] * 100))
    assert mean(tally) == "24"


def test_makers_are_told_apart_by_each_of_their_names() -> None:
    made = CaptionNumbers()
    keys = [SEPARATOR.join(names) for names in (("a", "p", "1", "v"), ("a", "p", "2", "v"), ("", "", "", ""))]
    made.makers.add(keys, [3, 5, 1])
    found = makers(made)
    assert [(one.model, one.prompt_hash, one.captions) for one in found] == [("a", "2", 5), ("a", "1", 3), ("", "", 1)]
    assert models(found) == ["a", ""]
    made.makers.add([SEPARATOR.join((letter * 100, "", "", "")) for letter in "bcdefghij"], [9] * 9)
    assert [len(name) for name in models(makers(made))] == [60, 60, 60]


def test_the_rest_is_one_more_bar() -> None:
    found = counted(a=5, b=3, c=1, d=1)
    assert shares(found, 2) == [("a", 0.5, "5"), ("b", 0.3, "3"), ("2 others", 0.2, "2")]
    assert shares(found, 2, rest=False) == [("a", 0.5, "5"), ("b", 0.3, "3")]
    assert shares(found, 4) == shares(found, 9)
    assert shares(Counted()) == []


def test_groups_fall_into_classes_of_size() -> None:
    chosen = SelectionNumbers(group_sizes={1: 50, 2: 3, 4: 1, 9: 2, 99: 1, 100: 1, 5000: 1})
    rows = [("2 videos", 3, ""), ("4 videos", 1, ""), ("5 to 9", 2, ""), ("10 to 99", 1, ""), ("100 or more", 2, "")]
    assert group_sizes(chosen) == GroupSizes(6 + 4 + 18 + 99 + 100 + 5000, 9, rows)
    assert group_sizes(SelectionNumbers(group_sizes={1: 50})) == group_sizes(SelectionNumbers()) == GroupSizes(0, 0, [])


def test_groups_are_in_order_of_size_and_then_of_name() -> None:
    groups = {"b": Group(2), "a": Group(2), "c": Group(7)}
    assert [name for name, _ in ranked(groups)] == ["c", "a", "b"]
    assert [key for key, _ in ranked({("x", "b"): Group(1), ("x", "a"): Group(1)})] == [("x", "a"), ("x", "b")]


def test_moves_are_shares_of_the_time_that_was_measured() -> None:
    made = CaptionNumbers(measured_seconds=10.0)
    made.moves.add(["pan left", "static", "shake"], [4, 2, 1])
    made.move_seconds.add(["pan left", "static"], [2.0, 5.0])
    rows = [("static", 0.5, "2 intervals"), ("pan left", 0.2, "4 intervals"), ("shake", 0.0, "1 interval")]
    assert moves(made) == rows
    made.measured_seconds = 0.0
    assert [share for _, share, _ in moves(made)] == [0.0, 0.0, 0.0]
    assert of_videos([("dog", 1), ("cat", 3)], 4) == [("dog", 0.25, "1 video"), ("cat", 0.75, "3 videos")]


@pytest.mark.parametrize(("equal", "others", "share"), [(4, 16, 0.2), (19, 0, 0), (5, 45, 0), (20, 0, 1), (0, 0, 0)])
def test_a_warning_needs_a_fifth_of_at_least_20(equal: int, others: int, share: float) -> None:
    openings = counted(**({"the video shows a": equal} if equal else {}), **{f"other {n}": 1 for n in range(others)})
    assert boilerplate(openings) == share


def test_only_words_that_stand_out_are_shown() -> None:
    words = [(f"w{number}", 10.04 - number) for number in range(30)]
    assert scored(words)[:2] == [("w0", 10.0, ""), ("w1", 9.0, "")]
    assert len(scored(words)) == 11


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("duplicate_packets", None, "on"),
        ("max_seconds", 120.0, "at most 120"),
        ("min_novelty", 0.25, "at least 0.25"),
        ("max_findings", 3.0, "at most 3"),
    ],
)
def test_thresholds_are_told_in_words(name: str, value: float | None, words: str) -> None:
    assert threshold(GateCounts(name, name, value, 9, 1.0, 2, 0.5, 0, ())).startswith(words)
