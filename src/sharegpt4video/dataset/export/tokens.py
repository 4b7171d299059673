"""Control tokens of models that occur in captions.

A tokenizer reads ``<image>``, ``<|im_end|>`` or ``[INST]`` as one token anywhere, and a trainer counts ``<image>`` in
texts. Captions quote what is on screen, so they can contain any of them. Tokens of all models we know have one of a few
shapes, and a space after the first character turns each into ordinary text.
"""

from __future__ import annotations

import re

# [INST], [/INST], [IMG_BREAK], [gMASK], [control_12], [|user|]
_BRACKET = r"/?(?:[A-Z][A-Z_]{1,40}|[gs]MASK|control_\d{1,4}|\|[^\s|\[\]]{1,40}\|)\]"
# Lower-case tags may be HTML (<b>), so these are matched by name.
_NAMES = (
    "answer|assistant|audio|bbox|bos|bot|box|cls|content|context|eoa|eoc|eod|eoh|eom|eop|eos|eot|frame|function|human|image|"
    "images|img|mask|media|object|observation|pad|patch|point|quad|reasoning|ref|s|sep|slice|sop|sos|speech|system|think|"
    "thinking|thought|tool|tools|unit|unk|user|vid|video|videos"
)
# All others by shape: <|im_end|>, <start_of_turn>, <IMG_CONTEXT>, <0x0A>, <<SYS>>, DeepSeek's with wide bars.
_TAG = rf"(?:/?(?:{_NAMES})|(?!/?(?:[a-z]+|h[1-6])>)[^\s<>]{{1,80}})>"
_WHOLE = (re.compile(rf"\[(?= *{_BRACKET})"), re.compile(f"<(?= *{_TAG})"))
_BROKEN = (re.compile(f"< (?= *{_TAG})"), re.compile(rf"\[ (?= *{_BRACKET})"))


def without_tokens(text: str) -> str:
    """Break up control tokens: ``<image>`` becomes ``< image>``, ``[INST]`` becomes ``[ INST]``.

    Text that already looks like this gets one more space, so that ``with_tokens`` restores it exactly.
    """
    for sign in _WHOLE:
        text = sign.sub(lambda match: f"{match[0]} ", text)
    return text


def with_tokens(text: str) -> str:
    """Undo ``without_tokens``."""
    for sign in _BROKEN:
        text = sign.sub(lambda match: match[0][0], text)
    return text
