"""The chain of one shot: what each request carries, and the times of the steps that come out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import drive, facts, image, reply_to, segment
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.records import Step
from sharegpt4video.vlm.base import Reply, Request


def by_time(request: Request) -> Reply:
    return reply_to(request, f"{request.task} at {request.seconds[-1]}")


def test_an_opening_then_a_change_for_each_further_keyframe() -> None:
    steps, asked = drive(sliding(segment(1.0, 3.48, 5.2, shot_end_seconds=6.0), video="a.mp4", layout="pair"), by_time)
    assert [request.task for request in asked] == ["opening", "change", "change"]
    assert [request.seconds for request in asked] == [(1.0,), (1.0, 3.48), (3.48, 5.2)]
    assert asked[2].images == (image("frame at 3.48"), image("frame at 5.2"))
    still, first, second = facts(1, 1), facts(1, 3.48), facts(3.48, 5.2)
    assert [request.facts for request in asked] == [(still,), (still, first), (first, second)]
    assert [step.facts for step in steps] == [(still,), (first,), (second,)]
    assert [request.before for request in asked] == ["", "opening at 1.0", "change at 3.48"]
    assert [request.layout for request in asked] == ["separate", "pair", "pair"]
    assert [request.remaining for request in asked] == [2, 1, 0]
    assert [request.first_number for request in asked] == [1, 1, 2]
    assert {request.video for request in asked} == {"a.mp4"}
    assert [(step.kind, step.start_seconds, step.end_seconds) for step in steps] == [
        ("opening", 1.0, 1.0),
        ("change", 1.0, 3.48),
        ("change", 3.48, 6.0),
    ]
    assert [step.frame_seconds for step in steps] == [(1.0,), (1.0, 3.48), (3.48, 5.2)]
    assert steps[1].facts == (facts(1, 3.48),)


def test_a_lone_opening_covers_its_shot() -> None:
    steps, _ = drive(sliding(segment(2.0, shot_end_seconds=2.4), video="v"), by_time)
    assert [(step.kind, step.start_seconds, step.end_seconds) for step in steps] == [("opening", 2.0, 2.4)]


def test_a_segment_that_does_not_close_its_shot_ends_at_its_last_keyframe() -> None:
    lone, _ = drive(sliding(segment(2.0), video="v"), by_time)
    assert (lone[0].start_seconds, lone[0].end_seconds) == (2.0, 2.0)
    several, _ = drive(sliding(segment(2.0, 4.0), video="v"), by_time)
    assert several[-1].end_seconds == 4.0


def test_a_continuing_segment_has_no_opening_and_goes_on_from_the_text_before() -> None:
    role = sliding(segment(8.0, 10.0, 12.0, shot_end_seconds=13.0, continues=True), video="v", before="she sits")
    steps, asked = drive(role, by_time)
    assert [request.task for request in asked] == ["change", "change"]
    assert [request.before for request in asked] == ["she sits", "change at 10.0"]
    assert [(step.start_seconds, step.end_seconds) for step in steps] == [(8.0, 10.0), (10.0, 13.0)]


def test_frames_are_numbered_through_the_whole_shot() -> None:
    part = replace(segment(8.0, 10.0, 12.0, shot_end_seconds=13.0, continues=True), first_number=4)
    _, asked = drive(sliding(part, video="v", before="she sits"), by_time)
    assert [request.first_number for request in asked] == [4, 5]


def test_a_problem_is_kept_with_its_text_and_not_passed_on() -> None:
    def answer(request: Request) -> Reply:
        if request.seconds[-1] == 4.0:
            return reply_to(request, "and and and", problem="repeating", detail="'and' 3 times")
        return by_time(request)

    steps, asked = drive(sliding(segment(0.0, 2.0, 4.0, 6.0, shot_end_seconds=7.0), video="v"), answer)
    assert [step.problem for step in steps] == ["", "", "repeating: 'and' 3 times", ""]
    assert steps[2].text == "and and and"
    assert asked[3].before == "change at 2.0"


def test_a_failed_opening_leaves_nothing_before() -> None:
    def answer(request: Request) -> Reply:
        return reply_to(request, "", problem="empty") if request.task == "opening" else by_time(request)

    _, asked = drive(sliding(segment(0.0, 2.0, shot_end_seconds=3.0), video="v"), answer)
    assert asked[1].before == ""


def test_each_step_is_handed_out_when_it_is_done() -> None:
    out: list[Step] = []
    role = sliding(segment(0.0, 2.0, 4.0), video="v", on_step=out.append)
    request = role.send(by_time(next(role)))
    assert [step.kind for step in out] == ["opening"]
    request = role.send(by_time(request))
    assert [step.end_seconds for step in out] == [0.0, 2.0]
    role.close()
    assert len(out) == 2


def test_a_model_that_looks_at_no_pictures_gets_none() -> None:
    _, asked = drive(sliding(segment(0.0, 2.0, pictures=False), video="v"), by_time)
    assert [request.images for request in asked] == [(), ()]


def test_pictures_are_shown_all_or_none() -> None:
    chain = segment(0.0, 2.0)
    half = replace(chain, keyframes=(chain.keyframes[0], replace(chain.keyframes[1], image=None)))
    _, asked = drive(sliding(half, video="v"), by_time)
    assert [len(request.images) for request in asked] == [1, 0]


def test_facts_and_keyframes_must_match() -> None:
    whole = segment(0.0, 2.0)
    with pytest.raises(ValueError, match="2 keyframes and 1 facts"):
        next(sliding(replace(whole, facts=whole.facts[:1]), video="v"))
    steps, _ = drive(sliding(replace(whole, facts=()), video="v"), by_time)
    assert [step.facts for step in steps] == [(), ()]
    with pytest.raises(ValueError, match="0 keyframes and 0 facts"):
        next(sliding(replace(whole, keyframes=(), facts=()), video="v"))


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=30, unique=True).map(sorted),
    st.lists(st.integers(1, 29), max_size=4),
    st.floats(0.001, 5),
)
def test_the_steps_of_a_shot_tile_it_however_it_is_cut_into_segments(
    seconds: list[float], cuts: list[int], last_seconds: float
) -> None:
    end = seconds[-1] + last_seconds
    borders = sorted({cut for cut in cuts if cut < len(seconds) - 1})
    starts, ends = [0, *borders], [*borders, len(seconds) - 1]
    steps: list[Step] = []
    for first, last in zip(starts, ends, strict=True):
        closes = last == len(seconds) - 1
        part = segment(*seconds[first : last + 1], shot_end_seconds=end if closes else None, continues=first > 0)
        done, _ = drive(sliding(part, video="v"), by_time)
        steps += done
    assert (steps[0].start_seconds, steps[-1].end_seconds) == (seconds[0], end)
    assert all(one.end_seconds == two.start_seconds for one, two in pairwise(steps))
    assert len(steps) == len(seconds)


def test_what_comes_after_the_segment_counts_as_waiting() -> None:
    _, asked = drive(sliding(segment(0.0, 2.0, 4.0), video="a.mp4", later=7), by_time)
    assert [request.remaining for request in asked] == [9, 8, 7]
