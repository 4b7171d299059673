"""Changes: what happened between two keyframes, and nothing that did not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from made_facts import (
    BLACK,
    BRIGHT,
    CENTRE,
    DARK,
    ENTERING_LEFT,
    LEFT,
    NOT_MEASURED,
    RIGHT,
    STILL,
    at,
    between,
    pose,
    thing,
)
from sharegpt4video.records import Box, CameraMotion, Facts, PictureMotion
from sharegpt4video.vlm.embedded import change
from sharegpt4video.vlm.embedded.difference import difference

PAN_RIGHT = CameraMotion(pan_widths=0.4, moves=("pan right",), confidence=0.9)
ZOOM_IN = CameraMotion(zoom_ratio=1.5, moves=("zoom in",), confidence=0.9)


def moved(box: Box, across: float = 0.0, down: float = 0.0) -> Box:
    return Box(box.left + across, box.top + down, box.right + across, box.bottom + down)


def scaled(box: Box, factor: float) -> Box:
    (x, y), width, height = box.centre, box.width * factor / 2, box.height * factor / 2
    return Box(x - width, y - height, x + width, y + height)


def said(*objects: object, **more: object) -> str:
    return difference(between(0.0, 2.0, *objects, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (pose(arms=0), pose(arms=1), "The person raises an arm"),
        (pose(arms=0), pose(arms=2), "The person raises both arms"),
        (pose(arms=1), pose(arms=2), "The person raises the other arm"),
        (pose(arms=2), pose(arms=1), "The person lowers one arm"),
        (pose(arms=1, legs=1), pose(arms=0, legs=0), "The person lowers the raised arm and leg"),
        (pose(legs=0), pose(legs=1), "The person raises a leg"),
        (pose("upright"), pose("leaning"), "The person brings the torso from upright to leaning"),
        (pose("leaning"), pose("upright"), "The person straightens up"),
        (pose("upright"), pose("inverted"), "The person brings the torso from upright to upside down"),
    ],
)
def test_posture(start: object, end: object, words: str) -> None:
    assert said(thing("person", CENTRE, CENTRE, start_pose=start, end_pose=end)).startswith(words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "raises", "words"),
    [
        (0, 0, (2,), "The person raises both arms for a moment"),
        (0, 0, (2, 1), "The person raises both arms twice"),
        (0, 0, (1, 1, 1), "The person keeps raising and lowering an arm"),
        (0, 2, (2,), "The person raises both arms"),
        (0, 2, (2, 2), "The person keeps raising and lowering both arms"),
        (1, 1, (1,), "The person raises an arm again"),
        (2, 0, (2,), "The person raises both arms for a moment"),
        (2, 0, (), "The person lowers both arms"),
    ],
)
def test_limbs_that_go_up_between_the_frames(start: int, end: int, raises: tuple[int, ...], words: str) -> None:
    person = thing("person", CENTRE, CENTRE, start_pose=pose(arms=start), end_pose=pose(arms=end), arm_raises=raises)
    assert said(person).startswith(words)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (pose(arms=None), pose(arms=1)),
        (pose(arms=1), None),
        (None, pose(arms=1)),
        (replace(pose(arms=0), confidence=0.1), pose(arms=1)),
    ],
)
def test_a_joint_that_was_not_seen_did_not_move(start: object, end: object) -> None:
    text = said(thing("person", CENTRE, CENTRE, start_pose=start, end_pose=end))  # type: ignore[arg-type]
    assert "raises" not in text
    assert "lowers" not in text


def test_a_rolling_camera_tilts_no_torso() -> None:
    roll = CameraMotion(roll_degrees=40.0, moves=("roll clockwise",), confidence=0.9)
    text = said(thing("person", CENTRE, CENTRE, start_pose=pose("upright"), end_pose=pose("leaning")), camera=roll)
    assert "torso from" not in text
    assert "rolls" in text


@pytest.mark.parametrize(
    ("label", "start", "end", "words"),
    [
        ("person", None, ENTERING_LEFT, "A person enters from the left"),
        ("dog", Box(0.85, 0.5, 1.0, 0.9), None, "The dog leaves the picture on the right"),
        ("person", None, CENTRE, "A person comes into view in the centre"),
        ("chair", None, ENTERING_LEFT, "A chair comes into view on the left"),
        ("person", CENTRE, None, "The person goes out of view"),
    ],
)
def test_coming_and_going(label: str, start: Box | None, end: Box | None, words: str) -> None:
    assert said(thing(label, start, end)).startswith(words)


def test_before_a_panning_camera_nobody_walks_in() -> None:
    assert "comes into view on the left" in said(thing("person", None, ENTERING_LEFT), camera=PAN_RIGHT)


def test_a_newcomer_among_people_is_another() -> None:
    text = said(thing("person", LEFT, LEFT, 1), thing("person", None, RIGHT, 2))
    assert text.startswith("Another person comes into view on the right")


def test_two_newcomers_are_told_at_once() -> None:
    text = said(thing("person", None, CENTRE, 1), thing("person", None, RIGHT, 2))
    assert text.startswith("Two people come into view in the centre and on the right")
    text = said(thing("chair", None, LEFT, 1), thing("cup", None, LEFT, 2))
    assert text.startswith("A chair and a cup come into view on the left")


def test_a_track_that_is_lost_and_found_in_place_is_one_object() -> None:
    text = said(
        thing("person", CENTRE, None, 1, start_pose=pose(arms=0)),
        thing("person", None, moved(CENTRE, 0.03), 2, end_pose=pose(arms=1)),
    )
    assert text.startswith("The person raises an arm")
    assert "view" not in text


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (moved(CENTRE, 0.3), "moves from the centre to the right of the picture"),
        (moved(CENTRE, 0.1), "moves slightly to the right"),
        (moved(CENTRE, 0.03), "almost nothing changes"),
        (moved(CENTRE, 0.0, -0.2), "moves up"),
        (moved(scaled(CENTRE, 1.4), 0.0, -0.05), "comes closer"),
        (scaled(CENTRE, 0.6), "moves further away"),
        (Box(0.3, 0.2, 0.67, 0.9), "almost nothing changes"),  # larger, but the feet stay: limbs are spread
        (Box(0.2, 0.29, 0.77, 0.98), "almost nothing changes"),  # wider only
        (replace(CENTRE, right=0.8), "almost nothing changes"),  # an arm stretched out: one edge moves
    ],
)
def test_movement_before_a_still_camera(end: Box, words: str) -> None:
    assert words in said(thing("dog", CENTRE, end)).replace("Almost", "almost")


def test_a_body_that_bends_does_not_come_closer() -> None:
    start, end = pose("horizontal"), pose("leaning")
    text = said(thing("person", CENTRE, scaled(CENTRE, 0.7), start_pose=start, end_pose=end))
    assert "from horizontal to leaning" in text
    assert "away" not in text


def test_a_pan_moves_everything_and_that_is_no_movement() -> None:
    text = said(thing("person", RIGHT, moved(RIGHT, -0.4)), camera=PAN_RIGHT)
    assert "The camera pans to the right" in text or "the camera pans to the right" in text
    assert "moves" not in text


def test_who_stays_in_the_picture_of_a_pan_moves_with_it() -> None:
    assert "The person moves to the right" in said(thing("person", CENTRE, CENTRE), camera=PAN_RIGHT)


def test_a_zoom_enlarges_everything_and_that_is_no_approach() -> None:
    text = said(thing("person", CENTRE, scaled(CENTRE, 1.5)), camera=ZOOM_IN)
    assert "closer" not in text
    assert "larger" not in text
    assert "zooms in" in text


def test_no_movement_is_claimed_when_the_camera_was_not_measured() -> None:
    text = said(thing("person", LEFT, RIGHT), camera=NOT_MEASURED)
    assert "moves" not in text
    assert "camera" not in text


@pytest.mark.parametrize(
    ("camera", "seconds", "words"),
    [
        (PAN_RIGHT, 2.0, "pans to the right"),
        (PAN_RIGHT, 10.0, "pans slowly to the right"),
        (PAN_RIGHT, 1.0, "pans quickly to the right"),
        (CameraMotion(tilt_heights=0.3, moves=("tilt up",), confidence=0.9), 2.0, "tilts up"),
        (CameraMotion(zoom_ratio=0.8, moves=("zoom out", "shake"), confidence=0.9), 4.0, "zooms out slowly and shakes"),
    ],
)
def test_camera_moves_have_a_direction_and_a_speed(camera: CameraMotion, seconds: float, words: str) -> None:
    assert words in difference(between(0.0, seconds, camera=camera))


def test_motion_without_an_object_is_something() -> None:
    motion = PictureMotion(0.1, 0.05, (0.5, 0.5))
    assert said(motion=motion).startswith("Something moves in the middle of the picture")
    assert "Something" not in said(thing("dog", CENTRE, CENTRE), motion=motion)
    assert re.search("The dog (moves on the spot|keeps moving)", said(thing("dog", CENTRE, CENTRE), motion=motion))
    assert "Something" not in said(motion=motion, camera=NOT_MEASURED)


def test_the_middle_of_what_two_people_do_is_not_a_third_thing() -> None:
    motion = PictureMotion(0.1, 0.05, (0.5, 0.1))
    people = [thing("person", LEFT, LEFT, 1), thing("person", RIGHT, RIGHT, 2)]
    assert "Something" not in said(*people, motion=motion)


def test_people_in_the_same_third_are_told_apart_by_height() -> None:
    high, low = Box(0.4, 0.05, 0.5, 0.35), Box(0.42, 0.6, 0.5, 0.95)
    text = said(thing("person", high, None, 1), thing("person", low, moved(low, 0.3), 2))
    assert text.startswith("The person at the top goes out of view. The person at the bottom moves")


def test_text_is_read_out_when_it_is_new() -> None:
    facts = between(0.0, 2.0, texts=("Chapter 2",))
    assert 'The text "Chapter 2" appears on the screen' in difference(facts)
    assert "Chapter" not in difference(facts, before='The text "CHAPTER 2" is on the screen.')
    assert "Chapter" not in difference(facts, earlier=at(0.0, texts=("Chapter 2",)))


def test_light_and_colour_are_compared_with_the_start_when_it_is_known() -> None:
    facts = between(0.0, 2.0, look=DARK)
    assert "becomes much darker" in difference(facts, earlier=at(0.0, look=BRIGHT))
    assert "darker" not in difference(facts)
    assert "goes black" in difference(between(0.0, 2.0, look=BLACK), earlier=at(0.0, look=BRIGHT))


def test_a_screen_that_is_black_at_the_end_is_told_once() -> None:
    facts = between(0.0, 2.0, look=BLACK)
    assert "black" in difference(facts)
    assert "black" not in difference(facts, before="The screen is black.")


def test_nothing_is_said_briefly_with_its_time() -> None:
    text = difference(between(0.0, 4.0))
    assert "four seconds" in text
    assert "almost nothing changes" in text.lower()


def test_a_crowded_interval_stays_readable() -> None:
    people = [thing("person", LEFT, RIGHT, n, start_pose=pose(), end_pose=pose(arms=n % 3)) for n in range(9)]
    things = [thing(label, None, CENTRE, 20 + n) for n, label in enumerate(("cup", "fork", "dog", "car"))]
    text = said(*people, *things)
    assert 1 <= text.count(".") <= 5


@pytest.mark.parametrize("camera", [PAN_RIGHT, ZOOM_IN, STILL])
def test_carried_boxes_follow_the_camera(camera: CameraMotion) -> None:
    """A point at x shows at 0.5 + (x - 0.5) * zoom - pan once the camera has moved."""
    box = change.carried(Box(0.5, 0.5, 0.7, 0.9), camera)
    assert box.left == pytest.approx(0.5 - camera.pan_widths)
    assert box.width == pytest.approx(0.2 * camera.zoom_ratio)


def test_facts_are_left_as_they_were() -> None:
    facts: Facts = between(0.0, 2.0, thing("person", CENTRE, None, 1), thing("person", None, CENTRE, 2))
    difference(facts)
    assert facts.objects[0].end_box is None
