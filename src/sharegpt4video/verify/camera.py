"""What a text says of the camera against the camera's measured motion."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from ..records import CameraMotion, Facts, Finding
from .facts import facts_of
from .prose import Draft, Passage

SURE = 0.6
"""Share of the picture that must agree with the measured move before a text is contradicted."""
STILL_WIDTHS, STILL_LOG_ZOOM = 0.02, 0.03
CLEAR_WIDTHS, CLEAR_HEIGHTS, CLEAR_ZOOM = 0.06, 0.08, 0.08
LARGE_WIDTHS, LARGE_ZOOM = 0.2, 0.2
MEASURED_SHARE = 0.8

_HOW = r"(?:\s+(?:then|also|now|and|\w+ly))*"
# Much moves forward that is no camera.
_CAMERA = rf"\bcamera{_HOW}\s+(?:is\s+)?"
_DOLLY = rf"(?:\bdoll(?:y|ies|ied|ying)|{_CAMERA}(?:push|pull|mov|travel|fl(?:y|ie)|glid|driv)(?:e?s|e|e?d|ing)?)"
_PEDESTAL = rf"(?:\bpedestal(?:s|ed|ing)?|{_CAMERA}(?:mov|cran|fl(?:y|ie))(?:e?s|e|e?d|ing)?)"
_MOVES = {
    "pan left": rf"pan(?:s|ned|ning)?{_HOW}\s+(?:to\s+the\s+|towards?\s+the\s+)?left(?:wards?)?\b",
    "pan right": rf"pan(?:s|ned|ning)?{_HOW}\s+(?:to\s+the\s+|towards?\s+the\s+)?right(?:wards?)?\b",
    "tilt up": rf"tilt(?:s|ed|ing)?{_HOW}\s+up(?:wards?)?\b",
    "tilt down": rf"tilt(?:s|ed|ing)?{_HOW}\s+down(?:wards?)?\b",
    "zoom in": rf"zoom(?:s|ed|ing)?{_HOW}\s+in\b",
    "zoom out": rf"zoom(?:s|ed|ing)?{_HOW}\s+out\b",
    "dolly in": rf"{_DOLLY}{_HOW}\s+(?:in|forwards?)\b",
    "dolly out": rf"{_DOLLY}{_HOW}\s+(?:out|back|backwards?)\b",
    "pedestal up": rf"{_PEDESTAL}{_HOW}\s+up(?:wards?)?\b",
    "pedestal down": rf"{_PEDESTAL}{_HOW}\s+down(?:wards?)?\b",
}
MOVES = {move: re.compile(pattern, re.IGNORECASE) for move, pattern in _MOVES.items()}
"""How a text says that the camera makes a move, by move."""
# Words of which one must be there for a text to say anything of the camera.
_WORDS = frozenset(
    form
    for verb in ("pan", "tilt", "zoom", "pedestal")
    for form in (verb, f"{verb}s", f"{verb}ed", f"{verb}ing", f"{verb}ned", f"{verb}ning")
) | {"camera", "shot", "view", "perspective", "dolly", "dollies", "dollied", "dollying"}
_STATIC = re.compile(
    r"\b(?:camera|shot|view|perspective)\b(?:\s+\w+){0,3}?\s+(?:(?:is|remains?|stays?|holds?|keeps?|being)\s+)"
    r"(?:\w+ly\s+)?(?:static|stationary|still|fixed|unmoving|motionless|steady\s+and\s+still)\b"
    r"|\b(?:a\s+)?(?:static|stationary|fixed|locked(?:-off|-down)?)\s+(?:camera|shot)\b"
    r"|\bcamera\s+does\s+not\s+move\b|\bno\s+camera\s+(?:movement|motion)\b",
    re.IGNORECASE,
)
_PARTLY = re.compile(
    r"\b(?:most\s+of\s+the\s+time|mostly|at\s+times|otherwise|at\s+first|then|before|after|until|initially|while\s+\w+ing"
    r"|for\s+a\s+moment|now\s+and\s+then|at\s+the\s+(?:end|start|beginning))\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not|no|never|without|neither|nor|n't|rather\s+than|instead\s+of)\b[\s\w,]{0,30}$", re.IGNORECASE
)
# "pans left and right" and "zooms in and out" name the second way without its verb.
_TO_AND_FRO = {
    kind: re.compile(
        rf"\b{verb}\w*\b.*\b(?:{one}\w*\s+(?:and|then|or)\b.*{other}|{other}\w*\s+(?:and|then|or)\b.*{one}"
        r"|back|again|around|side\s+to\s+side)",
        re.IGNORECASE,
    )
    for kind, verb, one, other in (
        ("pan", "pan", "left", "right"),
        ("tilt", "tilt", "up", "down"),
        ("zoom", "zoom", "in", "out"),
        ("pedestal", "(?:pedestal|camera)", "up", "down"),
    )
}
_TO_AND_FRO["dolly"] = re.compile(
    r"\b(?:in|forwards?)\b.*\b(?:out|back\w*)\b|\b(?:out|back\w*)\b.*\b(?:in|forwards?|forth)\b|\b(?:again|around)\b",
    re.IGNORECASE,
)
CONTRARY = {
    "pan left": "pan right", "pan right": "pan left", "tilt up": "tilt down", "tilt down": "tilt up",
    "zoom in": "zoom out", "zoom out": "zoom in", "dolly in": "dolly out", "dolly out": "dolly in",
    "pedestal up": "pedestal down", "pedestal down": "pedestal up",
}  # fmt: skip


def camera(draft: Draft) -> Iterator[Finding]:
    """A pan, tilt or zoom that goes the other way or that did not happen; a still camera that moved a lot."""
    for passage in draft.texts:
        measured = [facts for facts in facts_of(draft, passage) if facts.end_seconds > facts.start_seconds]
        if not measured or not _camera_words(passage):
            continue
        if not _mostly_sure(measured):
            continue
        if reason := _contradiction(passage, [facts.camera for facts in measured if is_sure(facts.camera)]):
            yield passage.finding("camera", reason)


def _camera_words(passage: Passage) -> bool:
    return not passage.vocabulary.isdisjoint(_WORDS)


def is_sure(motion: CameraMotion) -> bool:
    return bool(motion.moves) and motion.confidence >= SURE


def _mostly_sure(measured: Sequence[Facts]) -> bool:
    total = sum(facts.end_seconds - facts.start_seconds for facts in measured)
    known = sum(facts.end_seconds - facts.start_seconds for facts in measured if is_sure(facts.camera))
    return known > 0 and known >= (MEASURED_SHARE * total)


def _contradiction(passage: Passage, motions: Sequence[CameraMotion]) -> str:
    for sentence in passage.sentences:
        claimed = claims(sentence.plain)
        for move in claimed:
            other = CONTRARY[move]
            if other in claimed or any(_amount(motion, move) > 0.3 * _clear(move) for motion in motions):
                continue
            if any(_amount(motion, other) >= _clear(move) for motion in motions):
                return f"says that the camera does {move}, but it was measured to {other}"
            if all(stands_still(motion) for motion in motions):
                return f"says that the camera does {move}, but it was measured to stand still"
        static = _STATIC.search(sentence.plain)
        large = next(filter(None, map(_large_move, motions)), "")
        if static and large and not claimed and not _PARTLY.search(sentence.plain):
            return f"says {static[0]!r}, but the camera was measured to {large}"
    return ""


def claims(text: str) -> list[str]:
    """The moves that a sentence claims, unless it denies them."""
    found = []
    for move, pattern in MOVES.items():
        match = pattern.search(text)
        if match and not _NOT.search(text[: match.start()]):
            found.append(move)
    return [move for move in found if not _TO_AND_FRO[move.partition(" ")[0]].search(text)]


def _amount(motion: CameraMotion, move: str) -> float:
    """How far the camera went the way that a move names; below zero for the other way.

    A camera that travels moves the picture as one that turns or zooms: what a text calls it decides nothing.
    """
    kind, _, way = move.partition(" ")
    if kind in ("pan", "truck"):
        return motion.pan_widths if way == "right" else -motion.pan_widths
    if kind in ("tilt", "pedestal"):
        return motion.tilt_heights if way == "up" else -motion.tilt_heights
    grown = math.log(max(motion.zoom_ratio, 1e-3))
    return grown if way == "in" else -grown


_CLEAR = {
    "pan": CLEAR_WIDTHS,
    "tilt": CLEAR_HEIGHTS,
    "zoom": CLEAR_ZOOM,
    "dolly": CLEAR_ZOOM,
    "pedestal": CLEAR_HEIGHTS,
}


def _clear(move: str) -> float:
    return _CLEAR[move.partition(" ")[0]]


def stands_still(motion: CameraMotion) -> bool:
    return motion.moves == ("static",) and (
        abs(motion.pan_widths) < STILL_WIDTHS
        and abs(motion.tilt_heights) < STILL_WIDTHS
        and abs(_amount(motion, "zoom in")) < STILL_LOG_ZOOM
    )


def _large_move(motion: CameraMotion) -> str:
    """The first move of a camera that nobody would call still; "" if there is none."""
    limits = {kind: LARGE_ZOOM if kind in ("zoom", "dolly") else LARGE_WIDTHS for kind in (*_CLEAR, "truck")}
    for move in motion.moves:
        limit = limits.get(move.partition(" ")[0])
        if limit is not None and _amount(motion, move) >= limit:
            return move
    return ""
