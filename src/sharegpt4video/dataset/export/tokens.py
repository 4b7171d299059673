"""Words that a model takes for more than words: its control tokens, where a caption happens to spell them.

A tokenizer reads ``<image>``, ``<|im_end|>`` or ``[INST]`` as one token wherever they stand, and a trainer counts
``<image>`` in texts. Captions quote what is on the screen, so they can hold any of them. Tokens of all models that we
know have one of few shapes, and a space behind the first sign makes ordinary text of each.
"""

from __future__ import annotations

import re

# [INST], [/INST], [IMG_BREAK], [gMASK], [control_12], [|user|]
_BRACKET = r"/?(?:[A-Z][A-Z_]{1,40}|[gs]MASK|control_\d{1,4}|\|[^\s|\[\]]{1,40}\|)\]"
# Tags of small letters alone are HTML, too (<b>), so these are told by their names.
_NAMES = (
    "answer|assistant|audio|bbox|bos|bot|box|cls|content|context|eoa|eoc|eod|eoh|eom|eop|eos|eot|frame|function|human|image|"
    "images|img|mask|media|object|observation|pad|patch|point|quad|reasoning|ref|s|sep|slice|sop|sos|speech|system|think|"
    "thinking|thought|tool|tools|unit|unk|user|vid|video|videos"
)
# All others by their shape: <|im_end|>, <start_of_turn>, <IMG_CONTEXT>, <0x0A>, <<SYS>>, DeepSeek's with wide bars.
_TAG = rf"(?:/?(?:{_NAMES})|(?!/?(?:[a-z]+|h[1-6])>)[^\s<>]{{1,80}})>"
_WHOLE = (re.compile(rf"\[(?= *{_BRACKET})"), re.compile(f"<(?= *{_TAG})"))
_BROKEN = (re.compile(f"< (?= *{_TAG})"), re.compile(rf"\[ (?= *{_BRACKET})"))


def without_tokens(text: str) -> str:
    """A text in which nothing is taken for a control token: ``<image>`` becomes ``< image>``, ``[INST]`` ``[ INST]``.

    What looks broken up already gets one more space, so that ``with_tokens`` gives the very text back.
    """
    for sign in _WHOLE:
        text = sign.sub(lambda match: f"{match[0]} ", text)
    return text


def with_tokens(text: str) -> str:
    """What ``without_tokens`` was given."""
    for sign in _BROKEN:
        text = sign.sub(lambda match: match[0][0], text)
    return text
