"""Postures of constructed stick figures, and the joints the network finds in a real video."""

from dataclasses import replace
from math import cos, radians, sin
from pathlib import Path

import av
import numpy as np
import pytest

from sharegpt4video.facts.pose import JOINTS, Keypoints, PoseEstimator, posture, steady
from sharegpt4video.records import Box, Pose

VIDEOS = Path(__file__).parents[3] / "shared" / "videos"
ASPECT = 16 / 9
Point = tuple[float, float]

# A person who stands, arms down; joints in picture heights around the hips at (0, 0), y downwards.
STANDING: dict[str, Point] = {
    "nose": (0.0, -0.28), "left eye": (0.01, -0.29), "right eye": (-0.01, -0.29), "left ear": (0.03, -0.28),
    "right ear": (-0.03, -0.28), "left shoulder": (0.06, -0.2), "right shoulder": (-0.06, -0.2),
    "left elbow": (0.08, -0.1), "right elbow": (-0.08, -0.1), "left wrist": (0.08, 0.0), "right wrist": (-0.08, 0.0),
    "left hip": (0.04, 0.0), "right hip": (-0.04, 0.0), "left knee": (0.04, 0.15), "right knee": (-0.04, 0.15),
    "left ankle": (0.04, 0.3), "right ankle": (-0.04, 0.3),
}  # fmt: skip


def figure(
    changes: dict[str, Point] | None = None, turned_degrees: float = 0.0, hidden: tuple[str, ...] = ()
) -> Keypoints:
    """Keypoints of a stick figure in the middle of the picture, turned clockwise as a whole."""
    joints = STANDING | (changes or {})
    turn_x, turn_y = cos(radians(turned_degrees)), sin(radians(turned_degrees))
    rows = []
    for name in JOINTS:
        x, y = joints[name]
        x, y = x * turn_x - y * turn_y, x * turn_y + y * turn_x
        rows.append((0.5 + x / ASPECT, 0.5 + y, 0.1 if name in hidden else 0.9))
    return Keypoints(np.array(rows), ASPECT)


def test_standing() -> None:
    assert posture(figure()) == Pose("upright", 0, 0, 0.9)


@pytest.mark.parametrize(
    ("degrees", "torso"),
    [(0, "upright"), (20, "upright"), (-20, "upright"), (45, "leaning"), (-45, "leaning"), (90, "horizontal"),
     (-90, "horizontal"), (110, "horizontal"), (140, "inverted"), (180, "inverted")],
)  # fmt: skip
def test_torso_is_the_angle_in_pixels_not_in_fractions(degrees: float, torso: str) -> None:
    assert posture(figure(turned_degrees=degrees)).torso == torso


@pytest.mark.parametrize(
    ("wrists", "raised"),
    [
        ({"left wrist": (0.08, -0.4)}, 1),
        ({"left wrist": (0.08, -0.4), "right wrist": (-0.08, -0.4)}, 2),
        ({"left wrist": (0.3, -0.2), "right wrist": (-0.3, -0.2)}, 0),  # stretched out sideways
        ({"left wrist": (0.05, -0.22)}, 0),  # a hand at the chin
    ],
)
def test_arms(wrists: dict[str, Point], raised: int) -> None:
    assert posture(figure(wrists)).arms_raised == raised


@pytest.mark.parametrize(
    ("legs", "raised"),
    [
        ({"left knee": (0.2, 0.0), "left ankle": (0.35, 0.0)}, 1),  # one leg held out level
        ({"left knee": (0.15, 0.1), "left ankle": (0.02, 0.15)}, 1),  # the tree
        ({"left knee": (0.06, 0.14), "left ankle": (-0.04, 0.26)}, 0),  # a step
        ({"left knee": (0.1, -0.14), "left ankle": (0.1, -0.3), "right knee": (0.0, -0.15)}
         | {"right ankle": (0.0, -0.3)}, 2),  # both up in the air
        ({"left knee": (0.12, 0.04), "left ankle": (0.0, 0.08), "right knee": (-0.12, 0.04)}
         | {"right ankle": (0.0, 0.06)}, 0),  # cross-legged on the floor
    ],
)  # fmt: skip
def test_legs(legs: dict[str, Point], raised: int) -> None:
    assert posture(figure(legs)).legs_raised == raised


