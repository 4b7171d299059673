"""The checker reads back what was drawn, from arrays and files, clean and noisy, and catches what is not as stated."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sharegpt4video.errors import VideoError
from sharegpt4video.world.check import check, compare, thinned
from sharegpt4video.world.render import render, write_video
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Event, Scene, Thing, reverse

TWO_MOVES = Scene(
    (Thing("triangle", "green", "small", 0.3, 0.3),),
    (Event("moves", 0, 0.0, 0.5, "right", "fast"), Event("moves", 0, 0.5, 1.0, "down", "slow")),
    camera="pan right",
    seed=9,
)


def noisy(pictures: list[np.ndarray], deviation: float) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.clip(each + rng.normal(0, 255 * deviation, each.shape), 0, 255).astype(np.uint8) for each in pictures]


@pytest.mark.parametrize(
    ("difficulty", "size", "deviation", "count"),
    [("simple", (32, 32), 0.0, 40), ("simple", (32, 32), 0.05, 30), ("hard", (64, 64), 0.05, 12),
     ("hard", (128, 128), 0.0, 12), ("medium", (96, 160), 0.1, 5), ("medium", (256, 256), 0.0, 4)],
)  # fmt: skip
def test_facts_are_read_back(difficulty: str, size: tuple[int, int], deviation: float, count: int) -> None:
    """The full figures are measured by benchmarks/world.py; here at most one clip in twenty may be misread."""
    wrong = []
    for seed in range(1000, 1000 + count):
        scene = sample_scene(random.Random(seed), difficulty=difficulty)
        pictures = list(render(scene, *size))
        found = compare(check(noisy(pictures, deviation) if deviation else pictures), scene)
        wrong += [found.misses] if found.misses else []
    assert len(wrong) <= count // 20, wrong


def test_a_coded_file_is_read_and_its_length_does_not_matter(tmp_path: Path) -> None:
    for seed in range(3):
        scene = sample_scene(random.Random(seed), difficulty="medium")
        path = write_video(scene, tmp_path / f"{seed}.mp4", 96, 96, fps=12, seconds=4, crf=23)
        assert compare(check(path), scene).misses == ()


def test_many_pictures_are_thinned_while_they_come() -> None:
    numbers = thinned(np.full((1, 1, 3), number % 251, np.uint8) for number in range(1000))
    assert [int(each[0, 0, 0]) for each in numbers] == [number % 251 for number in range(0, 1000, 4)]
    scene = sample_scene(random.Random(3), difficulty="hard")
    assert compare(check(list(render(scene, 32, 32, fps=30, seconds=30))), scene).misses == ()


def test_what_one_reading_says() -> None:
    reading = check(list(render(TWO_MOVES)))
    (thing,) = reading.things
    assert (thing.shape, thing.colour, thing.size) == ("triangle", "green", "small")
    assert [(d.kind, d.direction, d.speed) for d in thing.deeds] == [
        ("moves", "right", "fast"),
        ("moves", "down", "slow"),
    ]
    assert thing.deeds[0].end == pytest.approx(0.5, abs=0.08)
    assert thing.path[0] == pytest.approx((0.3 + 0.6 / 32, 0.3), abs=0.01)
    assert (reading.camera, reading.tones, reading.wall) == ("pan right", ("dark",), "")
    assert reading.camera_confidence > 0.2


def test_a_wrong_direction_a_swapped_order_and_a_reversed_clip_are_caught() -> None:
    moves = TWO_MOVES.events
    swapped = (
        Event("moves", 0, 0.0, 0.5, "down", "slow"), Event("moves", 0, 0.5, 1.0, "right", "fast"),
    )  # fmt: skip
    for events, facts in (
        ((moves[0], Event("moves", 0, 0.5, 1.0, "up", "slow")), {"direction", "order"}),
        (swapped, {"direction", "speed", "order"}),
        ((moves[0], Event("moves", 0, 0.5, 1.0, "down", "fast")), {"speed"}),
    ):
        broken = Scene(TWO_MOVES.things, events, "pan right", seed=9)
        hits = compare(check(list(render(broken))), TWO_MOVES).hits
        assert {fact for fact, each in hits.items() if not all(each)} == facts
    backwards = compare(check(list(render(TWO_MOVES))[::-1]), TWO_MOVES).hits
    assert not any((*backwards["direction"], *backwards["order"], *backwards["camera"]))
    assert compare(check(list(render(reverse(TWO_MOVES)))[::-1]), TWO_MOVES).all_right


def test_looks_and_counts_that_are_wrong_are_caught() -> None:
    other = Scene((Thing("ring", "green", "large", 0.3, 0.3),), TWO_MOVES.events, "pan left", ("light",), seed=9)
    hits = compare(check(list(render(other))), TWO_MOVES).hits
    assert {fact for fact, each in hits.items() if not all(each)} == {"shape", "size", "camera", "background"}
    nothing = compare(check(list(render(Scene((), ())))), TWO_MOVES).hits
    assert not any((*nothing["count"], *nothing["shape"], *nothing["kind"]))


def test_noise_and_grey_hold_no_things() -> None:
    rng = np.random.default_rng(1)
    grey = [np.full((64, 64, 3), 128, np.uint8)] * 8
    assert check(grey).things == ()
    assert check(noisy(grey, 0.1)).things == ()
    static = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(8)]
    assert check(static).camera_confidence < 0.1


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        check(path)
    with pytest.raises(VideoError, match="not one picture"):
        check([])
    with pytest.raises(ValueError, match="uint8"):
        check([np.zeros((32, 32, 3), np.float32)])
