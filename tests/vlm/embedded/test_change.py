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
    NOTHING_MOVES,
    RIGHT,
    STILL,
    at,
    between,
    pose,
    thing,
)
from sharegpt4video.records import Box, CameraMotion, Facts, LabelCount, Look, PictureMotion, ScreenText, Side
from sharegpt4video.vlm.embedded.difference import difference
from sharegpt4video.vlm.embedded.geometry import carried

PAN_RIGHT = CameraMotion(pan_widths=0.4, moves=("pan right",), confidence=0.9)
TILT_UP = CameraMotion(tilt_heights=0.3, moves=("tilt up",), confidence=0.9)
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
        (pose(arms=None), pose(arms=2), "The person holds both arms up"),
        (pose(arms=None), pose(arms=1), "The person holds one arm up"),
        (pose(arms=0), pose(arms=2), "The person raises both arms"),
        (pose(arms=1), pose(arms=2), "The person raises the other arm"),
        (pose(arms=2), pose(arms=1), "The person lowers one arm"),
        (pose(arms=1, legs=1), pose(arms=0, legs=0), "The person lowers the raised arm and leg"),
        (pose(legs=0), pose(legs=1), "The person raises a leg"),
        (pose("upright"), pose("leaning"), "The person leans over"),
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
    ("label", "start", "end", "edge", "words"),
    [
        ("person", None, ENTERING_LEFT, "left", "A person enters from the left."),
        ("person", None, CENTRE, "left", "A person enters from the left and moves to the centre."),
        ("dog", Box(0.85, 0.5, 1.0, 0.9), None, "right", "The dog leaves the picture on the right."),
        ("person", None, CENTRE, "inside", "A person appears in the centre."),
        ("chair", None, ENTERING_LEFT, "left", "A chair comes into view on the left."),
        ("cup", None, CENTRE, "top", "A cup comes into view at the top."),
        ("person", CENTRE, None, "inside", "The person goes out of view."),
        ("person", CENTRE, None, "bottom", "The person leaves the picture at the bottom."),
        ("hand", None, ENTERING_LEFT, "left", "A hand reaches into the picture from the left."),
        ("hands", None, CENTRE, "bottom", "A pair of hands reaches into the picture from the bottom."),
        ("hands", CENTRE, None, "top", "The pair of hands leaves the picture at the top."),
        ("person", None, CENTRE, "", "A person is in the centre."),
        ("person", CENTRE, None, "", ""),
    ],
)
def test_coming_and_going_are_what_was_measured(
    label: str, start: Box | None, end: Box | None, edge: Side, words: str
) -> None:
    """Without a measured crossing or absence a thing found late is there, and one that is lost is not spoken of."""
    one = thing(label, start, end, enters=edge if end else "", leaves=edge if start else "")
    text = difference(
        between(2.0, 4.0, one), earlier=between(0.0, 2.0, replace(one, end_box=start, enters="", leaves=""))
    )
    assert text.startswith(words)
    if not words:
        assert label not in text


def test_what_crosses_the_whole_picture_comes_and_goes() -> None:
    car = thing("car", None, None, enters="left", leaves="right")
    assert said(car).startswith("A car drives in from the left and drives out of the picture on the right")


def test_who_comes_back_was_out_of_view() -> None:
    person = thing("person", LEFT, LEFT, enters="left", leaves="left")
    assert "The person leaves the picture on the left and comes back" in said(person)


def test_before_a_panning_camera_nobody_walks_in() -> None:
    person = thing("person", None, ENTERING_LEFT, enters="left")
    assert "comes into view on the left" in said(person, camera=PAN_RIGHT)


def test_what_was_not_spoken_of_is_named_once() -> None:
    first = at(0.0, thing("person", LEFT, LEFT, 1))
    second = between(0.0, 2.0, thing("person", LEFT, LEFT, 1), thing("dog", RIGHT, RIGHT, 2))
    assert "A dog is on the right" in difference(second, earlier=first)
    third = between(2.0, 4.0, *second.objects)
    assert "A dog" not in difference(third, earlier=second)
    moves = between(0.0, 2.0, thing("dog", LEFT, RIGHT, 2))
    assert difference(moves, earlier=first).startswith("A dog moves from the left to the right")


