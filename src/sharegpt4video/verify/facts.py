"""The texts against what was measured: camera, counts, names, directions, on-screen text, the look of the picture.

A text is only contradicted where the measurement is sure: what was not seen may still be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from ..records import Facts, Finding, TrackedObject
from ..vlm.embedded.geometry import border_side, carried, holds_still
from ..vlm.embedded.words import word_set
from .lexicon import ANIMALS, VEHICLES, concept_of, kinds, things
from .prose import SUMMARY, Draft, Passage, folded, shortened

SURE_TRACK_SCORE, SURE_TRACK_FRAMES = 0.5, 4
LARGE_AREA = 0.04
LEAST_MOVE_WIDTHS = 0.1
STILL_WIDTHS = 0.03
SAME_READING = 0.6
COLOURLESS = ("black", "white", "grey", "gray")

_COUNT = re.compile(
    r"\b(?P<number>two|three|four|five|[2-5])\s+(?:\w+\s+)?(?:people|persons|individuals|men|women|pedestrians)\b", re.I
)
_ALONE = re.compile(
    r"\b(?:a\s+(?:single|lone|solitary)|only\s+one|just\s+one|one\s+lone)\s+(?:person|man|woman|individual)\b", re.I
)
_NOBODY = re.compile(
    r"\b(?:no\s*(?:one|body)\s+(?:is|can\s+be)|no\s+(?:people|persons?|humans?)\b|(?:without|devoid\s+of)\s+(?:any\s+)?"
    r"(?:people|persons?|humans?)\b|(?:room|street|scene|place|picture|road|hall|park|stage|frame)\s+is\s+(?:now\s+)?"
    r"(?:completely\s+|entirely\s+)?(?:empty|deserted))",
    re.IGNORECASE,
)
_NOBODY_WORDS = word_set("no nobody noone no-one without devoid empty deserted")
_COUNT_WORDS = word_set("two three four five 2 3 4 5 single lone solitary one")
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5}
_GOES = (
    r"(?:moves?|walks?|runs?|goes|travels?|drives?|rides?|flies|slides?|jogs?|heads?|crosses|passes|rolls?|swims?|sails?"
    r"|strides?|trots?|moving|walking|running|going|driving|riding|flying|heading|crossing|sliding)"
)
_SIDES = word_set("left right leftward leftwards rightward rightwards")
_SIDEWAYS = re.compile(
    rf"\b{_GOES}\b(?:\s+(?:slightly|slowly|quickly|steadily|further|across|the|picture|frame|screen|scene|past|over|along"
    r"|smoothly|rapidly|briskly|off|away))*?\s+"
    r"(?:(?:to|towards?)\s+the\s+(?P<to>left|right)\b(?!\s+(?:hand|arm|foot|leg|side\s+of\s+(?!the\s+(?:picture|frame"
    r"|screen))))|from\s+(?:the\s+)?(?P<start>left|right)\s+to\s+(?:the\s+)?(?P<end>left|right)|(?P<ward>left|right)wards?)",
    re.IGNORECASE,
)
_ENTERS = re.compile(
    r"\b(?:enters?|(?:comes?|drives?|walks?)\s+in|appears?)\s+(?:the\s+\w+\s+)?from\s+the\s+(?P<side>left|right)\b",
    re.I,
)
_LEAVES = re.compile(
    r"\b(?:leaves?|exits?|drives?\s+out\s+of)\s+(?:the\s+\w+\s+)?(?:on|to|at|towards?)\s+the\s+(?P<side>left|right)\b",
    re.IGNORECASE,
)
_READS = re.compile(
    r"\b(?:texts?|words?|captions?|sign|signs|reads?|reading|logo|title|titles|subtitles?|watermark|letters|label(?:ed|led)?"
    r"|lettering|written|inscription|headline|banner|on(?:\s+the|-)?\s*screen|credits?)\b",
    re.IGNORECASE,
)
_MONOCHROME = re.compile(
    r"\b(?:black[\s-]and[\s-]white\s+(?:video|footage|film|shot|image|picture|scene|photograph)"
    r"|in\s+black[\s-]and[\s-]white|monochrom(?:e|atic)|gr[ae]yscale)\b",
    re.IGNORECASE,
)
_COLOURFUL = re.compile(r"\b(?:colou?rful|multi-?colou?red|vibrant(?:ly)?\s+colou?r(?:s|ed)?|vivid\s+colou?rs)\b", re.I)
_LOOK_WORDS = word_set(
    "black black-and-white monochrome monochromatic grayscale greyscale dark colorful colourful multicolored"
    " multicoloured multi-colored multi-coloured vibrant vibrantly vivid"
)
_BLACK = re.compile(
    r"\b(?:(?:screen|picture|image|frame|shot)\s+(?:is|remains|stays)\s+(?:completely\s+|entirely\s+)?(?:black|dark)"
    r"|entirely\s+black|completely\s+(?:black|dark))\b(?!\s+(?:and|in|at|on|with|bl|gr|br)\w*)",
    re.IGNORECASE,
)


def facts_of(draft: Draft, passage: Passage) -> Sequence[Facts]:
    """What was measured in the time that a text is about."""
    steps = draft.row.steps if passage.number == SUMMARY else draft.row.steps[passage.number : passage.number + 1]
    return [facts for step in steps for facts in step.facts]


def sure(thing: TrackedObject) -> bool:
    return thing.score >= SURE_TRACK_SCORE and thing.seen_frames >= SURE_TRACK_FRAMES


def counts(draft: Draft) -> Iterator[Finding]:
    """A number of people that the tracks never show, or "a single person" where they show more all along."""
    for passage in draft.texts:
        if passage.vocabulary.isdisjoint(_COUNT_WORDS):
            continue
        crowd = [_people(facts) for facts in facts_of(draft, passage)]
        around = crowd if passage.number == SUMMARY else [_people(f) for f in _around(draft, passage.number)]
        if not crowd or not all(around) or any(not all(map(sure, people)) for people in around[1:]):
            continue  # one that is hardly seen may be two, and where nobody is seen nothing can be counted
        most, least = max(map(len, around)), min(map(len, crowd))
        match = _COUNT.search(passage.plain)
        if match and most == 1 and len(around) > 1 and _NUMBERS[match["number"].lower()] > most:
            yield passage.finding("count", f"says {match[0]!r}, but the tracks show one person throughout")
        elif (alone := _ALONE.search(passage.plain)) and least > 1 and len(crowd) > (passage.number == SUMMARY):
            yield passage.finding("count", f"says {alone[0]!r}, but the tracks show {least} people all along")


def _people(facts: Facts) -> list[TrackedObject]:
    return [thing for thing in facts.objects if thing.label == "person" and (thing.start_box or thing.end_box)]


def _around(draft: Draft, number: int) -> list[Facts]:
    """The facts of a step and of its neighbours in the same shot."""
    steps = draft.row.steps
    near = [n for n in (number - 1, number, number + 1) if 0 <= n < len(steps)]
    return [facts for n in near if steps[n].shot_index == steps[number].shot_index for facts in steps[n].facts]


def names(draft: Draft) -> Iterator[Finding]:
    """Nobody is said to be there where a person is; a dog where the tracks show a cat."""
    seen = {concept_of(thing.label) for step in draft.row.steps for facts in step.facts for thing in facts.objects}
    for passage in draft.texts:
        measured = facts_of(draft, passage)
        may_deny = not passage.vocabulary.isdisjoint(_NOBODY_WORDS)
        if may_deny and measured and (match := _NOBODY.search(passage.plain)) and _somebody_always(measured):
            yield passage.finding("object", f"says {match[0]!r}, but the tracks show a person throughout")
        elif measured and (reason := _other_name(passage, seen, measured)):
            yield passage.finding("object", reason)


def _somebody_always(measured: Sequence[Facts]) -> bool:
    return all(any(_large_at_both_ends(thing) for thing in _people(facts)) for facts in measured)


def _large(thing: TrackedObject) -> bool:
    boxes = [box for box in (thing.start_box, thing.end_box) if box is not None]
    return sure(thing) and any(box.width * box.height >= LARGE_AREA for box in boxes)


def _large_at_both_ends(thing: TrackedObject) -> bool:
    boxes = [thing.start_box, thing.end_box]
    return sure(thing) and all(box is not None and box.width * box.height >= LARGE_AREA for box in boxes)


def _other_name(passage: Passage, seen: set[str], measured: Sequence[Facts]) -> str:
    """A class of animal or vehicle that was never seen, named instead of one that was seen surely and is not named."""
    told = things(passage.stems)
    if told.isdisjoint(ANIMALS | VEHICLES):
        return ""
    large = {concept_of(thing.label) for facts in measured for thing in facts.objects if _large(thing)}
    for family, kind in ((ANIMALS, "animal"), (VEHICLES, "vehicle")):
        named, shown = told & family, seen & family
        surely = bool(shown) and shown <= large and not shown & told
        if surely and len(named) == 1 and not named & shown and kind not in kinds(passage.stems):
            return f"speaks of a {min(named)}, but the tracks show a {' and a '.join(sorted(shown))}"
    return ""


def directions(draft: Draft) -> Iterator[Finding]:
    """Left for right: where something goes to, comes from or leaves on."""
    for passage in draft.steps:
        if passage.vocabulary.isdisjoint(_SIDES):
            continue
        for facts in facts_of(draft, passage):
            if reason := _reversed(passage, facts):
                yield passage.finding("direction", reason)
                break


def _reversed(passage: Passage, facts: Facts) -> str:
    for sentence in passage.sentences:
        label = _one_label(sentence, facts)
        if not label or not facts.camera.moves:
            continue
        ways = {_way(match) for match in _SIDEWAYS.finditer(sentence.plain)}
        if len(ways) == 1 and (measured := _sides_moved(label, facts)) and measured == {_opposite(min(ways))}:
            return f"says that the {label} goes to the {min(ways)}, but it was tracked to the {min(measured)}"
        if reason := _wrong_edge(sentence, label, facts):
            return reason
    return ""


def _way(match: re.Match[str]) -> str:
    return str(match["to"] or match["end"] or match["ward"]).lower()


def _opposite(side: str) -> str:
    return "left" if side == "right" else "right"


def _one_label(sentence: Passage, facts: Facts) -> str:
    """The label that a sentence is about, when it can be only one of those that were tracked."""
    labels = {thing.label for thing in facts.objects}
    named = things(sentence.stems) | kinds(sentence.stems)
    people = {"man", "woman", "child", "person"} & named
    found = {label for label in labels if concept_of(label) in named or (label == "person" and people)}
    return min(found) if len(found) == 1 and "camera" not in sentence.words else ""


def _sides_moved(label: str, facts: Facts) -> set[str]:
    """The ways that things of a label went, with and without the camera's own move; none where one is not clear."""
    sides = set()
    for thing in facts.objects:
        if thing.label != label:
            continue
        if thing.start_box is None or thing.end_box is None or not sure(thing):
            return set()
        own = thing.end_box.centre[0] - carried(thing.start_box, facts.camera).centre[0]
        seen = thing.end_box.centre[0] - thing.start_box.centre[0]
        if abs(own) < STILL_WIDTHS:
            continue
        if abs(own) < LEAST_MOVE_WIDTHS or (seen * own < 0 and abs(seen) >= STILL_WIDTHS):
            return set()
        sides.add("right" if own > 0 else "left")
    return sides