@pytest.mark.parametrize("degrees", [90, -90, 80, 100])
def test_lying_down_raises_no_leg_and_no_arm(degrees: float) -> None:
    pose = posture(figure(turned_degrees=degrees))
    assert (pose.torso, pose.legs_raised, pose.arms_raised) == ("horizontal", 0, 0)


def test_standing_on_the_hands_raises_both_legs() -> None:
    over_head = {"left wrist": (0.08, -0.4), "right wrist": (-0.08, -0.4)}
    assert posture(figure(over_head, turned_degrees=180)) == Pose("inverted", 0, 2, 0.9)


def test_one_leg_up_behind_while_leaning_on_the_hands() -> None:
    plank = {
        "left knee": (0.0, 0.15),
        "left ankle": (0.16, 0.27),
        "right knee": (-0.08, 0.13),
        "right ankle": (-0.16, 0.26),
    }
    assert posture(figure(plank, turned_degrees=-75)).legs_raised == 1


@pytest.mark.parametrize(
    ("hidden", "unknown"),
    [
        (("left wrist",), "arms_raised"),
        (("right ankle",), "legs_raised"),
        (("left hip", "right hip"), "torso"),
        (("left shoulder", "right shoulder"), "torso"),
    ],
)
def test_unseen_joints_give_none(hidden: tuple[str, ...], unknown: str) -> None:
    assert getattr(posture(figure(hidden=hidden)), unknown) is None


def test_a_torso_that_points_at_the_camera_has_no_angle() -> None:
    bent = {"left shoulder": (0.06, -0.03), "right shoulder": (-0.06, -0.03)}
    assert posture(figure(bent)).torso is None


def test_one_hidden_shoulder_is_made_up_for() -> None:
    assert posture(figure(hidden=("left shoulder",))).torso == "upright"


def test_torso_box() -> None:
    box = figure().torso_box()
    assert box is not None
    corners = (box.left, box.top, box.right, box.bottom)
    assert corners == pytest.approx((0.5 - 0.06 / ASPECT, 0.3, 0.5 + 0.06 / ASPECT, 0.5))
    assert figure(hidden=("left hip",)).torso_box() is None


def test_steady_votes() -> None:
    up, down = Pose("upright", 1, 0, 0.8), Pose("leaning", 0, 0, 0.6)
    assert steady([up, down, up]) == Pose("upright", 1, 0, 0.733)
    assert steady([replace(up, legs_raised=2), up, up]).legs_raised == 0
    assert steady([up]) == up


def test_steady_does_not_know_what_most_do_not_know() -> None:
    unseen = Pose(None, None, None, 0.3)
    assert steady([unseen, Pose("upright", 1, 0, 0.9), unseen]) == Pose(None, None, None, 0.5)


def test_steady_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        steady([])


# What is to be seen in yoga.mp4, told by eye: seconds, her box, torso, arms raised, legs raised.
YOGA = [
    (0.0, Box(0.37, 0.28, 0.70, 0.88), "horizontal", 1, 1),
    (3.0, Box(0.36, 0.54, 0.70, 0.86), "horizontal", 0, 0),
    (5.0, Box(0.36, 0.52, 0.72, 0.86), "inverted", 0, 0),
    (7.66, Box(0.37, 0.22, 0.69, 0.84), "horizontal", 1, 0),
    (9.33, Box(0.33, 0.28, 0.70, 0.84), "upright", 0, 0),
]


def test_postures_in_a_real_video() -> None:
    if not (VIDEOS / "yoga.mp4").exists():
        pytest.skip(f"the sample video {VIDEOS / 'yoga.mp4'} is not there")
    estimator, waiting = PoseEstimator(threads=1), list(YOGA)
    with av.open(str(VIDEOS / "yoga.mp4")) as container:
        for frame in container.decode(video=0):
            if waiting and frame.time >= waiting[0][0]:
                _, box, *expected = waiting.pop(0)
                keypoints = estimator(frame.to_ndarray(format="rgb24"), box)
                assert keypoints is not None
                pose = posture(keypoints)
                assert [pose.torso, pose.arms_raised, pose.legs_raised] == expected, frame.time
    assert not waiting


@pytest.mark.parametrize("box", [Box(0.2, 0.2, 0.8, 0.8), Box(-0.5, -0.5, 0.1, 0.1), Box(0.5, 0.5, 0.5, 0.5)])
def test_no_person_no_joints(box: Box) -> None:
    assert PoseEstimator(threads=1)(np.full((90, 160, 3), 90, np.uint8), box) is None
