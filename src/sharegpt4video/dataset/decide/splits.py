"""Which split a group of near-duplicates falls into: a number drawn from its id, so nothing has to be remembered."""

from __future__ import annotations

import hashlib
from typing import Literal

from ..settings import SplitSettings

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def split_of(group_id: str, settings: SplitSettings) -> Split:
    """The split of all videos of a group, from the id of its first video.

    The same id, seed and shares give the same split on every machine, whatever else is in the data set. With a larger
    share of ``test`` or ``val`` groups only leave ``train`` for it; ``test`` does not depend on the share of ``val``.
    """
    share = _share(group_id, settings.seed)
    if share < settings.test:
        return "test"
    return "val" if share >= 1 - settings.val else "train"


def _share(group_id: str, seed: int) -> float:
    """A number in [0, 1) that looks random: 53 bits of a hash."""
    digest = hashlib.blake2b(f"{seed}:{group_id}".encode(), digest_size=8, person=b"sg4v split").digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
