"""The closed language of captions and questions: every phrase that can be written, and so every word."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence

from .scenes import CAMERAS, COLOURS, DIRECTIONS, SHAPES, SIZES, TONES, Event, Scene, Thing, state

OPENINGS = ("at the beginning there is {things}, before a {tone} background.",
            "the video opens on {things}, before a {tone} background.",
            "in the first picture there is {things}. the background is {tone}.")  # fmt: skip
EMPTY_OPENINGS = ("at the beginning there is nothing but a {tone} background.",
                  "the video opens on nothing but a {tone} background.")  # fmt: skip
THING = "a {size} {colour} {shape} {place}"
WALLS: Mapping[str, str] = {
    "upright": "an upright white wall in the middle",
    "level": "a level white wall in the middle",
}
FIRST = ("first", "at first", "to begin with")
NEXT = ("then", "next", "after that")
LAST = ("at last", "in the end", "finally")
ADVERBS: Mapping[str, tuple[str, ...]] = {"slow": ("slowly",), "fast": ("fast", "quickly")}
DEEDS: Mapping[str, tuple[str, ...]] = {
    "moves": ("moves {direction} {adverb}", "slides {direction} {adverb}", "moves {adverb} {direction}"),
    "turns": ("moves {direction} and turns around", "moves {direction} and comes back"),
    "passes": ("passes {direction} behind the {behind}", "moves {direction} behind the {behind} and comes out again"),
    "stays": ("stays where it is", "does nothing", "rests"),
    "recolours": ("turns {colour}", "turns from {before} to {colour}"),
    "grows": ("grows", "becomes large"),
    "shrinks": ("shrinks", "becomes small"),
    "appears": ("appears", "comes into view"),
    "disappears": ("disappears", "vanishes"),
}
PLAIN_DEEDS: Mapping[str, str] = {
    "moves": "moves {direction}", "turns": "moves {direction} and turns around", "recolours": "turns {colour}",
    "passes": "passes {direction} behind the {behind}", "stays": "stays where it is", "grows": "grows",
    "shrinks": "shrinks", "appears": "appears", "disappears": "disappears",
}  # fmt: skip
"""One fixed way of saying each event, for questions and their options."""
CAMERA_LINES = (
    "all along the camera {move}.",
    "the camera {move} during the whole video.",
    "meanwhile the camera {move}.",
)
CAMERA_MOVES: Mapping[str, str] = {
    "still": "stays still", "pan left": "pans left", "pan right": "pans right", "tilt up": "tilts up",
    "tilt down": "tilts down", "zoom in": "zooms in", "zoom out": "zooms out",
}  # fmt: skip
TONE_LINES = ("halfway the background turns {tone}.", "in the middle of the video the background turns {tone}.")
TONE_LINES_UNORDERED = ("the background is {first} and {second}.",)
SUMMARIES = ("in short, {deeds}.", "in all, {deeds}.")
SHORTS = ("a {colour} {shape} that {deed}.", "a {shape} {deed}.", "a video of a {colour} {shape} that {deed}.")
SPARE_LETTERS = ("A", "B", "C", "D", "E")


def place_words(x: float, y: float) -> str:
    """One of nine places, such as "at the top left"."""
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    where = " ".join(word for word in (down, across) if word)
    return f"at the {where}" if where else "in the middle"


def size_at(scene: Scene, thing: int, at: float) -> str:
    return "large" if state(scene, thing, at).side > sum(SIZES.values()) / 2 else "small"


def describe(scene: Scene, thing: int, at: float) -> str:
    """A thing as it is at one time: "a small red square at the left"."""
    now = state(scene, thing, at)
    return THING.format(size=size_at(scene, thing, at), colour=now.colour, shape=scene.things[thing].shape,
                        place=place_words(now.x, now.y))  # fmt: skip


def deed(scene: Scene, event: Event, rng: random.Random | None = None) -> str:
    """What an event is, without who does it; in one fixed way without ``rng``."""
    phrase = rng.choice(DEEDS[event.kind]) if rng else PLAIN_DEEDS[event.kind]
    adverb = rng.choice(ADVERBS[event.speed]) if rng and event.speed else ""
    before = state(scene, event.thing, event.start).colour
    return phrase.format(direction=event.direction, adverb=adverb, colour=event.colour, before=before,
                         behind=event.behind)  # fmt: skip


def the(thing: Thing) -> str:
    """No scene has two things of one shape, so this names exactly one."""
    return f"the {thing.shape}"


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def words(text: str) -> list[str]:
    """The words and marks of a text, as ``vocabulary`` lists them."""
    return re.findall(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]", text)


def words_of(phrases: Iterable[str]) -> set[str]:
    """The words of phrases, without what stands in braces."""
    return {word for phrase in phrases for word in words(re.sub(r"\{[^}]*\}", " ", phrase))}


def caption_words() -> set[str]:
    """Every word that a caption can have."""
    lists = (OPENINGS, EMPTY_OPENINGS, (THING,), WALLS.values(), FIRST, NEXT, LAST, CAMERA_LINES, CAMERA_MOVES.values(),
             TONE_LINES, TONE_LINES_UNORDERED, SUMMARIES, SHORTS, PLAIN_DEEDS.values(), DIRECTIONS, SHAPES, COLOURS,
             SIZES, TONES, CAMERAS, *ADVERBS.values(), *DEEDS.values())  # fmt: skip
    places = (place_words(x, y) for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9))
    return words_of(phrase for phrases in lists for phrase in phrases) | words_of(places) | words_of(
        ("the wall, the video while and, then it.",))  # fmt: skip
