"""Chains: what can happen, how it looks, and that what is read from pixels and texts is what was drawn."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.world.chain.captions import NAMES, caption, name_of, parts, whole
from sharegpt4video.world.chain.check import check, compare
from sharegpt4video.world.chain.render import render
from sharegpt4video.world.chain.scenes import (
    HELD_OUT,
    MOST_EVENTS,
    ChainScene,
    State,
    held_out_pairs,
    sample_scene,
)

SCENE = ChainScene(State("ring", "blue", "large", 1, 0), ("moves left", "turns green", "shrinks"), 7)


def scenes(count: int, **how: object) -> list[ChainScene]:
    rng = random.Random(0)
    return [sample_scene(rng, **how) for _ in range(count)]  # type: ignore[arg-type]


def test_what_happens_is_possible_and_undoes_no_move() -> None:
    back = {"left": "right", "right": "left", "up": "down", "down": "up"}
    for scene in scenes(300):
        assert len(scene.states) == len(scene.deeds) + 1
        for before, after in pairwise(scene.deeds):
            assert not (before.startswith("moves") and after == f"moves {back[before.split()[1]]}")
        assert ChainScene.from_json(scene.to_json()) == scene
    with pytest.raises(ValueError, match=r"event 1: .* cannot be one that grows"):
        _ = replace(SCENE, deeds=("moves left", "grows")).states


def test_each_doubling_of_events_is_as_likely() -> None:
    counts = [len(scene.deeds) for scene in scenes(3000, events=(1, 8))]
    shares = [sum(low <= count < high for count in counts) / 3000 for low, high in ((1, 2), (2, 4), (4, 8))]
    assert all(0.25 < share < 0.38 for share in shares)
    assert (min(counts), max(counts)) == (1, 8)


def test_held_out_pairs_are_in_one_split_alone() -> None:
    assert not [pair for scene in scenes(200, split="train") for pair in held_out_pairs(scene)]
    for pairing in HELD_OUT:
        for scene in scenes(40, split="composition", pairing=pairing, events=(2, 6)):
            assert pairing in {name for name, _ in held_out_pairs(scene)}


@pytest.mark.parametrize("events", [(0, 3), (3, 2), (1, MOST_EVENTS + 1)])
def test_a_chain_has_a_number_of_events_that_can_be(events: tuple[int, int]) -> None:
    with pytest.raises(SettingsError, match="a chain has 1 to 40 events"):
        sample_scene(random.Random(0), events=events)


def test_pixels_tell_what_was_drawn() -> None:
    for scene in scenes(40):
        pictures = list(render(scene))
        reading = check(pictures, 8.0)
        assert reading.ok
        assert compare(reading, scene).misses == ()
    other = replace(scene, start=replace(scene.start, colour="red" if scene.start.colour != "red" else "blue"))
    assert compare(reading, replace(other, deeds=())).misses


def test_a_keyframe_every_two_seconds_shows_the_thing_at_rest() -> None:
    pictures = list(render(SCENE))
    assert len(pictures) == 52  # 6.5 s
    for at in (0, 16, 32, 48):
        assert check([pictures[at]] * 3).states[0].column in (0, 1)
    assert not np.array_equal(pictures[0], pictures[16])
    assert np.array_equal(pictures[48], pictures[51])


def test_captions_tell_everything_in_the_order_of_the_steps() -> None:
    told = caption(SCENE)
    name = name_of(SCENE)
    assert name in NAMES["ring"]
    assert told.text == f"1 a large blue {name} at the top. 2 moves left. 3 turns green. 4 shrinks."
    assert [step.text for step in told.steps] == [
        f"a large blue {name} at the top.",
        f"the large blue {name} at the top moves left.",
        f"the large blue {name} at the top left turns green.",
        f"the large green {name} at the top left shrinks.",
    ]
    assert [step.frame_seconds for step in told.steps] == [(0.0,), (0.0, 2.0), (2.0, 4.0), (4.0, 6.375)]
    assert told.steps[-1].end_seconds == SCENE.seconds == 6.5


def test_parts_tell_of_their_events_and_how_they_begin() -> None:
    found = parts(SCENE, "hoop", 9)
    assert len(found) == 5  # three of one event, two of two
    for first, last, text in found:
        deeds = SCENE.deeds[first - 1 : last]
        assert text == whole(SCENE.states[first - 1], "hoop", deeds)
    assert parts(replace(SCENE, deeds=SCENE.deeds[:1]), "hoop", 9) == []
