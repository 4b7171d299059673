"""Facts as lines: what was measured is said with its unit, what was not is not mentioned."""

from __future__ import annotations

import pytest

from sharegpt4video.records import Box, CameraMotion, Facts, Look, PictureMotion, Pose, ScreenText, TrackedObject
from sharegpt4video.vlm.hints import hint_lines

STILL = PictureMotion(0.0, 0.0, None)
LOOK = Look(0.5, 0.2, 300.0, (("dark grey", 0.52), ("blue", 0.11)))


def facts(start: float = 2.0, end: float = 4.0, **more: object) -> Facts:
    given = {"camera": CameraMotion(), "motion": STILL, "look": LOOK} | more
    return Facts(start, end, **given)  # type: ignore[arg-type]


def box(x: float, y: float, side: float = 0.2) -> Box:
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def thing(start: Box | None, end: Box | None, **more: object) -> TrackedObject:
    return TrackedObject(1, "person", 0.8, 9, start, end, **more)  # type: ignore[arg-type]


def test_nothing_measured_is_nothing_said() -> None:
    assert hint_lines(()) == []
    assert hint_lines((facts(),)) == []


@pytest.mark.parametrize(
    ("camera", "line"),
    [
        (CameraMotion(moves=("static",)), "camera: static"),
        (CameraMotion(pan_widths=-0.12, moves=("pan left",)), "camera: pan left, 0.12 picture widths"),
        (CameraMotion(tilt_heights=0.3, moves=("tilt up",)), "camera: tilt up, 0.30 picture heights"),
        (
            CameraMotion(zoom_ratio=1.3, roll_degrees=-8.0, moves=("zoom in", "roll counter-clockwise")),
            "camera: zoom in, 1.30 times; roll counter-clockwise, 8 degrees",
        ),
        (CameraMotion(shake=0.01, moves=("shake",)), "camera: shake"),
        (
            CameraMotion(zoom_ratio=1.3, pan_widths=0.1, moves=("dolly in", "truck right")),
            "camera: dolly in, the picture grows 1.30 times; truck right, 0.10 picture widths",
        ),
    ],
)
def test_camera(camera: CameraMotion, line: str) -> None:
    assert hint_lines((facts(camera=camera),)) == [line]


@pytest.mark.parametrize(
    ("tracked", "line"),
    [
        (thing(box(0.8, 0.5), box(0.5, 0.5)), "person #1: right → centre"),
        (thing(box(0.5, 0.5), box(0.5, 0.5)), "person #1: stays at the centre"),
        (thing(None, box(0.1, 0.1), enters="left"), "person #1: comes into view from the left, then at the upper left"),
        (thing(None, box(0.1, 0.1), enters="inside"), "person #1: comes into view, then at the upper left"),
        (thing(None, box(0.1, 0.1)), "person #1: seen later, then at the upper left"),
        (
            thing(box(0.9, 0.9), None, leaves="bottom"),
            "person #1: goes out of view at the bottom, before that at the lower right",
        ),
        (thing(box(0.9, 0.9), None), "person #1: not seen to the end, before that at the lower right"),
        (
            thing(None, None, enters="left", leaves="right"),
            "person #1: comes into view from the left, goes out of view at the right",
        ),
        (thing(None, None), "person #1: in the picture for a part of the time"),
        (thing(box(0.5, 0.1), box(0.5, 0.9)), "person #1: upper centre → lower centre"),
        (
            thing(box(0.5, 0.5), box(0.5, 0.5), arm_raises=(2, 1), leg_raises=(1,)),
            "person #1: stays at the centre, arms went up 2 times, legs went up 1 time",
        ),
        (
            thing(box(0.5, 0.5), box(0.5, 0.5, 0.4), colours=("red", "blue")),
            "person #1 (red, blue): stays at the centre, larger, 4.00 times the area",
        ),
    ],
)
def test_objects(tracked: TrackedObject, line: str) -> None:
    assert hint_lines((facts(objects=(tracked,)),)) == [line]


def test_poses_tell_what_changes() -> None:
    before, after = Pose("upright", 1, None, 0.7), Pose("horizontal", 1, 2, 0.7)
    (line,) = hint_lines((facts(objects=(thing(box(0.5, 0.5), box(0.5, 0.5), start_pose=before, end_pose=after),)),))
    assert line == (
        "person #1: stays at the centre, torso upright → horizontal, arms raised 1, legs raised 2 at the end"
    )


def test_a_single_moment_has_places_and_colours_but_no_motion() -> None:
    moment = facts(
        2.0,
        2.0,
        camera=CameraMotion(moves=("static",)),
        motion=PictureMotion(0.4, 0.3, (0.5, 0.5)),
        objects=(thing(box(0.2, 0.5), box(0.2, 0.5), end_pose=Pose("upright", 1, 0, 0.6)),),
    )
    assert hint_lines((moment,)) == [
        "person #1: left, torso upright, arms raised 1",
        "colours of the picture: dark grey 52 %, blue 11 %",
    ]


def test_motion_that_the_camera_does_not_explain() -> None:
    (line,) = hint_lines((facts(motion=PictureMotion(0.25, 0.12, (0.2, 0.8))),))
    assert line == (
        "motion not due to the camera: 12 % of the picture, around the lower left, 0.25 picture widths per second"
    )
    assert hint_lines((facts(motion=PictureMotion(0.25, 0.001, (0.2, 0.8))),)) == []


def test_texts_are_quoted_once_each() -> None:
    read = tuple(ScreenText(text, 0.9, 3.0, box(0.5, 0.5)) for text in ("clideo.com", " SALE {50} ", "clideo.com", " "))
    assert hint_lines((facts(texts=read),)) == ['on-screen text: "clideo.com", "SALE {50}"']
    assert hint_lines((facts(texts=()),)) == []


def test_several_intervals_are_told_apart_by_their_times() -> None:
    static = CameraMotion(moves=("static",))
    lines = hint_lines(
        (facts(0.0, 0.0), facts(0.0, 2.5, camera=static), facts(2.5, 4.0), facts(4.0, 6.0, camera=static))
    )
    assert lines == [
        "at 0.00 s:",
        "colours of the picture: dark grey 52 %, blue 11 %",
        "0.00 s to 2.50 s:",
        "camera: static",
        "4.00 s to 6.00 s:",
        "camera: static",
    ]


def test_a_crowd_is_cut_short() -> None:
    crowd = tuple(thing(box(0.5, 0.5), box(0.5, 0.5)) for _ in range(30))
    lines = hint_lines((facts(objects=crowd),))
    assert len(lines) == 13
    assert lines[-1] == "18 more objects"
