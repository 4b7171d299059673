"""What a model said, without what it thought, its control tokens and its markdown."""

from __future__ import annotations

import re
import unicodedata

MARKED = "\ue000"
"""Stands before what a model marked as its answer, by a tag or a box; ``MARK_END`` stands behind it."""
MARK_END = "\ue001"

_THOUGHTS = r"[\w:]{0,20}think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad"
_PARTS = rf"{_THOUGHTS}|summary|caption"
_THOUGHT = re.compile(
    rf"(?:[<◁]\s*({_PARTS})\s*[>▷]|\[(think)\]).*?(?:[<◁]\s*/\s*\1\s*[>▷]|\[/\2\]|\Z)", re.DOTALL | re.IGNORECASE
)
_THOUGHT_END = re.compile(rf"[<◁]\s*/\s*(?:{_THOUGHTS})\s*[>▷]|\[/think\]", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_TAGGED_THOUGHT = re.compile(
    r"<\|(?:START_THINKING|begin_of_thought)\|>.*?(?:<\|(?:END_THINKING|end_of_thought)\|>|\Z)", re.DOTALL
)
_ROLE = re.compile(r"(?:\A|\n|\))[ \t#]*(?:assistant|model|gpt)\s*(?::|\n)", re.IGNORECASE)
_NEXT_TURN = re.compile(r"\n[ \t#]*(?:human|user)\s*:|<\|(?:user|im_start)\|>", re.IGNORECASE)
_ANSWER = re.compile(r"<\s*(answer|conclusion|final_answer)\s*>(.*?)(?:<\s*/\s*\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_BRACKETED = re.compile(r"\[(answer|final_answer)\](.{0,2000}?)\[/\1\]", re.DOTALL | re.IGNORECASE)
_BOX_TOKENS = re.compile(r"<\|begin_of_box\|>(.*?)(?:<\|end_of_box\|>|\Z)", re.DOTALL)
_ENDS = re.compile(r"<\|(?:endoftext|im_end|eot_id|end|return|end_of_text|eom_id)\|>|</s>|<(?:eos|end_of_turn)>")
_TOKEN = re.compile(
    r"<[|｜][^<>\n]{1,60}[|｜]>|</?s>|<(?:eos|bos|pad|end_of_turn|start_of_turn)>|\[/?INST\]|</?\w{1,20}>"
)
_STYLE = re.compile(r"\\(?:text\w{0,4}|math\w{1,4}|mbox)\s*\{([^{}]*)\}")
_BOXED = re.compile(r"\\f?boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_MARKDOWN = re.compile(r"[*`$]|\\[()\[\]]|(?<![^\W_])_+|_+(?![^\W_])")
_LINE_START = re.compile(r"^[ \t]*(?:[>#•→⇒∴]+[ \t]*|[=-]+>[ \t]*|[-+][ \t]+)+", re.MULTILINE)
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_UNSEEN = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*\n\s*")
_QUOTES = str.maketrans("“”„‟«»「」『』‘’【】〔〕", '""""""""""\'\'[][]')


def plain_words(text: str) -> str:
    """Full-width signs as plain ones, quotes of all kinds as two, no markdown."""
    text = unicodedata.normalize("NFKC", _STRUCK.sub("", _UNSEEN.sub("", text))).translate(_QUOTES)
    text = _BOXED.sub(rf"\n{MARKED}\1{MARK_END}\n", _STYLE.sub(r"\1", text))
    text = _SPACES.sub(" ", _LINE_START.sub("", _MARKDOWN.sub("", text)))
    return _LINES.sub("\n\n", text).strip()


def said(reply: str) -> str:
    """The answer in a reply: no reasoning (whether or not both its tags are there), tokens, roles or markdown.

    What the model marked as its answer stays, between ``MARKED`` and ``MARK_END``.
    """
    text = reply.replace(MARKED, "").replace(MARK_END, "")
    channels = list(_CHANNEL.finditer(text))
    if channels:
        text = text[channels[-1].end() :] if channels[-1][1] == "final" else ""
    text = _THOUGHT.sub("", _TAGGED_THOUGHT.sub("", text))
    ended = [found.end() for found in _THOUGHT_END.finditer(text)]
    text = text[ended[-1] :] if ended else text
    text = _BOX_TOKENS.sub(rf"\n{MARKED}\1{MARK_END}\n", _ANSWER.sub(rf"\n{MARKED}\2{MARK_END}\n", text))
    text = _BRACKETED.sub(rf"\n{MARKED}\2{MARK_END}\n", text)
    whole = [part for part in _ENDS.split(text) if part.strip()]
    text = whole[0] if whole else ""  # behind an end mark a model goes on with a turn of its own
    roles = list(_ROLE.finditer(text))
    text = text[roles[-1].end() :] if roles else text
    turn = _NEXT_TURN.search(text)
    if turn and text[: turn.start()].strip():
        text = text[: turn.start()]
    text = _TOKEN.sub("", text)
    return plain_words(text).strip("\"'").strip()
