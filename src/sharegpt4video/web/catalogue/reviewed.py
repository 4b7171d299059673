"""Captions as reviews have left them, on their way into an index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...dataset.reviews.table import ACCEPTED, REJECTED
from ...dataset.store import parts
from ...dataset.store.ids import packed_ids
from ...dataset.store.store import Store, completed
from .flatten import CAPTION_COLUMNS, flat_captions

REVIEWS_TABLE = "reviews"
_VERDICTS = {ACCEPTED: "accept", REJECTED: "reject"}
_WHOLE_BATCHES = {"begin", "end", "undo"}


class Reviewed:
    """The captions of a store with its reviews. They are as of the last call of ``concerned``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._overlay = store.overlay

    def columns(self) -> list[str]:
        """What has to be read of captions."""
        found = self._overlay.columns(CAPTION_COLUMNS)
        assert found is not None
        return found

    def flat(self, batch: pa.RecordBatch) -> pa.Table:
        """Captions as flat rows, with ``verdict``, ``edited`` and ``edit_key``."""
        ids = packed_ids(batch["id"])
        whole = completed("captions", batch, ["edit_key"])
        if self._overlay.touches(ids):
            whole = self._overlay.applied(whole)
        verdicts = [_VERDICTS.get(int(each), "") for each in self._overlay.reviews.verdicts(ids)]
        return (
            flat_captions(whole)
            .append_column("verdict", pa.array(verdicts, pa.string()))
            .append_column("edited", pa.array(np.asarray(whole["edit_key"]) != 0))
            .append_column("edit_key", whole["edit_key"])
        )

    def concerned(self, paths: Sequence[str]) -> set[str]:
        """Read the reviews that have come, and return the ids of the captions that these parts are about.

        What begins, ends or undoes a bulk change is about all captions with a review. Raises StorageError.
        """
        self._overlay.refresh()
        found: set[str] = set()
        for path in paths:
            with parts.opened(self._store.fs, path, whole=False) as file:
                for batch in file.iter_batches(columns=["caption_id", "kind"]):
                    found.update(batch["caption_id"].to_pylist())
                    if _WHOLE_BATCHES.intersection(batch["kind"].to_pylist()):
                        found.update(row.caption_id for row in self._overlay.reviews.every())
        found.discard("")
        return found
