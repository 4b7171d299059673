"""Captions against known facts, without a judge: what is stated, contradicted, missing, and in the right order.

A language defines the words for facts. A caption is split into clauses, each about one subject, and every claim is
either a true fact or wrong. Anything the language has no words for is ignored: this is for closed worlds and measured
facts, not for free prose. ``world_facts`` reads the scenes of the closed world from plain data.

Every word of a list counts ("moves left, right, up and down" is four claims, "a small, red square" two), a list item
belongs to the thing it names, "it" is the thing named last, a disc may be called a circle, and a change of background
is an event with a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json_lines


@dataclass(frozen=True)
class Fact:
    """A true fact: a subject, a respect, and a value. ``seconds`` is when it begins (events only).

    A fact that is not ``expected`` may be stated but is never missing, such as one that follows from another.
    """

    subject: str
    respect: str
    value: str
    seconds: float | None = None
    expected: bool = True

    @property
    def claim(self) -> tuple[str, str, str]:
        return self.subject, self.respect, self.value


@dataclass(frozen=True)
class Language:
    """The words for facts. All patterns are lower-case regular expressions.

    subjects   name -> pattern of its words
    before     respect -> value -> pattern in the few words before the subject, such as adjectives
    after      respect -> value -> pattern anywhere in a clause about the subject
    objects    pattern of phrases that name another subject without being about it ("behind the circle"); in ``after``
               patterns they read as ``behind NAME``
    """

    subjects: Mapping[str, str]
    before: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    after: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    objects: str = ""
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Respects that only some subjects have: subject -> respects; other subjects have all the others."""
    listed: Sequence[str] = ()
    """Patterns of words of one sort: a comma or "and" between two of them ("left, right and up") ends no clause."""

    def respects(self, subject: str) -> set[str]:
        everywhere = {*self.before, *self.after} - {name for names in self.only.values() for name in names}
        return set(self.only[subject]) if subject in self.only else everywhere


@dataclass(frozen=True)
class Claim:
    """A claim of a caption, and its position (in characters, for the order)."""

    subject: str
    respect: str
    value: str
    position: int


@dataclass(frozen=True)
class FactScore:
    """A caption scored against facts. Shares are 0 to 1; ``order`` is None if no two events can be compared.

    stated, missing   true facts, stated or not; ``contradicted``: missing ones for which something else is stated
    wrong             claims that are not true
    order             share of the pairs of stated events, beginning at different times, that are told in that order
    order_recall      the same over all such pairs of events, stated or not
    """

    stated: tuple[Fact, ...]
    contradicted: tuple[Fact, ...]
    missing: tuple[Fact, ...]
    wrong: tuple[Claim, ...]
    precision: float
    recall: float
    order: float | None
    order_recall: float | None

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


_NEAR = 4  # how many words before a subject may be its adjectives


def claims(caption: str, language: Language) -> list[Claim]:
    """Every claim of a caption that the language has words for, in order, repetitions included."""
    found: list[Claim] = []
    subject = ""
    for start, clause, opens in _clauses(_plain(caption, language)):
        clause = _hidden(clause, language)
        named = _first_subject(clause, language)
        if opens and not named and not re.match(r"\s*(?:then |next |finally )?it\b", clause):
            subject = ""  # a sentence about something else
        subject = named or subject
        if subject:
            found += _claims_of(subject, start, clause, language)
    return found


def _plain(caption: str, language: Language) -> str:
    """Lower-cased; full stops and capitals at the start of a line begin a sentence; commas in lists are removed."""
    text = re.sub(r"\s*\n(?=\s*(?:[-*\u2022]|\d+[.):]|[A-Z]))", " . ", caption).lower()
    for words in language.listed:
        between = rf"\b({words})(?:\s*,)?\s+(?:(?:and|or|then)\s+)*(?:to\s+the\s+)?(?=(?:{words})\b)"
        text = re.sub(between, lambda found: f"{found[1]} ".ljust(len(found[0])), text)
    return text


_LINK = re.compile(r"\s*(?:next|finally|later|afterwards|at last|in the end)?\s*")


def _clauses(text: str) -> Iterator[tuple[int, str, bool]]:
    """The start of each clause, its text, and whether it opens a sentence, apart from words such as "finally,"."""
    at, opens = 0, True
    for cut in re.finditer(r"([.!?;]+)(?=\s|$)|,|\n|\b(?:while|and|then|before|after that)\b", text):
        if not _LINK.fullmatch(text, at, cut.start()):
            yield at, text[at : cut.start()], opens
            opens = False
        if cut[1]:
            opens = True
        at = cut.end()
    if text[at:].strip():
        yield at, text[at:], opens


def _hidden(clause: str, language: Language) -> str:
    """Mark phrases about another subject, so they are not taken for the subject of the clause."""
    return re.sub(language.objects, lambda found: found[0].replace(" ", "_"), clause) if language.objects else clause


