"""Removes what models put around a caption: JSON, fences, quotes, labels, "Sure! Here is …", "Let me know …"."""

from __future__ import annotations

import re

from .announcing import unannounced
from .data import caption_in_data, is_json, is_yaml
from .quoting import unframed, unquote

_MOST_ROUNDS = 8  # wrappers inside wrappers; each round takes one layer off
_MOST_CHARS = 100_000  # of a caption with wrappers around it: far more than any budget of tokens allows
_CODE = re.compile(
    r"```(?!(?:markdown|md|text|txt|plain|plaintext|json|ya?ml|xml|html|caption)\b)\w+[ \t]*\n", re.IGNORECASE
)
# A tag or another mark at the beginning, and one at the end that follows a sentence. What a sentence speaks of stays.
_LEFT = re.compile(
    r"</?[A-Za-z\u4e00-\u9fff|｜!?][^<>\n]{0,200}>"
    r"(?!(?:[^<>\n]{0,200}</[^<>\n]{1,40}>)?(?: (?:is|are|was|appears?|stands?|marks?|tokens?|tags?|elements?)\b|[,;]))"
    r"|[《{]/?think[》}]|【/?\w{1,12}】.{0,2000}【/\w{1,12}】|(?:analysis|commentary|final)[A-Z]"
)
_LEFT_AT_THE_END = re.compile(r"[.!?。！？\"”]\s{0,4}(?:</?[A-Za-z|｜][\w|｜:▁-]{0,40}/?>|\[/?[A-Z_]{2,20}\])\s*\Z")


def unwrap(text: str) -> str:
    """A caption without what stands around it. A text that is nothing but a caption comes back as it is."""
    if len(text) > _MOST_CHARS:
        return text.strip()
    for _ in range(_MOST_ROUNDS):
        before = text
        text = unquote(unframed(unquote(text)))
        inner = caption_in_data(text)
        text = unannounced(text) if inner is None else inner
        if text == before:
            break
    return text


def leftover(text: str, raw: str = "") -> str:
    """What kind of data a text still is instead of prose, in words for the user; "" for prose.

    ``raw`` is the text before it was unwrapped: what stood in a fence for code is no prose.
    """
    text, raw = text.strip(), raw.strip()
    if is_json(text):
        return "JSON"
    if text[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<svg")):
        return "a page of markup"
    if _CODE.match(raw) and raw.endswith("```"):
        return "code"
    if is_yaml(text):
        return "YAML"
    return "markup" if _LEFT.match(text) or _LEFT_AT_THE_END.search(text, max(0, len(text) - 60)) else ""
