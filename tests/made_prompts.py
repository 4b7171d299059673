"""Prompts put together of known parts, and rewriters whose every mistake is known."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sharegpt4video.vlm.base import Request

THINGS = ("dog", "panda", "tractor", "robot", "violinist", "lantern", "kite", "wolf")
COLOURS = ("red", "blue", "green", "purple", "yellow", "black")
COUNTS = ("two", "three", "four", "five")
ACTIONS = (("jumping", "jump"), ("sleeping", "sleep"), ("dancing", "dance"), ("spinning", "spin"))
PLACES = ("kitchen", "desert", "stadium", "garden", "library", "tunnel")
CAMERAS = (("zoom in", "zooms in"), ("zoom out", "zooms out"), ("pan left", "pans left"), ("tilt up", "tilts up"))
SLOTS = ("thing", "colour", "count", "action", "place", "camera")
OPTIONS = dict(zip(SLOTS, (THINGS, COLOURS, COUNTS, ACTIONS, PLACES, CAMERAS), strict=True))


def made_prompt(number: int) -> tuple[str, dict[str, object]]:
    """A prompt and its parts; the same number always gives the same."""
    chance = random.Random(number)
    parts = {slot: chance.choice(OPTIONS[slot]) for slot in SLOTS}
    action, camera = parts["action"][0], parts["camera"][0]
    return f"{parts['count']} {parts['colour']} {parts['thing']}s {action} in a {parts['place']}, {camera}", parts


@dataclass
class Sloppy:
    """Answers requests to rewrite a made prompt; drops or changes each part with this probability.

    ``mistakes`` holds for each prompt and text it wrote the parts that are dropped or changed in it.
    """

    prompts: dict[str, dict[str, object]]
    share: float
    seed: int = 0
    mistakes: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def __call__(self, request: Request) -> str:
        question = request.earlier[0][0] if request.earlier else request.user_text
        return self.write(question.split("<<<")[2].partition(">>>")[0])  # the first ones are in the instruction

    def write(self, prompt: str) -> str:
        parts, wrong = dict(self.prompts[prompt]), []
        for slot in SLOTS:
            if self._chance.random() < self.share:
                others = [one for one in OPTIONS[slot] if one != parts[slot]]
                parts[slot] = self._chance.choice([None, self._chance.choice(others)])
                wrong.append(slot)
        text = told(parts)
        self.mistakes[prompt, text] = wrong
        return text


def told(parts: dict[str, object]) -> str:
    """A caption of a made prompt's parts; one that is None is left out."""
    count, colour, thing = parts["count"] or "some", parts["colour"] or "", parts["thing"] or "thing"
    action = parts["action"][1] if parts["action"] else "wait"
    place = f"inside a wide {parts['place']}" if parts["place"] else "somewhere"
    camera = f" The camera slowly {parts['camera'][1]}." if parts["camera"] else ""
    return f"There are {count} large {colour} {thing}s {place}. They {action} without a pause.{camera}".replace(
        "  ", " "
    )
