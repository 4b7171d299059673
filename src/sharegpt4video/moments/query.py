"""The words of a query that are worth looking for, each with the forms and synonyms that count as it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..checking import check_text
from ..errors import SettingsError
from ..verify.lexicon import words_for
from ..verify.prose import irregular_forms, stem
from ..vlm.embedded.words import word_set

MOST_TERMS = 16
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_STOP = word_set(
    "a an the this that these those is are was were be been being am do does did of and or to in on at by for with "
    "from into as it its his her their our your my he she they we you i there here then some any who which what when "
    "where while has have had can will video clip scene moment part shot someone something"
)
_ENDINGS = "(?:e|es|ed|er|ers|ing|ings|s|ly)?(?:['’]s)?"


@dataclass(frozen=True)
class Term:
    """One word of a query. ``pattern`` is a regular expression that RE2 (Arrow's) and ``re`` read alike."""

    word: str
    pattern: str


def terms_of(query: str) -> tuple[Term, ...]:
    """The words to look for, the first ``MOST_TERMS`` of them; words such as "the" are left out.

    Raises SettingsError for a query without any, or one that is no text.
    """
    check_text(query, "the query")
    words = [word.casefold() for word in _WORD.findall(query)]
    terms: dict[str, Term] = {}
    for word in words:
        if word not in _STOP:
            terms.setdefault(stem(word), Term(word, _pattern(word)))
    if not terms:
        raise SettingsError(f'{query!r} names nothing to look for; describe what is to be seen: "a man opens a door"')
    return tuple(terms.values())[:MOST_TERMS]


def _pattern(word: str) -> str:
    if not word.isascii():  # RE2 knows no word boundaries beyond ASCII, and many such languages have none
        return f"(?i){re.escape(word)}"
    alternatives = sorted({_forms(one) for one in {word, *words_for(word)}})
    return rf"(?i)\b(?:{'|'.join(alternatives)})\b"


def _forms(word: str) -> str:
    """All forms of a word: "open" is also "opens", "opened" and "opening"; "man" is also "men"."""
    root = stem(word)
    if root.endswith("y"):
        regular = rf"{re.escape(root[:-1])}(?:y(?:ing|['’]s)?|ies|ied)"
    else:
        regular = rf"{re.escape(root)}{re.escape(root[-1])}?{_ENDINGS}"
    return "|".join([regular, *sorted(map(re.escape, irregular_forms(root)))])
