"""A caption taken apart into the pieces that can be shed without breaking the rest.

Works on English prose of any captioner. Text in another language is only taken apart into sentences.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..vlm.embedded.prompt import is_english
from ..vlm.embedded.vocabulary import FOREIGN_WORDS
from ..vlm.embedded.words import word_set
from . import lexicon as lex
from .clauses import MOST_CHARACTERS, Piece, Sentence, sentences_of
from .details import Detail, details_of
from .forms import finite, is_adjective, is_gerund, is_past, verb_at

Kind = Literal["subject", "event", "camera", "setting", "style"]
Step = Literal[
    "comment", "style", "mood", "manner", "unchanged", "place", "setting", "camera detail", "look", "colour",
    "description", "subject", "phrase", "camera", "event clause", "event", "opening", "words",
]  # fmt: skip

LADDER: tuple[Step, ...] = (
    "comment",  # what something suggests, in a clause of its own
    "style",  # a sentence about mood, or about the video as a video
    "mood",  # "serene", and "as the video progresses"
    "manner",  # "slowly"
    "unchanged",  # a sentence that says only that nothing changes
    "place",  # "in front of a white wall"
    "setting",  # a sentence about the background
    "camera detail",
    "look",  # "wooden"
    "colour",
    "description",  # "wearing a hat", "with a long tail"
    "subject",  # a sentence that says what somebody is or looks like
    "phrase",  # after the verbs of events: "on the table"; and words of order
    "camera",  # a sentence with a move of the camera
    "event clause",
    "event",  # a whole sentence
    "opening",  # the first sentence, which names who or what is seen
    "words",  # at the end of what is left, where nothing else fits
)
"""The pieces in the order in which they are shed. Details go before facts: a move of the camera outlives an adjective
of the subject. Of facts, style goes first, then setting, camera, and what happens last."""
EVENTS: frozenset[Step] = frozenset({"event clause", "event", "opening", "words"})
"""Pieces without which something that happens is no longer told."""
_KIND: dict[Step, Kind] = {
    "comment": "style", "style": "style", "mood": "style", "manner": "style", "unchanged": "style", "place": "setting",
    "setting": "setting", "camera detail": "camera", "camera": "camera", "phrase": "event", "event clause": "event",
    "event": "event",
}  # fmt: skip
_WHOLE: dict[Kind, Step] = {
    "style": "style", "setting": "setting", "camera": "camera", "subject": "subject", "event": "event",
}  # fmt: skip
_DETAILS: dict[Detail, Step] = {
    "mood": "mood", "manner": "manner", "look": "look", "colour": "colour", "with": "description", "place": "place",
    "further": "phrase",
}  # fmt: skip
_LITTLE = word_set(
    "the and of with a an in on at to is are his her its their from by as it he she they this that who while into then"
)
_ENDING = ("in short", "in all", "in summary", "in conclusion", "in essence", "to sum", "all in", "overall")


@dataclass(frozen=True)
class Part:
    """Characters ``[start, end)`` of a caption that can go, in the order of the caption; parts may lie in one another.

    ``step`` is its place on ``LADDER``; without one it is that of a whole sentence of its kind.
    """

    text: str
    kind: Kind
    order: int
    start: int
    end: int
    step: Step | None = None

    @property
    def rank(self) -> int:
        """How late it is shed."""
        return LADDER.index(self.step or _WHOLE[self.kind])


def parts_of(text: str, events: Sequence[str] | None = None) -> tuple[Part, ...]:
    """Take a caption apart. ``events`` are texts in it that are known to tell what happens, such as its steps."""
    return parts_in(text, sentences_of(text), events)


def parts_in(text: str, sentences: Sequence[Sentence], events: Sequence[str] | None = None) -> tuple[Part, ...]:
    """The same for a text whose sentences are known."""
    known = _known(text, events or ())
    found: list[tuple[int, int, Step]] = []
    is_understood = is_english(text)
    for number, sentence in enumerate(sentences):
        understood = is_understood and _is_english(sentence)
        step: Step = "opening" if number == 0 else "event"  # whatever it tells, it may be what happens
        if understood:
            step = _step(sentence, is_first=number == 0, is_event=_inside(known, sentence.start))
        found.append((sentence.start, sentence.end, step))
        if understood and step not in ("style", "unchanged") and sentence.end - sentence.start <= MOST_CHARACTERS:
            found += _inner(sentence, step)
    found.sort(key=lambda each: (each[0], -each[1]))
    return tuple(
        Part(text[start:end], _KIND.get(step, "subject"), order, start, end, step)
        for order, (start, end, step) in enumerate(dict.fromkeys(found))
    )


def _is_english(sentence: Sentence) -> bool:
    """Whether the words of a sentence say that it is English: the rules below would find places and looks in others."""
    low = [token.low for token in sentence.tokens]
    return sum(word in _LITTLE for word in low) >= max(1, sum(word in FOREIGN_WORDS for word in low))


def _known(text: str, events: Sequence[str]) -> list[tuple[int, int]]:
    places, at = [], 0
    for event in events:
        start = text.find(event, at) if event else -1
        if start >= 0:
            at = start + len(event)
            places.append((start, at))
    return places


def _inside(places: list[tuple[int, int]], at: int) -> bool:
    before = bisect_right(places, (at, 1 << 60)) - 1
    return before >= 0 and at < places[before][1]


def _step(sentence: Sentence, *, is_first: bool, is_event: bool) -> Step:
    """What a sentence tells as a whole."""
    if is_first:
        return "opening"
    main = sentence.main
    at = next((at for at in range(len(main)) if finite(main, at)), len(main))
    subject, rest = main[:at], main[at:]
    first = [token.low for token in sentence.tokens[:2]]
    happens = any(
        piece.role == "event" or (piece.role == "description" and _acts(sentence.low(piece)))
        for piece in sentence.pieces
    )
    if " ".join(first) in _ENDING or first[0] == "overall":
        return "event" if is_event else "style"
    if _says_nothing_changes(main, rest) and not happens and not _acts(_told(sentence)):
        return "unchanged"
    moves = "camera" in subject or any(word in lex.CAMERA_VERBS for word in rest[:2])
    if moves or (not is_event and any(word in lex.CAMERA_NOUNS for word in subject)):
        return "camera"
    if is_event:
        return "event"
    verb = next((word for word in rest if not word.endswith("ly")), "")
    is_mood = verb in lex.STANDING and any(word in lex.MOOD_NOUNS for word in subject)
    if not happens and (verb in lex.SAYING or is_mood):
        return "style"
    if happens or not _is_state(rest):
        return "event"
    about = subject if subject != ["there"] else rest
    return "setting" if any(word in lex.SETTING_NOUNS for word in about) else "subject"


def _says_nothing_changes(main: list[str], rest: list[str]) -> bool:
    if any(main[at : at + 1] == ["no"] and {"change", "changes"} & set(main[at : at + 5]) for at in range(len(main))):
        return True
    if any(word in lex.STAYING for word in rest[:3]):
        return any(word in lex.UNCHANGED for word in rest)
    return rest[:1] in (["is"], ["are"]) and any(word in lex.UNCHANGED for word in rest[1:3])


def _told(sentence: Sentence) -> list[str]:
    """The words of a sentence without remarks."""
    pieces = (piece for piece in sentence.pieces if piece.role not in ("comment", "intro"))
    return [word for piece in pieces for word in sentence.low(piece)]


def _acts(low: list[str]) -> bool:
    """Whether a description tells of a doing, too: "occasionally shown leaning into their strokes"."""
    return any(is_gerund(word) and word not in lex.DESCRIBING | lex.COMMENTARY | lex.STANCES for word in low[1:])


_HAVING = word_set("has have features feature wears wear includes include contains contain consists")
_CHANGING = word_set("become becomes turn turns grow grows get gets makes make")
_CALM = word_set("to calm engaged relaxed focused as slightly")
_PASSED_OVER = word_set("also then now still seen shown first being")


def _is_state(rest: list[str]) -> bool:
    """Whether a clause, from its verb on, says how something is and not what happens."""
    if not rest:
        return False
    verb = rest[0]
    joined = next((rest[at + 1 :] for at, word in enumerate(rest) if word == "and" and verb_at(rest, at + 1, 1)), [])
    if joined and not _is_state(joined):
        return False
    if verb in _HAVING:
        return not any(is_gerund(word) or is_past(word) for word in rest[1:3])  # "has fallen"
    if rest[1:2] in (["down"], ["up"]) or verb not in lex.LINKING or verb in _CHANGING:
        return False
    if verb in ("appear", "appears"):
        return len(rest) > 1 and rest[1] in _CALM
    after = next((word for word in rest[1:] if not word.endswith("ly") and word not in _PASSED_OVER), "")
    if is_gerund(after):
        return after in ("wearing", "featuring")
    passive = is_past(after) or (after.endswith("ed") and not is_adjective(after))
    return not passive or after in lex.PARTICIPLES_ONLY


def _inner(sentence: Sentence, step: Step) -> Iterator[tuple[int, int, Step]]:
    """The pieces of a sentence that can go, and the details in those and in the main clause."""
    tokens, pieces = sentence.tokens, sentence.pieces
    for number, piece in enumerate(pieces):
        own = _piece_step(sentence, number, step)
        if own is not None:
            yield tokens[piece.first].start, tokens[piece.last - 1].end, own
        if piece.role in ("comment", "intro", "order"):
            continue
        first = piece.first + (piece.role in ("description", "place"))
        for begin, end, detail in details_of(tokens, first, piece.last):
            yield tokens[begin].start, tokens[end - 1].end, _detail_step(detail, step)


def _piece_step(sentence: Sentence, number: int, step: Step) -> Step | None:
    piece: Piece = sentence.pieces[number]
    if piece.role == "main":
        return None
    if len(sentence.pieces) == 1:
        return None
    if piece.role == "comment":
        return "comment"
    if piece.role == "intro":
        return "mood"
    if piece.role == "order":
        return "phrase"
    if piece.role == "place":
        return "place"
    if piece.role == "event":
        if step == "camera" and sentence.low(piece)[0] not in ("as", "while", "and", "before", "after", "when"):
            return "camera detail"
        low = sentence.low(piece)
        # "and sits down" after a list of verbs would leave the list without its "and".
        if (
            low[0] in ("and", "but")
            and number > 1
            and sentence.pieces[number - 1].role == "main"
            and verb_at(sentence.low(sentence.pieces[number - 1]), 0, 2)
        ):
            return None
        return "event clause"
    return {"setting": "place", "camera": "camera detail"}.get(step, "description")  # type: ignore[return-value]


def _detail_step(detail: Detail, step: Step) -> Step:
    found = _DETAILS[detail]
    if step == "setting" and found in ("look", "colour", "description", "phrase"):
        return "place"
    if step == "camera" and found in ("look", "colour", "description", "place", "phrase"):
        return "camera detail" if detail != "further" else "phrase"
    return found
