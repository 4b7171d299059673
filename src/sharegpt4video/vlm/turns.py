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
_BEGUN_NAME = re.compile(r"assistant\*{0,2}\s{0,3}[:：]?\*{0,2}\s*|/(?:n|no|no_|no_?think|think)\s*")
_SWITCH = re.compile(r"/(?:no_?)?think(?:\s*\n\s*|\s+(?![a-z])|\Z)")  # Qwen's and GLM's, repeated from the question
_LAST_SWITCH = re.compile(r"(?:(?<=[.!?。！？\"”]) |\n\s{0,4})/(?:no_?)?think\Z")
_MOST_NAMES = 8  # a name may be there twice, in a loop more often
_NEXT_TURN = re.compile(
    r"\n\s{0,20}(?:USER|Human|### ?(?:Human|User|Instruction|Input))\s{0,3}:"
    r"|\n\s{0,8}\n\s{0,20}User\s{0,3}:[^\n]{0,500}\n\s{0,20}(?:Assistant|AI|Bot)\s{0,3}:"
)
_ESCAPED = re.compile(r"&lt;/?(?:\||\w{0,12}:?(?:think|thought|reason|analysis|answer|caption|summary|response))")
_UNSEEN = "\ufeff\u200b\u2060\x00 \t\r\n"  # byte order marks and spaces of no width
_BYTES = re.compile(r"(?:<0x[0-9A-F]{2}>){2,}|(?<=\w)<0x0A>(?=\w)")  # SentencePiece's bytes, left as they are called
_PROMPT_AND_ROLE = re.compile(r"\s*(?:USER|Human|User)\s{0,3}:")


def _of_bytes(found: re.Match[str]) -> str:
    try:
        return bytes.fromhex(found[0].replace("<0x", "").replace(">", "")).decode()
    except UnicodeDecodeError:
        return found[0]


def without_roles(text: str) -> str:
    """The text without the name of the speaker, without the question if it was repeated, and without a next turn."""
    if _PROMPT_AND_ROLE.match(text) and "ASSISTANT:" in text:
        text = text.partition("ASSISTANT:")[2]
    text = without_names(text)
    if found := _LAST_SWITCH.search(text, max(0, len(text) - 20)):
        text = text[: found.start()]
    if (found := _NEXT_TURN.search(text)) and (said := text[: found.start()].strip()) and said[-1] not in ":：":
        text = said  # after a colon it is a talk that the picture shows
    return text.strip()


def without_names(text: str) -> str:
    """The text without the name of the speaker, however often it is there, and a switch that was repeated."""
    text = text.lstrip()
    for _ in range(_MOST_NAMES):
        if (found := _ROLE.match(text) or _SWITCH.match(text)) is None:
            break
        text = text[found.end() :]
    return text


def may_be_name(text: str) -> bool:
    """Whether a text so far may turn out to be the name of a speaker, which no one needs to see."""
    begun = without_names(text).lstrip("#* ").casefold()
    return "assistant:".startswith(begun) or bool(_BEGUN_NAME.fullmatch(begun))


def decoded(text: str) -> str:
    """The text with the marks of a byte-level or SentencePiece vocabulary made spaces, where nothing else separates."""
    if _ESCAPED.match(text):
        text = html.unescape(text)
    text = _BYTES.sub(_of_bytes, text.strip(_UNSEEN))
    for space, newline in (("Ġ", "Ċ"), ("▁", "")):
        if (told := text.count(f" {space}")) > 2 and 2 * told >= text.count(" "):
            text = text.replace(" ", "")  # tokens with blanks between them
        if text.count(space) > 2 * text.count(" ") + 2:
            text = text.replace(space, " ")
            text = text.replace(newline, "\n") if newline else text
    return text
