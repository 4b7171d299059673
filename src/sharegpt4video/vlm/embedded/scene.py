"""The opening of a shot: who and what is where, what is written there, and what is worth saying of its look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ...records import Box, Facts, LabelCount, Pose, ScreenText, TrackedObject
from .acting import POSE_CONFIDENCE
from .cast import counted_by
from .geometry import area, corner, place, side
from .look import blur_sentence, notable, picture_words, plain_screen
from .words import a, choose, counted, listed, number, paragraph, plural, quoted

TEXT_SCORE = 0.6
LEAST_LETTERS = 2  # scores, clocks and counters on a screen are no text to quote
NAMED_TEXTS = 6
STANDING_SHAPE = 4.0  # height over width in shares of the picture: 2.2 at 16:9
ROW_SLOPE, ROW_SIZES, ROW_GAPS = 0.12, 1.35, 2.0  # of their height; largest over smallest
UPRIGHT_SHAPE = 3.0  # height over width, in shares of the picture, of a bottle that stands in the widest picture
STANDING_THINGS = frozenset(("bottle", "wine glass", "vase"))
_SIDES = ("on the left", "in the centre", "on the right")


@dataclass(frozen=True)
class Group:
    """Objects of one label that are spoken of together."""

    label: str
    count: int
    phrase: str
    place: str
    posture: str
    area: float
    stands: bool = False

    @property
    def placed(self) -> str:
        return f"{self.phrase} {'standing ' if self.stands else ''}{self.place}".strip().replace(" ,", ",")

    @property
    def verb(self) -> str:
        return "stands" if self.stands else "are" if self.many else "is"

    @property
    def many(self) -> bool:
        return self.count > 1 and not self.phrase.startswith("a crowd")


def opening(facts: Facts) -> str:
    """Describe one frame: its objects, its text, and its look where that adds something. Always says something."""
    told = object_sentences(facts)
    look = facts.look
    if plain := plain_screen(look):
        lines = [] if told else [f"the screen is {plain}"]
    elif told:
        lines = [notable(look)]
    else:
        told, lines = [bare_sentence(facts)], [blur_sentence(look)]
    return paragraph([*told, text_sentence(facts.new_texts, facts), *lines])


def bare_sentence(facts: Facts) -> str:
    """Of a picture of which nothing else is known: its light and its colours."""
    words = picture_words(facts.look) or "of many colours"
    return choose([f"the picture is {words}", f"the image is {words}"], "bare", facts.end_seconds, words)


def present(facts: Facts) -> tuple[TrackedObject, ...]:
    """The objects that are in the picture at the end of the interval, people first, then the largest."""
    there = [thing for thing in facts.objects if thing.end_box]
    return tuple(sorted(there, key=lambda t: (t.label != "person", -area(t.end_box or Box(0, 0, 0, 0)), t.track_id)))


def object_sentences(facts: Facts) -> list[str]:
    """Sentences that name every object: the main ones with their place and posture, the rest after them."""
    groups = grouped(facts)
    if not groups:
        return []
    people = [group for group in groups if group.label == "person"]
    others = [group for group in groups if group.label != "person"]
    main, rest = (people, others) if people else (groups[:3], groups[3:])
    things = present(facts)
    told = [main_sentence(main, shot_size(things) if things else "", facts)]
    if len(main) > 1:
        told += [posture_sentence(group) for group in main if group.posture and group.count == 1]
    return [*told, *rest_sentences(rest)]


def main_sentence(main: Sequence[Group], shot: str, facts: Facts) -> str:
    names = placed(main)
    posture = f", {main[0].posture}" if len(main) == 1 and main[0].posture else ""
    key = ("main", facts.end_seconds, names)
    if len(main) == 1 and main[0].place and not main[0].place.startswith((",", "filling", "across")):
        clause = f"{main[0].phrase} {main[0].verb} {main[0].place}{posture}"
        return choose([f"{a(shot)} shows {names}{posture}", f"in {a(shot)}, {clause}"], *key) if shot else clause
    if shot:
        return f"{a(shot)} shows {names}{posture}"
    return f"there {'are' if main[0].many else 'is'} {names}{posture}"


def placed(groups: Sequence[Group]) -> str:
    """The groups as a list, each with its place; neighbours that share a place name it once."""
    parts: list[str] = []
    for place_, members in groupby(groups, key=lambda group: group.place):
        together = list(members)
        shared = (
            bool(place_) and not place_.startswith(",") and not any(group.posture or group.stands for group in together)
        )
        parts += (
            [f"{listed([group.phrase for group in together])} {place_}"] if shared else [g.placed for g in together]
        )
    return listed(parts)


def posture_sentence(group: Group) -> str:
    where = group.place or "in the picture"
    state = group.posture
    return f"the person {where} {f'has {state[5:]}' if state.startswith('with ') else f'is {state}'}"


def rest_sentences(rest: Sequence[Group]) -> list[str]:
    """Up to four more things with their places, and the others after them."""
    parts = [placed(rest[:4]), listed([group.phrase for group in rest[4:]])]
    lead = [group[0] for group in (rest[:4], rest[4:]) if group]
    return [
        f"there {'are' if first.many else 'is'} also {names}"
        for first, names in zip(lead, filter(None, parts), strict=True)
    ]


def grouped(facts: Facts, known: frozenset[int] = frozenset()) -> list[Group]:
    """The objects of a frame by label, people first; up to three people whose places differ are told apart.

    How many there are is told from the measured counts; from the boxes where nothing was counted (older facts).
    ``known`` are subjects that have been spoken of.
    """
    labels: dict[str, list[TrackedObject]] = {}
    for thing in present(facts):
        labels.setdefault(thing.label, []).append(thing)
    measured = {one.label: one for one in facts.counts or ()}
    for label in sorted(measured.keys() - labels.keys(), key=lambda label: label != "person"):
        labels[label] = []
    groups: list[Group] = []
    for label, members in labels.items():
        sure = facts.counts is None or (label in measured and measured[label].count == len(members))
        if len(members) == 1 and label not in measured:
            groups.append(_single(members[0], known))
        elif not sure:
            groups.append(_uncounted(label, members, measured.get(label)))
        elif label == "person" and told_apart(members):
            groups += [
                _single(thing, known) for thing in sorted(members, key=lambda t: t.end_box.left if t.end_box else 0.0)
            ]
        else:
            groups.append(_single(members[0], known) if len(members) == 1 else _several(label, members))
    return sorted(groups, key=lambda group: group.label != "person")


def told_apart(people: Sequence[TrackedObject]) -> bool:
    """Whether a few people can be named one by one: by different places, two of them by clothes or posture, too."""
    boxes = [thing.end_box for thing in people if thing.end_box]
    apart = len({side(box) for box in boxes}) == len(boxes) <= 3
    return apart and (len(boxes) != 2 or any(t.colours or posture_words(t.end_pose) for t in people))


def _uncounted(label: str, members: Sequence[TrackedObject], count: LabelCount | None) -> Group:
    """Things whose number is not certain, or not that of the boxes."""
    boxes = [thing.end_box for thing in members if thing.end_box]
    sides = {side(box) for box in boxes}
    where = next(iter(sides)) if len(sides) == 1 and (count is None or count.count is None) else ""
    number_ = 1 if count and count.count == 1 else 2
    phrase = counted_by(count) if count else plural(label)
    return Group(label, number_, phrase, where, "", max(map(area, boxes), default=0.0))


def _single(thing: TrackedObject, known: frozenset[int]) -> Group:
    box = thing.end_box or Box(0, 0, 0, 0)
    colours = " and ".join(thing.colours[:2])
    if thing.label == "person":
        phrase = f"a person in {colours}" if colours else "a person"
    else:
        phrase = counted(thing.label, 1, colours)
    if thing.subject_id in known and colours:
        phrase = f"the {phrase.partition(' ')[2]}"
    posture = posture_words(thing.end_pose) if thing.label == "person" else ""
    where = place(box)
    upright = stands(thing) and not where.startswith("filling")
    return Group(thing.label, 1, phrase, where, posture, area(box), upright)


def _several(label: str, members: Sequence[TrackedObject]) -> Group:
    boxes = [thing.end_box for thing in members if thing.end_box]
    sides = {side(box) for box in boxes}
    shared = set(members[0].colours[:1]).intersection(*(thing.colours[:1] for thing in members))
    shade = next(iter(shared), "")
    phrase = counted(label, len(members), "" if label == "person" else shade)
    if label == "person" and shade:
        phrase = f"{phrase} in {shade}"
    where = place(boxes[0]) if len({place(box) for box in boxes}) == 1 else next(iter(sides)) if len(sides) == 1 else ""
    if in_row(boxes):
        upright = label in STANDING_THINGS and all(box.height >= UPRIGHT_SHAPE * box.width for box in boxes)
        where = "standing in a row" if upright else "in a row"
    where = where or spread([side(box) for box in boxes])
    return Group(label, len(members), phrase, where, "", max(map(area, boxes)))


def in_row(boxes: Sequence[Box]) -> bool:
    """Whether three or more things stand side by side: on one line, of one size, with gaps of about one width."""
    ordered = sorted(boxes, key=lambda box: box.centre[0])
    if len(ordered) < 3:
        return False
    heights, bottoms = [box.height for box in ordered], [box.bottom for box in ordered]
    gaps = [right.centre[0] - left.centre[0] for left, right in pairwise(ordered)]
    apart = all(right.left > left.centre[0] and left.right < right.centre[0] for left, right in pairwise(ordered))
    return (
        apart
        and max(heights) <= ROW_SIZES * min(heights)
        and max(bottoms) - min(bottoms) <= ROW_SLOPE * min(heights)
        and max(gaps) <= ROW_GAPS * min(gaps)
    )


def spread(sides: Sequence[str]) -> str:
    """Where several things are that are not in one place: ", one on the left and one on the right"."""
    if len(sides) == 2:
        return f", one {min(sides, key=_SIDES.index)} and one {max(sides, key=_SIDES.index)}"
    return listed(sorted(set(sides), key=_SIDES.index)) if len(set(sides)) == 2 else "across the picture"


def shot_size(things: Sequence[TrackedObject]) -> str:
    """How near the camera is ("close-up", ...), by the largest person or one large object; "" if unknown."""
    main = max(things, key=lambda thing: (thing.label == "person", area(thing.end_box or Box(0, 0, 0, 0))))
    box = main.end_box
    if box is None:
        return ""
    if main.label != "person":
        return "close-up" if area(box) >= 0.4 else ""
    if main.end_pose and main.end_pose.legs_raised is not None and main.end_pose.confidence >= POSE_CONFIDENCE:
        return "full shot" if box.height >= 0.5 else "medium shot" if box.width >= 0.5 else "wide shot"
    if box.height >= 0.75 and area(box) >= 0.35:
        return "close-up"
    return "medium shot" if box.height >= 0.45 else "wide shot" if box.height < 0.35 else ""


def posture_words(pose: Pose | None) -> str:
    """What is to be remarked of a posture, as in "with one arm raised"; "" for a body that is simply upright."""
    if pose is None or pose.confidence < POSE_CONFIDENCE:
        return ""
    raised = [*_limbs(pose.arms_raised, "arm"), *_limbs(pose.legs_raised, "leg")]
    limbs = f"{listed(raised)} raised" if raised else ""
    if pose.torso == "horizontal":
        return f"with the torso horizontal and {limbs}" if limbs else "with the torso horizontal"
    torso = {"leaning": "leaning", "inverted": "upside down"}.get(pose.torso or "", "")
    return ", ".join(filter(None, [torso, f"with {limbs}" if limbs else ""]))


def stands(thing: TrackedObject) -> bool:
    """Whether a person surely stands: upright on feet that were seen, and so tall that nobody who sits can be it.

    The shape of the picture is not known here; a box as narrow as this is that of a standing body in the widest.
    """
    pose, box = thing.end_pose, thing.end_box
    if thing.label != "person" or pose is None or box is None or pose.confidence < POSE_CONFIDENCE:
        return False
    return pose.torso == "upright" and pose.legs_raised is not None and box.height >= STANDING_SHAPE * box.width


def _limbs(count: int | None, limb: str) -> list[str]:
    return [f"one {limb}" if count == 1 else f"both {limb}s"] if count else []


def text_sentence(texts: Iterable[ScreenText] | None, facts: Facts) -> str:
    """What can be read, with its place when it is a single line."""
    lines = readable(texts)
    if not lines:
        return ""
    named = [quoted(line.text) for line in lines[:NAMED_TEXTS]]
    if len(lines) > NAMED_TEXTS:
        rest = len(lines) - NAMED_TEXTS
        named.append(f"{number(rest)} more {plural('line') if rest > 1 else 'line'}")
    if len(lines) == 1:
        where = corner(lines[0].box) or place(lines[0].box)
        where = "across the picture" if lines[0].box.width > 0.7 else where
        return choose(
            [f"the text {named[0]} is on the screen {where}", f"{where}, the text {named[0]} can be read"],
            "text",
            lines[0].text,
            facts.end_seconds,
        )
    return f"the texts {listed(named)} can be read"


def readable(texts: Iterable[ScreenText] | None) -> list[ScreenText]:
    """The lines read well enough to quote, each once, from top to bottom."""
    seen: set[str] = set()
    kept = []
    for line in sorted(texts or (), key=lambda t: (round(t.box.top, 2), t.box.left, t.text)):
        plain = folded(line.text)
        if line.score >= TEXT_SCORE and sum(map(str.isalpha, plain)) >= LEAST_LETTERS and plain not in seen:
            seen.add(plain)
            kept.append(line)
    return kept


def folded(text: str) -> str:
    """Letters and digits only, in lower case: what makes two readings of a line the same."""
    return "".join(character for character in text.casefold() if character.isalnum())