def _first_subject(clause: str, language: Language) -> str:
    places = {name: re.search(rf"\b(?:{words})\b", clause) for name, words in language.subjects.items()}
    here = {name: place.start() for name, place in places.items() if place}
    return min(here, key=lambda name: here[name]) if here else ""


def _claims_of(subject: str, start: int, clause: str, language: Language) -> Iterator[Claim]:
    allowed = language.respects(subject)
    place = re.search(rf"\b(?:{language.subjects[subject]})\b", clause)
    if place:
        near = re.findall(r"\S+", clause[: place.start()])[-_NEAR:]
        for respect, values in language.before.items():
            for value, words in values.items() if respect in allowed else ():
                if re.search(rf"\b(?:{words})\b", " ".join(near)):
                    yield Claim(subject, respect, value, start + place.start())
    for respect, values in language.after.items():
        for value, words in values.items() if respect in allowed else ():
            said = re.search(rf"\b(?:{words})\b", clause)
            if said:
                yield Claim(subject, respect, value, start + said.end())


def score(caption: str, facts: Sequence[Fact], language: Language) -> FactScore:
    """Score a caption against facts.

    ``precision`` is over distinct claims (1 without claims), ``recall`` over distinct facts. For the order, the first
    mention of an event counts.
    """
    said = claims(caption, language)
    first: dict[tuple[str, str, str], int] = {}
    for claim in said:
        first.setdefault((claim.subject, claim.respect, claim.value), claim.position)
    true = {fact.claim for fact in facts}
    wrong = tuple(c for c in _distinct(said) if (c.subject, c.respect, c.value) not in true)
    expected = [fact for fact in facts if fact.expected]
    stated = tuple(fact for fact in expected if fact.claim in first)
    other = {(claim.subject, claim.respect) for claim in wrong}
    unstated = [fact for fact in expected if fact.claim not in first]
    order, order_recall = _order(facts, first)
    return FactScore(
        stated=stated,
        contradicted=tuple(fact for fact in unstated if (fact.subject, fact.respect) in other),
        missing=tuple(fact for fact in unstated if (fact.subject, fact.respect) not in other),
        wrong=wrong,
        precision=(len(first) - len(wrong)) / len(first) if first else 1.0,
        recall=len({fact.claim for fact in stated}) / len({f.claim for f in expected}) if expected else 1.0,
        order=order,
        order_recall=order_recall,
    )


def _distinct(said: Iterable[Claim]) -> list[Claim]:
    kept: dict[tuple[str, str, str], Claim] = {}
    for claim in said:
        kept.setdefault((claim.subject, claim.respect, claim.value), claim)
    return list(kept.values())


def _order(facts: Sequence[Fact], first: Mapping[tuple[str, str, str], int]) -> tuple[float | None, float | None]:
    """Pairs of events that happen once; an event that happens twice has no single place in the order."""
    events = [fact for fact in facts if fact.seconds is not None]
    once = [fact for fact in events if sum(other.claim == fact.claim for other in events) == 1]
    pairs = [(a, b) for a in once for b in once if (a.seconds or 0.0) < (b.seconds or 0.0)]
    told = [(a, b) for a, b in pairs if a.claim in first and b.claim in first]
    right = sum(first[a.claim] < first[b.claim] for a, b in told)
    return (right / len(told) if told else None), (right / len(pairs) if pairs else None)


_MOVES = r"(?:moves?|moving|slides?|sliding|passes|passing|goes|going|travels?|travelling|drifts?|drifting|heads?)"
_WAY = rf"{_MOVES}(?:\s+(?:slowly|fast|quickly|to|the|towards))*\s+"
_SHAPES = ("disc", "square", "triangle", "diamond", "cross", "ring", "star")
_ALSO = {"disc": ("disk", "circle"), "diamond": ("rhombus",), "ring": ("annulus",)}
_COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "magenta", "cyan", "pink", "white", "black", "grey")
_FIXED: Mapping[str, Mapping[str, str]] = {
    "speed": {"slow": "slowly", "fast": "fast|quickly"},
    "deed": {
        "turns around": "turns around|comes back|returns",
        "grows": "grows|becomes (?:large|larger|big|bigger)",
        "shrinks": "shrinks|becomes (?:small|smaller)",
        "appears": "appears|comes into view",
        "disappears": "disappears|vanishes",
        "stays": "stays where it is|does nothing|rests|does not move",
    },
    "camera": {
        "still": "(?:stays|is|remains) (?:still|static)",
        **{f"pan {way}": rf"pans?(?:ning)? {way}" for way in ("left", "right")},
        **{f"tilt {way}": rf"tilts?(?:ing)? {way}" for way in ("up", "down")},
        **{f"zoom {way}": rf"zooms?(?:ing)? {way}" for way in ("in", "out")},
    },
    "tone": {"dark": "dark", "light": "light|bright"},
}
"""Words that do not depend on the things and colours."""


