"""Words and phrases inside a clause that can be left out: adjectives, adverbs, "with …", where something is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ..vlm.embedded.words import word_set
from . import lexicon as lex
from .clauses import Token
from .forms import finite, is_adjective, is_gerund, is_past, is_verb

Detail = Literal["mood", "manner", "look", "colour", "with", "place", "further"]
Found = tuple[int, int, Detail]
"""Tokens ``[first, last)`` that can be left out, and what they say."""

_PLACES = (
    ("in", "the", "background"), ("in", "the", "foreground"), ("in", "front", "of"), ("against", "a"),
    ("against", "an"),
    ("against", "the"), ("on", "the", "left"), ("on", "the", "right"), ("in", "the", "distance"), ("at", "the", "top"),
    ("at", "the", "bottom"), ("in", "the", "center"), ("in", "the", "centre"), ("to", "the", "left", "of"),
    ("to", "the", "right", "of"), ("next", "to"), ("near",), ("beside",), ("behind",), ("underneath",), ("beneath",),
    ("amidst",), ("amid",), ("under",), ("above",), ("below",), ("alongside",), ("inside",), ("outside",), ("within",),
    ("around",), ("throughout",), ("during",), ("among",),
)  # fmt: skip
_PLACE_HEADS = frozenset(place[0] for place in _PLACES)
_FURTHER = (
    "on",
    "in",
    "at",
    "for",
    "from",
    "to",
    "into",
    "onto",
    "towards",
    "toward",
    "over",
    "through",
    "across",
    "along",
    "down",
    "up",
    "as",
    "by",
    "using",
    "like",
    "between",
)
_TRAILING = word_set("wearing featuring dressed adorned containing surrounded resembling displaying depicting")
_NEEDS = (
    lex.LINKING
    | lex.AUXILIARIES
    | word_set(
        """
        right left located positioned situated placed set seated standing sitting lying resting leading leads lead
        consists consisting directed based focused focuses focus focusing stretches extending according due
        compared transitions transition transitioning shifts shift shifting changes change changing switches
        cuts fades moves over away back up down out off able begins begin begun continues continue starts
        start ready seen shown depicted captured about similar akin related next close closer
        """
    )
)
_STOP = frozenset(
    {
        "and",
        "or",
        "but",
        "while",
        "as",
        "who",
        "which",
        "that",
        "where",
        "when",
        "before",
        "after",
        "until",
        "then",
        "to",
        ":",
        ";",
        "—",
        "–",
    }
)


def details_of(tokens: Sequence[Token], first: int, last: int) -> Iterator[Found]:
    """The details of one piece of a sentence, tokens ``[first, last)``; they may lie in one another."""
    low = [token.low for token in tokens[:last]]
    yield from _adjectives(low, first)
    yield from _adverbs(low, first)
    yield from _phrases(low, first)


def _adjectives(low: list[str], first: int) -> Iterator[Found]:
    at = first
    while at < len(low):
        before = low[at - 1] if at > first else ""
        run = _run(low, at) if _may_begin(low, at, before) else at
        if run == at:
            at += 1
            continue
        if any(word in (",", "and") for word in low[at:run]):
            yield at, run, _kind(low[at:run])
        else:
            for word in range(at, run):
                if not low[word].endswith("ly") or is_adjective(low[word]):
                    begin = (
                        word - 1
                        if word > at and low[word - 1].endswith("ly") and not is_adjective(low[word - 1])
                        else word
                    )
                    yield begin, word + 1, _kind(low[word : word + 1])
        at = run + 1


def _may_begin(low: list[str], at: int, before: str) -> bool:
    """Whether a noun with its adjectives can begin here: after an article, or after a word that no adjective ends."""
    if before in lex.ARTICLES or before in lex.DETERMINERS:
        return True
    if before in lex.KEPT_ADJECTIVES:
        return True
    return (
        before not in lex.LINKING
        and not before.endswith("ly")
        and (low[at] in lex.LOOKS or low[at] in lex.MOOD)
        and (before in lex.PREPOSITIONS or before in ("and", ",", "") or is_verb(before) or is_gerund(before))
    )


def _run(low: list[str], at: int) -> int:
    """Where the adjectives that begin at a place end; the place itself where there are none before a noun."""
    end = at
    while end < len(low):
        word = low[end]
        if (
            is_adjective(word)
            or (
                word.endswith("ly")
                and word not in lex.KEPT_ADVERBS
                and end + 1 < len(low)
                and is_adjective(low[end + 1])
            )
            or (word in (",", "and") and end > at and end + 1 < len(low) and is_adjective(low[end + 1]))
        ):
            end += 1
        else:
            break
    while end > at and not (end < len(low) and _is_noun(low, end)):
        end -= 1  # the last one may be the noun itself: "the light", "a wooden square"
        if end > at and low[end - 1] in (",", "and"):
            return at
    while end > at and low[end - 1] in (",", "and"):
        end -= 1
    return end


def _is_noun(low: list[str], at: int) -> bool:
    """Whether a word behind adjectives is their noun: else the last of them may be one ("the square moves")."""
    word, after = low[at], low[at + 1] if at + 1 < len(low) else ""
    if not word[:1].isalpha() or word in lex.FUNCTION or word.endswith("ly"):
        return False
    if is_verb(word) or word in lex.PAST:
        return after in lex.AUXILIARIES or is_verb(after)
    return not (is_past(word) and (after in lex.PREPOSITIONS or not after))


def _kind(words: list[str]) -> Detail:
    if any(word in lex.COLOURS for word in words):
        return "colour"
    return "look" if any(word in lex.LOOKS for word in words) else "mood"


def _adverbs(low: list[str], first: int) -> Iterator[Found]:
    for at in range(first, len(low)):
        word = low[at]
        if not word.endswith("ly") or len(word) < 5 or word in lex.KEPT_ADVERBS or is_adjective(word):
            continue
        before, after = low[at - 1] if at > first else "", low[at + 1] if at + 1 < len(low) else ""
        if after.endswith("ed") or is_adjective(after):
            continue  # goes with the adjective: "formally dressed"
        if before in ("how", "as", "so", "too", "less", "not", "a", "an", "the") or after in (
            "as",
            "than",
            "and",
            "or",
            "but",
        ):
            continue
        if before in ("and", "or", "but") and at - 2 >= first and low[at - 2].endswith("ly"):
            yield at - 2, at + 1, "manner"
            continue
        if before in ("and", "or", "but", ",") and after in ("", ",") and at > first:
            continue
        yield (at - 1 if before in ("very", "more", "quite", "rather") else at), at + 1, "manner"


def _phrases(low: list[str], first: int) -> Iterator[Found]:
    """Phrases at the end of a piece: what begins with a preposition and runs to its end."""
    for at in range(len(low) - 2, first, -1):
        kind = _phrase(low, at, first)
        if kind is not None and _ends_well(low, at, first):
            yield at, len(low), kind
        if low[at] in _STOP and low[at] != "to" and low[at] != "and":
            return


def _phrase(low: list[str], at: int, first: int) -> Detail | None:
    word, before = low[at], low[at - 1]
    acts = is_verb(before) or is_gerund(before)
    if word == "with":
        return None if before in lex.TAKES_WITH or acts else "with"
    if word in ("to", "into") and "from" in low[first:at]:
        return None  # "turns from blue to red"
    if before in _NEEDS | lex.PREPOSITIONS | lex.DETERMINERS or before in ("and", "or", "not"):
        return None
    if word in _PLACE_HEADS and any(tuple(low[at : at + len(place)]) == place for place in _PLACES):
        return None if is_past(before) else "place"
    if word in _TRAILING:
        return "with"
    # Any other phrase goes last of all, and never the one that a verb needs.
    if word in _FURTHER and not acts and not is_past(before) and before not in lex.VERBS:
        return "further"
    return None


def _ends_well(low: list[str], at: int, first: int) -> bool:
    """Whether what is left before a phrase is a clause of its own, and the phrase holds no clause."""
    rest = low[at:]
    if any(finite(rest, word) for word in range(1, len(rest))):
        return False
    if any(word in ("and", "or") and is_verb(rest[min(place + 1, len(rest) - 1)]) for place, word in enumerate(rest)):
        return False
    return (
        at - first >= 2
        and (low[at - 1][:1].isalpha() or not low[at - 1])
        and low[at - 1] not in lex.FUNCTION - {"it", "him", "them", "her", "down", "up", "out", "away"}
    )
