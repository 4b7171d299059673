"""Takes a model's markup off an answer while it comes, piece by piece."""

from __future__ import annotations

from .markup import may_be_marked, strip


class StrippedPieces:
    """An answer that comes in pieces, of which only what is no reasoning and no control token is given on.

    Pieces go through as they are until something looks like a mark; from then on the answer so far is read again with
    each piece. What was given on before an end of reasoning without a beginning cannot be taken back.

    whole  the answer so far, as it came; ``said`` tells whether anything was given on
    """

    def __init__(self) -> None:
        self.whole = ""
        self.said = False
        self._given = ""
        self._marked = False

    def add(self, piece: str) -> str:
        """What to give on now that this piece has come; "" for nothing yet."""
        self.whole += piece
        if not self._marked and not may_be_marked(self.whole):
            new, self._given = self.whole[len(self._given) :], self.whole
            return self._say(new)
        self._marked = True
        return self._say(self._news())

    def rest(self) -> str:
        """What was held back at the end of the answer."""
        return self._say(self._news()) if self._marked else ""

    def _news(self) -> str:
        found, given = strip(self.whole, caption=False).text, self._given
        if not found:
            return ""
        self._given = found
        if not found.startswith(given.strip()):  # what was given on turned out to be reasoning
            return f"\n\n{found}"
        new = found[len(given.strip()) :]
        return new.lstrip() if given[-1:].isspace() else new

    def _say(self, text: str) -> str:
        self.said = self.said or bool(text.strip())
        return text
