"""Captions of known quality, written from the truth by rule: what happens in plain words, with errors put in.

They tell whether a scorer ranks captions rightly, and where it is wrong itself. For ``real_videos.py``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

STEP_SECONDS = 2.0
OPPOSITE = {
    "pan left": "pans to the right",
    "pan right": "pans to the left",
    "tilt up": "tilts down",
    "tilt down": "tilts up",
    "zoom in": "zooms out",
    "zoom out": "zooms in",
    "forward": "zooms out",
    "static": "pans to the left",
}
MOVES = {
    "static": "stays still",
    "handheld": "is hand-held",
    "shake": "shakes",
    "roll": "rolls",
    "follow": "follows the subject",
    "forward": "moves forward",
    "backward": "moves back",
    "rise": "rises",
    "sink": "descends",
    **{f"pan {way}": f"pans to the {way}" for way in ("left", "right")},
    **{f"tilt {way}": f"tilts {way}" for way in ("up", "down")},
    **{f"zoom {way}": f"zooms {way}" for way in ("in", "out")},
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
PLURALS = {"person": "people", "man": "men", "woman": "women", "child": "children", "knife": "knives", "leaf": "leaves"}
PLACES = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}


@dataclass(frozen=True)
class Sentence:
    text: str
    kind: str = ""  # of the error in it; "": a true sentence


@dataclass(frozen=True)
class Part:
    """A part of a video, with the scorer's view of its truth."""

    scorer: ModuleType
    truth: Any
    start: float
    end: float

    def sees(self, subject: dict[str, Any]) -> bool:
        """Is it in the picture well within this part?"""
        return bool(self.truth.visible(subject, self.start + 0.1, max(self.start + 0.1, self.end - 0.1)))


def plural(noun: str) -> str:
    if noun in PLURALS or noun.endswith("s"):
        return PLURALS.get(noun, noun)
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("sh", "ch", "x")) else "s")


def intervals(truth: Any) -> Iterator[tuple[float, float]]:
    """A moment at each shot's start, then steps of about two seconds."""
    ends = [*(cut["at"] for cut in truth.data["cuts"]), truth.data["seconds"]]
    start = 0.0
    for end in ends:
        yield start, start
        parts = max(1, round((end - start) / STEP_SECONDS))
        marks = [start + (end - start) * place / parts for place in range(parts + 1)]
        yield from itertools.pairwise(marks)
        start = end


def true_sentences(part: Part) -> list[Sentence]:
    """Everything in the truth of this part, a sentence each."""
    truth, start, end = part.truth, part.start, part.end
    main = [one for one in truth.subjects if part.sees(one) and not one.get("minor") and not one.get("unsure")]
    if start == end:
        rows = [row for row in truth.data["counts"] if abs(row["at"] - start) < 0.1 and row["count"] != 1]
        said = [f"The {one['name']} can be seen." for one in main]
        return [Sentence(text) for text in [*said, *(counted(row["count"], row["name"]) for row in rows)]]
    said = [
        f"The {one['name']} {verb} {PLACES.get(event['side'], '')}".rstrip() + "."
        for one in main
        for key, verb in (("enters", "comes into view"), ("leaves", "goes out of view"))
        for event in one[key]
        if start <= event["at"] < end
    ]
    rows = [row for row in truth.data["camera"] if min(row["to"], end) - max(row["from"], start) > 0.6]
    said += [f"The camera {MOVES[row['is'][0]]}." for row in rows[:1] if row["is"][0] in MOVES]
    acts = [row for row in truth.data["actions"] if min(row["to"], end) - max(row["from"], start) > 0.5]
    said += [f"The {row['who']} {row['does']}." for row in acts]
    texts = [row for row in truth.data["texts"] if row["from"] <= end and row["to"] >= start]
    said += ['The text "{}" is on the screen.'.format(row["text"].replace('"', "'")) for row in texts]
    if truth.moving_time(start, end) == 0:
        said.append("Nothing changes.")
    return [Sentence(text) for text in said]


