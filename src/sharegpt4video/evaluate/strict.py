"""Our own parser of answers: the option a reply settles on, or nothing where a careful reader would not be sure.

Reasoning, control tokens, roles and markdown are removed first. The rest is parsed by structure, not matched against a
list of replies. A reply can *state* an answer: mark it by a tag, a box or a JSON field, open or close with a label, or
say "the answer is B" in one of many ways and languages. Repeated options, questions, conditions ("if ..., A") and
denials state nothing. A short heading before a label must announce an answer ("Final answer: B", not "Grade: B" or
"Student: B"). An "A" before more words may be the article. All statements must agree, or the last must correct the
one before ("Wait, ..."), even after the end of the model's turn. The words after a label must not be another option's
("C: right" where C is *up*). If a reply judges the options one by one, its answer is the one it calls right, or gives
the largest share.

Without a statement, a reply that names one label or position, or has the words of one option, is taken as that option,
unless the words fit two options or mean something else in context ("the ball is left on the table", "a hot dog").
Numbers count with their sign, decimals, unit and range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from .headings import announces, names_an_answer
from .options import Options, words
from .phrases import (
    is_answered_no,
    is_asked,
    is_denied,
    is_denied_before,
    is_supposed,
    judgement,
    without_everyday_words,
)
from .said import MARK_END, MARKED, MOST_CHARS, said
from .sentences import is_ambiguous
from .statements import Patterns, is_article, is_field, is_word, patterns_for
from .tally import Tally, tally
from .yes_no import yes_or_no

LETTERS = "ABCDEFGHIJ"
_CORRECTED = re.compile(
    r"\b(?:wait|actually|second thought|mistake\w*|scratch that|i was wrong|sorry|oops|hmm|however|need to correct"
    r"|correct(?:ion|ing|ed)?(?= this| that| myself|\s*$)|correct(?:ion|ed)(?=:)"
    r"|(?:re-?|double-)(?:check|consider|examin|think|read|visit|look|evaluat)\w*"
    r"|(?<=\W)no(?=,)|revis\w+|upon (?:closer|further))\b|不对|等等|其实|但是",
    re.IGNORECASE,
)
_UNDONE = re.compile(
    r"(?:[.!?;\n]\s*|\A)(?:wait|actually|sorry|on second thought|scratch that|hold on|不对|等等)\b"
    r"|\b(?:is|are|could|may|might) also (?:be )?(?:possible|plausible|likely|correct|right|valid|true)\b"
    r"|\b(?:maybe|perhaps|possibly) not\s*[.!]?\s*\Z"
    r"|\b(?:equally|just as) (?:likely|probable|plausible|possible|valid|good)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(r"maybe|perhaps|possibly", re.IGNORECASE)
_VALUES = frozenset(("yes", "no", "true", "false", "correct", "incorrect", "right", "wrong"))  # of a tally
_IS_RIGHT = re.compile(r"\bis right\Z", re.IGNORECASE)
# "1. A, 2. B": answers to several questions.
_NUMBERED = re.compile(
    r"(?:^|(?<=[\s,;:]))(?:q(?:uestion)?\s*)?\d{1,2}\s*[.:)]\s*\(?([A-J])\)?(?=\s*(?:[,;\n]|\.?\s*\Z|\.?\s+(?:q\w*\s*)?\d))",
    re.IGNORECASE,
)
_CALLED_WRONG = re.compile(r"['\"](?:is_)?(?:correct|valid|right)['\"]\s*:\s*(?:false|0|no)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Stated:
    """A statement: its position, and the options it names; None stands for a label of no option."""

    at: int
    end: int
    named: frozenset[int | None]

    @property
    def single(self) -> int | None:
        return next(iter(self.named)) if len(self.named) == 1 else None


def chosen(reply: str, options: Sequence[str], labels: Sequence[str] = LETTERS) -> int | None:
    """The index of the one option that a reply settles on; None for none, or for several.

    Understands "B", "(b)", "B. left", "The best answer is: B", "... so option B" and the text of one option alone. The
    article "A" is not a label, denied options ("not B", "option B is wrong") do not count, and a label with the words
    of another option ("C: right") is ambiguous.
    """
    text = said(reply)[-MOST_CHARS:]
    if _CALLED_WRONG.search(text) or len({label.upper() for label in _NUMBERED.findall(text)}) > 1:
        return None
    known = Options.of(options, [label.upper() for label in labels[: len(options)]])
    patterns = patterns_for(tuple(known.labels))
    bare = text.replace(MARKED, "").replace(MARK_END, "").strip(" \n\"'")
    if patterns.announced.search(text, max(0, len(text) - 200)):
        return None  # the answer is announced but missing
    whole = known.same_as(bare)
    whole = known.same_but_for_article(bare) if whole is None else whole
    # "(A)" is the label, even if another option is the letter a itself (MVBench asks which letter comes first).
    if whole is not None and not known.is_label(bare):
        if known.opens_with_another_label(bare, whole):
            return None
        return None if bare.endswith("?") and not options[whole].rstrip().endswith("?") else whole
    placed = known.in_place(bare)
    if placed is not None:
        return placed
    judged = _tally(bare, known)
    return _settled(text, known, patterns) if judged is None else judged.right


def matched_caption(reply: str, question: str) -> int | None:
    """The index of the caption that an answer settles on, for lines such as "Option 1: A man runs."."""
    lines = [line for line in question.split("\n")[1:] if ": " in line]
    if not lines:
        return None
    heads, texts = zip(*(line.split(": ", 1) for line in lines), strict=True)
    whole = words(said(reply).replace(MARKED, "").replace(MARK_END, ""))
    for index, line in enumerate(lines):
        if whole and whole == words(line):
            return index
    return chosen(reply, texts, [head.split()[-1] if head.split() else head for head in heads])


def _tally(text: str, known: Options) -> Tally | None:
    """The reply's verdict on each option, unless it only repeats them."""
    if any(option in _VALUES - {"right"} or option[:1].isdigit() for option in known.texts):
        return None
    return tally(text, list(zip(known.labels, known.texts, strict=True)))


