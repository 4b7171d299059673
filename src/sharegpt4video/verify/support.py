"""The summary against its steps: what it claims that no step supports, and events that it tells the other way round."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cached_property

from ..records import Finding
from .lexicon import (
    ACTIONS,
    COLOURS,
    FILLER,
    KINDS,
    MANY,
    NEAR_COLOURS,
    NUMBERS,
    THINGS,
    UNCOUNTED,
    concept_of,
    kinds,
    kinds_of,
    things,
)
from .prose import Draft, Passage, folded, shortened, stem

LEAST_CONTENT_WORDS = 5
LEAST_SUPPORTED = 0.3
LEAST_SIGNATURE_WORDS = 2
SAME_READING = 0.75

_LATER = re.compile(
    r"^\W*(?:then|next|after\s+(?:that|this|which|a\s+while)|afterwards?|later|subsequently|finally|eventually|at\s+last"
    r"|following\s+th(?:is|at)|moments?\s+later|in\s+the\s+end)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r",?\s+(?=(?:and\s+)?(?:then|finally|afterwards?|later|before)\b)|;\s+", re.IGNORECASE)
_GONE = re.compile(
    r"\bthe\s+(?P<who>[a-z]+)\s+(?:then\s+|now\s+)?(?:leaves|exits|disappears|goes\s+out\s+of\s+(?:view|the\s+\w+)"
    r"|walks\s+(?:off|out)|runs\s+off)(?:\s+(?:the\s+)?(?:picture|frame|scene|view|shot|screen|room))?"
    r"(?:\s+(?:on|to|at|from|towards?)\s+the\s+\w+)?\s*\.?\s*$",
    re.IGNORECASE,
)
_BACK = re.compile(r"\b(?:re-?)?(?:enters?|appears?|returns?|comes?|back|again|another|emerges?|joins?)\b", re.I)
_ABSENT = re.compile(r"\b(?:no|not|without|gone|left|absent|empty|nobody|longer|never|nothing)\b", re.IGNORECASE)


class Ground:
    """What the steps of a caption and their measured facts say, for a summary to stand on."""

    def __init__(self, draft: Draft) -> None:
        self.steps = draft.steps
        self._facts = [facts for step in draft.row.steps for facts in step.facts]

    @cached_property
    def stems(self) -> frozenset[str]:
        told = frozenset().union(*(passage.stems for passage in self.steps))
        quoted = {stem(word) for passage in self.steps for text in passage.quotes for word in text.casefold().split()}
        measured = {stem(word) for words in self._measured for word in words.split()}
        return told | quoted | measured

    @cached_property
    def _measured(self) -> set[str]:
        names = {name for facts in self._facts for name, _ in facts.look.palette}
        for facts in self._facts:
            for thing in facts.objects:
                names |= {thing.label, *thing.colours}
        return names

    @cached_property
    def things(self) -> frozenset[str]:
        labels = {concept_of(thing.label) for facts in self._facts for thing in facts.objects}
        return things(self.stems) | kinds(self.stems) | labels

    @cached_property
    def colours(self) -> frozenset[str]:
        return frozenset().union(*(COLOURS.get(one, frozenset()) for one in self.stems))

    @cached_property
    def actions(self) -> frozenset[str]:
        return frozenset().union(*(ACTIONS.get(one, frozenset()) for one in self.stems))

    @cached_property
    def letters(self) -> str:
        """Every letter of the steps, of the lines that were read and of what was said, without blanks."""
        lines = [words for facts in self._facts for words in facts.known_words]
        return " ".join(folded(text) for text in (*(passage.text for passage in self.steps), *lines))

    def holds_text(self, text: str) -> bool:
        """Whether a quoted text stands in a step or on the screen, small misreadings aside."""
        wanted = folded(text)
        if wanted in self.letters:
            return True
        words = [folded(word) for word in text.split() if len(folded(word)) > 1]
        if words and sum(word in self.letters for word in words) >= 0.7 * len(words):
            return True
        return any(
            SequenceMatcher(None, wanted, folded(quote), autojunk=False).ratio() >= SAME_READING
            for passage in self.steps
            for quote in passage.quotes
        )


def unsupported(draft: Draft) -> Iterator[Finding]:
    """Claims of the summary that no step and no measured fact supports."""
    if not draft.sums_up or not draft.steps:
        return
    ground = Ground(draft)
    for sentence in draft.summary.sentences:
        if reason := _text_claim(sentence, ground) or _claim(sentence, ground):
            said = shortened(sentence.text)
            yield draft.summary.finding("unsupported", f"{reason}: {said!r}")


def _text_claim(sentence: Passage, ground: Ground) -> str:
    for quote in sentence.quotes:
        if len(folded(quote)) >= 3 and not ground.holds_text(quote):
            return f"no step quotes {shortened(quote, 40)!r}"
    return ""


def _claim(sentence: Passage, ground: Ground) -> str:
    for concept in sorted(_unknown_things(sentence, ground)):
        return f"no step speaks of {_article(concept)}"
    for concept in sorted(_unknown(sentence, COLOURS, ground.colours)):
        if not set(NEAR_COLOURS[concept].split()) & ground.colours:
            return f"no step names the colour {concept}"
    for concept in sorted(_unknown(sentence, ACTIONS, ground.actions)):
        return f"in no step does anything {concept}"
    if count := _unknown_count(sentence, ground):
        return f"no step counts {count}"
    content = {one for one in sentence.stems - FILLER if not one.isdigit()}
    known = content & ground.stems
    if len(content) >= LEAST_CONTENT_WORDS and len(known) < LEAST_SUPPORTED * len(content):
        return f"{len(content) - len(known)} of {len(content)} words that matter are in no step"
    return ""


def _unknown_things(sentence: Passage, ground: Ground) -> set[str]:
    """Things that are named although the steps name neither them, nor their kind, nor the word itself."""
    found = set()
    for one in sentence.stems - ground.stems:
        meanings = THINGS.get(one, frozenset())
        kept = [concept for concept in meanings if {concept, *kinds_of(concept)} & ground.things]
        if meanings and not kept and one not in KINDS and not _is_camera(one, sentence):
            found.add(min(meanings))
    return found


def _is_camera(one: str, sentence: Passage) -> bool:
    return one == stem("camera") and "camera" in sentence.words


def _unknown(sentence: Passage, table: dict[str, frozenset[str]], known: frozenset[str]) -> set[str]:
    found = set()
    for one in sentence.stems:
        meanings = table.get(one, frozenset())
        if meanings and not meanings & known:
            found.add(min(meanings))
    return found


def _unknown_count(sentence: Passage, ground: Ground) -> str:
    """A number of three or more things that neither a step nor the sum of what steps count comes near."""
    for number, noun in zip(sentence.words, sentence.words[1:], strict=False):
        if number not in NUMBERS or stem(noun) in UNCOUNTED or stem(noun) in FILLER:
            continue
        said = {number, str(NUMBERS[number])}
        if stem(noun) in ground.stems and not said & ground.stems and not _adds_up(noun, NUMBERS[number], ground):
            return f"{number} {noun}"
    return ""


def _adds_up(noun: str, count: int, ground: Ground) -> bool:
    """Whether the steps speak of the noun in so many sentences that the summary may have added them up."""
    wanted = stem(noun)
    mentions = sum(Counter(map(stem, passage.words))[wanted] for passage in ground.steps)
    return mentions >= count or not MANY.isdisjoint(ground.stems)


def _article(concept: str) -> str:
    return f"an {concept}" if concept[0] in "aeiou" else f"a {concept}"


def colours_of_things(draft: Draft) -> Iterator[Finding]:
    """A thing that the summary gives one colour and the steps another."""
    if not draft.sums_up:
        return
    coloured = _coloured(draft.steps)
    for sentence in draft.summary.sentences:
        for noun, colour in sorted(_pairs(sentence)):
            known = coloured.get(noun, set())
            near = {colour, *NEAR_COLOURS[colour].split()}
            if known and not known & near and not _together(noun, colour, draft.steps):
                others = " and ".join(sorted(known))
                yield draft.summary.finding(
                    "colour", f"a {noun} is {colour} here, but {others} in the steps: {shortened(sentence.text)!r}"
                )


def _coloured(passages: tuple[Passage, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for passage in passages:
        for noun, colour in _pairs(passage):
            found.setdefault(noun, set()).add(colour)
    return found


def _pairs(passage: Passage) -> set[tuple[str, str]]:
    """Things with the colour word right before them; what follows somebody "in red" is a verb."""
    found = set()
    for place, (before, noun) in enumerate(zip(passage.words, passage.words[1:], strict=False)):
        colours = COLOURS.get(stem(before), frozenset())
        if place and passage.words[place - 1] == "in":
            continue
        if len(colours) == 1 and len(noun) > 2 and stem(noun) not in COLOURS and stem(noun) not in FILLER:
            found.add((stem(noun), min(colours)))
    return found


def _together(noun: str, colour: str, passages: tuple[Passage, ...]) -> bool:
    return any(
        noun in sentence.stems and any(colour in COLOURS.get(one, ()) for one in sentence.stems)
        for passage in passages
        for sentence in passage.sentences
    )


def order_of_events(draft: Draft) -> Iterator[Finding]:
    """Two events that the summary tells as one after the other and the steps the other way round.

    An event is known by words that occur in one step only; each of the two must have several of them.
    """
    if not draft.sums_up or len(draft.steps) < 2:
        return
    counts = Counter(one for passage in draft.steps for one in passage.stems)
    owner = {
        one: place
        for place, passage in enumerate(draft.steps)
        for one in passage.stems - FILLER
        if counts[one] == 1 and len(one) > 2
    }
    before: tuple[int, str] | None = None
    for part, later in _told_in_order(draft.summary):
        place = _place(part, owner)
        if place is not None and before and later and place < before[0]:
            one, other = draft.steps[place].number, draft.steps[before[0]].number
            yield draft.summary.finding(
                "order of events",
                f"tells what happens in step {one} after what happens in step {other}: {shortened(part.text)!r}",
            )
        if place is not None:
            before = place, part.text


def _told_in_order(summary: Passage) -> Iterator[tuple[Passage, bool]]:
    """The parts of a summary, and whether each says that it comes after the one before."""
    for sentence in summary.sentences:
        for part in _PARTS.split(sentence.text):
            bare = re.sub(r"^\W*and\s+", "", part)
            if not bare.lower().startswith("before "):
                yield Passage(summary.number, bare), bool(_LATER.match(bare))


def _place(part: Passage, owner: dict[str, int]) -> int | None:
    """The one step that has the part's words for itself; None when several do, or hardly any."""
    votes = Counter(owner[one] for one in part.stems if one in owner)
    (place, most), *others = [*votes.most_common(2), (0, 0)]
    return place if most >= LEAST_SIGNATURE_WORDS and others[0][1] == 0 else None


def coming_and_going(draft: Draft) -> Iterator[Finding]:
    """Somebody who leaves at the end of a step and acts in the next one as if still there."""
    for one, following in zip(draft.steps, draft.steps[1:], strict=False):
        steps = draft.row.steps
        apart = steps[one.number].shot_index != steps[following.number].shot_index
        if apart or following.number != one.number + 1:
            continue
        gone = _GONE.search(one.sentences[-1].plain)
        if not gone or _BACK.search(following.plain) or _ABSENT.search(following.plain):
            continue
        who = gone["who"].lower()
        first = following.sentences[0].plain.lower()
        alone = sum(passage.words.count(who) for passage in (one, following)) <= 2 + first.count(who)
        if alone and re.match(rf"\W*the\s+{who}\s+(?!leaves|exits|is gone|has)\w+s\b", first) and not _many(who, draft):
            yield following.finding("contradiction", f"the {who} left in step {one.number} and is here all the same")


def _many(who: str, draft: Draft) -> bool:
    """Whether there may be several of them, so that another one can be meant."""
    several = re.compile(rf"\b(?:two|three|four|another|other|both|one of the|second|many|some)\s+(?:\w+\s+)?{who}")
    return any(several.search(passage.plain.lower()) for passage in draft.steps)
