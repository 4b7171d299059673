"""Patterns for the labels of one question: where a reply states one, only names one, or repeats the list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .phrases import (
    AFTER_A_LABEL,
    AND,
    ANSWER,
    CHOOSING,
    CLOSE,
    CONCLUDING,
    FILL,
    GOOD,
    IS,
    IS_RIGHT,
    NAMED,
    OPEN,
    OPTION,
    TAIL,
)
from .said import MARK_END, MARKED

_EDGE = r"0-9A-Za-zÀ-ɏ_\u0400-\u04FF"  # Chinese and Japanese have no spaces around letters
_CUE = rf"(?<![A-Za-z]){ANSWER}{TAIL}{IS}\s*{FILL}\s*"
_SIGNS = "✅✓✔☑❌✗✘✖"
_WORD = rf"(?:{OPTION}\s*)?"
# What may follow a label that could be a word.
_STOP = r"(?=\s*(?:[.!,;:\n。]|です|だ|である|입니다|이다|吧|\Z|because\b|since\b|as\b|or\b|-|–|—|\())"


# How a label that opens a reply ends.
_ENDS = r"[)\]}\"'>]|\s*:|\s*(?:\.{1,4}(?!\s*(?-i:[A-Z])[.!]?\s*\Z)|[,;])(?=\s|\Z|[A-Z][a-z]|\d)"
_ENDS += r"|です|だと|입니다|가 정답|이 정답|、"
_ENDS += r"|\s+[-–—(]|\s*\n|\s*\Z"
_OTHER_IS = r"ist|es|est|è|é|jest|är|er|je|değil|不|错|对|正确|错误|は|が|는|은"
_AND_NOT = r"(?:(?:and |but )?not|rather than|instead of|(?:und |aber )?nicht|y no|et pas|e não|e non)"
_PERHAPS = r"(?:(?:maybe|perhaps|possibly)\s+)?"
_IS_NOT_RIGHT = rf"\A{OPEN}(?-i:[A-Z]){CLOSE}\s+(?:is\s+not|isn['’]t)\s+(?:the\s+)?(?!only\b){GOOD}\b[^.;,!?\n]{{0,40}}"
_SURE = r"(?:5[1-9]|[6-9]\d|100)\s*%(?:\s+(?:confiden\w+|certain\w*|sure|probability|likelihood))?"
_GROUNDS = r"(?:as|since|because|given|based on|judging (?:by|from)|from)"
# Words that are not nouns, so an "A" before them is not the article.
_NO_NOUN = (
    r"the|it|its|it's|he|she|they|we|you|i|this|that|these|those|there|here|in|on|at|to|by|of|from|with|while|when|where"
    r"|maybe|perhaps|possibly|probably|but|so|not|if|then|his|her|their|my|our|all|both|no|yes|correct|true|right"
    r"|can|could|should|will|has|have|had|does|do|did|shows?|describes?|says?|only|instead|rather|though|although|however|therefore|thus|explanation|reason"
)


@dataclass(frozen=True)
class Patterns:
    """The patterns for the labels of one question; each has the label as the group ``label``.

    marked     what is marked as the answer; ``opening`` a label that it, or a text, opens with
    stating    statements of a label, each with whether the label ends a clause, so that it cannot be a word
    cue        the beginning of a statement, which may go on with an option's words
    announced  the same at the end of a text, where the answer is missing
    sentence   a whole sentence or line
    naming     labels that are only named
    lone       a capital in a label's position, whatever is said about it
    item       a label in a list: ``label`` in brackets, or ``second``; ``start`` at the beginning of a line
    """

    marked: re.Pattern[str]
    stating: tuple[tuple[re.Pattern[str], bool], ...]
    cue: re.Pattern[str]
    announced: re.Pattern[str]
    sentence: re.Pattern[str]
    naming: tuple[re.Pattern[str], ...]
    opening: re.Pattern[str]
    item: re.Pattern[str]
    lone: re.Pattern[str]
    after: re.Pattern[str]
    before: re.Pattern[str]

    def joined(self, text: str, start: int, end: int) -> list[str]:
        """The labels joined to one: those after it ("A and B", "A, B") and the one before."""
        found = []
        at = end
        while match := self.after.match(text, at):
            if match["label"] in "aI" and re.match(r"\s+\w", text[match.end() : match.end() + 9]):
                break
            found.append(match["label"])
            at = match.end()
        before = self.before.search(text[max(0, start - 30) : start])
        apart = before and "." in before[0] and re.match(r"\s+[a-z]", text[end:])  # two sentences: "A. B is correct."
        if before and not apart and before["label"] not in "aI":
            found.append(before["label"])
        return found


def is_word(text: str, letter: str, start: int, end: int) -> bool:
    """Whether a letter is the article, the pronoun or part of a longer expression, such as "a man" or "B-52"."""
    after = text[end : end + 40]
    if re.match(r"['\u2019][a-z]|[-/]\w|\.\w\.|\s*=\s*\d", after):
        return True
    if letter.isdigit() and (re.match(r"[.,:]\d|\s*[%°]", after) or text[start - 1 : start] in tuple("-−.,$")):
        return True  # part of another number
    follows = re.match(r"\s+([^\W\d_]+)", after)
    if follows is None or after.startswith("\n") or not letter.isalpha():
        return False
    if letter == "A":
        return not re.fullmatch(AFTER_A_LABEL, follows[1])
    return letter.islower() or letter == "I"


def is_article(text: str, end: int) -> bool:
    """Whether words follow an "A" as they follow the article, whatever is between: "(A) man walks"."""
    found = re.match(r"[)\]}\"'>]*[.:,]?[ ]?\n?(?:[-–—] )?[ ]?[(]?([a-z]+)(?!\w|:)", text[end : end + 40])
    return found is not None and re.fullmatch(rf"{AFTER_A_LABEL}|{_NO_NOUN}", found[1]) is None


def is_field(text: str, start: int, end: int) -> bool:
    """Whether a label is the name of a field: {"A": "left"}."""
    return text[start - 1 : start] in ("'", '"') and re.match(r"[\"']\s*:", text[end : end + 9]) is not None


@lru_cache(maxsize=64)
def patterns_for(labels: tuple[str, ...]) -> Patterns:
    """The patterns for these labels, in capitals. Other single capitals are read as labels of no option."""
    known = "|".join(re.escape(label) for label in labels)
    capitals = "|".join(label for label in labels if label.isalpha()) or "(?!)"
    own = rf"(?<![{_EDGE}])(?P<label>{known})(?![{_EDGE}])"
    label = rf"(?<![{_EDGE}])(?P<label>{known}|(?-i:[A-Z]))(?![{_EDGE}])"
    flags = re.IGNORECASE
    opening = rf"\A[\s\"'.]*{_WORD}{OPEN}{own}(?:{CLOSE}(?:{_ENDS})|\s+(?=because\b|since\b|without (?:a )?doubt))"
    second = own.replace("label", "second")
    link = r"(?:\s*(?=[(\[{]+\w[)\]}])|(?<=[)\]])(?=\w[)\]])|、(?=[A-Z](?![A-Za-z]))"
    link += rf"|{AND}{_PERHAPS}|\s*(?P<comma>,)\s*)"
    return Patterns(
        marked=re.compile(rf"{MARKED}([^{MARK_END}]*){MARK_END}"),
        stating=_stating(label, own, opening),
        cue=re.compile(_CUE, flags),
        announced=re.compile(rf"{_CUE}{OPEN}\s*\Z", flags),
        sentence=re.compile(r"(?:^|(?<=[.!?]\s))[^.!?\n]{1,200}(?=[.!]?\s*$|[.!?]\s)", re.MULTILINE),
        naming=(
            re.compile(rf"[(\[]{own}[)\]]", flags),
            re.compile(rf"(?:^|(?<=[:;!?]\s)){own}[.)](?=\s|$)", re.MULTILINE),
            re.compile(rf"(?<![A-Za-z]){NAMED}\s*(?:is\s*)?:?\s*{OPEN}{label}", flags),
        ),
        opening=re.compile(opening, flags),
        item=re.compile(
            rf"(?:(?P<start>^)[ \t]*|(?<=[\s;,]))(?:{OPTION}\s+)?"
            rf"(?:[(\[]{own}[)\]]|{second}(?:[.):]|(?=\s*[{_SIGNS}])))[:.]?(?=\s|$|[A-Z{_SIGNS}])",
            flags | re.MULTILINE,
        ),
        lone=re.compile(
            rf"(?:\A|[.!?;:,\n(\[]\s*|(?<![^\W_])(?:is|not|ist|es|est|è|é|{ANSWER})\s+)[\"'(\[]*"
            rf"(?-i:(?P<label>{capitals}))(?![{_EDGE}'’])(?=\s*(?:[.,;:!?)\]\"'}}=\n]|\Z|{AFTER_A_LABEL}\b|{_OTHER_IS}))",
            flags,
        ),
        after=re.compile(
            rf"{CLOSE}(?:\s*[(](?=(?:or|and)\b))?{link}{OPEN}{label}(?(comma)(?!\s+(?!(?:and|or)\b)[a-z]))", flags
        ),
        before=re.compile(
            rf"{label}{CLOSE}(?:{AND}|(?-i:(?<=[A-Z]))\.? +|\s*(?:→|->|=>|>|<|≠|vs\.?|then|to)\s*){OPEN}\Z", flags
        ),
    )


def _stating(label: str, own: str, opening: str) -> tuple[tuple[re.Pattern[str], bool], ...]:
    """The patterns of statements, and for each whether its label ends a sentence, a line or the text."""
    forms = (
        (rf"{_CUE}{OPEN}{label}", False),
        (rf"(?<![A-Za-z])(?:answer|ans)\s*\n\s*{OPEN}{own}{CLOSE}[.)]?(?=\s|\Z)", True),
        (rf"{OPEN}{label}{CLOSE}{IS_RIGHT}", False),
        (rf"(?:उत्तर|जवाब|cevap|cevabı|yanıt)\s+{OPEN}{own}{CLOSE}(?:\s+है|['’]?d[iıuü]r)", True),
        (rf"{CHOOSING}\s*{FILL}\s*{OPEN}{own}{CLOSE}{_STOP}", True),
        (rf"{CONCLUDING}\s*{FILL}\s*{OPEN}{own}{CLOSE}{_STOP}", True),
        (opening, False),
        (
            rf"(?<=[.!?\n]\s)(?:or|alternatively),?\s+{_PERHAPS}{OPEN}{own}{CLOSE}{_STOP}",
            True,
        ),
        (rf"(?<=\s)(?:no|\bnope|\bwait|\bsorry|\brather|\bactually|\binstead),?\s+{OPEN}{own}{CLOSE}[.!]?\s*\Z", True),
        (rf"(?:\A|(?<=[.!?]\s)){ANSWER}\s+{OPEN}{own}{CLOSE}[.!]?\s*\Z", True),
        # "A rather than B", "As seen in the video, B.", "A is not the best choice; B is."
        (rf"\A{OPEN}{own}{CLOSE},?\s+{_AND_NOT}\s+{OPEN}(?-i:[A-Z]){CLOSE}[.!]?\s*\Z", True),
        (
            rf"\A{_GROUNDS}\b(?:(?!\b(?:options|choices)\b)[^.!?\n]){{0,120}}?[^\W\d_]{{2}},\s*{FILL}\s*{OPEN}{own}{CLOSE}[.!]?\s*\Z",
            True,
        ),
        (rf"{_IS_NOT_RIGHT}[;,]\s*(?:but\s+)?{OPEN}{own}{CLOSE}\s+is[.!]?\s*\Z", True),
        (rf"\A{OPEN}{own}{CLOSE}\s+with\s+{_SURE}[.!]?\s*\Z", True),
        (rf"(?:^|(?<=[.:;!?]\s)|(?<=[^\W_]{{2}}\.))[\s\"']*{_WORD}{OPEN}{own}{CLOSE}[.!]?[ \t]*$", True),
    )
    return tuple((re.compile(form, re.IGNORECASE | re.MULTILINE), ends) for form, ends in forms)