def test_a_newcomer_among_people_is_another() -> None:
    text = said(thing("person", LEFT, LEFT, 1), thing("person", None, RIGHT, 2, enters="right"))
    assert text.startswith("Another person enters from the right")


def test_newcomers_are_told_at_once() -> None:
    two = [thing("person", None, ENTERING_LEFT, number, enters="left") for number in (1, 2)]
    assert said(*two).startswith("Two people enter from the left")
    text = said(thing("person", None, CENTRE, 1), thing("person", None, RIGHT, 2))
    assert text.startswith("Two people are in the centre and on the right")
    text = said(thing("chair", None, LEFT, 1), thing("cup", None, LEFT, 2))
    assert text.startswith("A chair and a cup are on the left")
    text = said(thing("dog", None, LEFT, 1, enters="left"), thing("dog", None, RIGHT, 2))
    assert text.startswith("A dog enters from the left. Another dog is on the right")


def test_a_subject_is_the_same_whatever_its_track() -> None:
    text = said(thing("person", LEFT, None, 1, subject=5), thing("person", None, RIGHT, 2, subject=5))
    assert text.startswith("The person moves from the left to the right")
    known = between(0.0, 2.0, thing("person", LEFT, LEFT, 1, subject=5))
    later = between(2.0, 4.0, thing("person", RIGHT, RIGHT, 8, subject=5))
    assert "A person" not in difference(later, earlier=known)


def test_people_are_told_apart_by_their_clothes() -> None:
    red = thing("person", LEFT, LEFT, 1, colours=("red",), start_pose=pose(), end_pose=pose(arms=2))
    blue = thing("person", RIGHT, RIGHT, 2, colours=("blue",))
    assert said(red, blue).startswith("The person in red raises both arms")
    alike = replace(blue, colours=("red",))
    assert said(red, alike).startswith("The person on the left raises both arms")
    assert said(red).startswith("The person raises both arms")
    gone = between(0.0, 2.0, red, blue)
    assert difference(between(2.0, 4.0, red), earlier=gone).startswith("The person in red raises both arms")


def test_how_many_there_are_now_is_told_when_it_has_changed() -> None:
    two, three = (LabelCount("person", count) for count in (2, 3))
    people = [thing("person", LEFT, LEFT, 1), thing("person", RIGHT, RIGHT, 2)]
    before = between(0.0, 2.0, *people, counts=(two,))
    assert "There are now three people." in difference(between(2.0, 4.0, *people, counts=(three,)), earlier=before)
    assert "now" not in difference(between(2.0, 4.0, *people, counts=(two,)), earlier=before)
    fewer = difference(between(2.0, 4.0, *people, counts=(replace(two, count=1),)), earlier=before)
    assert "There is now only one person." in fewer


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
        (moved(CENTRE, 0.1), "moves a little to the right"),
        (moved(CENTRE, 0.03), "dog (stays|remains) in the centre"),
        (moved(CENTRE, 0.0, -0.2), "moves up"),
        (moved(scaled(CENTRE, 1.4), 0.0, -0.05), "comes closer"),
        (scaled(CENTRE, 0.6), "moves further away"),
        (Box(0.3, 0.2, 0.67, 0.9), "dog (stays|remains) in the centre"),  # larger, but the feet stay: limbs are spread
        (Box(0.2, 0.29, 0.77, 0.98), "dog (stays|remains) in the centre"),  # wider only
        (replace(CENTRE, right=0.8), "dog (stays|remains) in the centre"),  # an arm stretched out: one edge moves
    ],
)
def test_movement_before_a_still_camera(end: Box, words: str) -> None:
    assert re.search(words, said(thing("dog", CENTRE, end)))