def _settled(text: str, known: Options, patterns: Patterns) -> int | None:
    text, verdict = _without_lists(text, known, patterns)
    stated = sorted(_statements(text, known, patterns), key=lambda one: one.at)
    if verdict is not None:
        stated.insert(0, _Stated(-1, -1, frozenset({verdict})))
    if stated:
        settled = _agreed(text, stated)
        told = known.only_said(without_everyday_words(text)) if settled is not None else None
        return settled if told in (None, settled) else None  # "it moves to the right, so A", where A is left
    places = (found for pattern in patterns.naming for found in pattern.finditer(text))
    naming = [one for found in places if (one := _label_stated(text, found, known, patterns, closes=False))]
    named = {index for one in naming for index in one.named}
    if named:
        return next(iter(named)) if len(named) == 1 else None
    found = known.only_said(without_everyday_words(text))
    if found is None and {"yes", "no"} & set(known.texts):
        found = known.same_as({True: "yes", False: "no", None: ""}[yes_or_no(text)])
    if found is None:
        return None
    # A label that states nothing, as in "A is false", disagrees with the words or is judged by them.
    labels = {known.index(place["label"]) for place in patterns.lone.finditer(text)}
    return None if labels - (set() if is_ambiguous(known.texts[found]) else {found}) else found


def _agreed(text: str, stated: Sequence[_Stated]) -> int | None:
    """The answer of all statements, or of the last after a correction; one of several named options settles them."""
    single = [one for one in stated if len(one.named) == 1]
    several = [one for one in stated if len(one.named) > 1]
    if not single:
        return None
    last = single[-1].single
    if any(last not in one.named for one in several):
        return None
    differing = [number for number, one in enumerate(single) if one.single != last]
    if _UNDONE.search(text, max(single[-1].end, 0)):
        return None
    if not differing:
        return last
    before, after = single[differing[-1]], single[differing[-1] + 1]
    return last if _CORRECTED.search(text, max(before.end, 0), max(after.at, 0)) else None


def _statements(text: str, known: Options, patterns: Patterns) -> Iterator[_Stated]:
    """All statements of a text, without what it denies, supposes or asks."""
    for found in patterns.marked.finditer(text):
        named = _within(found[1], known, patterns)
        if named:
            yield _Stated(found.start(), found.end(), named)
    ambiguous = "right" in known.texts and len({place["label"] for place in patterns.lone.finditer(text)}) > 1
    for pattern, closes in patterns.stating:
        for found in pattern.finditer(text):
            if ambiguous and _IS_RIGHT.search(found[0]):
                continue  # "A is left. B is right." lists the options
            whose = names_an_answer(text, found.start()) if pattern is patterns.stating[0][0] else True
            one = _label_stated(text, found, known, patterns, closes=closes) if whose is not False else None
            if one is not None:
                # A hedge after other words is not an answer, but contradicts them.
                sure = whose and (found.start() == 0 or _HEDGED.match(found[0]) is None)
                yield one if sure else replace(one, named=one.named | {None})
    for found in patterns.cue.finditer(text):
        place = text, found.start(), found.end()
        if is_denied(*place) or is_supposed(*place) or not names_an_answer(text, found.start()):
            continue
        after = text[found.end() : found.end() + 400]
        label = patterns.opening.match(after)
        index = None if label and known.is_label(label["label"]) else known.begins(after)
        if index is not None:
            beside = known.label_behind(after, index)
            yield _Stated(found.start(), found.end(), frozenset({index, *beside}))
    says_others = cache(lambda index: known.says_others(text, index))  # of all the text, so the same for each sentence
    for found in patterns.sentence.finditer(text):
        index = known.same_as(found[0])
        if index is not None and is_ambiguous(known.texts[index]) and says_others(index):
            continue  # "Right! It goes left."
        if index is not None and not known.is_label(found[0].strip()) and not is_asked(text, found.end()):
            yield _Stated(found.start(), found.end(), frozenset({index}))


