"""A prompt in the style of a caption set, without a model: the user's own words, in sentences like the captions'.

The sentences are those of the embedded model (``vlm.embedded.prompt``); only how they begin follows the profile.
Nothing is invented.
"""

from __future__ import annotations

import re

from ..vlm.embedded.prompt import attaches, is_english
from ..vlm.embedded.prompt import recaption as in_sentences
from ..vlm.embedded.words import sentence
from .profile import Profile
from .prompt_facts import facts_of

FRAMED = 0.3
"""From this share on of captions that begin with "The video …", texts do as well."""
_FRAME = re.compile(r"^(?:in\s+)?(?:the|this)\s+(?:video|clip|scene|footage|shot|film)\b", re.IGNORECASE)
_SHOWS = re.compile(r"^The video shows (?P<who>(?:an?|the|one|two|three|four|five|\d+)\s+[^.]+)\.", re.IGNORECASE)
_PLURAL = re.compile(
    r"^(?:two|three|four|five|\d{2,}|[2-9])\b|^(?:the\s+)?\w*(?:people|men|women|children)\b", re.IGNORECASE
)


def filled(prompt: str, profile: Profile | None = None) -> str:
    """The prompt in sentences, with the openings of the profile; "" for an empty prompt.

    A prompt that is not English stays as it is.
    """
    text = in_sentences(prompt)
    if not text or profile is None or not is_english(prompt):
        return text
    framed = sum(share for opening, share in profile.openings if _FRAME.match(opening))
    return text if framed >= FRAMED else _without_frame(text)


def _without_frame(text: str) -> str:
    """ "The video shows a dog running." -> "A dog is running." where that can be said; else the text as it is."""
    match = _SHOWS.match(text)
    if match is None:
        return text
    who, verb, rest = _parted(match["who"])
    if not verb or any(attaches(word) or word == "and" for word in who.split()):
        return text
    told = sentence(f"{who} {'are' if _PLURAL.match(who) else 'is'} {verb}{rest}")
    return f"{told}{text[match.end() :]}"


def _parted(phrase: str) -> tuple[str, str, str]:
    """Who is shown, the first participle after it, and the rest; no participle: "" for it."""
    actions = facts_of(phrase).of_kind("action")
    if not actions or not actions[0].text.endswith("ing"):
        return phrase, "", ""
    first = actions[0]
    return phrase[: first.start].strip(), first.text, phrase[first.end :]
