"""What is around an answer and no mark: names of speakers, turns made up behind it, a vocabulary's own letters."""

from __future__ import annotations

import html
import re

_ROLE = re.compile(
    r"\s*(?:#{1,4}\s*)?(?:\*\*)?(?:ASSISTANT|Assistant|assistant)(?:\*\*)?"
    r"(?:\s{0,3}[:：](?:\*\*)?(?:\s+|\Z)|[ \t]*(?:\n\s*|\Z))"
)
_NEXT_TURN = re.compile(r"\n\s{0,20}(?:USER|Human|### ?(?:Human|User|Instruction|Input))\s{0,3}:")
_PROMPT_AND_ROLE = re.compile(r"\s*(?:USER|Human|User)\s{0,3}:")


def without_roles(text: str) -> str:
    """The text without the name of the speaker, without the question if it was repeated, and without a next turn."""
    if _PROMPT_AND_ROLE.match(text) and "ASSISTANT:" in text:
        text = text.partition("ASSISTANT:")[2]
    if found := _ROLE.match(text):
        text = text[found.end() :]
    if (found := _NEXT_TURN.search(text)) and (said := text[: found.start()].strip()) and said[-1] not in ":：":
        text = said  # after a colon it is a talk that the picture shows
    return text.strip()


def decoded(text: str) -> str:
    """The text with the marks of a byte-level or SentencePiece vocabulary made spaces, where nothing else separates."""
    if text.startswith("&lt;"):
        text = html.unescape(text)
    for space, newline in (("Ġ", "Ċ"), ("▁", "")):
        if text.count(space) > 2 * text.count(" ") + 2:
            text = text.replace(space, " ")
            text = text.replace(newline, "\n") if newline else text
    return text