def counted(count: int | str, noun: str) -> str:
    number = "many" if count == "many" else NUMBERS[int(count)] if int(count) < len(NUMBERS) else str(count)
    return f"There are {number} {plural(noun)}."


def wrong_object(part: Part) -> str | None:
    """A thing of the 80 classes whose name is nowhere in the truth."""
    scorer, truth = part.scorer, part.truth
    said = " ".join(word for one in truth.subjects for word in one["words"])
    loose = scorer.SOFT | scorer.LOOSE | {"orange"}
    names = [one for one in scorer.CLASSES if " " not in one and one not in said and one not in loose]
    names = [one for one in names if not truth.candidates(one)]
    return f"There is a {names[int(part.start * 7) % len(names)]} in the picture." if names else None


def wrong_count(part: Part) -> str | None:
    truth, norm = part.truth, part.scorer.norm
    for row in truth.data["counts"]:
        known = truth.counts(norm(row["name"]), *truth.span(part.start, part.end))
        if known and "many" not in known and truth.candidates(norm(row["name"])):
            return counted(max(known) + 3, row["name"])
    return None


def wrong_event(part: Part, key: str, verb: str) -> str | None:
    """Something that is there all the time, and nothing like it ever comes or goes."""
    truth = part.truth
    low, high = truth.span(part.start, part.end)
    for one in truth.subjects:
        alike = [other for word in one["words"] for other in truth.candidates(word)]
        always = any(first <= low and last >= high for first, last in one["visible"])
        if always and not one.get("minor") and not any(other[key] for other in alike):
            return f"The {one['name']} {verb} on the left."
    return None


def wrong_no_object(part: Part) -> str | None:
    known = any(part.sees(one) for one in part.truth.subjects if one["coco"] and not one.get("minor"))
    return "No known object is recognised in it." if known else None


def wrong_camera(part: Part) -> str | None:
    every = set().union(*(moves for _, moves in part.truth.camera(part.start, part.end)))
    return f"The camera {OPPOSITE[min(every)]}." if len(every) == 1 and every <= set(OPPOSITE) else None


ERRORS: dict[str, Callable[[Part], str | None]] = {
    "objects": wrong_object,
    "counts": wrong_count,
    "enter": lambda part: wrong_event(part, "enters", "comes into view"),
    "leave": lambda part: wrong_event(part, "leaves", "goes out of view"),
    "stillness": lambda part: "Nothing changes." if part.truth.moving_time(part.start, part.end) > 1.0 else None,
    "no-object": wrong_no_object,
    "camera": wrong_camera,
    "text": lambda _: 'The text "Quarterly zebra audit" is on the screen.',
}
MOMENTARY = ("objects", "counts", "no-object", "text")  # errors that can be made about one moment


def written(
    scorer: ModuleType, truth: Any, *, told: float = 1.0, errors: float = 0.0, seed: int = 0
) -> tuple[dict[str, Any], list[list[Sentence]]]:
    """A caption that tells this share of the truth, with this many errors for each true sentence, and its sentences."""
    chance = random.Random(f"{truth.data['video']} {seed}")
    steps, sentences = [], []
    for start, end in intervals(truth):
        part = Part(scorer, truth, start, end)
        said = [one for one in true_sentences(part) if chance.random() < told]
        for _ in range(sum(chance.random() < errors for _ in said)):
            kind = chance.choice([*ERRORS] if end > start else MOMENTARY)
            text = ERRORS[kind](part)
            if text and Sentence(text, kind) not in said:
                said.insert(chance.randint(0, len(said)), Sentence(text, kind))
        sentences.append(said)
        kind = "change" if end > start else "opening"
        text = " ".join(one.text for one in said)
        steps.append({"kind": kind, "start_seconds": start, "end_seconds": end, "text": text})
    shots = [{"start_seconds": step["start_seconds"]} for step in steps if step["kind"] == "opening"]
    return {"start_seconds": 0.0, "shots": shots, "steps": steps, "summary": ""}, sentences