def test_a_drift_that_boxes_hide_is_told_from_two_intervals() -> None:
    boxes = [moved(CENTRE, 0.05 * number) for number in range(3)]
    first, second = (between(2.0 * n, 2.0 * n + 2, thing("boat", boxes[n], boxes[n + 1])) for n in range(2))
    assert "moves" not in difference(first)
    assert difference(second, earlier=first).startswith("The boat moves slowly to the right")
    back = between(2.0, 4.0, thing("boat", boxes[1], boxes[0]))
    assert "moves" not in difference(back, earlier=first)


@pytest.mark.parametrize(("seconds", "words"), [(1.0, "drives quickly"), (3.0, "drives from"), (9.0, "drives slowly")])
def test_cars_drive_at_a_speed(seconds: float, words: str) -> None:
    car = thing("car", LEFT, moved(LEFT, 0.4))
    assert words in difference(between(0.0, seconds, car))
    assert "drive" not in difference(between(0.0, seconds, car, camera=PAN_RIGHT))


def test_before_a_camera_that_travels_nothing_is_said_to_move() -> None:
    travels = CameraMotion(zoom_ratio=1.1, moves=("dolly in",), confidence=0.9)
    text = said(thing("car", CENTRE, RIGHT), camera=travels)
    assert text == "The car is on the right. The camera moves forward."


def test_a_body_that_bends_does_not_come_closer() -> None:
    start, end = pose("horizontal"), pose("leaning")
    text = said(thing("person", CENTRE, scaled(CENTRE, 0.7), start_pose=start, end_pose=end))
    assert "from horizontal to leaning" in text
    assert "away" not in text


def test_a_pan_moves_everything_and_that_is_no_movement() -> None:
    text = said(thing("person", RIGHT, moved(RIGHT, -0.4)), camera=PAN_RIGHT)
    assert "The camera pans right" in text
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
        (PAN_RIGHT, 2.0, "pans right"),
        (PAN_RIGHT, 10.0, "pans slowly right"),
        (PAN_RIGHT, 1.0, "pans quickly right"),
        (CameraMotion(tilt_heights=0.3, moves=("tilt up",), confidence=0.9), 2.0, "tilts up"),
        (CameraMotion(zoom_ratio=0.8, moves=("zoom out", "shake"), confidence=0.9), 4.0, "zooms out slowly and shakes"),
        (CameraMotion(moves=("dolly in",), confidence=0.9), 2.0, "camera moves forward"),
        (CameraMotion(moves=("hand-held",), confidence=0.9), 2.0, "camera is hand-held"),
    ],
)
def test_camera_moves_have_a_direction_and_a_speed(camera: CameraMotion, seconds: float, words: str) -> None:
    assert words in difference(between(0.0, seconds, camera=camera))


def test_at_most_two_camera_moves_are_told() -> None:
    many = CameraMotion(0.4, -0.2, 1.2, 9.0, 0.01, ("pan right", "tilt down", "zoom in", "shake"), 0.9)
    assert difference(between(0.0, 2.0, camera=many)).endswith("The camera pans right and tilts down.")
    to_and_fro = CameraMotion(moves=("pan left", "pan right"), confidence=0.9)
    assert "pans slowly left and right" in difference(between(0.0, 2.0, camera=to_and_fro))


@pytest.mark.parametrize(
    ("move", "words"),
    [("pan right", "keeps panning"), ("zoom in", "keeps zooming in"), ("dolly in", "keeps moving forward"),
     ("pedestal up", "keeps rising."), ("arc clockwise", "keeps circling")],
)  # fmt: skip
def test_a_camera_that_goes_on_moving_keeps_doing_so(move: str, words: str) -> None:
    camera = CameraMotion(moves=(move,), confidence=0.9)
    text = difference(between(2.0, 4.0, camera=camera), earlier=between(0.0, 2.0, camera=camera))
    assert f"The camera {words}" in text
    assert "keep" not in difference(between(2.0, 4.0, camera=camera), earlier=between(0.0, 2.0, camera=TILT_UP))


