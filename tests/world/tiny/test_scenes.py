"""Tiny scenes: possible, evenly drawn, and with the order of the two moves told by nothing but their order."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.world.scenes import COLOURS, DIRECTIONS
from sharegpt4video.world.tiny.scenes import (
    CORNERS,
    FACTS,
    HELD_OUT,
    SIDE,
    TinyScene,
    held_out_pairs,
    sample_scene,
)


def scenes(count: int, split: str = "any", seed: int = 0) -> list[TinyScene]:
    rng = random.Random(seed)
    return [sample_scene(rng, split=split) for _ in range(count)]


def test_the_thing_is_in_the_picture_all_along_and_moves_as_told() -> None:
    for scene in scenes(300):
        for step in range(17):
            assert all(SIDE / 2 - 1e-9 <= at <= 1 - SIDE / 2 + 1e-9 for at in scene.at(step / 16))
        for begin, direction in ((0.0, scene.first), (0.5, scene.second)):
            (x, y), (later_x, later_y) = scene.at(begin), scene.at(begin + 0.5)
            assert (later_x - x, later_y - y) == pytest.approx([way / 3 for way in DIRECTIONS[direction]])


def test_both_moves_are_possible_in_either_order_from_the_same_start() -> None:
    drawn = scenes(4000)
    starts = Counter((frozenset((scene.first, scene.second)), scene.first, scene.place) for scene in drawn)
    for (moves, first, place), count in starts.items():
        (other,) = moves - {first}
        assert count == pytest.approx(starts[moves, other, place], abs=5 * count**0.5 + 5)


def test_facts_are_drawn_evenly() -> None:
    drawn = scenes(4000)
    for fact, values in (("shape", 4), ("colour", 6), ("camera", 3), ("first", 4), ("second", 4)):
        counts = Counter(scene.fact(fact) for scene in drawn)  # type: ignore[arg-type]
        assert len(counts) == values
        assert min(counts.values()) > 4000 / values * 0.85
    assert sum(not scene.turn for scene in drawn) == pytest.approx(2000, abs=150)
    assert Counter((scene.first, scene.second) for scene in drawn).keys() == set(CORNERS)


def test_held_out_pairs_are_in_no_scene_to_train_on_and_in_every_other_one() -> None:
    assert not [pair for scene in scenes(500, "train") for pair in held_out_pairs(scene)]
    assert all(list(held_out_pairs(scene)) for scene in scenes(200, "composition"))
    trained = scenes(2000, "train")
    assert {scene.colour for scene in trained} == set(COLOURS)
    for pairing, pairs in HELD_OUT.items():  # each half of a pair is seen with others
        for one, two in pairs:
            names = ("colour", "shape") if pairing == "colour-shape" else ("first", "second")
            for name, value in zip(names, (one, two), strict=True):
                assert any(getattr(scene, name) == value for scene in trained)
    assert {(second, first) for first, second in HELD_OUT["first-second"]} == HELD_OUT["first-second"]


def test_scenes_are_kept_as_json() -> None:
    for scene in scenes(20):
        assert TinyScene.from_json(scene.to_json()) == scene
        assert all(isinstance(scene.fact(fact), str) for fact in FACTS)
    with pytest.raises(ValueError, match="not a tiny scene"):
        TinyScene.from_json('{"shape": "ring"}')
    with pytest.raises(SettingsError, match="colour-shape"):
        sample_scene(random.Random(0), split="composition", pairing="direction-speed")  # type: ignore[arg-type]
