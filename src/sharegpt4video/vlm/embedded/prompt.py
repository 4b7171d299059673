"""Re-captioning: the user's own words, put in the order and the form of the captions that generators are trained on.

Nothing is added but articles, "and", and the frame of a sentence; no word that carries meaning is dropped.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from .vocabulary import (
    CAMERA_ACTIONS,
    CAMERA_NOUNS,
    CAMERA_VERBS,
    COUNTABLE,
    DETERMINERS,
    FINITE_VERBS,
    FOREIGN_WORDS,
    FRAMES,
    NOT_PARTICIPLES,
    PREPOSITIONS,
    PRONOUNS,
    STYLE_ENDINGS,
    STYLE_PHRASES,
    STYLE_WORDS,
)
from .words import a, listed, sentence, word_set

_FRAME = re.compile(
    rf"^(?P<head>(?:(?:an?|the|this)\s+)?(?:[\w-]+\s+){{0,4}}?(?:{'|'.join(FRAMES)}))\s+"
    r"(?:of|showing|shows|that\s+shows|in\s+which)\s+(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_CAMERA_SENTENCE = re.compile(r"^(the\s+)?camera\b", re.IGNORECASE)
_STYLE_SENTENCE = re.compile(r"^the\s+style\s+is\s+(?P<rest>.+)$", re.IGNORECASE)
_LEADING = "a|an|the|my|your|our|their|its|and|or"
_PARTED = re.compile(rf"(?:^(?i:({_LEADING}))|(?<=\s)({_LEADING}))\s*(?:[,;:|…]+\s*|\.+\s+)(?=[^\W\d_]{{2}})")
"""A mark between a little word and what it belongs to: "a, dog"."""
_LEFT_OVER = re.compile(rf"(?:(?:^|[\s,;:|]+)(?:{_LEADING}|with|of)[\s,;:|]*)+$", re.IGNORECASE)
"""Little words at the end, with nothing for them to belong to: "a dog with"."""
_USES_SENTENCE = re.compile(r"^the\s+(?:video|shot)\s+uses\s+(?P<rest>.+)$", re.IGNORECASE)


@dataclass
class Parts:
    """A prompt taken apart: what is shown, whole sentences of the user's, camera moves, camera set-ups, style."""

    head: str = ""
    shown: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    camera: list[str] = field(default_factory=list)
    filming: list[str] = field(default_factory=list)
    style: list[str] = field(default_factory=list)


def recaption(prompt: str) -> str:
    """The prompt as well-formed sentences: what is shown, then the camera, then the style; "" for an empty prompt.

    A prompt that is not English in Latin letters is passed on as it is, as one sentence.
    """
    clean = " ".join(prompt.split())
    if not clean:
        return ""
    if not is_english(clean):
        return closed(clean)
    clean = _LEFT_OVER.sub("", _PARTED.sub(lambda met: f"{met[1] or met[2]} ", clean)) or clean
    parts = Parts()
    for piece in _SENTENCE_END.split(clean):
        _take_sentence(parts, piece)
    return " ".join(filter(None, [*_shown(parts), *parts.sentences, *_camera(parts), *_style(parts)]))


def is_english(text: str) -> bool:
    """Whether most letters are Latin and no more common words are foreign than English."""
    letters = [character for character in text if character.isalpha()]
    is_latin = text.isascii() or (unicodedata.name(character, "").startswith("LATIN") for character in letters)
    latin = len(letters) if is_latin is True else sum(is_latin)
    if not letters or latin * 2 < len(letters):
        return False
    words = re.findall(r"[^\W\d_]+", text.lower())
    foreign = sum(word in FOREIGN_WORDS for word in words)
    english = sum(word in ("the", "and", "of", "with", "is", "to", "by", "a", "an") for word in words)
    return foreign == 0 or english >= foreign


def closed(text: str) -> str:
    """Latin text as one sentence; other scripts bring their own marks."""
    return sentence(text) if text[-1].isalnum() and unicodedata.name(text[0], "").startswith("LATIN") else text


