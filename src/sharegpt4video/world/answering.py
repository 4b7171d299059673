"""Answer questions of the closed world from a caption: exactly what it tells, and nothing that it leaves open.

Each option is turned into a claim, and each claim is true, false, or not told. An option is the answer if it alone is
true, or if it alone is left when all others are false.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .claims import holds
from .told import Told, read

_WHO = r"the \w+"
_CLAIMS: Sequence[tuple[str, str]] = (
    (rf"what does ({_WHO}) do\?", "{0} {option}"),
    (rf"which way does ({_WHO}) move\?", "{0} moves this way: {option}"),
    (rf"which way does ({_WHO}) move before it comes back\?", "{0} moves {option} before it comes back"),
    (rf"which way does ({_WHO}) move (first|at last)\?", "{1} {0} moves {option}"),
    (r"how does the camera move\?", "the camera {option}"),
    (rf"how fast does ({_WHO}) move\?", "{0} moves {option}"),
    (r"which thing moves faster\?", "the thing that moves faster is {option}"),
    (rf"what does ({_WHO}) do, in order\?", "{0} {option}"),
    (r"what happens first\?", "of two things, first {option}"),
    (rf"how does the (colour|size) of ({_WHO}) change\?", "the {0} of {1} {option}"),
    (rf"what does ({_WHO}) do right after it (.+)\?", "right after it {1}, {0} {option}"),
    (rf"during which part of the video is it true that ({_WHO}) (.+)\?", "{0} {1} {option}"),
    (rf"how many times does ({_WHO}) change its colour\?", "the number of times {0} changes its colour is {option}"),
    (rf"where would ({_WHO}) be at the end if it did not move\?", "{0} would be {option} at the end"),
    (rf"what does ({_WHO}) pass behind\?", "{0} passes behind {option}"),
    (rf"where is ({_WHO}) in relation to (.+) before it is hidden\?", "{0} is {option} before it is hidden"),
    (r"how many things move\?", "the number of things that move is {option}"),
    (r"what (?:shape|colour) is the thing that moves\?", "the thing that moves is {option}"),
    (r"which thing is the first to do something\?", "the first to do something is {option}"),
    (r"how does the background change\?", "the background {option}"),
    (rf"what colour is ({_WHO})\?", "{0} is {option}"),
    (r"what shape is the (\w+) thing\?", "the {0} thing is a {option}"),
    (rf"where is ({_WHO})\?", "{0} is {option}"),
    (r"how many things are there\?", "the number of things is {option}"),
    (r"what is the background like\?", "the background is {option}"),
)
_STEMS = tuple((re.compile(stem), says) for stem, says in _CLAIMS)
_YES_NO = re.compile(r"is it true that (?P<claim>.+)\?|is (?P<there>there a thing that .+)\?")
_PICKS = re.compile(r"which (?:description|of these) .*\?")


@dataclass(frozen=True)
class WorldReader:
    """The exact judge of the closed world's captions; it takes the questions of TempCompass' and MVBench's layouts."""

    name: str = "exact reader of the closed world"
    agreement: str = "exact: it knows what a caption of this world tells, and answers nothing else"

    def answer(self, caption: str, stem: str, options: Sequence[str]) -> int | None:
        """The index of the option that a caption settles on; None if it does not tell, or for a foreign question."""
        return answer(read(caption), stem, options)


def answer(told: Told, stem: str, options: Sequence[str]) -> int | None:
    """As ``WorldReader.answer``, from a caption that was read."""
    stem = stem.strip().lower()
    if found := _YES_NO.fullmatch(stem):
        known = holds(told, found["claim"] or found["there"])
        said = {True: "yes", False: "no", None: ""}[known]
        return list(options).index(said) if said in options else None
    claims = [_claim(stem, option.strip().lower()) for option in options]
    truths = [holds(told, claim) if claim else False for claim in claims]
    if truths.count(True) == 1:
        return truths.index(True)
    if not truths.count(True) and truths.count(None) == 1 and len(truths) > 1:
        return truths.index(None)
    return None


def _claim(stem: str, option: str) -> str:
    """What an option claims; "" for one that claims nothing, such as "not sure"."""
    if option == "not sure":
        return ""
    if _PICKS.fullmatch(stem):
        return option.removesuffix(".")
    for pattern, says in _STEMS:
        if found := pattern.fullmatch(stem):
            return says.format(*found.groups(), option=option)
    return ""
