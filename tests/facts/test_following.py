"""A camera that follows is told from one that turns by what the subject does in the picture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sharegpt4video.facts.following import followed
from sharegpt4video.records import Box, CameraMotion, TrackedObject

PAN = CameraMotion(pan_widths=-0.4, moves=("pan left", "zoom in"), confidence=0.8)
RUNNER = TrackedObject(1, "person", 0.8, 9, Box(0.4, 0.3, 0.5, 0.7), Box(0.42, 0.32, 0.52, 0.72))


def moved(x: float, y: float = 0.0, scale: float = 1.0) -> TrackedObject:
    return replace(RUNNER, end_box=Box(0.4 + x, 0.3 + y, 0.4 + x + 0.1 * scale, 0.3 + y + 0.4 * scale))


def test_a_subject_that_stays_in_the_picture_while_the_background_slides_is_followed() -> None:
    assert followed(PAN, [RUNNER]).moves == ("tracking", "pan left")
    tilt = CameraMotion(tilt_heights=0.3, moves=("tilt up",), confidence=0.8)
    assert followed(tilt, [moved(0.5), RUNNER]).moves == ("tracking", "tilt up")


@pytest.mark.parametrize(
    "thing",
    [
        moved(0.4),  # stands, and slides with the background
        moved(0.2),
        moved(0.0, 0.25),
        moved(0.0, scale=1.8),
        replace(RUNNER, end_box=None),
        replace(RUNNER, start_box=None),
        replace(RUNNER, start_box=Box(0.4, 0.3, 0.44, 0.4), end_box=Box(0.4, 0.3, 0.44, 0.4)),
    ],
)
def test_what_slides_grows_leaves_or_is_tiny_is_not_followed(thing: TrackedObject) -> None:
    assert followed(PAN, [thing]) == PAN


@pytest.mark.parametrize(
    "camera",
    [
        CameraMotion(),
        CameraMotion(moves=("static",), confidence=0.9),
        CameraMotion(pan_widths=0.1, moves=("pan right",), confidence=0.9),
        CameraMotion(zoom_ratio=1.4, moves=("dolly in",), confidence=0.9),
        CameraMotion(pan_widths=0.2, moves=("hand-held",), confidence=0.9),
    ],
)
def test_a_background_that_hardly_slides_shows_no_following(camera: CameraMotion) -> None:
    assert followed(camera, [RUNNER]) == camera
