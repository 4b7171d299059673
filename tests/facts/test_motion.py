"""Camera and object motion against takes whose truth is known, made by moving a window over a procedural scene."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from made_takes import EVERY, HEIGHT, WIDTH, Picture, depths, measured, paste, seen, textured, view_of
from sharegpt4video.facts.camera import CameraStep, nearness, tolerance
from sharegpt4video.facts.flow import DenseFlow
from sharegpt4video.facts.motion import MotionMeter
from sharegpt4video.facts.moves import TimedStep, join_repeats, sum_up
from sharegpt4video.records import CameraMotion

VIDEOS = Path(__file__).resolve().parents[3] / "shared" / "videos"
CUBIC = cv2.INTER_CUBIC
OPPOSITE = {
    "pan right": "pan left", "tilt up": "tilt down", "zoom in": "zoom out", "roll clockwise": "roll counter-clockwise",
}  # fmt: skip


@pytest.fixture(scope="module")
def scene() -> Picture:
    return textured(1)


@pytest.fixture(scope="module")
def thing() -> Picture:
    return textured(2)


@pytest.mark.parametrize("speed", [2.5, 12, 50])
@pytest.mark.parametrize("move", [*OPPOSITE, *OPPOSITE.values()])
def test_moves_have_the_right_name_and_size(scene: Picture, thing: Picture, move: str, speed: float) -> None:
    speed = min(speed, 30) if move.startswith("roll") else speed

    def take(seconds: float) -> Picture:
        behind = seen(scene, view_of(move, speed, seconds))
        return paste(behind, thing, 60 + 40 * seconds, 40, 110, 100)  # 19 % of the picture, moving by itself

    camera = measured(take).camera(0.0, 2.0)
    assert camera.moves == (move,)
    size = {
        "pan": abs(camera.pan_widths), "tilt": abs(camera.tilt_heights),
        "zoom": abs(math.log(camera.zoom_ratio)), "roll": abs(camera.roll_degrees) / 100,
    }[move.split()[0]]  # fmt: skip
    assert size == pytest.approx(speed / 100 * 16 * EVERY, rel=0.08)
    assert camera.confidence > 0.6


def test_signs_are_as_documented(scene: Picture) -> None:
    """Made with slices and another library, so that no sign of ours can cancel itself."""

    def camera(pictures: list[Picture]) -> CameraMotion:
        meter = MotionMeter()
        for number, picture in enumerate(pictures):
            meter.push(number * EVERY, np.ascontiguousarray(picture))
        return meter.camera(0.0, len(pictures) * EVERY)

    slides_left = [scene[300 : 300 + HEIGHT, 200 + 4 * i : 200 + 4 * i + WIDTH] for i in range(9)]
    assert camera(slides_left).pan_widths == pytest.approx(32 / WIDTH, rel=0.05)
    slides_down = [scene[300 - 4 * i : 300 - 4 * i + HEIGHT, 200 : 200 + WIDTH] for i in range(9)]
    assert camera(slides_down).tilt_heights == pytest.approx(32 / HEIGHT, rel=0.05)
    whole = Image.fromarray(scene)
    turned = [whole.rotate(2 * i, Image.Resampling.BILINEAR).crop((290, 360, 610, 540)) for i in range(9)]
    assert camera([np.asarray(p) for p in turned]).roll_degrees == pytest.approx(16, rel=0.05)  # PIL: counter-clockwise
    grows = [
        whole.resize(
            (WIDTH, HEIGHT), Image.Resampling.BILINEAR, (100 + 8 * i, 100 + 4.5 * i, 740 - 8 * i, 460 - 4.5 * i)
        )
        for i in range(9)
    ]
    assert camera([np.asarray(p) for p in grows]).zoom_ratio == pytest.approx(640 / (640 - 128), rel=0.02)


@pytest.mark.parametrize("noise", [0, 4, 10])
def test_still_camera_stays_still_behind_a_large_foreground(scene: Picture, thing: Picture, noise: float) -> None:
    still = seen(scene, (0, 0, 1, 0))
    meter = measured(lambda seconds: paste(still, thing, 20 + 50 * seconds, 10, 150, 150), noise=noise)  # 39 %
    assert meter.camera(0.0, 2.0).moves == ("static",)


def test_flicker_and_fades_are_not_motion(scene: Picture) -> None:
    still = seen(scene, (0, 0, 1, 0)).astype(float)
    flickering = measured(lambda seconds: still * (1 + 0.2 * math.sin(21 * seconds)))
    assert flickering.camera(0.0, 2.0).moves == ("static",)
    assert flickering.residual(0.0, 2.0).area < 0.02
    fading = measured(lambda seconds: still * (0.3 + 0.3 * seconds))
    assert fading.camera(0.0, 2.0).moves == ("static",)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_shaking_hand_is_no_list_of_moves_and_hides_no_pan(scene: Picture, seed: int) -> None:
    random = np.random.default_rng(seed)
    hertz, phase = random.uniform(1, 4, 6), random.uniform(0, 2 * math.pi, (2, 6))

    def hand(seconds: float) -> tuple[float, float]:
        x, y = 0.0045 * WIDTH * np.sin(2 * math.pi * hertz * seconds + phase).sum(axis=1)
        return float(x), float(y)

    standing = measured(lambda seconds: seen(scene, (*hand(seconds), 1, 0))).camera(0.0, 2.0)
    assert standing.moves == ("hand-held",)
    assert 0.004 < standing.shake < 0.0045 * math.sqrt(6)  # RMS of both axes together, less what is slow
    panning = measured(lambda s: seen(scene, (hand(s)[0] + 0.1 * WIDTH * s, hand(s)[1], 1, 0))).camera(0.0, 2.0)
    assert panning.moves == ("pan right",)


def test_a_slight_sway_is_still_called_static(scene: Picture) -> None:
    sway = measured(lambda seconds: seen(scene, (0.005 * WIDTH * math.sin(2 * seconds), 0, 1, 0)))
    assert sway.camera(0.0, 2.0).moves == ("static",)


def test_there_and_back_is_named_both_ways(scene: Picture) -> None:
    camera = measured(lambda seconds: seen(scene, ((60 - abs(seconds - 1.5) * 40) * 2, 0, 1, 0)), 3.0).camera(0.0, 3.0)
    assert set(camera.moves) == {"pan right", "pan left"}
    assert abs(camera.pan_widths) < 0.03


def test_two_moves_at_once_come_largest_first(scene: Picture) -> None:
    both = measured(lambda seconds: seen(scene, (0.2 * WIDTH * seconds, 0, math.exp(0.15 * seconds), 0)))
    assert both.camera(0.0, 2.0).moves == ("pan right", "zoom in")


@pytest.mark.parametrize("speed", [0.06, 0.2])
def test_travel_is_told_from_zoom_by_parallax(scene: Picture, thing: Picture, speed: float) -> None:
    for way, name in ((1, "dolly in"), (-1, "dolly out")):
        assert measured(lambda s, way=way: depths(scene, thing, way * speed * s)).camera(0.0, 2.0).moves == (name,)


def test_a_zoom_towards_things_that_stand_and_one_that_moves_is_a_zoom(scene: Picture, thing: Picture) -> None:
    still = cv2.resize(depths(scene, thing, 0.0), (WIDTH * 3, HEIGHT * 3), interpolation=CUBIC)

    def take(seconds: float) -> Picture:
        return paste(seen(still, (0, 0, 0.4 * math.exp(0.1 * seconds), 0)), thing, 40 + 60 * seconds, 50, 90, 90)

    assert measured(take).camera(0.0, 2.0).moves == ("zoom in",)


def test_a_hand_that_sways_makes_no_list_of_moves(scene: Picture) -> None:
    """Slow sway on every axis, as of somebody who stands and films: hand-held, and a pan in it is a pan."""

    def hand(seconds: float) -> tuple[float, float, float, float]:
        x, y = 0.014 * WIDTH * math.sin(2.6 * seconds), 0.012 * WIDTH * math.sin(3.3 * seconds + 1)
        return x, y, 1 + 0.006 * math.sin(3 * seconds), 0.5 * math.sin(2.9 * seconds + 2)

    assert measured(lambda s: seen(scene, hand(s)), 3.0).camera(0.0, 3.0).moves == ("hand-held",)
    panning = measured(lambda s: seen(scene, (hand(s)[0] - 0.08 * WIDTH * s, *hand(s)[1:])), 3.0)
    assert panning.camera(0.0, 3.0).moves == ("pan left",)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_what_shows_nothing_is_not_measured(value: int) -> None:
    blank = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    for noise in (0.0, 3.0):
        meter = measured(lambda _: blank, noise=noise)
        assert meter.camera(0.0, 2.0) == CameraMotion()
        assert meter.residual(0.0, 2.0).centre is None


def test_something_that_moves_before_a_plain_wall_is_not_the_camera(thing: Picture) -> None:
    wall = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    meter = measured(lambda seconds: paste(wall, thing, 60 + 50 * seconds, 50, 80, 80))
    assert meter.camera(0.0, 2.0).moves in ((), ("static",))
    motion = meter.residual(0.0, 2.0)
    assert motion.centre is not None
    assert motion.centre[0] == pytest.approx((60 + 50 + 40) / WIDTH, abs=0.08)


def test_repeated_pictures_do_not_shake_nor_stop_a_pan(scene: Picture) -> None:
    camera = measured(lambda seconds: seen(scene, (100 * (seconds // 0.36) * 0.36, 0, 1, 0)), noise=0).camera(0.0, 2.0)
    assert camera.moves == ("pan right",)
    still = measured(lambda _: seen(scene, (0, 0, 1, 0)), noise=0)
    assert still.camera(0.0, 2.0).moves == ("static",)
    assert still.camera(0.0, 0.4).moves == ("static",)
    assert still.residual(0.0, 2.0).area == 0.0


def test_residual_motion_has_place_size_and_speed(scene: Picture, thing: Picture) -> None:
    for speed in (0.0, 0.15):  # of the camera, widths per second
        meter = measured(
            lambda seconds, speed=speed: paste(
                seen(scene, (speed * WIDTH * seconds, 0, 1, 0)), thing, 80 + 0.2 * WIDTH * seconds, 60, 72, 60
            )
        )
        motion = meter.residual(0.0, 2.0)
        assert motion.area == pytest.approx(72 * 60 / (WIDTH * HEIGHT), rel=0.5)
        assert motion.centre == pytest.approx(((80 + 0.2 * WIDTH + 36) / WIDTH, 90 / HEIGHT), abs=0.08)
        assert motion.score == pytest.approx(0.2 + speed, rel=0.4)  # against the scene, the object moves at both


def test_nothing_moves_when_only_the_camera_does(scene: Picture) -> None:
    for move in OPPOSITE:
        meter = measured(lambda seconds, move=move: seen(scene, view_of(move, 15, seconds)))
        assert meter.residual(0.0, 2.0).area < 0.02


def test_black_bars_are_no_part_of_the_picture(scene: Picture) -> None:
    for move in ("pan right", "tilt up", "zoom in"):
        for bars in (
            (slice(None), [*range(110), *range(210, WIDTH)]),
            ([*range(24), *range(156, HEIGHT)], slice(None)),
        ):

            def take(seconds: float, move: str = move, bars: tuple[object, object] = bars) -> Picture:
                picture = seen(scene, view_of(move, 15, seconds))
                picture[bars] = 16
                return picture

            meter = measured(take, noise=2)
            assert meter.camera(0.0, 2.0).moves == (move,)
            assert meter.residual(0.0, 2.0).area < 0.02


def test_pairs_across_the_ends_of_the_interval_do_not_count(scene: Picture, thing: Picture) -> None:
    one, other = seen(scene, (0, 0, 1, 0)), seen(thing, (0, 0, 1, 0))
    meter = measured(lambda seconds: one if seconds < 1.0 else other)
    assert meter.camera(0.0, 1.0).moves == ("static",)
    assert meter.camera(1.0, 2.0).moves == ("static",)
    assert meter.residual(0.0, 1.0).area == meter.residual(1.0, 2.0).area == 0.0
    assert meter.camera(0.97, 1.01) == CameraMotion()
    assert meter.camera(1.5, 1.5) == CameraMotion()
    assert meter.camera(5.0, 9.0) == CameraMotion()


def test_forgetting_keeps_what_comes_after(scene: Picture) -> None:
    meter = measured(lambda seconds: seen(scene, view_of("pan left", 20, seconds)))
    later = meter.camera(1.2, 2.0)
    meter.forget(1.2)
    assert meter.camera(1.2, 2.0) == later
    assert later.moves == ("pan left",)
    assert meter.camera(0.0, 1.2) == CameraMotion()


def test_the_same_pictures_give_the_same_numbers(scene: Picture) -> None:
    first, second = (measured(lambda s: seen(scene, view_of("zoom in", 20, s)), 1.0).camera(0, 1) for _ in range(2))
    assert first == second


def test_pictures_must_come_in_time_order_and_sizes_may_change(scene: Picture) -> None:
    meter = MotionMeter()
    meter.push(1.0, seen(scene, (0, 0, 1, 0)))
    with pytest.raises(ValueError, match="time order"):
        meter.push(1.0, seen(scene, (0, 0, 1, 0)))
    meter.push(1.1, np.zeros((90, 160, 3), np.uint8))
    for number, shape in enumerate([(1, 1, 3), (1, 1, 3), (2, 320, 3), (2, 320, 3), (320, 3, 3), (320, 3, 3)]):
        meter.push(2.0 + number, np.random.default_rng(0).integers(0, 255, shape, np.uint8))
    assert meter.camera(0.0, 9.0) == CameraMotion()


def test_a_step_that_failed_goes_on_as_its_neighbours() -> None:
    pan = CameraStep(shift=-8 + 0j)
    steps = [TimedStep(i * 0.1, i * 0.1 + 0.1, None if i in (3, 4) else pan, (320, 180)) for i in range(10)]
    assert sum_up(steps, 1.0).pan_widths == pytest.approx(80 / 320)
    mostly_failed = [TimedStep(i * 0.1, i * 0.1 + 0.1, pan if i < 4 else None, (320, 180)) for i in range(10)]
    assert sum_up(mostly_failed, 1.0) == CameraMotion()


def test_joining_repeats_keeps_time_and_displacement() -> None:
    pattern = [0, 0, 9, 0, 0, 9, 5, 5, 0, 7]
    steps = [
        TimedStep(float(i) / 10, (i + 1) / 10, CameraStep(shift=complex(v)), (320, 180)) for i, v in enumerate(pattern)
    ]
    joined = join_repeats(steps)
    assert sum(timed.seconds for timed in joined) == pytest.approx(1.0)
    assert [timed.step.shift.real for timed in joined if timed.step] == [9, 9, 5, 5, 7]


@pytest.mark.skipif(not VIDEOS.is_dir(), reason="the shared videos are not on this machine")
def test_yoga_has_a_static_camera_and_someone_in_the_middle_moves() -> None:
    av = pytest.importorskip("av")
    meter, due = MotionMeter(), 0.0
    with av.open(str(VIDEOS / "yoga.mp4")) as container:
        for frame in container.decode(video=0):
            if frame.time >= due and frame.time < 4.5:
                meter.push(frame.time, frame.reformat(320, 180, "rgb24").to_ndarray())
                due = frame.time + EVERY
    assert meter.camera(0.0, 2.0).moves == ("static",)
    assert meter.camera(2.0, 4.0).moves == ("static",)
    motion = meter.residual(0.0, 4.0)
    assert motion.centre is not None
    assert 0.3 < motion.centre[0] < 0.7
    assert 0.01 < motion.area < 0.15


@pytest.mark.parametrize("rows", [(160, 180), (0, 20), (140, 180)])
@pytest.mark.parametrize("noise", [0, 2])
def test_a_ticker_over_a_plain_picture_is_not_the_camera(rows: tuple[int, int], noise: float) -> None:
    random, strip = np.random.default_rng(3), np.full((rows[1] - rows[0], 900, 3), 30, np.uint8)
    for baseline in range(14, len(strip), 16):
        for left in range(-60, 900, 90):
            text, spot = f"BREAKING {left}", (left + baseline, baseline)
            cv2.putText(strip, text, spot, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1)
    meter = MotionMeter()
    for number in range(18):
        picture = np.clip(128 + random.normal(0, noise, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
        picture[rows[0] : rows[1]] = strip[:, 8 * number : 8 * number + WIDTH]
        meter.push(number * EVERY, picture)
    assert meter.camera(0.0, 2.0).moves == ()


@pytest.mark.parametrize("size", [(160, 16), (160, 20), (160, 31), (320, 31), (80, 24), (16, 160), (31, 31), (160, 90)])
def test_flow_is_measured_in_pictures_of_any_shape(size: tuple[int, int]) -> None:
    """OpenCV's flow writes past the end of pictures that are wide and under 32 pixels high."""
    width, height = size
    scene = cv2.cvtColor(textured(4), cv2.COLOR_RGB2GRAY)
    before, after = (np.ascontiguousarray(scene[100 : 100 + height, x : x + width]) for x in (100, 98))
    field = DenseFlow()(before, after)
    assert field.shape == (height, width, 2)
    assert np.median(field[..., 0]) == pytest.approx(2, abs=0.5)
    assert np.median(field[..., 1]) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("width", [1, 2, 7, 33, 320])
