"""Takes a model's markup off an answer while it comes, piece by piece."""

from __future__ import annotations

import re

from .markup import may_be_marked, strip
from .turns import may_be_name, without_names

_WINDOW_CHARS = 64  # of what came before a piece: a mark may begin there
_SAME_CHARS = 20
_BEGUN = re.compile(  # a mark of which more may come, and a channel of which only the name is there
    r"(?:[<◁\[][^<>◁▷\[\]\n]{0,40}|<\|(?:channel|start)\|>[^<\n]{0,40}(?:<[^<>\n]{0,20})?)\Z"
)


class StrippedPieces:
    """An answer that comes in pieces, of which only what is no reasoning and no control token is given on.

    Pieces go through as they are until something looks like a mark; from then on the answer so far is read again with
    each piece that may hold one. What was given on before an end of reasoning without a beginning cannot be taken back.

    whole  the answer so far, without the name of who speaks; ``said`` tells whether anything was given on
    """

    def __init__(self) -> None:
        self.whole = ""
        self.said = False
        self._given = ""
        self._marked = self._thinking = self._begun = False

    def add(self, piece: str) -> str:
        """What to give on now that this piece has come; "" for nothing yet."""
        self.whole += piece
        if not self._begun:
            if may_be_name(self.whole):
                return ""
            self._begin()
            piece = self.whole
        if not self._marked and not may_be_marked(self.whole[-len(piece) - _WINDOW_CHARS :]):
            if _BEGUN.search(self.whole, max(0, len(self.whole) - _WINDOW_CHARS)):
                return ""
            new, self._given = self.whole[len(self._given) :], self.whole
            return self._say(new)
        self._marked = True
        if _BEGUN.search(self.whole, max(0, len(self.whole) - _WINDOW_CHARS)):
            return ""
        if self._thinking and not may_be_marked(self.whole[-len(piece) - _WINDOW_CHARS :]):
            return ""
        return self._say(self._news())

    def rest(self) -> str:
        """The text that was held back until the end of the answer."""
        if not self._begun:
            self._begin()
        if self._marked:
            return self._say(self._news())
        return self._say(self.whole[len(self._given) :])

    def _begin(self) -> None:
        self._begun, self.whole = True, without_names(self.whole)

    def _news(self) -> str:
        found, given = strip(self.whole, caption=False), self._given
        self._thinking = found.unfinished
        if not found.text:
            return ""
        blanks = self.whole[len(self.whole.rstrip()) :]
        text = self._given = found.text + blanks
        if found.text.startswith(given.strip()):
            new = text[len(given.strip()) :]
            return new.lstrip() if given[-1:].isspace() else new
        at = given.find(found.text[:_SAME_CHARS])
        if at >= 0 and found.text.startswith(same := given[at:].strip()):  # less of its beginning was to be given on
            return text[len(same) :]
        return f"\n\n{text}"  # what was given on turned out to be reasoning

    def _say(self, text: str) -> str:
        self.said = self.said or bool(text.strip())
        return text