def test_a_camera_keeps_doing_two_things_in_few_words() -> None:
    for moves, words in (
        (("pan left", "pan right"), "keeps panning slowly left and right."),
        (("roll clockwise", "zoom out"), "keeps rolling slowly clockwise and zooming out slowly."),
    ):
        camera = CameraMotion(moves=moves, confidence=0.9)
        assert words in difference(between(2.0, 4.0, camera=camera), earlier=between(0.0, 2.0, camera=camera))


@pytest.mark.parametrize("moves", [("static",), ("hand-held",)])
def test_a_camera_that_goes_on_resting_is_told_once(moves: tuple[str, ...]) -> None:
    camera = CameraMotion(moves=moves, confidence=0.9)
    first, second = (between(t, t + 2, thing("dog", LEFT, LEFT), camera=camera) for t in (0.0, 2.0))
    assert "camera" in difference(first, earlier=at(0.0))
    assert "camera" not in difference(second, earlier=first)
    assert "camera" in difference(second, earlier=replace(first, camera=PAN_RIGHT))


def test_motion_is_told_with_its_owner_or_its_place() -> None:
    motion = PictureMotion(0.1, 0.05, (0.5, 0.5))
    assert said(motion=motion).startswith("There is movement in the middle of the picture")
    assert said(thing("dog", CENTRE, CENTRE), motion=motion).startswith("The dog moves about in the centre")
    assert said(thing("chair", CENTRE, CENTRE), motion=motion).startswith("There is movement around the chair")
    chairs = [thing("chair", CENTRE, CENTRE, number) for number in (1, 2)]
    assert said(*chairs, motion=motion).startswith("There is movement in the middle of the picture")
    assert "movement" in said(motion=motion, camera=NOT_MEASURED)  # no camera moves a part of the picture
    assert "movement" not in said(motion=replace(motion, area=0.4), camera=NOT_MEASURED)
    assert "movement" in said(motion=replace(motion, still=False), camera=NOT_MEASURED)
    assert "slow movement" in said(motion=PictureMotion(0.005, 0.01, (0.5, 0.5), still=False))
    assert "movement" not in said(motion=PictureMotion(0.005, 0.01, (0.5, 0.5)))
    assert "quick movement in a large part of the picture, mainly at the top." in said(
        motion=PictureMotion(0.4, 0.3, (0.5, 0.1))
    )


@pytest.mark.parametrize(
    ("score", "area", "height", "words"),
    [
        (0.1, 0.03, 0.45, "moves the upper body"),
        (0.1, 0.03, 0.8, "moves the legs"),
        (0.1, 0.08, 0.45, "moves the upper body a lot"),
        (0.3, 0.03, 0.6, "moves quickly"),
        (0.3, 0.08, 0.45, "makes large, quick movements with the upper body"),
        (0.03, 0.005, 0.6, "makes small, slow movements"),
    ],
)
def test_how_somebody_stirs(score: float, area: float, height: float, words: str) -> None:
    """A body of 0.162 of the picture, of which this share moves at this height."""
    person = thing("person", CENTRE, CENTRE, start_pose=pose(), end_pose=pose())
    assert said(person, motion=PictureMotion(score, area, (0.5, height))).startswith(f"The person {words}")


def test_who_goes_on_stirring_does_so_faster_or_the_same_way() -> None:
    def stirs(start: float, score: float) -> Facts:
        person = thing("person", CENTRE, CENTRE, start_pose=pose(), end_pose=pose())
        return between(start, start + 2, person, motion=PictureMotion(score, 0.03, (0.5, 0.45)))

    assert "goes on moving the upper body." in difference(stirs(2.0, 0.1), earlier=stirs(0.0, 0.1))
    assert "moves the upper body, now faster" in difference(stirs(2.0, 0.18), earlier=stirs(0.0, 0.1))
    assert "moves the upper body, now more slowly" in difference(stirs(2.0, 0.1), earlier=stirs(0.0, 0.18))


