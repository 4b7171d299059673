"""Which videos an export includes, and their splits, in a few bytes of memory per video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import SettingsError
from ..store.ids import IdIndex
from ..store.store import Ids, Store, packed_ids

SPLITS = ("train", "val", "test")
REJECTED, SUPERSEDED, DROPPED, OTHER_SPLIT, UNKNOWN = 251, 252, 253, 254, 255
"""Codes of what is left out; those below are positions in SPLITS."""

REASONS = {
    REJECTED: "rejected in review",
    SUPERSEDED: "of a file that was replaced and listed anew",
    DROPPED: "dropped by the filters",
    OTHER_SPLIT: "in a split that was not asked for",
    UNKNOWN: "not in the selection yet (select again)",
}


class Selection:
    """The `selection` table of a data set; without one, every captioned video counts as kept, for training.

    What was rejected in review is left out, whatever the table says.
    Raises SettingsError for a split that does not exist.
    """

    def __init__(self, store: Store, splits: Sequence[str] | None) -> None:
        wrong = [split for split in splits or () if split not in SPLITS]
        if wrong or splits == ():
            raise SettingsError(f"splits are {', '.join(SPLITS)}, not {', '.join(map(repr, wrong)) or 'none at all'}")
        self.wanted = SPLITS if splits is None else tuple(split for split in SPLITS if split in splits)
        self.there = bool(store.parts("selection"))
        ids, codes = _read(store, self.wanted) if self.there else (np.empty(0, "S16"), np.empty(0, np.uint8))
        self._index, self._codes = IdIndex(ids), np.append(codes, np.uint8(UNKNOWN))
        self._overlay = store.overlay

    def codes(self, ids: Ids) -> NDArray[np.uint8]:
        """For each id the position of its split in ``SPLITS``, or a code for why it is not exported."""
        if self.there:
            codes = self._codes[self._index.places(ids)]  # the last one is for missing ids
        else:
            codes = np.full(len(ids), 0 if "train" in self.wanted else OTHER_SPLIT, np.uint8)
        codes[(codes < len(SPLITS)) & self._overlay.rejected(ids)] = REJECTED
        return codes


def _read(store: Store, wanted: Sequence[str]) -> tuple[Ids, NDArray[np.uint8]]:
    ids: list[Ids] = [np.empty(0, "S16")]
    codes: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    position = {split: SPLITS.index(split) if split in wanted else OTHER_SPLIT for split in SPLITS}
    for batch in store.batches("selection", ["kept", "split"], batch_rows=1 << 16):
        ids.append(packed_ids(batch.column("id")))
        pairs = zip(batch.column("kept").to_pylist(), batch.column("split").to_pylist(), strict=True)
        codes.append(
            np.array([position.get(split, UNKNOWN) if kept else DROPPED for kept, split in pairs], dtype=np.uint8)
        )
    return np.concatenate(ids), np.concatenate(codes)
