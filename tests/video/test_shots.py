"""Shots: transitions put into drawn videos are found once, at their time; what only looks like one is not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenes
from media import write_video
from sharegpt4video.records import Shot
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import ShotDetector, Transition, find_shots

FPS = 25
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@functools.cache
def texture(seed: int) -> Pixels:
    """A drawn picture, 200 x 120, larger than a frame so that a camera can move over it."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((120, 200, 3), np.float32)
    for cells in (3, 7, 19):
        noise = rng.uniform(-1, 1, (cells, cells * 5 // 3, 3)).astype(np.float32)
        canvas += cv2.resize(noise, (200, 120), interpolation=cv2.INTER_CUBIC) * 60
    picture = np.clip(canvas + rng.uniform(80, 170, 3), 0, 255).astype(np.uint8)
    for _ in range(8):
        centre = int(rng.uniform(0, 200)), int(rng.uniform(0, 120))
        colour = tuple(float(value) for value in rng.uniform(0, 255, 3))
        cv2.ellipse(picture, centre, (int(rng.uniform(5, 30)), int(rng.uniform(5, 30))), 0, 0, 360, colour, -1)
    return picture


@dataclass
class Script:
    """A video in the making: 64 x 36 frames with noise."""

    frames: list[tuple[float, Pixels]] = field(default_factory=list)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    step: Callable[[int], float] = lambda _: 1 / FPS

    def add(self, picture: np.ndarray[Any, Any]) -> float:
        seconds = self.frames[-1][0] + self.step(len(self.frames)) if self.frames else 0.0
        noisy = picture.astype(np.float32) + self.rng.normal(0, 2, picture.shape)
        self.frames.append((seconds, np.clip(noisy, 0, 255).astype(np.uint8)))
        return seconds

    def shot(self, seed: int, seconds: float, speed: float = 0.0) -> float:
        """A shot whose camera pans at ``speed`` pixels per frame; returns the time of its first frame."""
        times = [self.add(view(texture(seed), number * speed)) for number in range(round(seconds * FPS))]
        return times[0]

    def dissolve(self, old: int, new: int, seconds: float) -> tuple[float, float]:
        return self.blend(view(texture(old), 0), view(texture(new), 0), seconds)

    def blend(self, old: Pixels, new: Pixels, seconds: float) -> tuple[float, float]:
        count = round(seconds * FPS)
        shares = [(number + 1) / (count + 1) for number in range(count)]
        times = [self.add(old * (1 - share) + new * share) for share in shares]
        return times[0], times[-1] + self.step(len(self.frames))


def view(picture: Pixels, left: float) -> Pixels:
    start = int(abs(left) % (picture.shape[1] - 64))
    return picture[40:76, start : start + 64]


def detect(frames: list[tuple[float, Pixels]]) -> list[Transition]:
    """Every transition of the frames; on the way, what the detector promises about its future is held against it."""
    detector = ShotDetector(verify=False)
    found: list[Transition] = []
    settled, still_open = float("-inf"), frozenset[float]()
    for seconds, picture in frames:
        new = detector.push(seconds, picture)
        for transition in new:
            assert transition.start_seconds >= settled, "reported after it was settled"
            assert {transition.start_seconds, transition.seconds} <= {*still_open, seconds}, "names a frame let go"
        assert detector.settled_seconds >= settled
        settled = detector.settled_seconds
        assert {time for time in detector.open_seconds if time < seconds} <= still_open, "a frame let go is wanted back"
        still_open = detector.open_seconds
        found += new
    last = detector.flush()
    assert {time for one in last for time in (one.start_seconds, one.seconds)} <= still_open
    found += last
    assert all(one.start_seconds < one.seconds for one in found)
    least = {"cut": 0.3, "fade": 0.6}
    assert all(after.seconds - before.seconds >= least[after.kind] for before, after in pairwise(found))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_cuts_are_named_by_the_first_frame_of_the_new_shot(seed: int) -> None:
    script = Script(rng=np.random.default_rng(seed))
    script.shot(seed, 2, speed=0.5)
    cuts = [script.shot(seed + 10, 1.5), script.shot(seed + 20, 2, speed=1), script.shot(seed + 30, 1)]
    found = detect(script.frames)
    assert [(one.kind, one.seconds) for one in found] == [("cut", seconds) for seconds in cuts]
    times = [seconds for seconds, _ in script.frames]
    assert all(times[times.index(one.seconds) - 1] == one.start_seconds for one in found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.8])
def test_a_dissolve_is_one_fade(seed: int, seconds: float) -> None:
    script = Script()
    script.shot(seed, 2)
    start, end = script.dissolve(seed, seed + 10, seconds)
    script.shot(seed + 10, 2)
    (found,) = detect(script.frames)
    assert found.kind == "fade"
    assert start - 0.35 <= found.start_seconds <= start + 0.5 * seconds
    assert end - 0.25 * seconds - 0.1 <= found.seconds <= end + 0.25


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("hold", [0.0, 0.4])
def test_a_fade_through_black_or_white_is_one_fade(level: int, hold: float) -> None:
    script = Script()
    flat = np.full((36, 64, 3), level, np.uint8)
    script.shot(1, 2)
    start, _ = script.blend(view(texture(1), 0), flat, 0.5)
    for _ in range(1 + round(hold * FPS)):
        script.add(flat)
    _, end = script.blend(flat, view(texture(2), 0), 0.5)
    script.shot(2, 2)
    (found,) = detect(script.frames)
    assert found.kind == "fade"
    assert start - 0.35 <= found.start_seconds <= start + 0.2
    assert end - 0.15 <= found.seconds <= end + 0.25


def test_a_cut_to_black_and_back_to_another_shot_is_one_cut_without_the_black() -> None:
    script = Script()
    script.shot(1, 2)
    for _ in range(8):
        script.add(np.zeros((36, 64, 3), np.uint8))
    opened = script.shot(2, 2)
    (found,) = detect(script.frames)
    assert (found.kind, found.start_seconds) == ("cut", pytest.approx(2 - 1 / FPS, abs=0.11))
    assert opened <= found.seconds <= opened + 0.1


def test_a_cut_to_black_from_which_a_shot_fades_in_is_told_when_it_happens() -> None:
    script = Script()
    script.shot(1, 2)
    black = np.zeros((36, 64, 3), np.uint8)
    for _ in range(6):
        script.add(black)
    script.blend(black, view(texture(2), 0), 0.4)
    script.shot(2, 2)
    (found,) = detect(script.frames)
    assert (found.kind, found.seconds) == ("cut", pytest.approx(2, abs=0.05))


@pytest.mark.parametrize("seconds", [1, 8])
def test_a_cut_to_a_long_black_is_told_when_it_happens(seconds: int) -> None:
    script = Script()
    script.shot(1, 2)
    for _ in range(seconds * FPS):
        script.add(np.zeros((36, 64, 3), np.uint8))
    opened = script.shot(2, 2)
    first, second = detect(script.frames)
    assert first.seconds == pytest.approx(2, abs=0.05)
    assert second.seconds == pytest.approx(opened, abs=0.11)


def test_cards_of_one_colour_are_shots() -> None:
    script = Script()
    for colour in ((200, 30, 30), (30, 30, 200), (30, 200, 30)):
        for _ in range(2 * FPS):
            script.add(np.full((36, 64, 3), colour, np.uint8))
    assert [(one.kind, one.seconds) for one in detect(script.frames)] == [
        ("cut", pytest.approx(2)),
        ("cut", pytest.approx(4)),
    ]


def test_a_video_that_fades_in_opens_with_black_and_then_its_picture() -> None:
    script = Script()
    for _ in range(30 * FPS):
        script.add(np.zeros((36, 64, 3), np.uint8))
    _, end = script.blend(np.zeros((36, 64, 3), np.uint8), view(texture(1), 0), 0.6)
    script.shot(1, 2)
    (found,) = detect(script.frames)
    assert found.kind == "fade"
    assert end - 0.2 <= found.seconds <= end + 0.25


def flash(script: Script) -> None:
    for number in range(3 * FPS):
        picture = view(texture(1), 0).astype(np.float32)
        script.add(picture + (255 - picture) * (0.8 if number in (30, 31) else 0))


def lamp(script: Script) -> None:
    for number in range(3 * FPS):
        script.add(view(texture(1), 0) * (0.4 if number < 40 else 1.0))


def blackout(script: Script) -> None:
    for number in range(3 * FPS):
        script.add(view(texture(1), 0) * (0.0 if 30 <= number < 36 else 1.0))


def pan(script: Script) -> None:
    script.shot(1, 4, speed=1.3)  # half a picture width per second


def shake(script: Script) -> None:
    for _ in range(3 * FPS):
        script.add(view(texture(1), 20 + script.rng.uniform(-4, 4)))


def noise(script: Script) -> None:
    for _ in range(3 * FPS):
        script.add(view(texture(1), 0) + script.rng.normal(0, 25, (36, 64, 3)))


def passer_by(script: Script) -> None:
    for number in range(3 * FPS):
        picture = view(texture(1), 0).copy()
        cv2.rectangle(picture, (number * 3 - 60, 0), (number * 3 - 30, 36), (200, 30, 30), -1)
        script.add(picture)


@pytest.mark.parametrize("scene", [flash, lamp, blackout, pan, shake, noise, passer_by])
def test_what_only_looks_like_a_transition_is_none(scene: Callable[[Script], None]) -> None:
    script = Script()
    scene(script)
    assert detect(script.frames) == []


@pytest.mark.parametrize("frames", [1, 2, 4, 7])
@pytest.mark.parametrize("speed", [0, 1.0])
def test_a_cut_right_after_the_start_is_found(frames: int, speed: float) -> None:
    script = Script()
    script.shot(1, frames / FPS, speed)
    cut = script.shot(2, 2, speed)
    assert [(one.kind, one.seconds, one.start_seconds) for one in detect(script.frames)] == [
        ("cut", cut, script.frames[frames - 1][0])
    ]


@pytest.mark.parametrize("fading", [1, 4])
def test_a_flash_that_fades_when_the_stream_ends_is_no_cut(fading: int) -> None:
    script = Script()
    before, flashed = view(texture(1), 0), view(texture(2), 0)
    for share in [0.0] * 2 * FPS + [0.6] * 3 + [0.3] * fading:  # half-way back at the end
        script.add(before * (1 - share) + flashed * share)
    assert detect(script.frames) == []


def test_a_cut_just_before_the_end_is_found() -> None:
    script = Script()
    script.shot(1, 2)
    cut = script.shot(2, 0.2)
    assert [found.seconds for found in detect(script.frames)] == [cut]


def test_variable_frame_rate_keeps_true_times() -> None:
    rng = np.random.default_rng(3)
    script = Script(step=lambda _: float(rng.uniform(0.01, 0.09)))
    script.shot(1, 2)
    cut = script.shot(2, 2)
    start, end = script.dissolve(2, 3, 1)
    script.shot(3, 2)
    first, second = detect(script.frames)
    assert (first.kind, first.seconds) == ("cut", cut)
    assert second.kind == "fade"
    assert start <= second.seconds <= end + 0.25


@pytest.mark.parametrize(("seconds", "shots"), [(0.16, 2), (0.24, 2), (0.36, 3), (0.5, 3)])
def test_shots_are_not_shorter_than_the_least_length(seconds: float, shots: int) -> None:
    script = Script()
    script.shot(1, 2)
    cut = script.shot(2, seconds)
    next_cut = script.shot(3, 2)
    assert [one.seconds for one in detect(script.frames)] == [cut, next_cut][: shots - 1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(36, 64), (1, 64), (64, 1), (64, 64)]))