def _wrong_edge(sentence: Passage, label: str, facts: Facts) -> str:
    if not holds_still(facts.camera):
        return ""
    for pattern, came in ((_ENTERS, True), (_LEAVES, False)):
        match = pattern.search(sentence.plain)
        edges = {
            _edge(thing, facts, came)
            for thing in facts.objects
            if thing.label == label and (thing.start_box is None) == came and (thing.end_box is None) != came
        }
        if match and edges == {_opposite(match["side"].lower())}:
            verb = "comes in from" if came else "leaves on"
            return f"says that the {label} {verb} the {match['side'].lower()}, but it was the {min(edges)}"
    return ""


def _edge(thing: TrackedObject, facts: Facts, came: bool) -> str:
    """The side on which it came or went; by its box where crossings were not measured (older facts)."""
    box = thing.end_box if came else thing.start_box
    if facts.counts is None and box is not None:
        return border_side(box)
    return thing.enters if came else thing.leaves


def screen_text(draft: Draft) -> Iterator[Finding]:
    """Quoted on-screen text of which nothing was read, where somebody did read."""
    read = [facts for step in draft.row.steps for facts in step.facts if facts.texts is not None]
    lines = [folded(words) for facts in read for words in facts.known_words]
    if not read:
        return
    for passage in draft.texts:
        if not any(facts.texts is not None for facts in facts_of(draft, passage)):
            continue
        for sentence in passage.sentences:
            missing = [quote for quote in sentence.quotes if not _was_read(quote, lines)]
            if missing and _READS.search(sentence.plain):
                quoted = shortened(missing[0], 40)
                yield passage.finding("on-screen text", f"quotes {quoted!r}; nothing like it was read")
                break