@pytest.mark.parametrize("height", [1, 2, 7, 17, 31])
def test_flat_and_tiny_pictures_are_measured(width: int, height: int) -> None:
    random = np.random.default_rng(0)
    meter = MotionMeter()
    for number in range(3):
        meter.push(number * EVERY, random.integers(0, 255, (height, width, 3), np.uint8))
    assert meter.residual(0.0, 2 * EVERY).area <= 1
    assert isinstance(meter.camera(0.0, 2 * EVERY), CameraMotion)


def test_candidate_steps_are_scored_by_how_near_they_lead() -> None:
    random = np.random.default_rng(3)
    z0, turns, shifts = (
        random.normal(0, size, (2, count)).T @ (1, 1j) for count, size in ((50, 90), (30, 0.02), (30, 2))
    )
    turns = 1 + turns
    z1 = z0 * turns[0] + shifts[0]
    near = nearness(turns, shifts, z0, z1)
    off = [
        [abs(turn * one + shift - other) for one, other in zip(z0, z1, strict=True)]
        for turn, shift in zip(turns, shifts, strict=True)
    ]
    assert near == pytest.approx(np.maximum(0, 1 - (np.array(off) / tolerance(z0, z1)) ** 2), abs=1e-9)
    assert near[0] == pytest.approx(np.ones(50))
    assert (near == 0).any()
