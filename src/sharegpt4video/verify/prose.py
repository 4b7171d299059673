"""A caption as the checks read it: its texts taken apart once, quotations set aside, words brought to their stems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

from ..records import Edit, Finding, Mode, Shot, Step

SUMMARY = -1
"""The number of the summary, where a step has its own."""

_QUOTE = re.compile(r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|«([^»\n]{1,200})»|「([^」\n]{1,200})」')
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
# A sentence ends before a blank and a capital (or digit, quotation mark), so that "2.5 s" and "Mr. x" stay whole.
_SENTENCE = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"”’)]))\s+(?=[\"“(]|[^\Wa-z_])|(?<=[。！？])|\n+")
_SUFFIX = re.compile(r"(?:ingly|edly|ing|ed|es|s|ly|e)$")
_IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "persons": "person", "children": "child", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "knives": "knife", "leaves": "leaf", "left": "left", "wolves": "wolf",
    "ran": "run", "sat": "sit", "stood": "stand", "held": "hold", "wore": "wear", "worn": "wear", "lying": "lie",
    "lay": "lie", "lies": "lie", "went": "go", "goes": "go", "gone": "go", "fell": "fall", "fallen": "fall",
    "flew": "fly", "flies": "fly", "drove": "drive", "rode": "ride", "ridden": "ride", "swam": "swim", "threw": "throw",
    "thrown": "throw", "caught": "catch", "took": "take", "taken": "take", "gave": "give", "came": "come",
    "began": "begin", "begun": "begin", "rose": "rise", "spoke": "speak", "spun": "spin", "shone": "shine",
    "ate": "eat", "eaten": "eat", "drank": "drink", "wrote": "write", "written": "write", "shot": "shot", "cut": "cut",
    "they": "they", "her": "her", "here": "here", "there": "there", "these": "these", "one": "one",
}  # fmt: skip


@dataclass(frozen=True)
class Passage:
    """One text of a caption: that of step ``number``, or the summary."""

    number: int
    text: str

    @cached_property
    def quotes(self) -> tuple[str, ...]:
        """What stands between quotation marks: text on the screen, or words somebody says."""
        return tuple(next(filter(None, match.groups())) for match in _QUOTE.finditer(self.text))

    @cached_property
    def plain(self) -> str:
        """The text without what is quoted; its length stays, so that places in both are the same."""
        if '"' not in self.text and self.text.isascii():
            return self.text
        return _QUOTE.sub(lambda match: '"' + " " * (len(match[0]) - 2) + '"', self.text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words outside quotations, in lower case."""
        return tuple(_WORD.findall(self.plain.casefold()))

    @cached_property
    def placed_words(self) -> tuple[tuple[str, int, int], ...]:
        """The words outside quotations in lower case, each with where it begins and ends in the text."""
        return tuple((match[0].casefold(), match.start(), match.end()) for match in _WORD.finditer(self.plain))

    @cached_property
    def placed_quotes(self) -> tuple[tuple[str, int, int], ...]:
        """What stands between quotation marks, each with where it begins and ends, the marks included."""
        found = _QUOTE.finditer(self.text)
        return tuple((next(filter(None, match.groups())), match.start(), match.end()) for match in found)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The different words outside quotations."""
        return frozenset(self.words)

    @cached_property
    def sentences(self) -> tuple[Passage, ...]:
        """The sentences, each a passage of its own, with their quotations."""
        return tuple(Passage(self.number, part.strip()) for part in _SENTENCE.split(self.text) if part.strip())

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of all words outside quotations."""
        return frozenset(map(stem, self.vocabulary))

    def finding(self, check: str, reason: str) -> Finding:
        return Finding(check, self.number, reason)


class Described(Protocol):
    """A caption as far as checks read it: a ``records.VideoCaption``, or the row of a data set."""

    @property
    def start_seconds(self) -> float: ...
    @property
    def end_seconds(self) -> float: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def shots(self) -> tuple[Shot, ...]: ...
    @property
    def steps(self) -> tuple[Step, ...]: ...
    @property
    def summary(self) -> str: ...
    @property
    def summary_problem(self) -> str: ...
    @property
    def edits(self) -> tuple[Edit, ...]: ...


class Draft:
    """A caption under examination: its row, and those of its texts that can be read at all.

    ``language`` is the code of the language that the texts should be in.
    """

    def __init__(self, row: Described, language: str = "en") -> None:
        self.row = row
        self.language = language
        self.told = tuple(Passage(number, step.text) for number, step in enumerate(row.steps))
        # In fast mode the one step is the summary: reading it twice would report everything twice.
        self.has_own_summary = row.mode != "fast" or len(row.steps) != 1 or row.steps[0].text != row.summary
        self.summary = Passage(SUMMARY, row.summary)

    @cached_property
    def texts(self) -> tuple[Passage, ...]:
        """Every text but unusable and empty ones: the steps in order, then the summary."""
        steps = self.row.steps
        usable = [passage for passage in self.steps if not steps[passage.number].problem]
        return (*usable, self.summary) if self.tells_whole else tuple(usable)

    @cached_property
    def steps(self) -> tuple[Passage, ...]:
        """The steps that have a text that is to be trusted."""
        return tuple(
            passage for passage in self.told if not self.row.steps[passage.number].problem and passage.text.strip()
        )

    @cached_property
    def tells_whole(self) -> bool:
        """Whether there is a summary besides the steps that is to be trusted."""
        return self.has_own_summary and not self.row.summary_problem and bool(self.row.summary.strip())

    @cached_property
    def sums_up(self) -> bool:
        """Whether the summary was made from the steps, so that it can be held against them: a person saw the video."""
        return self.tells_whole and not any(edit.step == SUMMARY and edit.by_hand for edit in self.row.edits)

    def seconds_of(self, passage: Passage) -> tuple[float, float]:
        """The time that a text is about."""
        if passage.number == SUMMARY:
            return self.row.start_seconds, self.row.end_seconds
        step = self.row.steps[passage.number]
        return step.start_seconds, step.end_seconds


def each(
    passages: tuple[Passage, ...], pattern: re.Pattern[str], triggers: frozenset[str] | None = None
) -> Iterator[tuple[Passage, re.Match[str]]]:
    """The first place outside quotations where a pattern occurs, for each text that has one.

    ``triggers`` are words of which one must be there for the pattern to match: most texts need no search then.
    """
    for passage in passages:
        if triggers is not None and passage.vocabulary.isdisjoint(triggers):
            continue
        if match := pattern.search(passage.plain):
            yield passage, match


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """What the forms of a word have in common, roughly: "moves", "moved" and "moving" are all "mov"."""
    word = word.removesuffix("'s").removesuffix("’s").removesuffix("'")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("ies", "ied")) and len(word) > 4:
        word = f"{word[:-3]}y"
    short = _SUFFIX.sub("", word)
    if len(short) < 3:
        return word
    if word.endswith(("ing", "ed")) and len(short) > 3 and short[-1] == short[-2] and short[-1] not in "aeiousl":
        return short[:-1]
    return short


def irregular_forms(root: str) -> frozenset[str]:
    """The forms of a word, by its stem, that no rule of endings makes: "man" has "men"."""
    return frozenset(form for form, word in _IRREGULAR.items() if root in (word, stem(word)))


def folded(text: str) -> str:
    """Letters and digits only, in lower case: two readings of one line are the same."""
    return "".join(character for character in text.casefold() if character.isalnum())


def shortened(text: str, most: int = 90) -> str:
    """A text on one line, short enough to be quoted in a reason."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
