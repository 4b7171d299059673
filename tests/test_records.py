"""Records: shapes are checked, and JSON goes both ways without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    Frame,
    Look,
    PictureMotion,
    Pose,
    Provenance,
    ScreenText,
    Shot,
    Step,
    TrackedObject,
    VideoCaption,
)

fractions = st.floats(0, 1, allow_nan=False)
seconds = st.floats(0, 1e5, allow_nan=False)
boxes = st.builds(Box, fractions, fractions, fractions, fractions)
poses = st.builds(
    Pose,
    st.sampled_from(["upright", "leaning", "horizontal", "inverted", None]),
    st.one_of(st.none(), st.integers(0, 2)),
    st.one_of(st.none(), st.integers(0, 2)),
    fractions,
)
objects = st.builds(
    TrackedObject,
    st.integers(0, 99),
    st.sampled_from(["person", "dog"]),
    fractions,
    st.integers(1, 99),
    st.one_of(st.none(), boxes),
    st.one_of(st.none(), boxes),
    st.lists(st.sampled_from(["red", "light blue"]), max_size=2).map(tuple),
    st.one_of(st.none(), poses),
    st.one_of(st.none(), poses),
)
facts = st.builds(
    Facts,
    seconds,
    seconds,
    st.builds(CameraMotion, fractions, fractions, fractions, fractions, fractions, st.just(("pan left",)), fractions),
    st.builds(PictureMotion, fractions, fractions, st.one_of(st.none(), st.tuples(fractions, fractions))),
    st.builds(Look, fractions, fractions, fractions, st.just((("light blue", 0.5), ("green", 0.25)))),
    st.lists(objects, max_size=2).map(tuple),
    st.one_of(st.none(), st.builds(ScreenText, st.text(), fractions, seconds, boxes).map(lambda text: (text,))),
)
steps = st.builds(
    Step,
    st.sampled_from(["opening", "change", "whole"]),
    seconds,
    seconds,
    st.text(),
    st.integers(0, 9),
    st.lists(seconds, max_size=2).map(tuple),
    st.lists(facts, max_size=2).map(tuple),
    st.sampled_from(["", "empty"]),
)


def caption(steps: tuple[Step, ...] = (), summary_problem: str = "") -> VideoCaption:
    return VideoCaption(
        video="a.mp4",
        width=640,
        height=360,
        start_seconds=0.0,
        end_seconds=10.0,
        mode="sliding",
        shots=(Shot(0.0, 4.0), Shot(4.0, 10.0, "cut")),
        steps=steps,
        summary="It ends.",
        provenance=Provenance("m", "default", "abc", "0.1.0", {"mode": "sliding", "keyframes": {"every_seconds": 2.0}}),
        summary_problem=summary_problem,
        warnings=("a packet was lost",),
    )


@given(st.lists(steps, max_size=3).map(tuple))
def test_json_goes_both_ways(some: tuple[Step, ...]) -> None:
    made = caption(some)
    assert VideoCaption.from_json(made.to_json()) == made


def test_json_that_does_not_fit_names_the_field() -> None:
    broken = caption().to_json().replace('"end_seconds": 10.0', '"end_seconds": "later"', 1)
    with pytest.raises(ValueError, match="end_seconds"):
        VideoCaption.from_json(broken)


def test_problems_are_listed_with_their_times() -> None:
    bad = Step("change", 2.0, 4.5, "", 0, (2.0, 4.5), problem="empty")
    good = Step("opening", 0.0, 0.0, "A dog.", 0, (0.0,))
    assert caption((good, bad), "refused").problems == ("step 1 (2.00-4.50 s): empty", "summary: refused")
    assert caption((good,)).problems == ()


def test_a_frame_checks_its_shape_and_shows_no_pixels() -> None:
    frame = Frame(np.zeros((4, 6, 3), np.uint8), 1.5, 0.04)
    assert (frame.width, frame.height, frame.end_seconds) == (6, 4, 1.54)
    assert repr(frame) == "Frame(6x4 at 1.500 s for 0.040 s)"
    for wrong in (np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8 pixels"):
            Frame(wrong, 0.0, 0.04)
