"""The text encoders of video generators: how many tokens of a prompt each reads, and how many a text has.

Whatever comes after the limit is cut off, in most of them silently. Limits are those of each model's own pipeline.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder as one or more generators use it.

    limit_tokens     how many tokens it reads, its own marks included
    marks            tokens that it adds itself
    tokens_per_word  for an estimate: measured on long English video prompts where ``is_measured``, else taken from the
                     nearest that was
    tokenizers       names on the Hub, and folders, under which its tokenizer may lie on this machine
    """

    name: str
    used_by: str
    limit_tokens: int
    marks: int
    tokens_per_word: float
    is_measured: bool
    tokenizers: tuple[str, ...] = ()


def _clip(limit_tokens: int, used_by: str) -> TextEncoder:
    folders = ("openai/clip-vit-large-patch14", "openai/clip-vit-base-patch32")
    return TextEncoder(f"CLIP-{limit_tokens}", used_by, limit_tokens, 2, 1.27, True, folders)


def _t5(limit_tokens: int, used_by: str) -> TextEncoder:
    folders = ("google/t5-v1_1-xxl", "DeepFloyd/t5-v1_1-xxl", "google-t5/t5-small", "t5-small")
    return TextEncoder(f"T5-{limit_tokens}", used_by, limit_tokens, 1, 1.51, True, folders)


ENCODERS: dict[str, TextEncoder] = {
    one.name: one
    for one in (
        _t5(226, "CogVideoX, ConsisID"),
        _clip(77, "HunyuanVideo and Open-Sora 2, beside another encoder"),
        _t5(120, "Latte, Open-Sora 1.0"),
        _t5(128, "LTX-Video"),
        _t5(200, "Open-Sora 1.1 and 1.2"),
        _t5(256, "Mochi, EasyAnimate"),
        _t5(300, "Open-Sora-Plan 1.0 and 1.1"),
        _t5(512, "Allegro, Cosmos, Open-Sora 2"),
        TextEncoder("UMT5-512", "Wan 2.1 and 2.2", 512, 1, 1.51, False, ("google/umt5-xxl",)),
        TextEncoder("Llama-256", "HunyuanVideo", 256, 1, 1.27, False, ("meta-llama/Meta-Llama-3-8B",)),
        TextEncoder("Qwen-512", "Kandinsky 5", 512, 0, 1.27, True, ("Qwen/Qwen2.5-VL-7B-Instruct",)),
        TextEncoder("Qwen-1000", "HunyuanVideo-1.5", 1000, 0, 1.27, True, ("Qwen/Qwen2.5-VL-7B-Instruct",)),
    )
}
DEFAULT = "T5-226"


@dataclass(frozen=True)
class Counted:
    """How many tokens a text has; ``estimated`` from its words where no tokenizer of the encoder is on this machine."""

    tokens: int
    estimated: bool


def count_tokens(text: str, encoder: TextEncoder) -> Counted:
    """Count the tokens of a text as an encoder sees them, its own marks included. Nothing is downloaded."""
    tokenizer = next(filter(None, map(_local_tokenizer, encoder.tokenizers)), None)
    if tokenizer is not None:
        return Counted(len(tokenizer.encode(text).ids), estimated=False)
    return Counted(math.ceil(len(_WORD.findall(text)) * encoder.tokens_per_word) + encoder.marks, estimated=True)


@lru_cache(maxsize=16)
def _local_tokenizer(name: str) -> Any:
    """The tokenizer in the cache of Hugging Face on this machine; None where it, or its package, is not there."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    for file in _cached_files(name):
        try:
            return Tokenizer.from_file(str(file))
        except Exception:  # noqa: BLE001 - it raises plain Exception for a file that it cannot read
            continue
    return None


def _cached_files(name: str) -> list[Path]:
    """``tokenizer.json`` of a model of the Hub, as ``huggingface_hub`` stores it."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return sorted((hub / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/tokenizer.json"))
