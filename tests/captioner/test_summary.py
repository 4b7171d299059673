"""Summaries: which steps count, how many of them are condensed first, and what happens to gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains import drive, reply_to, step
from sharegpt4video.captioner.summary import NOTHING, clip_steps, fold_groups, summary
from sharegpt4video.records import Step
from sharegpt4video.vlm.base import Reply, Request

SHOTS = (
    step(0.0, 0.0),
    step(0.0, 4.0),
    step(4.0, 8.0),
    step(8.0, 8.0, shot_index=1),
    step(8.0, 12.0, shot_index=1),
    step(12.0, 16.0, shot_index=1),
)


def joined(request: Request) -> Reply:
    """Tells everything usable that it was given, so that what is lost can be seen."""
    return Reply("|".join(step.text for step in request.steps if not step.problem), "", "by hand")


def told(steps: tuple[Step, ...], start: float, end: float, **more: Any) -> tuple[Any, list[Any]]:
    return drive(summary(steps, video="v.mp4", start_seconds=start, end_seconds=end, **more), joined)


def test_few_steps_are_one_request() -> None:
    result, (request,) = told(SHOTS, 0.0, 16.0)
    assert (request.task, request.steps, request.remaining) == ("summary", SHOTS, 0)
    assert (request.video, request.start_seconds, request.end_seconds) == ("v.mp4", 0.0, 16.0)
    assert result.text.count("|") == 5
    assert result.problem == ""


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, 16.0, [0, 1, 2, 3, 4, 5]),
        (0.0, 4.0, [0, 1]),
        (0.0, 0.1, [0, 1]),
        (3.9, 4.0, [0, 1]),  # begins inside the shot: its opening is the context
        (4.0, 8.0, [0, 2]),
        (8.0, 9.0, [3, 4]),
        (7.0, 9.0, [0, 2, 3, 4]),
        (13.0, 16.0, [3, 5]),
        (16.0, 20.0, []),
    ],
)
def test_a_clip_takes_the_steps_that_overlap_it(start: float, end: float, expected: list[int]) -> None:
    assert clip_steps(SHOTS, start, end) == tuple(SHOTS[number] for number in expected)


def test_a_single_instant_is_told_by_the_steps_around_it() -> None:
    assert clip_steps((step(3.0, 3.0),), 3.0, 3.0) == (step(3.0, 3.0),)


def test_an_opening_with_a_problem_is_no_context_but_a_part_of_what_it_opens() -> None:
    steps = (step(0.0, 0.0, problem="empty"), step(0.0, 4.0), step(4.0, 8.0))
    assert clip_steps(steps, 5.0, 6.0) == steps[2:]
    assert clip_steps(steps, 0.0, 8.0) == steps
    assert clip_steps(steps, 0.0, 0.5) == steps[:2]


def test_without_a_usable_step_nobody_is_asked() -> None:
    broken = (step(0.0, 0.0), step(0.0, 4.0, problem="empty"), step(4.0, 8.0, problem="refused"))
    for steps, start, end in ((SHOTS, 16.0, 20.0), ((), 0.0, 1.0), (broken[1:], 0.0, 8.0), (broken, 5.0, 6.0)):
        result, asked = told(steps, start, end)
        assert (result.text, result.problem, asked) == ("", NOTHING, [])


def test_many_steps_are_condensed_in_parallel_first() -> None:
    steps = tuple(step(float(at), at + 1.0) for at in range(90))
    result, asked = told(steps, 0.0, 90.0, fold_steps=40)
    folds, last = asked
    assert [request.task for request in folds] == ["fold"] * 3
    assert [(request.start_seconds, request.end_seconds) for request in folds] == [(0, 30), (30, 60), (60, 90)]
    assert {request.remaining for request in folds} == {1}
    assert [(part.start_seconds, part.end_seconds) for part in last.steps] == [(0, 30), (30, 60), (60, 90)]
    assert len(last.steps[0].facts) == 30
    assert result.text.split("|") == [one.text for one in steps]


def test_what_is_condensed_belongs_to_the_shot_that_it_begins_in() -> None:
    steps = tuple(step(float(at), at + 1.0, shot_index=at // 3) for at in range(8))
    _, (_, last) = told(steps, 0.0, 8.0, fold_steps=4)
    assert [(part.kind, part.start_seconds, part.shot_index, part.frame_seconds) for part in last.steps] == [
        ("whole", 0.0, 0, (3.0,)), ("whole", 3.0, 1, (6.0,)), ("whole", 6.0, 2, (8.0,)),
    ]  # fmt: skip
    apart = tuple(replace(one, shot_index=number) for number, one in enumerate(steps))
    _, (_, last) = told(apart, 0.0, 8.0, fold_steps=4)
    assert [part.shot_index for part in last.steps] == [0, 4]


def test_requests_say_how_many_rounds_are_still_to_come() -> None:
    steps = tuple(step(float(at), at + 1.0) for at in range(100))
    _, asked = told(steps, 0.0, 100.0, fold_steps=4)  # 100 steps, 25 groups, 7, 2
    rounds = [item if isinstance(item, tuple) else (item,) for item in asked]
    assert [{request.remaining for request in requests} for requests in rounds] == [{3}, {2}, {1}, {0}]


def test_a_step_left_alone_is_not_condensed() -> None:
    steps = tuple(step(float(at), at + 1.0) for at in range(3))
    _, (folds, last) = told(steps, 0.0, 3.0, fold_steps=2)
    assert [len(request.steps) for request in folds] == [2]
    assert last.steps[1] == steps[2]


def test_groups_end_where_shots_end() -> None:
    steps = [step(float(at), at + 1.0, shot_index=0 if at < 13 else 1) for at in range(30)]
    groups = fold_groups(steps, 20)
    assert [len(group) for group in groups] == [13, 17]


@pytest.mark.parametrize(
    ("count", "fold_steps", "borders", "sizes"),
    [
        (40, 40, (), [40]),
        (40, 40, (35,), [40]),  # what fits is not parted
        (60, 40, (58,), [30, 30]),
        (41, 40, (), [21, 20]),
        (90, 40, (), [30, 30, 30]),
        (100, 40, (), [34, 33, 33]),  # as few groups as possible, about equal
        (30, 20, (10,), [10, 20]),  # a shot that ends a quarter of fold_steps too early counts,
        (30, 20, (9,), [15, 15]),  # one step more does not,
        (30, 20, (20,), [20, 10]),  # and as much too late,
        (30, 20, (21,), [15, 15]),
        (30, 20, (12, 16), [16, 14]),  # the nearest one,
        (30, 20, (14, 16), [14, 16]),  # of two as near the first
        (38, 20, (20,), [20, 18]),  # but never more than fold_steps
        (38, 20, (21,), [19, 19]),
        (5, 4, (4,), [4, 1]),
    ],
)
def test_groups_are_few_and_equal_but_for_shots_that_end_nearby(
    count: int, fold_steps: int, borders: tuple[int, ...], sizes: list[int]
) -> None:
    steps = [step(float(at), at + 1.0, shot_index=sum(at >= one for one in borders)) for at in range(count)]
    assert [len(group) for group in fold_groups(steps, fold_steps)] == sizes


def test_a_part_that_cannot_be_condensed_is_a_gap_and_is_told() -> None:
    steps = tuple(step(float(at), at + 1.0) for at in range(8))

    def answer(request: Request) -> Reply:
        if request.task == "fold" and request.start_seconds == 0.0:
            return reply_to(request, "", problem="empty")
        return joined(request)

    role = summary(steps, video="v", start_seconds=0.0, end_seconds=8.0, fold_steps=4)
    result, asked = drive(role, answer)
    assert [part.problem for part in asked[-1].steps] == ["empty", ""]
    assert result.problem == "0.00-4.00 s could not be condensed: empty"
    assert result.text.endswith("text of 7.0")


def test_when_nothing_can_be_condensed_no_summary_is_asked_for() -> None:
    steps = tuple(step(float(at), at + 1.0) for at in range(8))
    role = summary(steps, video="v", start_seconds=0.0, end_seconds=8.0, fold_steps=4)
    result, asked = drive(role, lambda request: reply_to(request, "", problem="unavailable"))
    assert len(asked) == 1
    assert result.text == ""
    assert result.problem.count("could not be condensed: unavailable") == 2


def test_a_group_of_failed_steps_is_a_gap_that_nobody_is_asked_about() -> None:
    steps = tuple(step(float(at), at + 1.0, problem="empty" if at < 4 else "") for at in range(8))
    result, asked = told(steps, 0.0, 8.0, fold_steps=4)
    assert [request.start_seconds for request in asked[0]] == [4.0]
    gap = asked[1].steps[0]
    assert (gap.problem, gap.start_seconds, gap.end_seconds) == ("empty", 0.0, 4.0)
    assert result.problem == ""


@pytest.mark.parametrize("bad", range(8))
def test_one_bad_step_does_not_take_its_group_along(bad: int) -> None:
    steps = tuple(step(float(at), at + 1.0, problem="repeating" if at == bad else "") for at in range(8))
    result, asked = told(steps, 0.0, 8.0, fold_steps=4)
    assert [one.steps for one in asked[0]] == [steps[:4], steps[4:]]
    assert [(part.start_seconds, part.problem) for part in asked[1].steps] == [(0.0, ""), (4.0, "")]
    assert result.text.split("|") == [one.text for one in steps if not one.problem]


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=120), st.integers(2, 20))
def test_every_usable_text_reaches_the_summary(usable: list[bool], fold_steps: int) -> None:
    steps = tuple(step(float(at), at + 1.0, problem="" if good else "empty") for at, good in enumerate(usable))
    result, _ = told(steps, 0.0, float(len(steps)), fold_steps=fold_steps)
    assert [text for text in result.text.split("|") if text] == [one.text for one in steps if not one.problem]


def test_a_problem_of_the_summary_itself_is_told() -> None:
    role = summary(SHOTS, video="v", start_seconds=0.0, end_seconds=16.0)
    result, _ = drive(role, lambda request: reply_to(request, "Once upon", problem="cut off"))
    assert (result.text, result.problem) == ("Once upon", "cut off")


def test_fold_steps_must_make_progress() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        next(summary(SHOTS, video="v", start_seconds=0.0, end_seconds=16.0, fold_steps=1))


@given(st.lists(st.integers(0, 12), max_size=300).map(sorted), st.integers(2, 50))
def test_groups_lose_nothing_and_are_never_too_large(shots: list[int], fold_steps: int) -> None:
    steps = [step(float(at), at + 1.0, shot_index=shot) for at, shot in enumerate(shots)]
    groups = fold_groups(steps, fold_steps)
    assert [one for group in groups for one in group] == steps
    assert all(0 < len(group) <= fold_steps for group in groups)
    assert len(steps) <= fold_steps or len(groups) < len(steps)


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(2, 45))
def test_no_request_carries_more_than_it_may_and_no_step_is_lost(count: int, fold_steps: int) -> None:
    steps = tuple(step(float(at), at + 1.0, shot_index=at // 7) for at in range(count))
    result, asked = told(steps, 0.0, float(count), fold_steps=fold_steps)
    requests = [one for item in asked for one in (item if isinstance(item, tuple) else (item,))]
    assert all(len(request.steps) <= fold_steps for request in requests)
    assert result.text.split("|") == [one.text for one in steps]
    for request in requests:
        ends = [part.end_seconds for part in request.steps]
        assert [part.start_seconds for part in request.steps][1:] == ends[:-1]
    assert requests[-1].steps[0].start_seconds == 0.0
    assert requests[-1].steps[-1].end_seconds == float(count)
