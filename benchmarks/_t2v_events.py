"""What happens in a caption, found without the code that sheds: by a parser, or known because we composed it.

For ``t2v_budget.py``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sharegpt4video.vlm.embedded.words import word_set
from sharegpt4video.world.captions import caption
from sharegpt4video.world.sampling import sample_scene

T = TypeVar("T")
Event = tuple[str, str, str]
"""The lemmas of who does what: ("man", "open", "door"); of a composed caption ("square", "moves", "left")."""

# Verbs that tell what a caption or a thing is like, not what happens.
_NO_EVENTS = word_set(
    """
    suggest indicate imply hint emphasize highlight underscore convey reflect create enhance contribute evoke
    add illustrate establish reinforce symbolize demonstrate provide offer give allow include feature have be
    remain appear seem show depict display present showcase capture characterize suit resemble consist contain
    wear dress adorn surround cover fill position locate situate set color label title design know make
    accompany focus maintain continue begin start progress unfold observe see note view pattern mark decorate
    equip complete complement contrast serve ensure encapsulate signify detail define associate base range vary
    involve relate exist occur happen keep stay retain state describe represent identify draw emphasise center
    light illuminate arrange signal affirm sustain preserve credit translate aim encourage guide spotlight
    understate pronounce imitate seat shelve render
    """
)
_MEANT = word_set(
    """
    suggest indicate imply hint emphasize highlight underscore convey reflect evoke reinforce symbolize signify
    demonstrate illustrate serve signal affirm aim design
    """
)
_CAMERA = frozenset(["camera", "angle", "view", "perspective", "shot", "focus"])
_BEGINNING = word_set(
    """
    begin start continue proceed keep see appear seem stop finish resume show
    """
)
_SUBJECTS = ("nsubj", "nsubjpass")


def parser(name: str) -> Any:
    """A pipeline of spaCy with a parser and lemmas; None where it is not installed."""
    try:
        import spacy

        return spacy.load(name, disable=["ner"])
    except (ImportError, OSError):
        return None


def parsed_events(document: Any) -> list[Event]:
    """Who does what to what, in the order told; a verb without a subject of its own has that of the verb it goes with.

    An event is what is told to happen in a main clause, in one joined to it, or in one of time ("while he waits"). Left
    out is what is only suggested, what something is for, what the camera does, and relative clauses and participles,
    which describe a thing.
    """
    return [(_subject(token), token.lemma_.lower(), _object(token)) for token in document if _happens(token)]


def _happens(token: Any) -> bool:
    if _subject(token) in _CAMERA:
        return False
    if (
        token.pos_ != "VERB"
        or token.lemma_.lower() in _NO_EVENTS
        or any(child.dep_ == "neg" for child in token.children)
    ):
        return False
    while token.dep_ in ("conj", "advcl", "parataxis", "ccomp", "xcomp"):
        if token.dep_ == "advcl" and any(child.tag_ == "TO" for child in token.children):
            return False
        if token.dep_ in ("xcomp", "ccomp") and token.head.lemma_.lower() not in _BEGINNING:
            return False
        token = token.head
        if token.lemma_.lower() in _MEANT:
            return False
    return token.dep_ == "ROOT"


def _subject(token: Any) -> str:
    for _ in range(4):
        own = [child for child in token.children if child.dep_ in _SUBJECTS]
        if own or token.head is token:
            return str(own[0].lemma_.lower()) if own else ""
        token = token.head
    return ""


def _object(token: Any) -> str:
    return next((str(child.lemma_.lower()) for child in token.children if child.dep_ == "dobj"), "")


def lemmas(document: Any) -> list[frozenset[str]]:
    """The lemmas of each sentence."""
    return [frozenset(token.lemma_.lower() for token in sentence) for sentence in document.sents]


def is_told(event: Event, sentence: frozenset[str]) -> bool:
    """Whether a sentence has an event's verb with who does it, or with what it is done to.

    A parser may read a sentence otherwise where words are gone, so it is not asked again who does what.
    """
    who, verb, what = event
    return verb in sentence and (who in sentence or who == "" or what in sentence)


def kept(events: Sequence[Event], told: Sequence[T], same: Callable[[Event, T], bool], *, once: bool) -> int:
    """How many events are told, in the order in which they were; ``once``: what is told tells one event only."""
    row = [0] * (len(told) + 1)
    for event in events:
        before = row[:]
        for at, one in enumerate(told, start=1):
            with_it = before[at - 1 if once else at] + same(event, one)
            row[at] = max(before[at], row[at - 1], with_it)
    return row[-1]


def composed(number: int, least_words: int) -> tuple[str, list[Event]]:
    """A caption of at least so many words, made of scenes of the closed world one after another, and its events."""
    rng = random.Random(f"t2v budget {number}")
    texts: list[str] = []
    events: list[Event] = []
    while sum(len(text.split()) for text in texts) < least_words:
        scene = sample_scene(rng, difficulty="hard")
        told = caption(scene, variant=number)
        told_camera = told.summary.split(". ")[0].rstrip(".") + "."
        texts += [*(step.text for step in told.steps), told_camera, rng.choice(_PROSE)]
        ordered = sorted((event for event in scene.events if event.kind != "stays"), key=lambda event: event.start)
        for event in ordered:
            what = event.direction or (event.colour if event.kind == "recolours" else "")
            events.append((scene.things[event.thing].shape, event.kind, what))
    return " ".join(text[0].upper() + text[1:] for text in texts), events


def composed_events(text: str) -> list[Event]:
    """What happens in a composed caption, or in what is left of one."""
    found = []
    for clause in re.split(r"[.;]|\bwhile\b", text.lower()):
        shapes = re.findall(_SHAPES, clause)
        for pattern, kind in _DEEDS:
            if shapes and (match := re.search(pattern, clause)):
                found.append((shapes[0], kind, match["what"] if "what" in match.groupdict() else ""))
                break
    return found


_SHAPES = r"\b(?:square|disc|triangle|cross|ring|diamond)\b"
_WAY = r"\b(?P<what>left|right|up|down)\b"
_MOVES = r"\b(?:moves|slides|passes)\b"
_DEEDS = (
    (rf"{_MOVES}(?: \w+)*? {_WAY}(?: \w+)*? (?:turns around|comes back)", "turns"),
    (rf"{_MOVES}(?: \w+)*? {_WAY}(?: \w+)*? behind", "passes"),
    (rf"{_MOVES}(?: \w+)*? {_WAY}", "moves"),
    (r"\bturns (?:from \w+ to )?(?P<what>red|green|blue|yellow|magenta|cyan)", "recolours"),
    (r"\bgrows|becomes large", "grows"),
    (r"\bshrinks|becomes small", "shrinks"),
    (r"\bdisappears|vanishes", "disappears"),
    (r"\bappears|comes into view", "appears"),
)
_PROSE = (
    "The overall atmosphere is calm and playful, suggesting a simple demonstration.",
    "The background remains evenly lit, with soft shadows that add a sense of depth.",
    "The lighting is even, creating a clean and minimalist look.",
    "The scene conveys a sense of order, emphasizing the clear shapes and vivid colors.",
    "No other significant changes are observed in the environment.",
)
_REMARKS = (
    ", suggesting a moment of quiet concentration",
    ", creating a lively and engaging atmosphere",
    ", which adds to the dynamic feel of the scene",
    ", highlighting the careful attention to detail",
    ", with soft natural light falling from a large window",
    "",
)
_AROUND = (
    "The background features a plain wall with wooden shelves and a few potted plants.",
    "The lighting is warm and even, giving the room a cozy feel.",
    "The camera remains static, keeping everything in the frame.",
    "The overall mood is tense yet playful, drawing the viewer into the story.",
    "The setting appears to be an urban environment with tall buildings and a cloudy sky.",
)


def annotated(items: Sequence[Sequence[str]], number: int, least_words: int) -> tuple[str, list[str]]:
    """A caption of at least so many words around events that people wrote down, item after item, and those events."""
    rng = random.Random(f"t2v annotated {number}")
    texts: list[str] = []
    events: list[str] = []
    while sum(len(text.split()) for text in texts) < least_words:
        for event in rng.choice(items):
            plain = event.strip().rstrip(".")
            events.append(f"{plain}.")
            texts.append(f"{plain}{rng.choice(_REMARKS)}.")
            texts += [rng.choice(_AROUND)] if rng.random() < 0.6 else []
    return " ".join(texts), events
