"""Which frames become clips: as many as the trainer takes, in one shot, where their caption is true."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_captions import captioned
from made_facts import CENTRE, at, between, steps_of, thing
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import Step
from sharegpt4video.t2v.manifests import Window
from sharegpt4video.t2v.planning import PlanSettings, plan, usable, wrong_frames
from sharegpt4video.t2v.record import Record

ANY = Window("whole")
LTX = Window("head", step=8, add=1)
PLAN = Window("random", step=4, add=1, minimum=29)


def record(seconds: float, every: float = 2.0, shots: tuple[float, ...] = ()) -> Record:
    """Shots that begin at 0 and at ``shots``, with something every so many seconds, all of it measured."""
    starts = [0.0, *shots, seconds]
    steps: list[Step] = []
    for number, (start, end) in enumerate(pairwise(starts)):
        facts = [at(start, thing("dog", CENTRE, CENTRE))]
        time = start
        while time < end - 1e-6:
            facts.append(between(time, min(time + every, end), thing("dog", CENTRE, CENTRE)))
            time += every
        steps += [replace(one, shot_index=number, text=f"At {one.start_seconds}.") for one in steps_of(*facts)]
    return Record("r", "/v.mp4", "train", captioned(steps, seconds, ""))


@given(frames=st.integers(0, 300), steps=st.integers(1, 8), add=st.integers(0, 1))
def test_usable_frames(frames: int, steps: int, add: int) -> None:
    fits = usable(frames, Window("head", step=steps, add=add))
    known = [one for one in range(frames + 1) if one >= add and (one - add) % steps == 0]
    assert fits == max(known, default=0)


@pytest.mark.parametrize(
    ("frames", "window", "problem"),
    [(49, LTX, ""), (48, LTX, "take 41 or 49"), (25, PLAN, "take 29"), (30, PLAN, "take 29 or 33"), (7, ANY, "")],
)
def test_frames_that_a_trainer_cannot_take_are_named_with_the_nearest(
    frames: int, window: Window, problem: str
) -> None:
    found = "".join(wrong_frames(PlanSettings(frames=frames), window))
    assert problem in found
    assert bool(found) == bool(problem)


def test_fixed_windows_follow_each_other_where_steps_end() -> None:
    found = plan(record(10.0), PlanSettings(frames=16, fps=8), ANY)
    assert [(clip.start_seconds, clip.frames) for clip in found.clips] == [(0, 16), (2, 16), (4, 16), (6, 16), (8, 16)]
    assert not found.refused
    first = plan(record(10.0), PlanSettings(frames=16, fps=8, clips="first"), ANY)
    assert [clip.start_seconds for clip in first.clips] == [0]


def test_a_window_moves_on_to_where_it_can_be_told() -> None:
    """Three seconds cut a step of two at one of their ends."""
    strict = plan(record(10.0), PlanSettings(frames=24, fps=8, most_untold=0.0), ANY)
    assert not strict.clips
    assert "cut by the border" in strict.refused[0]
    loose = plan(record(10.0), PlanSettings(frames=24, fps=8, most_untold=0.4), ANY)
    assert loose.clips[0].start_seconds == 0
    assert loose.clips[0].told.untold_seconds == 1.0


def test_clips_end_at_cuts_unless_they_may_go_on() -> None:
    settings = PlanSettings(frames=32, fps=8)
    assert [clip.start_seconds for clip in plan(record(12.0, shots=(6.0,)), settings, ANY).clips] == [0, 6]
    over = plan(record(12.0, shots=(6.0,)), replace(settings, cross_shots=True), ANY)
    assert [clip.start_seconds for clip in over.clips] == [0, 4, 8]
    assert "shorter" in plan(record(3.0), settings, ANY).refused[0]


@pytest.mark.parametrize("window", [ANY, LTX, PLAN])
def test_without_frames_clips_are_whole_shots_of_usable_length(window: Window) -> None:
    found = plan(record(10.0, shots=(4.0,)), PlanSettings(fps=24), window)
    assert [clip.start_seconds for clip in found.clips] == [0, 4]
    assert [usable(clip.frames, window) for clip in found.clips] == [clip.frames for clip in found.clips]
    assert [clip.frames for clip in found.clips] == [usable(96, window), usable(144, window)]
    long = plan(record(26.0), PlanSettings(fps=24, max_seconds=10), window)
    assert [clip.start_seconds for clip in long.clips] == [0, 10, 20]
    short = plan(record(1.0, every=1.0), PlanSettings(fps=24), PLAN)
    assert "29 frames" in short.refused[0]


@given(
    seconds=st.floats(0.6, 40),
    frames=st.one_of(st.none(), st.sampled_from([9, 17, 49])),
    fps=st.sampled_from([8.0, 24.0]),
    untold=st.floats(0, 1),
)
def test_clips_never_overlap_and_lie_inside(seconds: float, frames: int | None, fps: float, untold: float) -> None:
    found = plan(record(seconds), PlanSettings(frames=frames, fps=fps, most_untold=untold), LTX)
    at = 0.0
    for clip in found.clips:
        assert clip.start_seconds >= at - 1e-6
        at = clip.start_seconds + clip.frames / fps
        assert at <= seconds + 0.5 / fps + 1e-6
    assert found.clips or found.refused


def test_settings_are_checked() -> None:
    with pytest.raises(SettingsError, match="most_untold"):
        PlanSettings(most_untold=2.0)
