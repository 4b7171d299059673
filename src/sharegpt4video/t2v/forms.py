"""Forms of English words, by endings and lists: whether one is a verb, a participle or an adjective."""

from __future__ import annotations

from functools import lru_cache

from . import lexicon as lex


@lru_cache(maxsize=1 << 14)
def is_verb(word: str) -> bool:
    """Whether a word is the third person of a known verb ("walks", "carries")."""
    if word in lex.NOT_VERBS or not word.endswith("s") or word.endswith("ss"):
        return False
    stems = (word[:-1], word[:-2] if word.endswith("es") else "", f"{word[:-3]}y" if word.endswith("ies") else "")
    return any(stem in lex.VERBS for stem in stems)


@lru_cache(maxsize=1 << 14)
def is_gerund(word: str) -> bool:
    """Whether a word is a verb with "ing" and not a noun such as "building"."""
    return word.endswith("ing") and len(word) > 4 and word not in lex.NOT_GERUNDS


@lru_cache(maxsize=1 << 14)
def is_past(word: str) -> bool:
    """Whether a word is the past of a known verb, and not one that mostly describes ("dressed")."""
    if word in lex.PAST:
        return True
    if not word.endswith("ed") or word in lex.PARTICIPLES_ONLY:
        return False
    stem = word[:-2]
    doubled = len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in lex.VERBS
    return stem in lex.VERBS or f"{stem}e" in lex.VERBS or doubled


@lru_cache(maxsize=1 << 14)
def is_adjective(word: str) -> bool:
    """Whether a word is an adjective that can be left out."""
    if word in lex.KEPT_ADJECTIVES or word in lex.FUNCTION:
        return False
    if word in lex.MOOD or word in lex.LOOKS:
        return True
    ends = word.endswith(lex.ADJECTIVE_ENDINGS) and len(word) > 4
    return ends and word not in lex.NOT_ADJECTIVES and not word.endswith("fish")


def has_verb(low: list[str]) -> bool:
    """Whether words hold a finite verb."""
    return any(finite(low, at) for at in range(len(low)))


def finite(low: list[str], at: int) -> bool:
    """Whether the word at a place is a finite verb there."""
    word, before = low[at], low[at - 1] if at else ""
    if word in lex.AUXILIARIES:
        return True
    if at == 0 or before in lex.DETERMINERS - {"both"} or before in lex.PREPOSITIONS - lex.PARTICLES or before == "or":
        return False
    if is_verb(word):
        return True
    if word in lex.VERBS:
        if before in lex.PLURALS:
            return True
        return before.endswith("s") and not before.endswith("ss") and before not in lex.FUNCTION and not is_verb(before)
    if not is_past(word) or before in lex.LINKING or before in lex.LOOKS:
        return False
    return low[at + 1 : at + 2] != ["by"]


def verb_at(low: list[str], start: int, most: int) -> bool:
    """Whether a finite verb is among the first words, behind adverbs only."""
    for at in range(start, min(start + most, len(low))):
        if finite(low, at) or is_verb(low[at]) or (at == start and is_past(low[at])):
            return True
        if not low[at].endswith("ly") and low[at] not in ("then", "also", "now", "still", "soon", "and", "all"):
            return False
    return False
