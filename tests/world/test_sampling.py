"""Sampled scenes: possible and clear, the same backwards, with pairs held out, and balanced where it counts."""

from __future__ import annotations

import collections
import random

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.world.rules import problems, story_problems
from sharegpt4video.world.sampling import DIFFICULTIES, HELD_OUT, Constraints, held_out_pairs, sample_scene
from sharegpt4video.world.scenes import SIZES, Event, Scene, Thing, reverse, state


def drawn(count: int, **options: object) -> list[Scene]:
    return [sample_scene(random.Random(number), **options) for number in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_every_scene_obeys_the_rules_and_so_does_its_reverse(difficulty: str) -> None:
    for scene in drawn(60, difficulty=difficulty):
        assert problems(scene) == []
        assert problems(reverse(scene)) == []


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_things_stay_in_the_picture_at_every_time(difficulty: str) -> None:
    for scene in drawn(30, difficulty=difficulty):
        for thing in range(len(scene.things)):
            for step in range(51):
                now = state(scene, thing, step / 50)
                assert now.side / 2 <= now.x <= 1 - now.side / 2
                assert now.side / 2 <= now.y <= 1 - now.side / 2
                assert SIZES["small"] - 1e-9 <= now.side <= SIZES["large"] + 1e-9


@pytest.mark.parametrize(
    ("places", "wall", "problem"),
    [
        ([(0.5, 0.5)], "", None),
        ([(0.13, 0.5)], "", None),
        ([(0.12, 0.5)], "", "leaves the picture"),  # 0.11 is half of it, 0.015 the margin
        ([(0.5, 0.88)], "", "leaves the picture"),
        ([(0.34, 0.5)], "", "between two places"),
        ([(0.5, 0.66)], "", "between two places"),
        ([(0.36, 0.5)], "", None),
        ([(0.25, 0.5), (0.5, 0.5)], "", "touch"),  # 0.22 is their side, 0.04 the gap
        ([(0.22, 0.5), (0.5, 0.5)], "", None),
        ([(0.5, 0.22), (0.5, 0.5)], "", None),
        ([(0.72, 0.5)], "upright", "behind the wall"),  # the wall and a thing take up to 0.24 from the middle
        ([(0.75, 0.5)], "upright", None),
        ([(0.5, 0.75)], "level", None),
        ([(0.75, 0.5)], "level", "behind the wall"),
    ],
)
def test_things_have_their_room(places: list[tuple[float, float]], wall: str, problem: str | None) -> None:
    shapes, colours = ("square", "disc"), ("red", "blue")
    things = tuple(Thing(shapes[n], colours[n], "small", *at) for n, at in enumerate(places))  # type: ignore[arg-type]
    events = tuple(Event("stays", number, 0.0, 1.0) for number in range(len(things)))
    found = problems(Scene(things, events, wall=wall))  # type: ignore[arg-type]
    assert (found == []) if problem is None else (len(found) == 1 and problem in found[0]), found


def test_a_scene_survives_json_and_twice_reversed_it_is_itself_again() -> None:
    for scene in drawn(40, difficulty="hard"):
        assert Scene.from_json(scene.to_json()) == scene
        again = reverse(reverse(scene))
        for thing in range(len(scene.things)):
            for at in (0.0, 0.2, 0.41, 0.77, 1.0):
                one, two = state(scene, thing, at), state(again, thing, at)
                assert (one.x, one.y, one.side) == pytest.approx((two.x, two.y, two.side))
                assert (one.colour, one.visible) == (two.colour, two.visible)


def test_bad_json_is_refused() -> None:
    with pytest.raises(ValueError, match="scene"):
        Scene.from_json('{"things": [{"form": "square"}], "events": []}')


def test_the_same_seed_gives_the_same_scene() -> None:
    assert drawn(20, difficulty="hard") == drawn(20, difficulty="hard")
    assert len(set(drawn(20))) == 20


def test_train_has_no_held_out_pair_but_each_of_their_members() -> None:
    scenes = drawn(400, difficulty="medium", split="train")
    assert not [pair for scene in scenes for pair in held_out_pairs(scene)]
    colours = {colour for scene in scenes for at in range(len(scene.things)) for colour in scene.colours_of(at)}
    shapes = {thing.shape for scene in scenes for thing in scene.things}
    firsts = {event.kind for scene in scenes for event in scene.events if event.end < 1}
    seconds = {event.kind for scene in scenes for event in scene.events if event.start > 0}
    ways = {event.direction for scene in scenes for event in scene.events} | {
        event.speed for scene in scenes for event in scene.events
    }
    for pairing, (left, right) in {
        "colour-shape": (colours, shapes), "direction-speed": (ways, ways), "first-second": (firsts, seconds)
    }.items():  # fmt: skip
        for one, two in HELD_OUT[pairing]:  # type: ignore[index]
            assert one in left, (pairing, one)
            assert two in right, (pairing, two)


@pytest.mark.parametrize("pairing", HELD_OUT)
def test_each_scene_of_composition_has_a_held_out_pair(pairing: str) -> None:
    for scene in drawn(20, split="composition", pairing=pairing):
        assert pairing in {name for name, _ in held_out_pairs(scene)}


def test_directions_are_even_in_every_split() -> None:
    """A chi-square over four directions; 16.3 is the value for a chance of one in a thousand."""
    for split in ("any", "train"):
        scenes = drawn(1200, difficulty="simple", split=split)
        found = collections.Counter(e.direction for s in scenes for e in s.events if e.kind == "moves")
        even = sum(found.values()) / 4
        assert len(found) == 4
        assert sum((count - even) ** 2 / even for count in found.values()) < 16.3, (split, found)


def test_a_place_in_an_unknown_picture_does_not_tell_the_way() -> None:
    """Guessing left or right from where a thing is, as learned on half of the scenes, is no better than a coin."""
    rows = []
    for scene in drawn(
        3000, difficulty="simple", constraints=Constraints(kinds=("moves",), directions=("left", "right"))
    ):
        for event in scene.events:
            if event.kind == "moves":
                at = random.Random(scene.seed).uniform(event.start, event.end)
                rows.append((min(9, int(state(scene, 0, at).x * 10)), event.direction))
    half = len(rows) // 2
    known = collections.defaultdict(collections.Counter)
    for place, way in rows[:half]:
        known[place][way] += 1
    right = sum(known[place].most_common(1)[0][0] == way for place, way in rows[half:])
    assert 0.45 < right / (len(rows) - half) < 0.55


def test_constraints_are_met() -> None:
    limits = Constraints(things=(2,), shapes=("ring", "cross"), colours=("red", "blue"), sizes=("small",),
                         kinds=("moves",), speeds=("slow",), cameras=("zoom in",), tones=("light",),
                         occlusion=False, cut=False)  # fmt: skip
    for scene in drawn(10, constraints=limits):
        assert {thing.shape for thing in scene.things} == {"ring", "cross"}
        assert {thing.colour for thing in scene.things} == {"red", "blue"}
        assert {event.kind for event in scene.events} <= {"moves", "stays"}
        assert {event.speed for event in scene.events if event.kind == "moves"} == {"slow"}
        assert (scene.camera, scene.tones) == ("zoom in", ("light",))


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(SettingsError, match="unknown difficulty 'epic'"):
        sample_scene(random.Random(0), difficulty="epic")
    with pytest.raises(SettingsError, match="constraints"):
        sample_scene(random.Random(0), constraints=Constraints(things=(3,), shapes=("ring",)))


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ((Event("grows", 0, 0, 1),), "grows but is large"),
        ((Event("moves", 0, 0, 0.5, "left", "slow"), Event("moves", 0, 0.5, 1, "right", "slow")), "axis"),
        ((Event("moves", 0, 0, 0.5, "left", "slow"), Event("moves", 0, 0.5, 1, "left", "fast")), "axis"),
        ((Event("stays", 0, 0, 0.5), Event("appears", 0, 0.5, 1)), "in between"),
        ((Event("stays", 0, 0, 0.5),), "ends early"),
        ((Event("stays", 0, 0, 0.4), Event("shrinks", 0, 0.5, 1)), "gap"),
        ((Event("recolours", 0, 0, 1, colour="red"),), "a colour comes twice"),
    ],
)
def test_impossible_stories_are_found(events: tuple[Event, ...], problem: str) -> None:
    scene = Scene((Thing("disc", "red", "large"),), events)
    assert any(problem in found for found in story_problems(scene))


def test_bad_places_are_found() -> None:
    stay = (Event("stays", 0, 0, 1), Event("stays", 1, 0, 1))
    near = Scene((Thing("disc", "red", "small", 0.5, 0.5), Thing("ring", "blue", "small", 0.6, 0.5)), stay)
    out = Scene((Thing("disc", "red", "small", 0.2, 0.5),), (Event("moves", 0, 0, 1, "left", "fast"),))
    assert any("touch" in found for found in problems(near))
    assert any("leaves" in found for found in problems(out))