def _was_read(quote: str, lines: Sequence[str]) -> bool:
    wanted = folded(quote)
    if len(wanted) < 4 or not wanted.isascii():
        return True
    if wanted in "".join(lines):
        return True
    return any(
        (line in wanted and len(line) >= 4)
        or SequenceMatcher(None, wanted, line, autojunk=False).ratio() >= SAME_READING
        for line in lines
    )


def look(draft: Draft) -> Iterator[Finding]:
    """Black and white where there are colours, colours where there are none, a black screen that is bright."""
    for passage in draft.texts:
        if passage.vocabulary.isdisjoint(_LOOK_WORDS):
            continue
        looks = [facts.look for facts in facts_of(draft, passage)]
        if not looks or not all(one.palette for one in looks):
            continue
        chroma = [sum(s for name, s in one.palette if not name.endswith(COLOURLESS)) for one in looks]
        known = min(sum(share for _, share in one.palette) for one in looks)
        if (match := _MONOCHROME.search(passage.plain)) and min(chroma) >= 0.4:
            yield passage.finding("look", f"says {match[0]!r}, but {min(chroma):.0%} of the picture is coloured")
        elif (match := _COLOURFUL.search(passage.plain)) and max(chroma) == 0 and known >= 0.97:
            yield passage.finding("look", f"says {match[0]!r}, but the picture has no colour")
        elif (match := _BLACK.search(passage.plain)) and min(one.brightness for one in looks) >= 0.35:
            light = min(one.brightness for one in looks)
            yield passage.finding("look", f"says {match[0]!r}, but the mean brightness is {light:.2f} of 1")
