"""Counting tokens: what was used, and an estimate of what a request will use."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..records import Image

_BYTES_PER_TOKEN = 4  # English runs at about 4 letters a token; by UTF-8 bytes it holds roughly for Chinese too
_PATCH_PIXELS = 28  # Qwen2-VL and its kin: 14-pixel patches, merged 2 by 2 (arXiv 2409.12191, section 2.1)

_SOUND_TOKENS_A_SECOND = 32  # Gemini's documentation; Qwen's models take 25

_MOST_TOKENS = 10**9  # in one answer; sums over millions of videos still fit into the 64 bits of a Parquet column


def token_count(value: object) -> int:
    """A number of tokens as a model reports it; 0 for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(value) if 0 < value <= _MOST_TOKENS else 0  # NaN is neither


@dataclass
class Usage:
    """What a model has used since it was made: answers that came, and the tokens the server counted for them."""

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, input_tokens: int, output_tokens: int) -> None:
        self.answers += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens


def estimate_text_tokens(text: str) -> int:
    """Estimated tokens of a text, accurate to about a third for ordinary prose."""
    return math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)


def estimate_image_tokens(image: Image) -> int:
    """Estimated tokens of a picture: one per started patch of 28 x 28 pixels. Models differ widely."""
    return math.ceil(image.width / _PATCH_PIXELS) * math.ceil(image.height / _PATCH_PIXELS)


def estimate_sound_tokens(seconds: float) -> int:
    """Estimated tokens of so many seconds of sound."""
    return math.ceil(seconds * _SOUND_TOKENS_A_SECOND)


def cost_usd(input_tokens: int, output_tokens: int, input_price: float, output_price: float) -> float:
    """US dollars for this many tokens at prices per million."""
    return (input_tokens * input_price + output_tokens * output_price) / 1_000_000
