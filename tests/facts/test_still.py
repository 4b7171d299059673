"""Stillness against takes whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from made_takes import HEIGHT, WIDTH, Picture, measured, paste, seen, textured, view_of
from sharegpt4video.facts.motion import MotionMeter

SCENE, THING = textured(1), textured(2)
GROUND = seen(SCENE, (0, 0, 1, 0))
Take = Callable[[float], Picture]


def drifting(widths_per_second: float, side: int) -> Take:
    """A piece of another texture that moves by parts of a pixel."""

    def take(seconds: float) -> Picture:
        shift = np.array([[1, 0, widths_per_second * WIDTH * seconds], [0, 1, 0]])
        moved = cv2.warpAffine(THING, shift, (900, 900))
        picture = GROUND.copy()
        left = 100 + int(widths_per_second * WIDTH * seconds)
        picture[60 : 60 + side, left : left + side] = moved[60 : 60 + side, left : left + side]
        return picture

    return take


@pytest.mark.parametrize("noise", [0, 5])
@pytest.mark.parametrize(("speed", "side"), [(0.005, 40), (0.02, 24), (0.1, 24)])
def test_what_moves_slowly_is_seen_over_longer_times(speed: float, side: int, noise: float) -> None:
    motion = measured(drifting(speed, side), noise=noise).residual(0.0, 2.0)
    assert motion.still is False
    assert motion.centre == pytest.approx(((100 + side / 2) / WIDTH, (60 + side / 2) / HEIGHT), abs=0.12)


def test_slow_motion_keeps_its_speed() -> None:
    for speed in (0.01, 0.03):
        motion = measured(drifting(speed, 60)).residual(0.0, 2.0)
        assert motion.score == pytest.approx(speed, rel=0.5)


def grained(_: float) -> Picture:
    return GROUND


def flickering(seconds: float) -> Picture:
    return 0.7 * GROUND * (1 + 0.1 * math.sin(21 * seconds))


def fading(seconds: float) -> Picture:
    return GROUND * (0.6 + 0.15 * seconds)


def side_lit(seconds: float) -> Picture:
    """A lamp that goes up on the left only."""
    return 0.7 * GROUND * (0.9 + 0.1 * seconds * np.linspace(1, 0, WIDTH)[None, :, None])


def swaying(seconds: float) -> Picture:
    return seen(SCENE, (0.004 * WIDTH * math.sin(2 * seconds), 0.003 * WIDTH * math.sin(3 * seconds), 1, 0))


def recompressed(seconds: float) -> Picture:
    """The picture is sent afresh, a little different, once a second."""
    quality = 30 + 25 * int(seconds)
    return cv2.imdecode(cv2.imencode(".jpg", GROUND, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)


@pytest.mark.parametrize("noise", [0, 6])
@pytest.mark.parametrize("take", [grained, flickering, fading, side_lit, swaying, recompressed])
def test_grain_light_compression_and_sway_are_no_motion(take: Take, noise: float) -> None:
    motion = measured(take, noise=noise).residual(0.0, 2.0)
    assert motion.still is True
    assert motion.area == 0.0


def test_what_comes_back_in_half_a_second_is_motion() -> None:
    def lifting(seconds: float) -> Picture:
        up = 20 * math.sin(math.pi * (seconds - 0.9) / 0.4) if 0.9 <= seconds <= 1.3 else 0
        return paste(GROUND, THING, 150, 80 - up, 40, 40)

    assert measured(lifting).residual(0.0, 2.0).still is False


def test_what_begins_at_the_end_belongs_to_the_next_interval() -> None:
    meter = measured(lambda seconds: paste(GROUND, THING, 320 - 200 * max(0.0, seconds - 1.8), 60, 60, 60), 3.0)
    assert meter.residual(0.0, 2.0).still is True
    assert meter.residual(1.0, 3.0).still is False


def test_nothing_is_said_of_stillness_where_it_cannot_be_known() -> None:
    travelling = measured(lambda seconds: seen(SCENE, view_of("pan right", 12, seconds)))
    assert travelling.residual(0.0, 2.0).still is None
    assert measured(grained).residual(0.0, 0.3).still is None
    assert measured(grained).residual(1.0, 1.0).still is None
    assert MotionMeter().residual(0.0, 2.0).still is None
    random = np.random.default_rng(2)
    chaos = measured(lambda _: random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    assert chaos.residual(0.0, 2.0).still is None


def test_pictures_before_the_forgotten_time_are_dropped() -> None:
    meter = measured(grained, 4.0)
    kept = len(meter._anchors)
    assert kept == pytest.approx(4.0 / 0.5, abs=1)
    meter.forget(3.0)
    assert len(meter._anchors) <= 3
    assert meter.residual(3.0, 3.96).still is True


def test_how_long_nothing_moved_is_measured_where_something_moves_later() -> None:
    def take(seconds: float) -> Picture:
        return paste(GROUND, THING, 40 + 60 * max(0.0, seconds - 2.5), 50, 90, 90)

    late = measured(take, seconds=4.0)
    motion = late.residual(0.0, 4.0)
    assert motion.still is False
    assert motion.quiet == pytest.approx((0.0, 2.5), abs=0.26)
    assert late.residual(2.6, 4.0).quiet is None
    assert late.residual(1.2, 3.0).quiet is None  # too short a part to be sure of


def test_a_slow_drift_leaves_no_quiet_part() -> None:
    assert measured(drifting(0.01, 40)).residual(0.0, 3.0).quiet is None
