"""Checks on captions: what is wrong with one, found from its text, its steps and its measured facts alone.

A check never mends anything: it says what is wrong and where, in words a person or a model can act on. No model is
asked here; ``judge`` does that, on demand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ...records import Finding
from ...verify import camera, facts, support
from ...verify.prose import Draft
from ...wording import counted
from ..rows import CaptionRow
from . import text, times
from .language import language

__all__ = ["CHECKS", "JUDGE", "MIXED_UP", "REPEATED", "Check", "check_caption", "severity", "without_facts_line"]

Group = Literal["text", "times", "support", "facts"]

JUDGE = "judge"
"""The check that a model makes (see ``judge``)."""
REPEATED = "repeated"
"""A check across videos: one text on several of them (see ``whole``)."""
MIXED_UP = "mixed up"
"""A check across videos: texts that fit another video (see ``exchanged``)."""
_MORE_OF_THE_SAME = 0.25


@dataclass(frozen=True)
class Check:
    """One check: what it finds in a caption, how bad that is (0..1), and whether asking the model again can help."""

    group: Group
    finds: str
    weight: float
    run: Callable[[Draft], Iterator[Finding]]
    can_ask_again: bool = True


CHECKS: dict[str, Check] = {
    "unusable": Check("text", "no usable answer, or an empty text", 1.0, text.unusable),
    "refusal": Check("text", "refusals and talk of the model about itself", 1.0, text.refusal),
    "loop": Check("text", "loops, a repeated sentence, a repeated long step", 0.9, text.loop),
    "placeholder": Check("text", "places that were never filled in", 0.9, text.placeholder),
    "language": Check("text", "another language than the one asked for", 0.8, language),
    "cut off": Check("text", "a text that stops in the middle of a sentence", 0.6, text.cut_off),
    "markup": Check("text", "markdown, JSON, code, role markers, special tokens", 0.6, text.markup),
    "length": Check("text", "too few or far too many words for the time", 0.5, text.length),
    "meta talk": Check("text", "talk of frames by number, of prompts and earlier texts", 0.4, text.meta_talk),
    "boilerplate": Check("text", "openings that say nothing about the video", 0.3, text.boilerplate),
    "order of steps": Check("times", "steps outside the video or out of order", 1.0, times.order, False),
    "tiling": Check("times", "gaps and overlaps of shots and steps", 0.8, times.tiling, False),
    "frame times": Check("times", "frames outside their step", 0.8, times.frame_times, False),
    "told times": Check("times", "times in the words that are not in the video or the step", 0.5, times.told_times),
    "unsupported": Check("support", "claims of the summary that no step supports", 0.7, support.unsupported),
    "colour": Check("support", "a thing of another colour than in the steps", 0.5, support.colours_of_things),
    "order of events": Check("support", "events told in another order than the steps'", 0.7, support.order_of_events),
    "contradiction": Check("support", "somebody who has left and acts all the same", 0.5, support.coming_and_going),
    "camera": Check("facts", "moves of the camera that were measured otherwise", 0.7, camera.camera),
    "count": Check("facts", "numbers of people that the tracks never show", 0.6, facts.counts),
    "object": Check("facts", "nobody where somebody is, a dog where a cat is", 0.7, facts.names),
    "direction": Check("facts", "left for right in what moves, comes or goes", 0.7, facts.directions),
    "on-screen text": Check("facts", "quoted text of which nothing was read", 0.4, facts.screen_text),
    "look": Check("facts", "black and white for colour, dark for bright", 0.6, facts.look),
}
"""Every check of a single caption, by the name that findings bear."""

_WEIGHTS = {name: check.weight for name, check in CHECKS.items()} | {JUDGE: 0.7, REPEATED: 0.9, MIXED_UP: 1.0}


def check_caption(row: CaptionRow, *, language: str = "en") -> tuple[Finding, ...]:
    """Everything that is wrong with a caption; the same caption always gives the same findings.

    ``language`` is the code of the language its texts should be in (``language.LANGUAGES``). Raises SettingsError for
    one that cannot be told from others.
    """
    draft = Draft(row, language)
    return tuple(finding for check in CHECKS.values() for finding in check.run(draft))


def without_facts_line(captions: int) -> str:
    """What is not checked on captions that carry no measured facts, in words."""
    names = ", ".join(sorted(name for name, check in CHECKS.items() if check.group == "facts"))
    return f"{counted(captions, 'caption')} without measured facts: not checked for {names}"


def severity(findings: Iterable[Finding]) -> float:
    """How bad findings are together, to show the worst first: 0 for none.

    The sum of the weights of the checks; more findings of one check count a quarter each, up to four of them.
    """
    counts = Counter(finding.check for finding in findings)
    return sum(_WEIGHTS.get(name, 0.5) * (1 + _MORE_OF_THE_SAME * min(count - 1, 4)) for name, count in counts.items())