def _within(marked: str, known: Options, patterns: Patterns) -> frozenset[int | None]:
    """The option in a tag or a box: a label alone or with text, an option's text, or what its sentences settle on."""
    marked = marked.strip()
    whole = known.same_as(marked)
    if whole is not None and not known.is_label(marked):
        return frozenset({whole})
    found = patterns.opening.match(marked)
    if found is not None:
        one = _label_stated(marked, found, known, patterns, closes=True)
        return one.named if one else frozenset()
    settled = _settled(marked, known, patterns) if len(words(marked).split()) > 3 else None
    return frozenset() if settled is None else frozenset({settled})


def _label_stated(
    text: str, found: re.Match[str], known: Options, patterns: Patterns, *, closes: bool
) -> _Stated | None:
    """The label of a statement, with those joined to it ("A and B"); None if it is not a label after all.

    ``closes``: the pattern already requires that the label ends a sentence, a line or the text.
    """
    start, end = found.span("label")
    letter = found["label"]
    if is_field(text, start, end) or (not closes and is_word(text, letter, start, end)):
        return None
    announced = announces(text, start)
    if announced is False or is_answered_no(text, end):
        return None
    index = known.index(letter)
    told = known.text_before(text[max(0, start - 400) : start])
    own = known.after_label(text[end : end + 400], index) if index is not None else True
    if letter in "aA" and own is True and is_article(text, end):
        return None
    begin, after = start - (told[1] if told else 0), end + own if own > 1 else end
    denied = is_denied_before(text, begin) if own is False else is_denied(text, begin, after)
    if denied or (told is None and is_supposed(text, begin, end)) or is_asked(text, end):
        return None
    named = {index, *(known.index(other) for other in patterns.joined(text, start, after))}
    if index is not None:
        is_text = letter.islower() and known.is_other_text(letter, index, text[start - 1 : end + 1])
        if is_text and closes:
            return None
        another = own is True and known.says_another(text[end : end + 400], index)
        if own is False or is_text or another or (told and known.texts[told[0]] != known.texts[index]):
            named.add(None)  # another option's words: ambiguous
    if announced is None:
        named.add(None)  # perhaps somebody else's answer
    return _Stated(start, end, frozenset(named))


def _without_lists(text: str, known: Options, patterns: Patterns) -> tuple[str, int | None]:
    """The text without repeated options, and the one option that a list of all of them calls right, if any.

    A list begins with the first label and continues in order. Text after an item's option stays.
    """
    items = list(patterns.item.finditer(text))
    verdict: int | None = None
    cuts: list[tuple[int, int]] = []
    at = 0
    while at < len(items):
        run = _run(items, at, known)
        at += max(len(run), 1)
        if len(run) < 2:
            continue
        judged, listed = [], all(item["start"] is not None for item in run)
        for number, item in enumerate(run):
            end = run[number + 1].start() if number + 1 < len(run) else _line_end(text, item.end())
            own = known.own_length(text[item.end() : end], number)
            judged.append(judgement(text[item.end() + (own or 0) : end]))
            if listed and (own is None or text[item.end() + own : end].strip(" .\n")):
                cuts.append((item.start(), end))  # a verdict on one option is not an answer yet
            elif own is not None:
                cuts.append((item.start(), item.end() + (own or 0)))
        if judged.count(True) == 1 and judged.count(False) == len(judged) - 1:
            verdict = judged.index(True)
    for start, end in reversed(cuts):
        text = text[:start] + "\n" + text[end:]
    return text, verdict


def _run(items: Sequence[re.Match[str]], at: int, known: Options) -> list[re.Match[str]]:
    run: list[re.Match[str]] = []
    for item in items[at:]:
        if known.index(item["label"] or item["second"]) != len(run):
            break
        run.append(item)
    return run


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
