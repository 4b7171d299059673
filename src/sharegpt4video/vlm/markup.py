"""Removes a model's own markup from its text: reasoning, answer tags, channels, control tokens, roles. Linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .marks import BOXES, MOST_SIGNS, SIGN, SIGNS, Mark, marks
from .shown import is_shown
from .spoken import spoken
from .turns import decoded, without_roles

_FLOOD = re.compile(r"((?:<[^<>\n]{1,40}>){1,4}?)\1{8,}")  # a model in a loop: once says the same
_ADDRESSED = re.compile(r"\s*to=[\w.-]{1,60}\s*<\|message\|>")  # the template wrote the header's beginning

_TAIL = re.compile(r"[<◁\[](?=\S)[/|｜]?[\w:▁]{0,40}\|?\Z")
_TAIL_TAGS = ("think", "thinking", "thought", "reasoning", "seed:think", "mm:think", "answer")
_TAILS = (
    *(f"<{slash}{name}>" for slash in ("", "/") for name in _TAIL_TAGS),
    "◁think▷", "◁/think▷", "[think]", "[/think]", "<start_of_turn>", "<end_of_turn>", "<channel|>", "</s>",
)  # fmt: skip
# An element of a page that a sentence shows, "the page has a <summary>More</summary> in it": words go on behind it.
_SHOWN = re.compile(
    r"(?<=[\w:,] )<(summary|caption|output|description|answer|response|think|result|final)(?:\s[^<>\n]{0,100})?>"
    r"[^<>\n]{0,200}(?P<end></\1>)(?=[ ,.;:]{1,2}(?-i:[a-z])|, )",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"(?:<s>|\s){0,4}\[INST\].{1,20000}?\[/INST\](?=\s*\w)", re.DOTALL)  # the question, repeated
_BEGUN_ALOUD = "/think\n"  # how HyperCLOVA X begins to think; its answer is a turn of its own
_QUOTE_WINDOW_CHARS = 100
_MOST_ROUNDS = 8  # of reasoning in words, one after the other
_MOST_QUOTED = 200  # marks; who writes more quotes nothing
_QUOTES = {'"': '"', "“": "”", "‘": "’", "'": "'", "`": "`", "«": "»", "「": "」", "『": "』", "„": "“"}


@dataclass(frozen=True)
class Stripped:
    """A text without markup. ``thought``: there was reasoning, which never came to an end if ``unfinished``."""

    text: str
    thought: bool = False
    unfinished: bool = False


def strip(text: str, *, caption: bool = True) -> Stripped:
    """Remove reasoning and control tokens from a model's text.

    With ``caption=False``, control tokens that stand in a sentence like words stay: somebody may have asked about them.

    Reasoning that never ends takes the rest of the text with it; an end of reasoning whose beginning the template wrote
    takes what is before it. Marks that the text quotes, as words on a screen, stay.
    """
    text = decoded(text.strip())
    if sum(map(text.count, SIGNS)) > MOST_SIGNS:
        text = _FLOOD.sub(r"\1", text)
        if sum(map(text.count, SIGNS)) > MOST_SIGNS:
            return Stripped(text)
    if (echo := _PROMPT.match(text)) is not None:
        text = text[echo.end() :].lstrip()
    if text.startswith(_BEGUN_ALOUD):
        text = f"<think>{text.removeprefix(_BEGUN_ALOUD)}"
    if (bare := spoken(text)) is not None:
        for _ in range(_MOST_ROUNDS):
            if bare[1] or (more := spoken(bare[0].strip())) is None:
                break
            bare = more
        rest = _without_marks(bare[0].strip(), caption)
        return Stripped(rest.text, True, bare[1] or rest.unfinished)
    return _without_marks(text, caption)


def _without_marks(text: str, caption: bool) -> Stripped:
    if not may_be_marked(text):
        return Stripped(without_roles(text))
    text = _FLOOD.sub(r"\1", BOXES.sub("", text))
    walk = _Walk(f"<|start|>assistant {text.lstrip()}" if _ADDRESSED.match(text) else text, caption)
    walk.run()
    found = Stripped(without_roles(walk.answer()), walk.thought, walk.thinking)
    if (walk.thought or walk.turned) and (again := spoken(found.text)) is not None:
        found = Stripped(again[0].strip(), True, again[1])
    return found


def may_be_marked(text: str) -> bool:
    """Whether there is a mark in a text, or what may become one when more of it comes."""
    return bool(SIGN.search(text) or _TAIL.search(text[-48:]))


def is_structural(token: str) -> bool:
    """Whether a token tells where reasoning or an answer begins or ends: without it, no one can tell them apart."""
    if token in ("<|channel|>", "<|message|>", "<|open|>", "<|close|>"):
        return True
    return any(mark.kind in ("think", "unthink", "open", "close") for mark in marks(token))


class _Walk:
    """The state while the marks of a text are read from left to right."""

    def __init__(self, text: str, caption: bool) -> None:
        self.text, self._caption = text, caption
        self.thought = self.thinking = self.turned = False
        self._parts: dict[int, list[str]] = {}
        self._rank = 0
        self._said = self._silent = False
        self._shown = False  # a mark was told of: so is the one that closes it

    def run(self) -> None:
        at = 0
        outer = _whole_is_quoted(self.text)
        shown = {at for found in _SHOWN.finditer(self.text) for at in (found.start(), found.start("end"))}
        for number, mark in enumerate(marks(self.text)):
            if mark.start < at:
                continue
            if not self.thinking and number < _MOST_QUOTED and (mark.start in shown or self._is_told_of(mark, outer)):
                continue
            self._say(self.text[at : mark.start])
            at = mark.end
            self._on(mark)
        rest = self.text[at:]
        self._say(rest if self.thinking else _without_tail(rest))
        self.thinking = self.thinking or (not self.answer() and bool(_TAIL.search(rest)))

    def _is_told_of(self, mark: Mark, outer: bool) -> bool:
        if self._shown and mark.kind in ("unthink", "close"):
            self._shown = False
            return True
        found = _is_quoted(self.text, mark, outer) or (not self._caption and _is_spoken_of(self.text, mark))
        if not found:
            before = self.text[max(0, mark.start - 2 * _QUOTE_WINDOW_CHARS) : mark.start].rpartition("\n")[2]
            after = self.text[mark.end : mark.end + _QUOTE_WINDOW_CHARS].partition("\n")[0]
            found = is_shown(before, after, structural=mark.kind in ("think", "unthink", "open", "close"))
            self._shown = found and mark.kind in ("think", "open")
        return found

    def answer(self) -> str:
        """The section of the highest rank that says something."""
        for rank in sorted(self._parts, reverse=True):
            if text := "".join(self._parts[rank]).strip():
                return text
        return ""

    def _say(self, piece: str) -> None:
        if piece and not self.thinking and not self._silent:
            self._parts.setdefault(self._rank, []).append(piece)
            self._said = self._said or not piece.isspace()

    def _on(self, mark: Mark) -> None:
        if self.thinking and mark.kind not in ("unthink", "header", "end"):
            if mark.kind != "open" or mark.rank < 3:
                return
            self.thinking = False  # an answer begins, though nothing said that the reasoning ends
        if mark.kind == "think":
            self.thought = self.thinking = True
        elif mark.kind == "unthink":
            if not self.thinking:  # the template wrote the beginning: all before was reasoning
                self._parts.clear()
                self._said = False
            self.thought, self.thinking, self._silent = True, False, False
        elif mark.kind == "open":
            self._rank = mark.rank
        elif mark.kind == "close":
            self._close(mark.rank)
        elif mark.kind == "header":
            self._header(mark)
        elif mark.kind == "end":
            self.turned = True
            self._silent = self._said  # what follows an answer is a turn that the model made up

    def _close(self, rank: int) -> None:
        if self._rank != rank and rank >= 3 and self._rank == 0:  # the template wrote the beginning
            self._parts.setdefault(rank, []).extend(self._parts.pop(0, []))
        self._rank = 0

    def _header(self, mark: Mark) -> None:
        """The beginning of a turn or channel: the model's answer, its reasoning (rank 1), or somebody else's (-1)."""
        self.turned = True
        if mark.rank == 1:
            self.thought = self.thinking = True
            return
        self.thinking = False
        self._silent = self._said or mark.rank < 0
        if mark.rank == 2:  # the final channel: what came before it is none
            self._parts.clear()
            self._silent = False


def _is_quoted(text: str, mark: Mark, outer: bool) -> bool:
    """Whether a mark stands in quotation marks on its line: words that the text tells of, not markup."""
    left = text[max(0, mark.start - _QUOTE_WINDOW_CHARS) : mark.start].rpartition("\n")[2]
    right = text[mark.end : mark.end + _QUOTE_WINDOW_CHARS].partition("\n")[0]
    for opening, closing in _QUOTES.items():
        at, to = left.rfind(opening), right.find(closing)
        if at < 0 or to < 0:
            continue
        whole = outer and mark.start - len(left) + at == len(text) - len(text.lstrip())
        opens = (at == 0 or not left[at - 1].isalnum()) and not left[at + 1 : at + 2].isspace()
        closes = not right[to + 1 : to + 2].isalnum() and not right[max(to - 1, 0) : to].isspace()
        if opens and closes and not whole and (opening == closing or closing not in left[at + 1 :]):
            return True
    return False


def _is_spoken_of(text: str, mark: Mark) -> bool:
    """Whether a control token stands where a word would: after a blank, and before one or the end of a sentence."""
    wordless = mark.kind in ("think", "unthink", "open", "close") or not text[: mark.start].strip()
    after = text[mark.end : mark.end + 2]
    like_a_word = after[:1] in tuple(".,;:?!)") or (after[:1] == " " and after[1:2].isalnum())
    return not wordless and text[mark.start - 1] == " " and like_a_word


def _whole_is_quoted(text: str) -> bool:
    text = text.strip()
    return len(text) > 1 and _QUOTES.get(text[0]) == text[-1]


def _without_tail(text: str) -> str:
    """The text without a mark that broke off at its very end."""
    found = _TAIL.search(text, max(0, len(text) - 48))
    if found is None:
        return text
    tail = found[0].lower()
    known = tail.startswith(("<|", "<｜")) or (len(tail) > 1 and any(mark.startswith(tail) for mark in _TAILS))
    return text[: found.start()] if known else text
