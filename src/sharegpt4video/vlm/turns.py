"""What is around an answer and no mark: names of speakers, turns made up behind it, a vocabulary's own letters."""

from __future__ import annotations

import html
import re

_ROLE = re.compile(
    r"\s*(?:#{1,4}\s*)?(?:\*\*)?(?:"
    r"ASSISTANT(?:\*\*)?(?:\s{0,3}[:：](?:\*\*)?\s*|[ \t]*(?:\n\s*|\Z))"
    r"|<?(?:[Aa]ssistant|bot)>?(?:\*\*)?(?:\s{0,3}[:：](?:\*\*)?(?:\s+(?![a-z])|\Z)|[ \t]*(?:\n\s*|\Z))"
    r"|model\n\s*)"
)
_SWITCH = re.compile(r"/(?:no_?)?think(?:\s*\n\s*|\s+(?![a-z])|\Z)")  # Qwen's and GLM's, repeated from the question
_LAST_SWITCH = re.compile(r"\s/(?:no_?)?think\Z")
_MOST_NAMES = 8  # a name may be there twice, in a loop more often
_NEXT_TURN = re.compile(r"\n\s{0,20}(?:USER|Human|### ?(?:Human|User|Instruction|Input))\s{0,3}:")
_ESCAPED = re.compile(r"&lt;/?(?:\||\w{0,12}:?(?:think|thought|reason|analysis|answer|caption|summary|response))")
_PROMPT_AND_ROLE = re.compile(r"\s*(?:USER|Human|User)\s{0,3}:")


def without_roles(text: str) -> str:
    """The text without the name of the speaker, without the question if it was repeated, and without a next turn."""
    if _PROMPT_AND_ROLE.match(text) and "ASSISTANT:" in text:
        text = text.partition("ASSISTANT:")[2]
    text = text.lstrip()
    for _ in range(_MOST_NAMES):
        if (found := _ROLE.match(text) or _SWITCH.match(text)) is None:
            break
        text = text[found.end() :]
    if found := _LAST_SWITCH.search(text, max(0, len(text) - 12)):
        text = text[: found.start()]
    if (found := _NEXT_TURN.search(text)) and (said := text[: found.start()].strip()) and said[-1] not in ":：":
        text = said  # after a colon it is a talk that the picture shows
    return text.strip()


def decoded(text: str) -> str:
    """The text with the marks of a byte-level or SentencePiece vocabulary made spaces, where nothing else separates."""
    if _ESCAPED.match(text):
        text = html.unescape(text)
    for space, newline in (("Ġ", "Ċ"), ("▁", "")):
        if text.count(space) > 2 * text.count(" ") + 2:
            text = text.replace(space, " ")
            text = text.replace(newline, "\n") if newline else text
    return text