def _take_sentence(parts: Parts, piece: str) -> None:
    """Sort one sentence of the prompt: kept whole if it is one, otherwise taken apart at its commas."""
    text = piece.rstrip(".;, ")
    if not text:
        return
    if match := _STYLE_SENTENCE.match(text):
        parts.style += _items(match["rest"])
    elif match := _USES_SENTENCE.match(text):
        parts.filming += _items(match["rest"])
    elif _CAMERA_SENTENCE.match(text):
        _take_clause(parts, re.sub(r"^(?:the\s+)?camera", "the camera", piece.rstrip(";, "), flags=re.I))
    elif match := _FRAME.match(text):
        if parts.head:
            parts.sentences.append(sentence(piece))
            return
        parts.head = match["head"]
        _take_phrases(parts, match["rest"])
    elif has_finite_verb(text.split(",")[0]) or piece.endswith(("!", "?")):
        _take_clause(parts, piece)
    else:
        _take_phrases(parts, text)


def _take_clause(parts: Parts, piece: str) -> None:
    """A sentence with a verb stays as it is; camera and style tags that trail it are taken off."""
    phrases = [phrase.strip() for phrase in piece.split(",")]
    tags: list[str] = []
    kept = ("shown", "camera") if _CAMERA_SENTENCE.match(piece) else ("shown",)
    while len(phrases) > 1 and kind_of(phrases[-1].rstrip(".")) not in kept:
        tags.insert(0, phrases.pop().rstrip("."))
    parts.sentences.append(sentence(", ".join(phrases)))
    for tag in tags:
        _take_phrase(parts, tag)


def _take_phrases(parts: Parts, text: str) -> None:
    for phrase in re.split(r"\s*[,;\n|]+\s*", text):
        phrase = phrase.strip(" .")
        if (match := _FRAME.match(phrase)) and not parts.head:
            parts.head, phrase = match["head"], match["rest"]
        if phrase:
            _take_phrase(parts, phrase)


def _take_phrase(parts: Parts, phrase: str) -> None:
    kind = kind_of(phrase)
    if kind == "camera":
        parts.camera.append(phrase)
    elif kind == "filming":
        parts.filming.append(phrase)
    elif kind == "style":
        parts.style.append(phrase)
    else:
        parts.shown.append(phrase)


def kind_of(phrase: str) -> str:
    """Either "camera" (a move), "filming" (a kind of shot), "style" or "shown"."""
    bare = re.sub(r"^(and|with|the|in|an?)\s+", "", phrase.lower())
    words = re.findall(r"[\w'-]+", bare)
    if len(words) > 1 and (words[1] in CAMERA_VERBS.get(words[0], ()) or _names_camera(words)):
        return "camera"
    if not words or len(words) > 5 or (bare not in CAMERA_NOUNS and PREPOSITIONS.intersection(words[1:-1])):
        return "shown"
    doing = any(word.endswith("ing") and word not in ("tracking", "establishing") for word in words)
    if any(bare == noun or bare.endswith(f" {noun}") for noun in CAMERA_NOUNS) and not doing:
        return "filming"
    little = ("and", "very", "highly")
    if bare in STYLE_PHRASES or all(word in STYLE_WORDS or (word in little and len(words) > 1) for word in words):
        return "style"
    return "style" if words[-1] in STYLE_ENDINGS else "shown"


def _names_camera(words: list[str]) -> bool:
    """Whether a phrase says what the camera does and names it: "camera orbits around it"."""
    return words[0] == "camera" and words[1] in CAMERA_ACTIONS


def has_finite_verb(text: str) -> bool:
    """Whether a phrase is a clause: a common third-person verb after a first word, outside "who"/"that" clauses."""
    words = re.findall(r"[\w'-]+", text.lower())
    for place, word in enumerate(words):
        if word in ("who", "that", "which", "as", "while", "where"):
            return False
        if (place and word in FINITE_VERBS) or (word.endswith(("'s", "'re")) and word.split("'")[0] in PRONOUNS):
            return True
    return False


