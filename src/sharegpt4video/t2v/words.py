"""The text encoder trained from scratch: a vocabulary of the captions' words, and a few transformer layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

_WORD = re.compile(r"[^\W_]+|[^\w\s]")
PAD, NOTHING, UNKNOWN = 0, 1, 2
"""Filling, what stands for an empty text, and words that no caption had."""


class Words:
    """The words that a model knows, and texts as their numbers."""

    def __init__(self, known: Sequence[str]) -> None:
        self.known = tuple(known)
        self._numbers = {word: number for number, word in enumerate(self.known, start=3)}

    @classmethod
    def of(cls, texts: Iterable[str]) -> Words:
        """All words of the texts, in order of the alphabet."""
        return cls(sorted({word for text in texts for word in split(text)}))

    def __len__(self) -> int:
        return len(self.known) + 3

    def numbers(self, text: str) -> list[int]:
        """The words of a text as numbers; of an empty one, the number for nothing."""
        return [self._numbers.get(word, UNKNOWN) for word in split(text)] or [NOTHING]

    def batch(self, texts: Sequence[str], length: int) -> Tensor:
        """(text, word); longer texts are cut, shorter ones filled up."""
        rows = [self.numbers(text)[:length] for text in texts]
        return torch.tensor([[*row, *[PAD] * (length - len(row))] for row in rows])


def split(text: str) -> list[str]:
    """A text as words and marks, in small letters."""
    return _WORD.findall(text.lower())


class TinyText(nn.Module):  # type: ignore[misc]  # torch is not checked
    """A transformer encoder over words; gives (text, word, width), zero at padding."""

    def __init__(self, words: int, width: int, layers: int, length: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        # As loud as the words: a place that is hardly heard takes thousands of steps to be listened to, and which of
        # two moves comes first is told by nothing else.
        self.places = nn.Parameter(torch.randn(1, length, width) * 0.5)
        make = {"activation": "gelu", "batch_first": True, "norm_first": True, "dropout": 0.0}
        heads = next(count for count in (4, 2, 1) if width % count == 0)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(width, heads, 4 * width, **make) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, numbers: Tensor) -> Tensor:
        blank = numbers == PAD
        texts = self.words(numbers) + self.places[:, : numbers.shape[1]]
        for layer in self.layers:
            texts = layer(texts, src_key_padding_mask=blank)
        return self.norm(texts) * (~blank)[..., None]
