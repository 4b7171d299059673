"""The reader of tiny clips finds every fact of a clean render, and knows what is no such clip."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sharegpt4video.world.tiny.check import check, compare
from sharegpt4video.world.tiny.render import picture, render
from sharegpt4video.world.tiny.scenes import TinyScene, sample_scene


def clips(count: int, frames: int = 8, noise: float = 0.0) -> list[tuple[TinyScene, list[np.ndarray]]]:
    rng, dice = random.Random(1), np.random.default_rng(1)
    drawn = [sample_scene(rng) for _ in range(count)]
    found = []
    for scene in drawn:
        seen = np.stack([picture(scene, at / frames) for at in range(frames)])
        noisy = np.clip(seen + noise * 255 * dice.standard_normal(seen.shape), 0, 255).astype(np.uint8)
        found.append((scene, list(noisy if noise else seen)))
    return found


@pytest.mark.parametrize(("frames", "noise"), [(8, 0.0), (16, 0.0), (8, 0.05)])
def test_every_fact_is_read_and_the_clip_is_whole(frames: int, noise: float) -> None:
    for scene, seen in clips(60, frames, noise):
        reading = check(seen)
        assert compare(reading, scene).misses == ()
        assert reading.ok


def test_facts_outlast_noise_that_no_longer_passes_for_whole() -> None:
    right = whole = 0
    for scene, seen in clips(60, noise=0.14):
        reading = check(seen)
        right += all(hit for (hit,) in compare(reading, scene).hits.values())
        whole += reading.ok
    assert right >= 57
    assert whole == 0


def test_each_fact_is_read_for_itself() -> None:
    scene = TinyScene("cross", "red", "left", "blue", "up", "pan right", 20.5 / 24, 19.5 / 24)
    other = TinyScene("ring", "green", "down", "", "right", "still", 5.5 / 24, 4.5 / 24)
    misses = compare(check(list(render(scene))), other).hits
    assert not any(hit for (hit,) in misses.values())


def test_what_is_no_tiny_clip_is_not_whole() -> None:
    dice = np.random.default_rng(0)
    noise = list(dice.integers(0, 256, (8, 24, 24, 3)).astype(np.uint8))
    grey = [np.full((24, 24, 3), 80, np.uint8)] * 8
    scene, seen = clips(1)[0]
    gone = [*seen[:5], *grey[:3]]
    still = [seen[0]] * 8
    for clip in (noise, grey, gone):
        assert not check(clip).ok
    assert (check(still).first, check(still).second) == ("", "")
    assert check(grey).shape == ""
    assert not compare(check(gone), scene).all_right


@pytest.mark.parametrize("clip", [[], [np.zeros((24, 24, 3), np.uint8)] * 3, [np.zeros((24, 24), np.uint8)] * 8])
def test_other_arrays_are_refused(clip: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="at least four pictures"):
        check(clip)
