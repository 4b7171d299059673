"""The opening of a shot: who and what is where, what is written there, and what the picture looks like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...records import Box, Facts, Look, Pose, ScreenText, TrackedObject
from .clauses import area, place, side
from .words import a, choose, counted, listed, number, paragraph, plural, quoted

TEXT_SCORE = 0.6
NAMED_TEXTS = 6
POSE_CONFIDENCE = 0.3
_SIDES = ("on the left", "in the centre", "on the right")
BLURRED_SHARPNESS = 25.0


@dataclass(frozen=True)
class Group:
    """Objects of one label that are spoken of together."""

    label: str
    count: int
    phrase: str
    place: str
    posture: str
    area: float

    @property
    def placed(self) -> str:
        return f"{self.phrase} {self.place}".strip().replace(" ,", ",")


def opening(facts: Facts) -> str:
    """Describe one frame: the objects in it, the text on it, its look. Always says something."""
    things = present(facts)
    look = facts.look
    if plain := plain_screen(look):
        lines = [] if things else [f"the screen is {plain}"]
    else:
        lines = [picture_sentence(look, facts)]
    told = object_sentences(things, facts)
    if not told and not plain_screen(look):
        told = [nothing_recognised(facts)]
        lines = [blur_sentence(look)]
    return paragraph([*told, text_sentence(facts.new_texts, facts), *lines])


def present(facts: Facts) -> tuple[TrackedObject, ...]:
    """The objects that are in the picture at the end of the interval, people first, then the largest."""
    there = [thing for thing in facts.objects if thing.end_box]
    return tuple(sorted(there, key=lambda t: (t.label != "person", -area(t.end_box or Box(0, 0, 0, 0)), t.track_id)))


def object_sentences(things: Sequence[TrackedObject], facts: Facts) -> list[str]:
    """Sentences that name every object: the main ones with their place and posture, the rest after them."""
    if not things:
        return []
    groups = grouped(things)
    people = [group for group in groups if group.label == "person"]
    others = [group for group in groups if group.label != "person"]
    main, rest = (people, others) if people else (groups[:3], groups[3:])
    told = [main_sentence(main, shot_size(things), facts)]
    if len(main) > 1:
        told += [posture_sentence(group) for group in main if group.posture and group.count == 1]
    return [*told, *rest_sentences(rest, facts)]


def main_sentence(main: Sequence[Group], shot: str, facts: Facts) -> str:
    names = placed(main)
    posture = f", {main[0].posture}" if len(main) == 1 and main[0].posture else ""
    many = len(main) > 1 or main[0].count > 1
    verb = "are" if many else "is"
    key = ("main", facts.end_seconds, names)
    if len(main) == 1 and main[0].place and not main[0].place.startswith((",", "filling")):
        stands = f"{main[0].phrase} {verb} {main[0].place}{posture}"
        simple = [stands, f"the picture shows {names}{posture}"]
        with_shot = [f"{a(shot)} shows {names}{posture}", f"in {a(shot)}, {stands}"]
        return choose(with_shot if shot else simple, *key)
    if shot:
        return f"{a(shot)} shows {names}{posture}"
    return choose(
        [f"the picture shows {names}{posture}", f"there {'are' if main[0].count > 1 else 'is'} {names}{posture}"], *key
    )


def placed(groups: Sequence[Group]) -> str:
    """The groups as a list, each with its place; neighbours that share a place name it once."""
    parts: list[str] = []
    for place_, members in groupby(groups, key=lambda group: group.place):
        together = list(members)
        shared = bool(place_) and not place_.startswith(",") and not any(group.posture for group in together)
        parts += (
            [f"{listed([group.phrase for group in together])} {place_}"] if shared else [g.placed for g in together]
        )
    return listed(parts)


def posture_sentence(group: Group) -> str:
    where = group.place or "in the picture"
    state = group.posture
    return f"the person {where} {f'has {state[5:]}' if state.startswith('with ') else f'is {state}'}"


def rest_sentences(rest: Sequence[Group], facts: Facts) -> list[str]:
    near, far = rest[:4], rest[4:]
    told = []
    if near:
        verb = "are" if len(near) > 1 or near[0].count > 1 else "is"
        words = choose(["also visible", "also in the picture"], "rest", facts.end_seconds, near[0].phrase)
        told.append(f"{words} {verb} {placed(near)}")
    if far:
        verb = "are" if len(far) > 1 or far[0].count > 1 else "is"
        told.append(f"there {verb} also {listed([group.phrase for group in far])}")
    return told


def grouped(things: Sequence[TrackedObject]) -> list[Group]:
    """Objects by label; up to three people whose places differ are told apart, others are counted."""
    labels: dict[str, list[TrackedObject]] = {}
    for thing in things:
        labels.setdefault(thing.label, []).append(thing)
    groups: list[Group] = []
    for label, members in labels.items():
        boxes = [thing.end_box for thing in members if thing.end_box]
        apart = len({side(box) for box in boxes}) == len(boxes) <= 3
        apart = apart and (len(boxes) != 2 or any(t.colours or posture_words(t.end_pose) for t in members))
        if label == "person" and apart:
            groups += [_single(thing) for thing in sorted(members, key=lambda t: t.end_box.left if t.end_box else 0.0)]
        elif len(members) == 1:
            groups.append(_single(members[0]))
        else:
            groups.append(_several(label, members, boxes))
    return groups


def _single(thing: TrackedObject) -> Group:
    box = thing.end_box or Box(0, 0, 0, 0)
    colours = " and ".join(thing.colours[:2])
    if thing.label == "person":
        phrase = f"a person in {colours}" if colours else "a person"
    else:
        phrase = counted(thing.label, 1, colours)
    posture = posture_words(thing.end_pose) if thing.label == "person" else ""
    return Group(thing.label, 1, phrase, place(box), posture, area(box))


def _several(label: str, members: Sequence[TrackedObject], boxes: Sequence[Box]) -> Group:
    sides = {side(box) for box in boxes}
    shared = set(members[0].colours[:1]).intersection(*(thing.colours[:1] for thing in members))
    shade = next(iter(shared), "")
    phrase = counted(label, len(members), "" if label == "person" else shade)
    if label == "person" and shade:
        phrase = f"{phrase} in {shade}"
    where = place(boxes[0]) if len({place(box) for box in boxes}) == 1 else next(iter(sides)) if len(sides) == 1 else ""
    where = where or spread([side(box) for box in boxes])
    return Group(label, len(members), phrase, where, "", max(map(area, boxes)))


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
    """A posture as in "upright, with one arm raised"; "" where no joint was seen or nothing is to be remarked."""
    if pose is None or pose.confidence < POSE_CONFIDENCE:
        return ""
    raised = [*_limbs(pose.arms_raised, "arm"), *_limbs(pose.legs_raised, "leg")]
    limbs = f"{listed(raised)} raised" if raised else ""
    if pose.torso in ("horizontal", "leaning"):
        torso = "with the torso " + ("horizontal" if pose.torso == "horizontal" else "leaning")
        return f"{torso} and {limbs}" if limbs else torso
    torso = {"upright": "upright", "inverted": "upside down"}.get(pose.torso or "", "")
    if pose.torso == "upright" and pose.legs_raised is None and not limbs:
        return ""
    return ", ".join(filter(None, [torso, f"with {limbs}" if limbs else ""]))


def _limbs(count: int | None, limb: str) -> list[str]:
    return [f"one {limb}" if count == 1 else f"both {limb}s"] if count else []


def plain_screen(look: Look) -> str:
    """The colour of a screen that shows nothing else, or ""."""
    if look.contrast > 0.03:
        return ""
    if look.brightness < 0.06:
        return "black"
    if look.brightness > 0.95:
        return "white"
    return f"plain {look.palette[0][0]}" if look.palette and look.palette[0][1] > 0.9 and look.contrast < 0.02 else ""


def brightness_words(look: Look) -> str:
    if look.brightness < 0.12:
        return "very dark"
    if look.brightness < 0.28:
        return "dark"
    return "very bright" if look.brightness > 0.85 else "bright" if look.brightness > 0.6 else ""


def palette_words(look: Look) -> str:
    """The colours as in "mostly light blue and green", to follow "is"; "" when nothing stands out."""
    main = [(name, share) for name, share in look.palette if share >= 0.15][:3]
    if not main:
        return ""
    if sum(share for _, share in main) < 0.5:
        return f"partly {listed([name for name, _ in main])}"
    leading = [name for name, share in main if share >= main[0][1] / 3]
    return f"mostly {listed(leading)}"


def picture_words(look: Look) -> str:
    return ", ".join(filter(None, [brightness_words(look), palette_words(look)]))


def is_blurred(look: Look) -> bool:
    return look.sharpness < BLURRED_SHARPNESS and look.contrast > 0.08


def blur_sentence(look: Look) -> str:
    return "the picture is blurred" if is_blurred(look) else ""


def picture_sentence(look: Look, facts: Facts) -> str:
    words = picture_words(look)
    blur = "blurred" if is_blurred(look) else ""
    if not words:
        return blur_sentence(look)
    subject = choose(["the picture is", "the whole picture is", "the image is"], "look", facts.end_seconds, words)
    return f"{subject} {', '.join(filter(None, [blur, words]))}"


def nothing_recognised(facts: Facts) -> str:
    words = picture_words(facts.look)
    return choose(
        [
            "no known object is recognised in the picture" + (f", which is {words}" if words else ""),
            (f"the picture is {words}; " if words else "") + "no known object is recognised in it",
        ],
        "nothing",
        facts.end_seconds,
        words,
    )


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
        where = place(lines[0].box)
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
        if line.score >= TEXT_SCORE and plain and plain not in seen:
            seen.add(plain)
            kept.append(line)
    return kept


def folded(text: str) -> str:
    """Letters and digits only, in lower case: what makes two readings of a line the same."""
    return "".join(character for character in text.casefold() if character.isalnum())
