"""The plain functions behind the pages, run where they run: word by word differences, rows by time, steps, times."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browsed import TOKEN, Chrome, Site

WORDS = ["a", "man", "Man", "walks", "läuft", "走る", "don't", "—", "🙂", "a\u0301", ",", ".", "\u202e", "<b>", "${x}"]


@pytest.fixture(scope="module")
def run(site: Site, chrome: Chrome) -> Iterator[Callable[[str, str, Any], Any]]:
    """Calls a function of one of the parts."""
    with chrome.looping():
        page = chrome.browser.new_page()
        page.goto(f"{site.url}/?token={TOKEN}")
    script = "document.querySelector('script[type=module]').src"

    def call(part: str, body: str, argument: Any) -> Any:
        with chrome.looping():
            return page.evaluate(
                f"async (x) => ({body})(await import(new URL('parts/{part}.js', {script})), x)", argument
            )

    yield call
    with chrome.looping():
        page.close()


def made_text(rng: random.Random) -> str:
    return "".join(rng.choice([*WORDS, " ", " ", "\n"]) for _ in range(rng.randrange(14)))


def test_two_texts_are_made_of_what_they_share_and_what_one_of_them_says(run: Callable[..., Any]) -> None:
    rng = random.Random(7)
    pairs = [[made_text(rng), made_text(rng)] for _ in range(300)] + [["", ""], ["a", ""], ["same words", "same words"]]
    found = run("diff", "(part, pairs) => pairs.map(([a, b]) => part.compared(a, b))", pairs)
    for (a, b), sides in zip(pairs, found, strict=True):
        assert ["".join(piece["text"] for piece in sides[side]) for side in "ab"] == [a, b]
        common = [
            re.findall(r"\w+", " ".join(one["text"] for one in sides[side] if one["mark"] == "same").lower())
            for side in "ab"
        ]
        assert common[0] == common[1]
        if a == b:
            assert all(piece["mark"] == "same" for side in "ab" for piece in sides[side])


def test_a_changed_word_is_marked_and_no_other(run: Callable[..., Any]) -> None:
    found = run("diff", "(part, [a, b]) => part.compared(a, b)", ["The man walks left.", "The woman walks left."])
    marked = [[piece["text"] for piece in found[side] if piece["mark"] == "only"] for side in "ab"]
    assert marked == [["man"], ["woman"]]


def step(start: float, end: float) -> dict[str, Any]:
    return {"start_seconds": start, "end_seconds": end}


def test_steps_stand_in_rows_with_those_of_the_same_time(run: Callable[..., Any]) -> None:
    fine = [step(0, 0), step(0, 2), step(2, 4), step(4, 6)]
    rows = run("diff", "(part, [a, b]) => part.aligned(a, b)", [fine, [step(0, 0), step(0, 4), step(4, 6)]])
    assert [(row["a"], row["b"]) for row in rows] == [([0], [0]), ([1, 2], [1]), ([3], [2])]
    rows = run("diff", "(part, [a, b]) => part.aligned(a, b)", [[step(0, 3)], [step(3, 5)]])
    assert [(row["a"], row["b"]) for row in rows] == [([0], []), ([], [0])]


def test_an_opening_shares_its_start_with_the_step_that_plays(run: Callable[..., Any]) -> None:
    steps = [step(0, 0), step(0, 2), step(2, 2), step(2, 4)]
    ask = "(part, [steps, times]) => times.map((time) => part.stepAt(steps, time))"
    assert run("steps", ask, [steps, [0, 1.9, 2.0, 3.9, 9]]) == [1, 1, 3, 3, 3]
    assert run("steps", ask, [[step(1, 2)], [0.5, 1.0]]) == [-1, 0]


def test_an_opening_is_shown_for_its_part_of_the_step_after_it(run: Callable[..., Any]) -> None:
    """As the cues of ``subtitles`` are: by how long both are to read, and together where that is too short for two."""
    texts = ["x" * 30, "y" * 10, "Then.", "short", "end"]
    times = [(0, 0), (0, 8), (8, 9), (9, 9), (9, 10.5)]
    steps = [step(*time) | {"text": text} for time, text in zip(times, texts, strict=True)]
    shown = "(part, [steps, times]) => times.map((time) => part.shownAt(steps, time))"
    asked = [-1, 0, 5.9, 6.1, 8.5, 9.2, 99]
    assert run("steps", shown, [steps, asked]) == [[], [0], [0], [1], [2], [3, 4], [3, 4]]


def test_times_are_read_as_people_read_them(run: Callable[..., Any]) -> None:
    seconds = [0, 7.04, 59.96, 83.25, 3600, 3723.4]
    assert run("clock", "(part, all) => all.map((one) => part.clock(one))", seconds) == [
        "0:00.0", "0:07.0", "1:00.0", "1:23.3", "1:00:00.0", "1:02:03.4",
    ]  # fmt: skip


def test_each_subject_has_a_lane_for_as_long_as_it_is_there(run: Callable[..., Any]) -> None:
    def thing(subject: int | None, track: int, **more: Any) -> dict[str, Any]:
        seen = {"label": "person", "subject_id": subject, "track_id": track, "enters": "", "leaves": ""}
        boxes = {"start_box": None, "end_box": None, "colours": [], "arm_raises": [], "leg_raises": []}
        return seen | boxes | more

    def fact(start: float, end: float, moves: list[str], objects: list[Any]) -> dict[str, Any]:
        camera = {"moves": moves}
        return step(start, end) | {"camera": camera, "objects": objects, "texts": None, "sound": None}

    facts = [
        fact(0, 2, ["static"], [thing(1, 1, arm_raises=[2, 2])]),
        fact(2, 4, ["static"], [thing(1, 1), thing(2, 5, enters="left")]),
        fact(4, 6, ["pan left"], [thing(2, 9)]),
    ]
    lanes = run("lanes", "(part, facts) => part.lanesOf(facts)", facts)
    assert [(lane["name"], [(one["start"], one["end"], one["text"]) for one in lane["spans"]]) for lane in lanes] == [
        ("camera", [(0, 4, "static"), (4, 6, "pan left")]),
        ("person 1", [(0, 2, "arms up ×2"), (2, 4, "person")]),
        ("person 2", [(2, 4, "enters left"), (4, 6, "person")]),
    ]
