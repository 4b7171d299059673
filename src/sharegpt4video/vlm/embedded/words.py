"""English for measured facts: articles, number, lists, times, and a choice among phrasings that never varies."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth",
)  # fmt: skip

# What a describer calls a detector's label where the label itself would read oddly.
_NOUNS = {
    "tv": "TV",
    "mouse": "computer mouse",
    "remote": "remote control",
    "sports ball": "ball",
    "hair drier": "hair dryer",
    "skis": "pair of skis",
    "scissors": "pair of scissors",
    "broccoli": "piece of broccoli",
    "donut": "doughnut",
    "hands": "pair of hands",
}
_PLURALS = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "computer mouse": "computer mice",
    "mouse": "mice",
    "knife": "knives",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "aircraft": "aircraft",
    "skis": "skis",
    "scissors": "scissors",
}
_VOWEL_SOUND = ("hour", "honest", "honour", "honor", "heir")
_CONSONANT_SOUND = ("uni", "use", "usu", "ute", "uti", "eu", "ewe", "one", "once", "ubiq")
_LETTERS_SAID_WITH_VOWEL = "AEFHILMNORSX"
# Labels of things that go from place to place by themselves.
MOVERS = word_set(
    "person bicycle car motorcycle airplane bus train truck boat bird cat dog horse sheep cow elephant bear "
    "zebra giraffe animal vehicle hand hands"
)

ALIVE = MOVERS - word_set("bicycle car motorcycle airplane bus train truck boat vehicle")
REACHING = word_set("hand hands")
PEOPLE = REACHING | {"person"}
THROWN = word_set("frisbee kite skateboard snowboard skis surfboard") | {"sports ball"}
DRIVEN = word_set("car motorcycle bus truck")


def noun(label: str) -> str:
    """The English noun for a detector's label, singular."""
    return _NOUNS.get(label, label)


def plural(label: str) -> str:
    """The English plural for a detector's label: "people", "knives", "wine glasses", "pairs of scissors"."""
    word = noun(label)
    if word in _PLURALS:
        return _PLURALS[word]
    head, of, rest = word.partition(" of ")
    if of:
        return f"{plural(head)} of {rest}"
    first, space, last = head.rpartition(" ")
    return f"{first}{space}{_plural_word(last)}"


def _plural_word(word: str) -> str:
    if word in _PLURALS:
        return _PLURALS[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}s"


def article(phrase: str) -> str:
    """Either "a" or "an", by the sound that the phrase begins with: an orange, an hour, a unicorn, a TV, an LED."""
    word = re.split(r"[\s-]", phrase.strip(), maxsplit=1)[0].strip("\"'“(")
    if len(word) <= 4 and word.isupper():
        return "an" if word[0] in _LETTERS_SAID_WITH_VOWEL else "a"
    if re.match(r"(8|11$|18$|11\D|18\D)", word):
        return "an"
    low = word.lower()
    if low.startswith(_VOWEL_SOUND):
        return "an"
    if low.startswith(_CONSONANT_SOUND) and not low.startswith(("unin", "unim", "onei", "unid", "unil")):
        return "a"
    return "an" if low[:1] in tuple("aeiou") else "a"


def a(phrase: str) -> str:
    """The phrase with its indefinite article."""
    return f"{article(phrase)} {phrase}"


def number(count: int) -> str:
    """The number as a word up to twelve, as digits above."""
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else str(count)


def ordinal(position: int) -> str:
    """The place in a row: "first" for 1, as a word up to twelve, "21st" above."""
    if 1 <= position <= len(ORDINALS):
        return ORDINALS[position - 1]
    ending = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending}"


def counted(label: str, count: int, adjectives: str = "") -> str:
    """The count with its noun: "a white dog" for one, "two white dogs" for more."""
    name = f"{adjectives} {noun(label)}".strip()
    return a(name) if count == 1 else f"{number(count)} {adjectives} {plural(label)}".replace("  ", " ")


def listed(parts: Sequence[str], last: str = "and") -> str:
    """The parts as "a", "a and b", "a, b and c"; parts that hold "and" themselves are set apart by a comma."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    comma = "," if len(parts) > 1 and any(" and " in part or "," in part for part in parts) else ""
    return f"{', '.join(parts[:-1])}{comma} {last} {parts[-1]}"


def verb(base: str, many: bool) -> str:
    """The verb (with what follows it) in the present tense: "raise an arm" -> "raises an arm", "be" -> "is"/"are"."""
    first, space, rest = base.partition(" ")
    if first == "be":
        return f"{'are' if many else 'is'}{space}{rest}"
    if many:
        return base
    if first.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{first}es{space}{rest}"
    if first.endswith("y") and first[-2] not in "aeiou":
        return f"{first[:-1]}ies{space}{rest}"
    return f"{first}s{space}{rest}"


def sentence(text: str) -> str:
    """The text as one sentence: no stray blanks, a capital first and a full stop last."""
    clean = re.sub(r"\s+([,.;])", r"\1", " ".join(text.split())).rstrip(",; ")
    if not clean:
        return ""
    return f"{clean[0].upper()}{clean[1:]}" + ("" if clean.endswith((".", "!", "?")) else ".")


def paragraph(sentences: Iterable[str]) -> str:
    """Sentences joined by one blank, empty ones left out."""
    return " ".join(filter(None, map(sentence, sentences)))


def clock(seconds: float) -> str:
    """A time as "0:06" or "1:02:05", to the second before it."""
    whole = int(max(seconds, 0.0) + 1e-6)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def span(seconds: float) -> str:
    """A length of time in words: "half a second", "4 seconds", "about 2 minutes"."""
    if seconds < 0.75:
        return "a moment" if seconds < 0.3 else "half a second"
    if seconds < 1.25:
        return "one second"
    if 59.5 <= seconds < 60.5:
        return "one minute"
    if seconds < 119.5:
        rounded = round(seconds)
        return f"{number(rounded)} seconds"
    if seconds < 3600 * 1.5:
        return f"about {number(round(seconds / 60))} minutes"
    halves = round(seconds / 1800)
    return f"about {number(halves // 2)}{' and a half' if halves % 2 else ''} hours"


def long(seconds: float) -> str:
    """A length of time before a noun: "eight-second", "two-minute", "short" for less than a second."""
    if seconds < 0.75:
        return "very short"
    if seconds < 119.5:
        return "one-minute" if 59.5 <= seconds < 60.5 else f"{number(max(round(seconds), 1))}-second"
    minutes = round(seconds / 60)
    return f"{number(minutes)}-minute" if seconds < 5400 else f"{number(round(seconds / 3600))}-hour"


def choose(options: Sequence[T], *content: object) -> T:
    """One of equivalent phrasings, by what it is about: the same content gives the same choice everywhere."""
    stable = "|".join(f"{item:.2f}" if isinstance(item, float) else str(item) for item in content)
    return options[zlib.crc32(stable.encode()) % len(options)]


def quoted(text: str) -> str:
    """On-screen text between double quotes, on one line and of a length that can be read."""
    clean = " ".join(text.replace('"', "'").split())
    return f'"{clean if len(clean) <= 120 else clean[:119].rstrip() + "…"}"'