def test_the_promises_hold_for_any_stream(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    now, picture, frames = float(rng.uniform(-5, 5)), np.zeros((*size, 3)), []
    target = picture
    for _ in range(150):
        if rng.random() < 0.08:  # a cut, a new goal to fade to, or a flat picture
            target = rng.uniform(0, 255, 3) + rng.normal(0, rng.choice([0, 1, 60]), (*size, 3))
            picture = target if rng.random() < 0.4 else picture
        picture = picture + (target - picture) * rng.uniform(0, 0.4)
        frames.append((now, np.clip(picture, 0, 255).astype(np.uint8)))
        now += float(rng.choice([0.001, 0.02, 0.04, 0.3]))
    detect(frames)


def test_memory_does_not_grow_with_the_stream() -> None:
    detector = ShotDetector(verify=False)
    rng = np.random.default_rng(0)
    pictures = [view(texture(seed), 0) for seed in range(4)]

    def size() -> int:
        return len(detector.open_seconds)

    sizes = []
    for number in range(1000):
        picture = pictures[number // 40 % 4].astype(np.float32) + rng.normal(0, 3, (36, 64, 3))
        detector.push(number / FPS, np.clip(picture, 0, 255).astype(np.uint8))
        sizes.append(size())
    assert max(sizes[300:]) <= max(sizes[:300]) + 3
    assert max(sizes) <= 30
    held = [len(value) for part in reachable(detector) for value in vars(part).values() if hasattr(value, "__len__")]
    assert max(held) <= 160


def reachable(detector: ShotDetector) -> Iterator[Any]:
    """The detector and every object inside it, PySceneDetect's included, that could keep a list."""
    todo: list[Any] = [detector]
    while todo:
        part = todo.pop()
        yield part
        todo += [value for value in vars(part).values() if hasattr(value, "__dict__") and not callable(value)]


def test_ten_thousand_frames_per_second_hold_no_more() -> None:
    detector = ShotDetector()
    picture = view(texture(1), 0)
    for number in range(2000):
        detector.push(number / 10_000, picture)
    assert len(detector.open_seconds) <= 30


class Decoded:
    def __init__(self, seconds: float, picture: Pixels) -> None:
        self.seconds, self.end_seconds, self.picture = seconds, seconds + 1 / FPS, picture

    def small(self, side_pixels: int) -> Pixels:
        assert side_pixels == 64
        return self.picture


class Reader:
    def __init__(self, frames: list[tuple[float, Pixels]]) -> None:
        self.frames = frames

    def decoded(self) -> Iterator[Decoded]:
        return (Decoded(*frame) for frame in self.frames)


def test_shots_tile_the_video() -> None:
    script = Script()
    script.shot(1, 2)
    cut = script.shot(2, 2)
    script.dissolve(2, 3, 1)
    script.shot(3, 2)
    shots = list(find_shots(Reader(script.frames)))  # type: ignore[arg-type]
    assert [shot.opens_with for shot in shots] == ["start", "cut", "fade"]
    assert shots[0] == Shot(0.0, cut, "start")
    assert shots[1].end_seconds == shots[2].start_seconds
    assert shots[2].end_seconds == script.frames[-1][0] + 1 / FPS
    assert list(find_shots(Reader([]))) == []  # type: ignore[arg-type]


def test_an_encoded_video_with_its_own_clock(tmp_path: Path) -> None:
    script = Script()
    script.shot(1, 2)
    script.shot(2, 2)
    start, end = script.dissolve(2, 3, 1)
    script.shot(3, 2)
    large = [cv2.resize(picture, (320, 180), interpolation=cv2.INTER_CUBIC) for _, picture in script.frames]
    file = tmp_path / "shots.mp4"
    write_video(
        file,
        large,
        pts=[1000 * number + 7000 * (number > 70) for number in range(len(large))],
        time_base=Fraction(1, 25_000),
    )  # held for 0.28 s in the middle of the second shot
    with VideoReader(file) as reader:
        first, second, third = find_shots(reader)
    assert (first.start_seconds, first.end_seconds, second.opens_with) == (0.0, 2.0, "cut")
    assert third.opens_with == "fade"
    assert start + 0.28 < third.start_seconds <= end + 0.28 + 0.25
    assert third.end_seconds == pytest.approx(7.28)


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_a_cut_between_two_fast_pans_is_found(seed: int) -> None:
    """At 4 % of the width a frame every frame differs a lot from the one before; only the cut shows another place."""
    frames = []
    for scene in (scenes.texture(seed, 4000, 180, (90, 120, 60)), scenes.texture(seed + 1, 4000, 180, (150, 110, 160))):
        for number in range(40):
            picture = scenes.panned(scene, 0.04 * 320 * number, 320, 180)
            frames.append((len(frames) / FPS, np.ascontiguousarray(picture[::5, ::5])))
    assert [transition.seconds for transition in detect(frames)] == [40 / FPS]
