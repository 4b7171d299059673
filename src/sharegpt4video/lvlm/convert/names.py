"""The names of weights: as the original LLaVA code saves them, and as transformers' LlavaNext has them.

The map was verified by equal outputs (tests/golden/test_llava.py). What is written are the names of the llava-hf
repositories on the Hub, which other programs are made to read.
"""

from __future__ import annotations

import re

_DROPPED = (".inv_freq", ".position_ids")
"""Endings of buffers that old versions of transformers saved and new ones calculate."""

_CLIP = "model.vision_tower.vision_tower.vision_model."
_PROJECTOR = "model.mm_projector."
_LINEARS = {"0.": "linear_1.", "2.": "linear_2."}
_TEXT = re.compile(r"(embed_tokens|norm)\.weight|layers\.\d+\..+")

EMBEDDINGS, HEAD = "language_model.model.embed_tokens.weight", "language_model.lm_head.weight"
"""The weights with a row for each token, by their new names."""

# What transformers 5 calls them in memory or writes itself, and what the llava-hf repositories have.
_SPELLINGS = (
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
    (r"^model\.(multi_modal_projector\.|image_newline$)", r"\1"),
    (r"^(?:model\.)?vision_tower\.(?:vision_model\.)?", "vision_tower.vision_model."),
)


def is_dropped(name: str) -> bool:
    """Whether a weight of the original is a buffer that is calculated anew."""
    return name.endswith(_DROPPED)


def to_transformers(name: str) -> str | None:
    """The new name of an original one; None if there is no such weight in LlavaNext."""
    if name == "lm_head.weight":
        return HEAD
    if name == "model.image_newline":
        return "image_newline"
    if name.startswith(_CLIP):
        return "vision_tower.vision_model." + name.removeprefix(_CLIP)
    if name.startswith(_PROJECTOR):
        place, linear = name.removeprefix(_PROJECTOR)[:2], name.removeprefix(_PROJECTOR)[2:]
        return f"multi_modal_projector.{_LINEARS[place]}{linear}" if place in _LINEARS else None
    rest = name.removeprefix("model.")
    return f"language_model.model.{rest}" if name != rest and _TEXT.fullmatch(rest) else None


def to_original(name: str) -> str | None:
    """The original name of one of LlavaNext in any of its spellings; None if there is none."""
    name = usual(name)
    if name == HEAD:
        return "lm_head.weight"
    if name == "image_newline":
        return "model.image_newline"
    if name.startswith("vision_tower.vision_model."):
        return _CLIP + name.removeprefix("vision_tower.vision_model.")
    for place, linear in _LINEARS.items():
        if name.startswith(f"multi_modal_projector.{linear}"):
            return f"{_PROJECTOR}{place}{name.removeprefix(f'multi_modal_projector.{linear}')}"
    rest = name.removeprefix("language_model.model.")
    return f"model.{rest}" if name != rest and _TEXT.fullmatch(rest) else None


def usual(name: str) -> str:
    """A name of LlavaNext in the spelling that is written."""
    for pattern, spelling in _SPELLINGS:
        changed = re.sub(pattern, spelling, name)
        if changed != name:
            return changed
    return name