@pytest.mark.parametrize(
    ("score", "centre", "words"),
    [
        (0.1, (0.5, 0.5), "The movement continues in the middle of the picture."),
        (0.18, (0.5, 0.5), "The movement in the middle of the picture becomes faster."),
        (0.05, (0.5, 0.5), "The movement in the middle of the picture becomes slower."),
        (0.1, (0.9, 0.5), "The movement is now on the right of the picture."),
    ],
)
def test_movement_that_goes_on_is_told_by_what_changes(score: float, centre: tuple[float, float], words: str) -> None:
    first = between(0.0, 2.0, motion=PictureMotion(0.1, 0.05, (0.5, 0.5)))
    second = between(2.0, 4.0, motion=PictureMotion(score, 0.05, centre))
    assert difference(second, earlier=first).startswith(words)


def test_vehicles_move_fast_or_slowly_and_have_no_body() -> None:
    boat = thing("boat", CENTRE, CENTRE)
    assert "boat moves slowly" in said(boat, motion=PictureMotion(0.03, 0.08, (0.5, 0.6)))
    assert "boat moves quickly" in said(boat, motion=PictureMotion(0.3, 0.08, (0.5, 0.6)))


def test_the_middle_of_what_two_people_do_is_not_a_third_thing() -> None:
    motion = PictureMotion(0.1, 0.05, (0.5, 0.1))
    people = [thing("person", LEFT, LEFT, 1), thing("person", RIGHT, RIGHT, 2)]
    assert "movement" not in said(*people, motion=motion)


def test_people_in_the_same_third_are_told_apart_by_height() -> None:
    high, low = Box(0.4, 0.05, 0.5, 0.35), Box(0.42, 0.6, 0.5, 0.95)
    text = said(thing("person", high, None, 1, leaves="inside"), thing("person", low, moved(low, 0.3), 2))
    assert text.startswith("The person at the top goes out of view. The person at the bottom moves")


def test_a_place_that_names_somebody_is_not_said_again() -> None:
    others = [thing("person", CENTRE, CENTRE, 2), thing("person", RIGHT, None, 3, leaves="right")]
    text = said(thing("person", LEFT, moved(LEFT, 0.3), 1), *others)
    assert "The person on the left moves to the centre of the picture" in text
    assert "The person on the right leaves the picture." in text


def test_text_is_read_out_when_it_is_new() -> None:
    facts = between(0.0, 2.0, texts=("Chapter 2",))
    assert 'The text "Chapter 2" appears on the screen' in difference(facts)
    assert "Chapter" not in difference(facts, before='The text "CHAPTER 2" is on the screen.')
    assert "Chapter" not in difference(facts, earlier=at(0.0, texts=("Chapter 2",)))


def test_text_that_goes_is_told() -> None:
    stays = ScreenText("Chapter 2", 0.9, 2.0, Box(0.1, 0.1, 0.4, 0.2), from_seconds=0.0)
    before, facts = at(0.0), between(1.0, 3.0)
    before = replace(before, texts=(stays,))
    assert "Chapter" not in difference(replace(facts, texts=(stays,)), earlier=before)
    gone = replace(facts, texts=(replace(stays, to_seconds=2.4),))
    assert 'The text "Chapter 2" disappears' in difference(gone, earlier=before)


def test_light_and_colour_are_compared_with_the_start_when_it_is_known() -> None:
    facts = between(0.0, 2.0, look=DARK)
    assert "becomes much darker" in difference(facts, earlier=at(0.0, look=BRIGHT))
    assert "darker" not in difference(facts)
    assert "goes black" in difference(between(0.0, 2.0, look=BLACK), earlier=at(0.0, look=BRIGHT))


def test_a_screen_that_is_black_at_the_end_is_told_once() -> None:
    facts = between(0.0, 2.0, look=BLACK)
    assert "black" in difference(facts)
    assert "at the end" not in difference(facts, before="The screen is black.")


def test_that_nothing_moves_is_said_where_it_was_measured() -> None:
    person = thing("person", CENTRE, CENTRE, end_pose=pose(arms=1))
    assert said(motion=NOTHING_MOVES) == "Nothing moves for two seconds. The camera is still."
    text = said(person, motion=NOTHING_MOVES)
    assert re.match(
        "Nothing moves for two seconds: the person (stays|remains) in the centre, with one arm raised.", text
    )
    assert said(motion=NOTHING_MOVES, camera=PAN_RIGHT) == "The camera pans right; nothing else moves."
    assert difference(between(0.0, 1.0, motion=NOTHING_MOVES)).startswith("Nothing moves for a moment.")


