"""Read a caption of the closed world: what it says of which thing, of the order of events, and what it leaves open.

Sentences that are not of this world's language are ignored. A caption with an opening ("at the beginning there is
...") and a summary ("in all, ...") tells everything there is; of any other, nothing follows from what it does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from . import words as w
from .scenes import COLOURS, DIRECTIONS, SHAPES, SIZES, TONES, TRAVEL, Kind


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_PLACES = sorted({w.place_words(x, y) for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)}, key=len, reverse=True)
_WAY, _COLOUR, _SHAPE = _any(DIRECTIONS), _any(COLOURS), _any(SHAPES)
_ADVERB = "slowly|fast|quickly"
THING = re.compile(rf"\ba (?P<size>{_any(SIZES)}) (?P<colour>{_COLOUR}) (?P<shape>{_SHAPE}) (?P<place>{_any(_PLACES)})")
_WHO = rf"(?:the (?:(?P<seen>{_COLOUR}) )?(?P<shape>{_SHAPE})|{THING.pattern.replace('<shape>', '<other>')})"
_DEED = (
    rf"(?:(?P<turns>moves (?P<way1>{_WAY}) and (?:turns around|comes back))"
    rf"|(?P<passes>(?:passes|moves) (?P<way2>{_WAY}) behind the (?P<behind>wall|{_SHAPE})(?: and comes out again)?)"
    rf"|(?P<moves>(?:moves|slides) (?:(?P<fast1>{_ADVERB}) )?(?P<way3>{_WAY})(?: (?P<fast2>{_ADVERB}))?)"
    r"|(?P<stays>stays where it is|does nothing|rests)"
    rf"|(?P<recolours>turns (?:from (?P<before>{_COLOUR}) to )?(?P<after>{_COLOUR}))"
    r"|(?P<grows>grows|becomes large)|(?P<shrinks>shrinks|becomes small)"
    r"|(?P<appears>appears|comes into view)|(?P<disappears>disappears|vanishes))"
)
_DOES = re.compile(rf"{_WHO} {_DEED}")
_DEED_ALONE = re.compile(_DEED)
_OPENS = re.compile(r"(?:at the beginning there is|the video opens on|in the first picture there is) (?P<rest>.+)")
_ORDERED = re.compile(rf"(?:{_any([*w.FIRST, *w.NEXT, *w.LAST])}) (?P<rest>.+)")
_SUMS_UP = re.compile(r"(?:in short|in all), .+")
_SHORT = re.compile(rf"(?:a video of )?a (?:(?P<colour>{_COLOUR}) )?(?P<shape>{_SHAPE})(?: that)? (?P<deed>.+)")
_CAMERA = re.compile(rf"(?:all along |meanwhile )?the camera (?P<move>{_any(list(w.CAMERA_MOVES.values()))})\b.*")
_TURNS = re.compile(rf"(?:halfway|in the middle of the video) the background turns (?P<tone>{_any(TONES)})")
_TONES = re.compile(rf"the background is (?P<tones>(?:{_any(TONES)})(?: and (?:{_any(TONES)}))?)")
_BEFORE = re.compile(rf"(?:before|but) a (?P<tone>{_any(TONES)}) background")


@dataclass(frozen=True)
class Deed:
    """One event as it is told. "" is what is not told; ``before`` is the colour that a thing has then.

    ``part`` counts the sentences that tell events in their order; -1 where no order is told. Events of one sentence
    begin together.
    """

    shape: str
    kind: Kind
    way: str = ""
    speed: str = ""
    colour: str = ""
    before: str = ""
    behind: str = ""
    part: int = -1

    @property
    def travels(self) -> bool:
        return self.kind in TRAVEL

    def same(self, other: Deed) -> bool:
        """Whether both are the same deed, as far as ``other`` tells it, whoever does it."""
        fields = ("kind", "way", "speed", "colour", "behind")
        return all(getattr(other, name) in ("", getattr(self, name)) for name in fields)


@dataclass(frozen=True)
class Looks:
    """How a thing looks when it is first described; ``at_start``: at the beginning of the video."""

    size: str
    colour: str
    place: str
    at_start: bool = False


@dataclass(frozen=True)
class Told:
    """What a caption tells.

    looks     by shape, since no scene has two things of one shape
    seen      colours that a thing is said to have, at whatever time
    tones     of the background; ``cut`` says that the second follows the first
    complete  all that there is and happens is told
    """

    looks: Mapping[str, Looks]
    seen: Mapping[str, frozenset[str]]
    deeds: tuple[Deed, ...] = ()
    camera: str = ""
    tones: tuple[str, ...] = ()
    cut: bool = False
    complete: bool = False

    def of(self, shape: str) -> tuple[Deed, ...]:
        return tuple(deed for deed in self.deeds if deed.shape == shape)

    def ordered(self, shape: str) -> tuple[Deed, ...] | None:
        """All that a thing does, in order; None where that is not told."""
        own = self.of(shape)
        return own if self.complete and all(deed.part >= 0 for deed in own) else None

    @property
    def shapes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.looks, *(deed.shape for deed in self.deeds)]))


def read_deed(text: str) -> Deed | None:
    """A deed without who does it, such as "moves left slowly"; None for anything else."""
    found = _DEED_ALONE.fullmatch(text)
    return _deed(found, "", -1) if found else None


def read(caption: str) -> Told:
    """Read a caption."""
    reader = _Reader()
    for sentence in re.split(r"\s*[.\n]+\s*", caption.strip().lower()):
        reader.take(sentence)
    return reader.told()


class _Reader:
    """Takes sentences one after the other."""

    def __init__(self) -> None:
        self._looks: dict[str, Looks] = {}
        self._seen: dict[str, set[str]] = {}
        self._deeds: list[Deed] = []
        self._camera, self._tones, self._part = "", list[str](), 0
        self._opens = self._sums_up = self._cut = False

    def told(self) -> Told:
        seen = {shape: frozenset(colours) for shape, colours in self._seen.items()}
        deeds, complete = tuple(self._with_colours()), self._opens and self._sums_up
        return Told(self._looks, seen, deeds, self._camera, tuple(self._tones), self._cut, complete)

    def take(self, sentence: str) -> None:
        if found := _OPENS.fullmatch(sentence):
            self._opens = True
            self._things(sentence, at_start=True)
            self._tones += [tone["tone"] for tone in _BEFORE.finditer(sentence)]
        elif _SUMS_UP.fullmatch(sentence):
            self._sums_up = True  # tells once more what the sentences before have told
        elif found := _ORDERED.fullmatch(sentence):
            self._does(found["rest"], self._part)
            self._part += 1
        elif found := _CAMERA.fullmatch(sentence):
            self._camera = found["move"]
        elif found := _TURNS.fullmatch(sentence):
            self._tones.append(found["tone"])
            self._cut = True
        elif found := _TONES.fullmatch(sentence):
            self._tones += found["tones"].split(" and ")
        elif found := _SHORT.fullmatch(sentence):
            self._short(found, sentence)
        else:
            self._does(sentence, -1)

    def _short(self, found: re.Match[str], sentence: str) -> None:
        deed = _DEED_ALONE.fullmatch(found["deed"])
        if deed is None:
            self._things(sentence, at_start=False)
            return
        self._deeds.append(replace(_deed(deed, found["shape"], -1), before=found["colour"] or ""))
        self._saw(found["shape"], found["colour"])

    def _things(self, text: str, *, at_start: bool) -> None:
        for found in THING.finditer(text):
            looks = Looks(found["size"], found["colour"], found["place"], at_start)
            self._looks.setdefault(found["shape"], looks)
            self._saw(found["shape"], found["colour"])

    def _does(self, text: str, part: int) -> None:
        parts = text.split(" while ")
        matches = [_DOES.fullmatch(each) for each in parts]
        if any(found is None for found in matches):
            self._things(text, at_start=False)
        for found in filter(None, matches):
            if found["other"]:
                self._things(found[0], at_start=False)
            self._deeds.append(_deed(found, found["shape"] or found["other"], part))

    def _saw(self, shape: str, colour: str | None) -> None:
        if colour:
            self._seen.setdefault(shape, set()).add(colour)

    def _with_colours(self) -> Iterator[Deed]:
        """Events with the colour that the thing has before, where the caption tells it."""
        now = {shape: looks.colour for shape, looks in self._looks.items()}
        for deed in self._deeds:
            if deed.kind == "recolours":
                ordered = deed.part >= 0 and self._opens
                before = deed.before or (now.get(deed.shape, "") if ordered else "")
                yield replace(deed, before=before)
                now[deed.shape] = deed.colour
            else:
                yield deed


def _deed(found: re.Match[str], shape: str, part: int) -> Deed:
    groups = found.groupdict()
    kinds: tuple[Kind, ...] = ("turns", "passes", "moves", "stays", "recolours", "grows", "shrinks", "appears",
                               "disappears")  # fmt: skip
    kind = next(each for each in kinds if groups[each])
    adverb = groups["fast1"] or groups["fast2"] or ""
    way = groups["way1"] or groups["way2"] or groups["way3"] or ""
    speed = {"": "", "slowly": "slow"}.get(adverb, "fast")
    return Deed(shape, kind, way, speed, groups["after"] or "", groups["before"] or "", groups["behind"] or "", part)
