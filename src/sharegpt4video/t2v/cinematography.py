"""What a prompt asks of the camera and of time, and how a text may say it: moves, shots, angles, tempo, focus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..verify.camera import CONTRARY, MOVES


@dataclass(frozen=True)
class Term:
    """One thing that can be asked for.

    says    patterns of which any says it, read on a text whose hyphens are blanks
    near    what says something like it: a zoom without its direction, a pan that may be meant by "to the left"
    against the name of the term that says the contrary; "" if there is none
    """

    name: str
    says: tuple[re.Pattern[str], ...]
    near: re.Pattern[str] | None = None
    against: str = ""

    def places(self, plain: str) -> Iterator[tuple[int, int]]:
        """Where a text says it. ``plain`` is what ``plain_of`` makes of the text."""
        for pattern in self.says:
            for match in pattern.finditer(plain):
                yield match.span()

    def is_said(self, plain: str) -> bool:
        return any(pattern.search(plain) for pattern in self.says)

    def is_hinted(self, plain: str) -> bool:
        return self.near is not None and self.near.search(plain) is not None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_FAMILIES = {
    "pan": _pattern(r"\bpan(?:s|ned|ning)?\b|\bcamera\b[^.]{0,40}\b(?:left|right)\b"),
    "tilt": _pattern(r"\b(?:camera|shot|view|angle)\b[^.]{0,20}\b(?:tilt\w*|up(?:wards?)?|down(?:wards?)?)\b"),
    "zoom": _pattern(
        r"\bzoom(?:s|ed|ing)?\b|\b(?:camera|shot)\b[^.]{0,30}\b(?:pull|push|mov)\w*\s+(?:back|out|in|closer)"
    ),
    "dolly": _pattern(r"\bdoll(?:y|ies|ied|ying)\b|\bcamera\b[^.]{0,20}\b(?:forward|back|closer|away)\b"),
    "pedestal": _pattern(r"\bcamera\b[^.]{0,30}\b(?:ris|lower|rais|descend|ascend|up|down)\w*"),
}
# "from left to right" says where a pan goes without the verb next to the side.
_MORE = {
    "pan left": r"\bpan\w*\b[^.]{0,30}\bright\s+to\s+(?:the\s+)?left\b|\b(?:leftwards?|left)\s+pan\b",
    "pan right": r"\bpan\w*\b[^.]{0,30}\bleft\s+to\s+(?:the\s+)?right\b|\b(?:rightwards?|right)\s+pan\b",
    "tilt up": r"\bupwards?\s+tilt\b",
    "tilt down": r"\bdownwards?\s+tilt\b",
    "zoom in": r"\bzoom\w*\s+(?:closer|into|towards?)\b|\binward\s+zoom\b",
    "zoom out": r"\bzoom\w*\s+(?:away|back)\b|\boutward\s+zoom\b",
}


def _move(name: str) -> Term:
    more = (_pattern(_MORE[name]),) if name in _MORE else ()
    return Term(name, (MOVES[name], *more), _FAMILIES[name.partition(" ")[0]], CONTRARY[name])


def _term(name: str, says: str, near: str = "", against: str = "") -> Term:
    return Term(name, (_pattern(says),), _pattern(near) if near else None, against)


TERMS: tuple[Term, ...] = (
    *map(_move, MOVES),
    _term("slow motion", r"\bslow\s*mo(?:tion|\b)|\bslowed\s+down\b", r"\bslow(?:ly|ed)?\b", "fast motion"),
    _term("fast motion", r"\bfast\s+motion\b|\bsped\s+up\b|\bfast\s+forward\b", r"\bfast\b", "slow motion"),
    _term("time-lapse", r"\b(?:time|hyper)\s*lapse\b", r"\bsped\s+up\b|\bfast\s+motion\b"),
    _term("shaking", r"\bshak(?:e|es|ing|y|en)\b", r"\b(?:trembl|tremor|vibrat|jolt|quak|jitter|rattl)\w*", "steady"),
    _term(
        "steady",
        r"\b(?:steady|stead(?:il)?y|stabili[sz]ed|smooth(?:ly)?)\b[^.]{0,60}"
        r"\b(?:camera|shot|perspective|view|footage|movement|motion|pan|gaze|tracking|transition\w*)\b"
        r"|\b(?:camera|shot|perspective|view|footage|movement)s?\b[^.]{0,40}"
        r"\b(?:stead(?:y|ily)|smooth(?:ly)?|stabili[sz]ed)\b",
        r"\b(?:steady|steadily|smooth|smoothly|fluid|still|static|stationary)\b",
        "shaking",
    ),
    _term(
        "rack focus",
        r"\brack(?:s|ed|ing)?\s+(?:the\s+)?focus\b|\bfocus\s+(?:pull|rack|shift|transition)\w*"
        r"|\b(?:pull|shift|chang|transition)\w*\s+(?:in\s+|of\s+|its\s+|the\s+)*focus\b"
        r"|\bfocus\b(?:\s+\w+){0,3}\s+(?:shift|mov|chang|transition)\w*",
        r"\bfocus(?:es|ed|ing)?\b|\bblur\w*",
    ),
    _term("still frame", r"\bstill\s+frame\b", r"\b(?:still|static|motionless|frozen|stationary)\b"),
    _term("static camera", r"\b(?:static|fixed|stationary|locked(?:\s+(?:off|down))?)\s+(?:camera|shot|view|frame)\b"
          r"|\bcamera\b(?:\s+\w+){0,3}\s+(?:static|still|fixed|stationary)\b", r"\b(?:static|stationary|still)\b"),
    _term("orbit", r"\borbit(?:s|ed|ing)?\b|\bcamera\b[^.]{0,30}\b(?:circl|rotat|revolv)\w*", r"\baround\b"),
    _term("tracking shot", r"\btracking\b|\bcamera\s+(?:\w+ly\s+)?(?:track|follow)\w*|\bfollow(?:ing)?\s+shot\b",
          r"\bfollow(?:s|ed|ing)?\b"),
    _term("aerial view", r"\baerial\b|\bdrone\s+(?:shot|view|footage|video)\b"
        r"|\bbird'?s\s+eye\b|\b(?:overhead|top\s*down)\b|\bfrom\s+(?:high\s+)?above\b",
          r"\b(?:above|overlook\w*|high|drone)\b"),
    _term("close-up", r"\bclose\s*up\b|\bcloseup\b", r"\bmacro\b|\bclose\b|\bdetails?\b"),
    _term("medium shot", r"\bm(?:edium|id)\s+shot\b", r"\bmedium\b"),
    _term("wide shot", r"\bwide(?:\s+(?:angle|shot|view))?\b|\b(?:long|establishing)\s+shot\b",
          r"\bpanoram\w+|\bvast\b"),
    _term("low angle", r"\blow\s+angle\b", r"\bfrom\s+below\b|\blook\w*\s+up\b", "high angle"),
    _term("high angle", r"\bhigh\s+angle\b", r"\bfrom\s+above\b|\blook\w*\s+down\b", "low angle"),
    _term("first-person view", r"\bfirst\s+person\b|\bpov\b|\bpoint\s+of\s+view\b", r"\bperspective\b"),
    _term("handheld camera", r"\bhand\s*held\b", r"\bshak\w+"),
    _term("front view", r"\bfront(?:al)?\s+(?:view|shot|angle|perspective)\b|\bfrom\s+the\s+front\b|\bfront\s+facing\b",
          r"\bfront\b|\bfacing\b", "rear view"),
    _term("side view", r"\bside\s+(?:view|shot|angle|profile)\b|\bfrom\s+the\s+side\b|\bin\s+profile\b", r"\bside\b"),
    _term("rear view", r"\b(?:rear|back)\s+view\b|\bfrom\s+behind\b", r"\bbehind\b", "front view"),
    _term("depth of field", r"\bdepth\s+of\s+field\b|\bbokeh\b", r"\bblur\w*|\bfocus\w*"),
)  # fmt: skip
BY_NAME = {term.name: term for term in TERMS}


def plain_of(text: str) -> str:
    """The text as terms are read in it: hyphens are blanks, so that a "zoom-in" zooms in. Its length stays."""
    return text.replace("-", " ").replace("\u2011", " ").replace("\u2019", "'")


def said(text: str) -> tuple[str, ...]:
    """The names of all terms that a text says."""
    plain = plain_of(text)
    return tuple(term.name for term in TERMS if term.is_said(plain))


def places(text: str) -> list[tuple[str, int, int]]:
    """Each term that a text says, with the first place where; by place. One inside another's place is left out."""
    plain = plain_of(text)
    found = [(term.name, *span) for term in TERMS if (span := next(term.places(plain), None))]
    found.sort(key=lambda one: (one[1], -one[2]))
    kept: list[tuple[str, int, int]] = []
    for one in found:
        if not kept or one[1] >= kept[-1][2]:
            kept.append(one)
    return kept