def test_light_may_change_where_nothing_moves() -> None:
    darker = between(0.0, 2.0, look=BLACK, motion=NOTHING_MOVES)
    assert difference(darker, earlier=at(0.0, look=BRIGHT)).startswith("Nothing moves in the picture. The ")
    moving = replace(darker, motion=replace(NOTHING_MOVES, still=None))
    assert "othing moves" not in difference(moving, earlier=at(0.0, look=BRIGHT))


@pytest.mark.parametrize("still", [None, False])
def test_what_is_not_known_to_be_still_is_not_called_still(still: bool | None) -> None:
    text = said(motion=PictureMotion(0.0, 0.0, None, still), camera=NOT_MEASURED)
    assert text == "The picture is mostly light blue and green."
    text = said(thing("person", LEFT, LEFT), motion=PictureMotion(0.0, 0.0, None, still))
    assert re.match("The person (stays|remains) on the left", text)


def test_nothing_is_still_while_something_moves() -> None:
    assert "nothing" not in said(thing("dog", LEFT, RIGHT), motion=NOTHING_MOVES).lower()


def test_new_colours_are_told_when_nothing_else_is() -> None:
    facts = between(0.0, 2.0, look=Look(0.7, 0.2, 400.0, (("red", 0.8),)))
    assert "is now mostly red" in difference(facts, earlier=at(0.0))
    facts = replace(facts, objects=(thing("dog", LEFT, RIGHT),))
    assert "red" not in difference(facts, earlier=at(0.0, thing("dog", LEFT, LEFT)))


def test_a_crowded_interval_stays_readable() -> None:
    people = [thing("person", LEFT, RIGHT, n, start_pose=pose(), end_pose=pose(arms=n % 3)) for n in range(9)]
    things = [thing(label, None, CENTRE, 20 + n) for n, label in enumerate(("cup", "fork", "dog", "car"))]
    text = said(*people, *things)
    assert 1 <= text.count(".") <= 5


def test_newcomers_and_the_camera_are_told_however_much_happens() -> None:
    dogs = [thing("dog", LEFT, RIGHT, 1), thing("cat", LEFT, RIGHT, 2), thing("horse", LEFT, RIGHT, 3)]
    dogs += [thing("sheep", LEFT, RIGHT, 4), thing("chair", None, CENTRE, 5, enters="inside")]
    zoom = CameraMotion(zoom_ratio=1.001, moves=("zoom in",), confidence=0.9)
    text = said(*dogs, camera=zoom)
    assert "A chair appears" in text
    assert text.endswith("The camera zooms in slowly.")


@pytest.mark.parametrize("camera", [PAN_RIGHT, ZOOM_IN, STILL])
def test_carried_boxes_follow_the_camera(camera: CameraMotion) -> None:
    """A point at x shows at 0.5 + (x - 0.5) * zoom - pan once the camera has moved."""
    box = carried(Box(0.5, 0.5, 0.7, 0.9), camera)
    assert box.left == pytest.approx(0.5 - camera.pan_widths)
    assert box.width == pytest.approx(0.2 * camera.zoom_ratio)


def test_facts_are_left_as_they_were() -> None:
    facts: Facts = between(0.0, 2.0, thing("person", CENTRE, None, 1), thing("person", None, CENTRE, 2))
    difference(facts)
    assert facts.objects[0].end_box is None


def quiet(start: float, end: float) -> PictureMotion:
    return PictureMotion(0.2, 0.05, (0.1, 0.5), False, (start, end))


