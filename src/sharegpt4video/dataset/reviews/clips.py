"""Clips whose caption was reviewed after they were made: their texts are not those of the steps any more."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..rows import CaptionRow, Clip
from ..store.ids import packed_all, packed_ids
from ..store.schema import to_rows
from ..store.store import Store
from .resolve import edit_key


def outdated_clips(store: Store) -> set[str]:
    """The ids of the clips whose steps read otherwise than when they were made. Holds the clips of edited captions."""
    edited = store.overlay.reviews.edited
    clips: dict[str, list[Clip]] = {}
    for batch in store.batches("clips", batch_rows=4096):
        doubtful = edited.has(packed_ids(batch.column("video_id")))
        doubtful |= np.asarray(batch.column("edit_key"), np.int64) != 0
        if doubtful.any():
            for clip in to_rows(Clip, batch.filter(pa.array(doubtful))):
                clips.setdefault(clip.video_id, []).append(clip)
    found = set()
    for batch in store.find("captions", packed_all(clips), batch_rows=64):
        for row in to_rows(CaptionRow, batch):
            for clip in clips[row.id]:
                if clip.edit_key != edit_key(row.edits, row.summary, row.steps, clip.first_step, clip.last_step):
                    found.add(clip.id)
    return found