def world_language(shapes: Iterable[str] = _SHAPES, colours: Iterable[str] = _COLOURS) -> Language:
    """The words of the closed world and synonyms: things, looks, movements, camera and background."""
    known, colours = tuple(shapes), tuple(colours)
    names = {shape: "|".join([shape, *(o for o in _ALSO.get(shape, ()) if o not in known)]) for shape in known}
    ways = ("left", "right", "up", "down")
    way_list, colour_list = r"(?:left|right|up|down)(?:wards?)?", "|".join(colours)
    sizes = {"small": "small|little|tiny", "large": "large|big|huge"}
    looks = "|".join([colour_list, *sizes.values()])
    is_also = rf"is\s+(?:(?:{looks})\s+)*"
    return Language(
        subjects={**names, "camera": "camera|view", "background": "background"},
        before={
            "colour": {colour: colour for colour in colours},
            "size": sizes,
        },
        after={
            "colour": {colour: is_also + colour for colour in colours},
            "size": {size: rf"{is_also}(?:{words})" for size, words in sizes.items()},
            "movement": {way: rf"{_WAY}(?:{way_list}\s+)*{way}(?:wards?)?" for way in ways},
            "new colour": {
                colour: rf"(?:turns|becomes)(?: from \w+ to)? (?:(?:{colour_list})\s+)*{colour}" for colour in colours
            },
            "hiding": {name: rf"behind_the_(?:{words})" for name, words in {**names, "wall": "wall"}.items()},
            **_FIXED,
        },
        objects=r"behind the \w+",
        only={"camera": ("camera",), "background": ("tone",)},
        listed=(way_list, looks),
    )


def world_facts(scene: Mapping[str, Any], *, seconds: float = 1.0) -> list[Fact]:
    """The facts of one scene of the closed world (a line of its ``scenes.jsonl``), for ``world_language``.

    Looks, events with their times (of a video of ``seconds``), the camera and the background's tone, but not places,
    since a caption may give those of any moment. Raises SettingsError for another layout.
    """
    facts: list[Fact] = []
    try:
        for number, thing in enumerate(scene["things"]):
            shape = str(thing["shape"])
            own = [event for event in scene["events"] if event["thing"] == number]
            looks = [("colour", _colours(thing, own)), ("size", _sizes(thing, own))]
            for respect, values in looks:
                facts += [Fact(shape, respect, str(value), expected=at == 0) for at, value in enumerate(values)]
            facts += [fact for event in own for fact in _event_facts(shape, event, seconds)]
        facts.append(Fact("camera", "camera", str(scene.get("camera", "still"))))
        tones = scene.get("tones", ())
        # A change of background happens halfway; without one there is no event.
        begins = {0: 0.0, 1: seconds / 2} if len(tones) == 2 else {}
        facts += [Fact("background", "tone", str(tone), begins.get(at)) for at, tone in enumerate(tones)]
    except (KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"not a scene of the closed world (things and events): {error!r}") from error
    return list(dict.fromkeys(facts))


def _colours(thing: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> list[Any]:
    """A thing's first colour and those it turns to: a caption may say "the red square" at any time."""
    return list(dict.fromkeys([thing["colour"], *(e["colour"] for e in events if e["kind"] == "recolours")]))


def _sizes(thing: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> list[Any]:
    later = {"grows": "large", "shrinks": "small"}
    return list(dict.fromkeys([thing["size"], *(later[e["kind"]] for e in events if e["kind"] in later)]))


def _event_facts(subject: str, event: Mapping[str, Any], seconds: float) -> Iterator[Fact]:
    start = float(event["start"]) * seconds
    kind = event["kind"]
    if event.get("direction"):
        yield Fact(subject, "movement", str(event["direction"]), start)
    if event.get("speed") and kind == "moves":
        yield Fact(subject, "speed", str(event["speed"]))
    if event.get("behind"):
        yield Fact(subject, "hiding", str(event["behind"]), start)
    if kind == "recolours":
        yield Fact(subject, "new colour", str(event["colour"]), start)
    deeds = {"turns": "turns around"}
    if kind in ("turns", "grows", "shrinks", "appears", "disappears", "stays"):
        yield Fact(subject, "deed", deeds.get(kind, kind), start)


def read_scenes(path: Path) -> list[Mapping[str, Any]]:
    """The scenes of a JSON Lines file; a line is a scene or has one under ``scene``. Raises SettingsError."""
    try:
        rows = read_json_lines(path)
        return [row.get("scene", row) for row in rows]
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError(f"{path}: cannot be read as scenes in JSON lines: {error}") from error
