"""Chunks of a conversation to token ids and labels: each learned token is learned wholly, or the sample is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from .samples import SampleError
from .templates import Chunk

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""The label of a token that is not learned."""


class Masker:
    """Turns chunks into token ids as the model reads them, and says which are learned.

    ``control`` are tokens that no one may say, such as those of pictures, besides the tokenizer's special ones.
    """

    def __init__(self, tokenizer: Any, control: Collection[int]) -> None:
        self._tokenizer = tokenizer
        added = {str(token): id for id, token in tokenizer.added_tokens_decoder.items()}
        special = {str(token): id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
        special |= {tokenizer.convert_ids_to_tokens(id): id for id in control}
        self.marks: dict[str, int] = special
        self._control = set(special.values())
        self._mark = _any_of(special)
        self._reserved = _any_of({**added, **special})

    def encode(self, id: str, chunks: Sequence[Chunk]) -> tuple[list[int], list[int]]:
        """Token ids and labels of the same length. Raises SampleError if a learned text begins or ends in a token."""
        ids = self._ids(id, chunks)
        labels = [IGNORED] * len(ids)
        before = 0
        for begin, end in _runs(chunks):
            first = self._length(id, chunks[:begin], ids, before)
            before = self._length(id, chunks[:end], ids, first)
            if first == before or not first:
                raise _inexact(id, "an answer has no token that could be learned")
            labels[first:before] = ids[first:before]
        return ids, labels

    def _length(self, id: str, chunks: Sequence[Chunk], whole: Sequence[int], least: int) -> int:
        """How many tokens the chunks are. They must be the first ones of the whole: what a model is asked with."""
        ids = self._ids(id, chunks)
        if len(ids) < least or list(whole[: len(ids)]) != ids:
            raise _inexact(id, f"a token lies across the edge of an answer, near {chunks[-1].text[-20:]!r}")
        return len(ids)

    def _ids(self, id: str, chunks: Sequence[Chunk]) -> list[int]:
        if not any(chunk.said and self._reserved.search(chunk.text) for chunk in chunks):
            return self._plain("".join(chunk.text for chunk in chunks), split=False)
        return self._guarded(id, chunks)

    def _guarded(self, id: str, chunks: Sequence[Chunk]) -> list[int]:
        """As above for texts that spell out marks: what lies between the template's own marks is mere letters."""
        found: list[int] = []
        letters = ""
        for chunk in chunks:
            pieces = [chunk.text] if chunk.said else self._mark.split(chunk.text)
            for number, piece in enumerate(pieces):
                if number % 2 == 0:
                    letters += piece
                    continue
                found += [*self._letters(id, letters), self.marks[piece]]
                letters = ""
        return found + self._letters(id, letters)

    def _letters(self, id: str, text: str) -> list[int]:
        ids = self._plain(text, split=True) if text else []
        if self._control.intersection(ids):
            raise _inexact(
                id, f"a text spells out a control token, which this tokenizer cannot read as text: {text!r:.80}"
            )
        return ids

    def _plain(self, text: str, *, split: bool) -> list[int]:
        # How long a sample may be is the trainer's to say (data.max_tokens): else the tokenizer warns of its own limit
        # and of errors that cannot come, since what is too long is left out.
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=split, verbose=False)["input_ids"]
        return [int(token) for token in found]


def last_answer(labels: Tensor) -> int:
    """Where the last answer begins in the labels (tokens,) of a conversation."""
    learned = (labels != IGNORED).tolist()
    end = len(learned) - learned[::-1].index(True)
    return next(at for at in range(end, 0, -1) if not learned[at - 1])


def _inexact(id: str, why: str) -> SampleError:
    return SampleError(id, why, "without an exact mask")


def _runs(chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Half-open ranges of chunks that are learned without a break."""
    edges = [at for at in range(len(chunks) + 1)
             if (at > 0 and chunks[at - 1].learned) != (at < len(chunks) and chunks[at].learned)]  # fmt: skip
    return list(zip(edges[::2], edges[1::2], strict=True))


def _any_of(marks: Collection[str]) -> re.Pattern[str]:
    """Finds any of some words, the longest first; as one group, so that a split keeps them."""
    words = "|".join(re.escape(word) for word in sorted(marks, key=len, reverse=True) if word)
    return re.compile(f"({words})" if words else r"(?!)()")
