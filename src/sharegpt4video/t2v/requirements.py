"""What a benchmark requires of a prompt by its own file, held against a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..verify.rewriting import carries_meaning
from .fidelity import Fidelity, Standing, judge
from .likeness import colours, near, root, same
from .prompt_facts import facts_of
from .shared import words_of
from .suites import Prompt

_WORST: tuple[Standing, ...] = ("contradicted", "lost", "near", "kept")
_NAMES = {"color": "colour", "object": "all objects", "relation": "spatial relation", "order": "order of actions"}


@dataclass(frozen=True)
class Required:
    """A requirement by its name, such as "colour", and how it stands in a text."""

    name: str
    words: tuple[str, ...]
    standing: Standing


def required(prompt: Prompt, kept: Fidelity, text: str) -> tuple[Required, ...]:
    """Each requirement of a prompt against its text. Camera and tempo count where VBench asks for a temporal style."""
    found = [Required(_NAMES[kind], words, _standing(kind, words, kept, text)) for kind, words in prompt.requires]
    if "temporal_style" in prompt.suite:
        camera = [one for one in kept.judged if one.fact.kind == "camera"]
        found += [Required("camera or tempo", (one.fact.text,), one.standing) for one in camera[-1:]]
    return tuple(found)


def _standing(kind: str, words: tuple[str, ...], kept: Fidelity, text: str) -> Standing:
    if kind == "color":
        wanted = frozenset().union(*(colours(word) for word in words))
        return _worst(
            one.standing for one in kept.judged if one.fact.kind == "colour" and colours(one.fact.text) & wanted
        )
    if kind == "relation":
        return _worst(one.standing for one in kept.judged if one.fact.kind == "relation")
    if kind == "object":
        return _worst(_object(name, text) for name in words)
    return _order(words, text)


def _worst(standings: Iterator[Standing]) -> Standing:
    found = set(standings)
    return next((one for one in _WORST if one in found), "lost")


def _object(name: str, text: str) -> Standing:
    """An object by its last word, which names it; the words before only say which kind."""
    things = [one for one in judge(facts_of(name), text).judged if one.fact.kind in ("subject", "action", "setting")]
    return things[-1].standing if things else "lost"


def _order(steps: tuple[str, ...], text: str) -> Standing:
    """Whether the text tells the steps one after the other; "near" where one is only known by its other words."""
    told = [root(word) for word in words_of(text)]
    at, surely = -1, True
    for number, step in enumerate(steps):
        places, by_verb = _places(step, told)
        if not places:
            return "lost"
        surely = surely and by_verb
        later = [place for place in places if place > at]
        if not later:
            return "contradicted" if surely else "near"
        at = later[0] if number == 0 else later[-1]
    return "kept" if surely else "near"


def _places(step: str, told: list[str]) -> tuple[list[int], bool]:
    """Where a step is told, and whether by its own verb: else by a similar one, or by what it is done with."""
    words = [
        word for word in words_of(step) if carries_meaning(word) and word not in ("get", "gets", "start", "starts")
    ]
    verb, *others = words or [step]
    for wanted in (same(verb), near(verb), frozenset().union(*map(same, others))):
        if places := [place for place, one in enumerate(told) if one in wanted]:
            return places, wanted == same(verb)
    return [], False
