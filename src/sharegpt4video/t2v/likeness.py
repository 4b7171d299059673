"""How one word stands to another: the same, another word for it, only near to it, or something else.

"Couch" is another word for a sofa; a puppy is near to a dog, and says more than was asked.
"""

from __future__ import annotations

from functools import lru_cache

from ..captioner.nouns import KINDS as SUBJECTS
from ..verify.lexicon import ACTIONS, COLOURS, words_for
from ..verify.prose import stem
from ..vlm.embedded.words import word_set

# Groups of words for one and the same, beside those that name subjects (``captioner.nouns``).
_SAME = """
sofa couch; tv television telly; phone cellphone smartphone cell-phone; donut doughnut; fridge refrigerator;
bike bicycle; motorbike motorcycle; plane airplane aeroplane; remote remote-control; hairdryer hairdrier drier dryer;
burger hamburger; autumn fall; film movie; road street; photo photograph picture; kid child; city town; ocean sea;
cosy cozy; grey gray; colour color; theatre theater; harbour harbor; sunset dusk; sunrise dawn; snowy snow-covered
snow-capped; beach seashore shore; sidewalk pavement; lift elevator; rubbish trash garbage; ill sick; start begin
commence; stop halt; big large; small little; quick fast rapid; happy joyful cheerful; wash clean; sit seat; soccer
football; forest woods woodland; house home; mug cup; rabbit bunny; ship vessel; taxi cab; purse handbag
"""
_GROUPS = [frozenset(map(stem, group.split())) for group in _SAME.replace("\n", " ").split(";")]
_GROUP_OF = {word: group for group in _GROUPS for word in group}
_NEUTRAL = {word: word for word in ("black", "white", "silver")} | {"grey": "grey", "gray": "grey"}
# A kind of person that "person" stands for, and that says more than "person" does.
_PEOPLE = frozenset(
    map(stem, word_set("person people man woman boy girl child kid baby couple lady guy adult individual figure human"))
)
LEAST_LETTERS = 4


@lru_cache(maxsize=1 << 14)
def root(word: str) -> str:
    """A word's stem, such that "happy" and "happily", "ships" and "ship" have the same."""
    one = stem(word.casefold())
    one = stem(one) if one.endswith(("ing", "ed")) and len(one) > 5 else one
    return f"{one[:-1]}y" if one.endswith("i") and len(one) > 3 else one


@lru_cache(maxsize=1 << 14)
def same(word: str) -> frozenset[str]:
    """The roots of the words that mean the same as a word, its own among them."""
    one = root(word)
    kind = SUBJECTS.get(word.casefold()) or SUBJECTS.get(one)
    alike = {root(other) for other, its in SUBJECTS.items() if its == kind} if kind else set()
    return frozenset({one, *alike, *map(root, _GROUP_OF.get(stem(word.casefold()), ()))})


@lru_cache(maxsize=1 << 14)
def near(word: str) -> frozenset[str]:
    """The roots of words that are near to a word: another of its kind, the kind itself, a similar action."""
    found = {root(other) for other in words_for(word.casefold())}
    if root(word) in _PEOPLE:
        found |= _PEOPLE | {root(other) for other in SUBJECTS} | {"he", "she", "him", "her", "his", "they"}
    return frozenset(found) - same(word)


def is_part(one: str, other: str) -> bool:
    """Whether one root begins or ends with the other, so that it is probably made of it: "snowy", "farmhouse"."""
    short, long = sorted((one, other), key=len)
    return len(short) >= LEAST_LETTERS and (long.startswith(short) or long.endswith(short))


@lru_cache(maxsize=1 << 12)
def colours(word: str) -> frozenset[str]:
    """The colours that a word can name: "crimson" is red; empty for any other word."""
    neutral = _NEUTRAL.get(word.casefold())
    return frozenset({neutral}) if neutral else COLOURS.get(stem(word.casefold()), frozenset())


@lru_cache(maxsize=1 << 12)
def actions(word: str) -> frozenset[str]:
    """The actions of the lexicon that a word can name."""
    return ACTIONS.get(stem(word.casefold()), frozenset())


def is_person(word: str) -> bool:
    """Whether a word names somebody without saying who, so that a kind of person may stand for it."""
    return root(word) in _PEOPLE
