"""Where the samples of a batch begin and end in its rows, in the forms that attention kernels take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 128
"""Tokens in a block of FlexAttention's mask."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """The samples of a batch of rows; padding at the end of a row counts as one of them.

    ``lengths`` are in tokens, row by row; those of each row add up to its width.
    """

    lengths: tuple[tuple[int, ...], ...]
    device: torch.device

    @classmethod
    def in_rows(cls, position_ids: Tensor) -> Sequences:
        """Those of packed rows (rows, tokens), in which positions begin at 0 with each sample. Waits for the device."""
        rows = []
        for row in position_ids.tolist():
            begins = [at for at, position in enumerate(row) if position == 0]
            rows.append(tuple(after - before for before, after in pairwise([*begins, len(row)])))
        return cls(tuple(rows), position_ids.device)

    @property
    def longest(self) -> int:
        """Tokens of the longest sample: a plain number, so no kernel has to wait for the device to learn it."""
        return max(max(row) for row in self.lengths)

    @cached_property
    def starts(self) -> Tensor:
        """int32, on the device: where each sample begins when all rows follow each other, and where the last ends."""
        starts = torch.tensor([0, *accumulate(one for row in self.lengths for one in row)], dtype=torch.int32)
        return sent(starts, self.device)

    @cached_property
    def block_mask(self) -> Any:
        """FlexAttention's mask: which blocks of 128 keys each block of 128 queries needs, wholly or in part.

        It follows from the lengths; nothing of the size of tokens by tokens is made.
        """
        from torch.nn.attention.flex_attention import BlockMask

        samples = self._numbers()
        first, last = samples[:, ::BLOCK], samples[:, BLOCK - 1 :: BLOCK]
        count = first.shape[1]
        earlier = np.tri(count, count, -1, dtype=bool)
        # Samples are numbered from left to right, so the ends of two blocks tell whether they have one in common.
        whole = earlier & (first[:, None, :] == last[:, :, None])
        part = (earlier & (last[:, None, :] >= first[:, :, None]) & ~whole) | np.eye(count, dtype=bool)
        numbers = sent(torch.from_numpy(samples), self.device)

        def sees(row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return (query >= key) & (numbers[row, query] == numbers[row, key])

        width = sum(self.lengths[0])
        blocks = (*self._ordered(part), *self._ordered(whole))
        return BlockMask.from_kv_blocks(*blocks, BLOCK_SIZE=BLOCK, mask_mod=sees, seq_lengths=(width, width))

    def _numbers(self) -> NDArray[np.int32]:
        """The number of each token's sample within its row. What fills up the last block belongs to none of them."""
        width = sum(self.lengths[0])
        filled = -(-width // BLOCK) * BLOCK
        samples = np.full((len(self.lengths), filled), max(map(len, self.lengths)), np.int32)
        for row, lengths in zip(samples, self.lengths, strict=True):
            row[:width] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        return samples

    def _ordered(self, blocks: NDArray[np.bool_]) -> tuple[Tensor, Tensor]:
        """For each block of queries: how many blocks of keys there are, and the keys' blocks, these first."""
        order = np.argsort(~blocks, axis=-1, kind="stable").astype(np.int32)
        counts = blocks.sum(axis=-1, dtype=np.int32)
        one, other = (torch.from_numpy(array[:, None]) for array in (counts, order))  # the same for every head
        return sent(one, self.device), sent(other, self.device)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device, without waiting for the copy."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