def _shown(parts: Parts) -> list[str]:
    """The sentence "The video shows ..." with every phrase about what is seen, in the order given."""
    shown = [_lowered(phrase) for phrase in parts.shown]
    head = re.sub(r"^(an?|this)\s+", "", parts.head, flags=re.IGNORECASE) or "video"
    head = head if re.match(r"the\s", head, re.IGNORECASE) else f"the {head}"
    if not shown:
        return [sentence(f"this is {head}")] if parts.head else []
    where = ""
    if len(shown) > 1 and shown[0].split()[0] in PREPOSITIONS:
        where, head = f"{shown.pop(0)}, ", _lowered(head)
    phrases = [with_article(shown[0])]
    for phrase in shown[1:]:
        if attaches(phrase):
            again = phrase.split()[0].endswith("ing") and phrases[-1].count(" ") > 2
            phrases[-1] = f"{phrases[-1]}{',' if again else ''} {phrase}"
        else:
            phrases.append(with_article(phrase))
    paired = any(re.search(r"\band\b", phrase) for phrase in phrases)
    return [sentence(f"{where}{head} shows {', '.join(phrases) if paired else listed(phrases)}")]


def _lowered(phrase: str) -> str:
    """A phrase that no longer begins the sentence: its first word small if it is a little word, not a name."""
    first = phrase.split()[0]
    return f"{first.lower()}{phrase[len(first) :]}" if first.lower() in DETERMINERS | PREPOSITIONS else phrase


def attaches(phrase: str) -> bool:
    """Whether a phrase belongs to the words before it: "on the beach", "wearing a hat"."""
    first = re.split(r"\s", phrase.lower(), maxsplit=1)[0]
    return first in PREPOSITIONS or (first.endswith("ing") and len(first) > 4 and first not in NOT_PARTICIPLES)


def with_article(phrase: str) -> str:
    """A bare singular noun that is surely countable gets its article: "dog running", "happy dog" -> "a happy dog"."""
    words = phrase.split()
    described = len(words) > 1 and words[1].lower() in COUNTABLE and words[0].islower() and words[0] not in DETERMINERS
    place = 1 if described else 0
    follows = words[place + 1].lower() if len(words) > place + 1 else ""
    bare = words[place].lower() in COUNTABLE and words[0].lower() not in PREPOSITIONS
    return a(phrase) if bare and (not follows or attaches(follows)) else phrase


def _camera(parts: Parts) -> list[str]:
    moves = []
    for phrase in parts.camera:
        bare = re.sub(r"^(?:and|with)\s+", "", phrase, flags=re.IGNORECASE)
        first, _, rest = re.sub(r"^(?:the\s+)?(?:camera\s+)?", "", bare, flags=re.IGNORECASE).partition(" ")
        moves.append(f"{third_person(first.lower())} {rest}".strip())
    told = [sentence(f"the camera {listed(moves)}")] if moves else []
    if parts.filming:
        told.append(sentence(f"the video uses {listed([_setup(phrase) for phrase in parts.filming])}"))
    return told


_WITH_E = word_set("mov rotat circl glid ris shak cran")


def third_person(word: str) -> str:
    """zoom, zooms, zooming -> zooms."""
    if word == "is":
        return word
    stem = re.sub(r"(ing|s)$", "", word)
    if word.endswith("ing"):
        stem = "pan" if stem == "pann" else f"{stem}e" if stem in _WITH_E else stem
    return {
        "fly": "flies",
        "flie": "flies",
        "push": "pushes",
        "pushe": "pushes",
        "dolly": "dollies",
        "dollie": "dollies",
    }.get(stem, f"{stem}s")


def _setup(phrase: str) -> str:
    """A kind of shot with its article: "a drone shot", "slow motion"."""
    bare = re.sub(r"^(?:and|with|in)\s+", "", phrase)
    bare = f"{bare} camera" if re.fullmatch(r"(?i)hand-?held", bare) else bare
    countable = re.search(
        r"(shot|view|angle|perspective|camera|(?:zoom|pan)(?: in| out)?|close-up|closeup|pov|lens|timelapse)$",
        bare.lower(),
    )
    return a(bare) if countable and not re.match(r"(an?|the)\s", bare, re.IGNORECASE) else bare


def _style(parts: Parts) -> list[str]:
    if not parts.style:
        return []
    phrases = [re.sub(r"^(?:and|in|with|an?)\s+", "", re.sub(r"(?i)\s+style$", "", phrase)) for phrase in parts.style]
    return [sentence(f"the style is {listed(phrases)}")]


def _items(text: str) -> list[str]:
    """The members of a list in a sentence of ours: "a, b and c"."""
    return [item.strip() for item in re.split(r",\s*(?:and\s+)?|\s+and\s+(?!white\b)", text) if item.strip()]