def test_how_long_nothing_moves_is_told_before_or_after_what_happens() -> None:
    comes = thing("person", None, LEFT, enters="left")
    text = difference(between(0.0, 6.0, comes, motion=quiet(0.0, 5.4)))
    assert text.startswith("For the first five seconds, nothing moves. Then a person enters from the left.")
    text = difference(between(0.0, 6.0, comes, motion=quiet(0.0, 4.0)))
    assert text.startswith("For the first four seconds, the picture is still. Then a person enters")
    goes = thing("person", LEFT, None, leaves="left")
    text = difference(between(10.0, 14.0, goes, motion=quiet(11.6, 14.0)))
    assert "leaves the picture on the left. After that, the picture is still." in text
    text = difference(between(10.0, 14.0, goes, motion=quiet(11.0, 13.0)))
    assert "In between, the picture is still for two seconds." in text
    cup = thing("cup", RIGHT, RIGHT)
    text = difference(between(18.0, 22.0, cup, motion=replace(quiet(18.2, 21.6), centre=None)))
    assert re.match(r"Nothing moves for three seconds: the cup (stays|remains) on the right", text)


def test_a_short_quiet_part_is_not_told() -> None:
    comes = thing("person", None, LEFT, enters="left")
    text = difference(between(0.0, 6.0, comes, motion=quiet(0.0, 1.9)))
    assert "still" not in text.replace("camera is still", "").replace("camera stays still", "")


def test_movement_that_had_stopped_does_not_continue() -> None:
    earlier = between(0.0, 4.0, motion=PictureMotion(0.2, 0.05, (0.1, 0.5), False))
    now = between(4.0, 8.0, motion=quiet(4.0, 6.5))
    assert "continues" in difference(replace(now, motion=replace(now.motion, quiet=None)), earlier)
    assert "continues" not in difference(now, earlier)


HAND = Box(0.0, 0.0, 0.3, 0.7)
GONE = thing("bottle", LEFT, None, leaves="left")
REACHES, REACHES_TOO = thing("person", HAND, HAND, 2), thing("person", HAND, HAND, 3)


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (
            (GONE, thing("person", HAND, None, 2, leaves="left")),
            "goes out of view on the left: the person takes it away",
        ),
        (
            (GONE, thing("hand", HAND, None, 2, leaves="left")),
            "goes out of view on the left: the hand takes it away",
        ),
        (
            (thing("bottle", None, LEFT, enters="top"), thing("person", None, HAND, 2, enters="left")),
            "A bottle comes into view at the top: the person puts it there",
        ),
        ((GONE, REACHES, REACHES_TOO), "The bottle goes out of view on the left: somebody takes it away"),
        (
            (GONE, replace(GONE, track_id=4), REACHES),
            "The two bottles go out of view on the left: the person takes them away",
        ),
    ],
)  # fmt: skip
def test_a_thing_that_somebody_reaches_for_is_carried(objects: tuple[object, ...], words: str) -> None:
    assert words in said(*objects)


@pytest.mark.parametrize(
    "objects",
    [
        (GONE, thing("person", RIGHT, RIGHT, 2)),
        (replace(GONE, label="dog"), REACHES),
        (replace(GONE, label="sports ball"), REACHES),
    ],
)
def test_what_nobody_reaches_for_and_what_moves_by_itself_is_not_carried(objects: tuple[object, ...]) -> None:
    assert "away" not in said(*objects)


def test_nothing_is_carried_before_a_camera_that_turns() -> None:
    assert "away" not in said(GONE, REACHES, camera=PAN_RIGHT)


def test_what_is_rigid_and_glides_where_something_moves_goes_that_way() -> None:
    motion = PictureMotion(0.03, 0.08, LEFT.centre, False)

    def told(label: str, across: float = 0.05, **more: object) -> str:
        return said(thing(label, LEFT, moved(LEFT, across)), **{"motion": motion, **more})

    assert "The boat moves slowly to the right" in told("boat")
    assert "The car drives slowly to the left" in told("car", -0.05)
    assert "to the right" not in told("dog")  # its box has legs
    assert "to the right" not in told("boat", 0.03)
    assert "to the right" not in told("boat", motion=replace(motion, still=None))
    assert "to the right" not in told("boat", motion=replace(motion, centre=RIGHT.centre))
