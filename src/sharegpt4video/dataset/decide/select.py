"""``sg4v dataset filter``: filters, near-duplicate groups and splits put together, as the table ``selection``.

Made from stored scores alone, so it can be made again with other thresholds at any time. Exports, clips and reports
follow it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from ...display import Result
from ...wording import counted
from ..rows import Selected
from ..settings import DatasetSettings
from ..similar.columns import SIMILARITY_COLUMNS
from ..similar.near import near_duplicate_groups
from ..sources.listed import Listed
from ..store.ids import IdIndex, unpacked_id
from ..store.store import Store
from . import words
from .columns import Positions, Surveyed
from .decider import decide_all
from .decisions import NOT_CAPTIONED, Decision, Decisions
from .recordings import contents_of, join_recordings
from .splits import SPLITS, split_of
from .waterfall import Waterfall, waterfall_of

MOST_OF_ALL, LEAST_LARGE = 0.1, 20
"""A group with more than this share of the videos, and more than so many, is told of."""


@dataclass(frozen=True, repr=False)
class Selection(Result):
    """What was selected: captioned videos by split, groups of two and more that share a split, and the waterfall."""

    splits: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    not_captioned: int = 0
    groups: int = 0
    grouped: int = 0
    largest: int = 0
    waterfall: Waterfall | None = None

    @property
    def kept(self) -> int:
        return sum(self.splits.values())

    def line(self) -> str:
        """What was selected, in one line."""
        shares = ", ".join(f"{count:,} {split}" for split, count in self.splits.items() if count)
        videos = counted(self.kept, "captioned video", number=f"{self.kept:,}")
        kept = f"selected: {videos} ({shares or 'none'}), {self.dropped:,} dropped"
        more = f", {self.not_captioned:,} not captioned" if self.not_captioned else ""
        groups = (
            f"; {self.grouped:,} are near-duplicates or of one recording, in {self.groups:,} groups that share a split"
            if self.groups
            else ""
        )
        one = f"; the largest group has {self.largest:,} videos, so shares of splits are coarse"
        return kept + more + groups + one * (self.largest > max(MOST_OF_ALL * self.kept, LEAST_LARGE))

    def text(self) -> str:
        """What every filter removed, and what was selected as the last line."""
        return "\n".join([*([self.waterfall.text()] if self.waterfall else []), self.line()])


def select(store: Store, settings: DatasetSettings, *, dry_run: bool = False) -> Selection:
    """Apply the settings to what is stored and write the table ``selection``; they become the settings of the set.

    With ``dry_run`` nothing is written. Raises SettingsError when anything but filters, novelty and splits differs
    from what the set was built with.
    """
    if not dry_run:
        store.update_settings(settings)
    listed = Listed(store)
    surveyed = Surveyed(store, listed)
    # One after the other: each takes about a gigabyte for a million videos, and gives it back.
    groups = _near_duplicates(store, surveyed.rows, settings)
    pa.default_memory_pool().release_unused()
    decisions = decide_all(store, settings.filters, surveyed=surveyed)
    videos = _Videos(store, listed, decisions, groups)
    counts: Counter[str] = Counter()
    rows = _rows(videos, settings, counts)
    if dry_run:
        deque(rows, maxlen=0)  # which counts them
    else:
        store.replace("selection", rows)
    sizes = np.bincount(videos.groups) if len(videos.groups) else np.empty(0, int)
    return Selection(
        splits={split: counts[split] for split in SPLITS},
        dropped=counts["dropped"],
        not_captioned=counts[NOT_CAPTIONED],
        groups=int((sizes > 1).sum()),
        grouped=int(sizes[sizes > 1].sum()),
        largest=int(sizes.max(initial=0)),
        waterfall=waterfall_of(decisions),
    )


class _Videos:
    """What is selected from: the surveyed videos in their order, then captions that were brought in without a survey.

    groups   for each video the position of the first that is a near-duplicate of it or of its recording, joined
    """

    def __init__(self, store: Store, listed: Listed, decisions: Decisions, near: Positions) -> None:
        captioned = listed.ids_in(store, "captions")
        brought = captioned[~IdIndex(decisions.ids).has(captioned)]
        self.decisions, self.ids = decisions, np.concatenate([decisions.ids, brought])
        self.captioned = IdIndex(captioned).has(self.ids)
        alone = np.arange(len(near), len(self.ids), dtype=np.int64)
        self.groups = join_recordings(store, listed, self.ids, np.concatenate([near, alone]))
        self.contents = contents_of(store, self.ids[np.unique(self.groups)])

    def decision(self, row: int) -> Decision:
        """What becomes of a video: what has no caption is not kept."""
        if row >= len(self.decisions):
            return Decision(unpacked_id(self.ids[row]))
        decision = self.decisions[row]
        return decision if self.captioned[row] or not decision.kept else replace(decision, gate=NOT_CAPTIONED)


def _near_duplicates(store: Store, rows: Positions, settings: DatasetSettings) -> Positions:
    """For each of these rows of surveys, in the order of the sources, the position of its first near-duplicate."""
    bits = settings.filters.near_duplicate_bits
    if bits is None or not len(rows):
        return np.arange(len(rows), dtype=np.int64)
    columns = (_in_order(store.column("surveys", name), rows) for name in SIMILARITY_COLUMNS)
    found = near_duplicate_groups(*columns, bits=bits, similarity=settings.filters.near_duplicate_similarity)
    return np.asarray(found.group, np.int64)


def _in_order(column: pa.ChunkedArray, rows: Positions) -> pa.ChunkedArray:
    """Those rows of a column; without a copy where they are in order, as they mostly are."""
    if np.array_equal(rows, np.arange(len(rows))):
        return column.slice(0, len(rows))
    return column.take(pa.array(rows))


def _rows(videos: _Videos, settings: DatasetSettings, counts: Counter[str]) -> Iterator[Selected]:
    for row, first in enumerate(videos.ids[videos.groups]):
        group, decision = unpacked_id(first), videos.decision(row)
        split = split_of(videos.contents.get(group, group), settings.splits) if decision.kept else ""
        counts[split or (NOT_CAPTIONED if decision.gate == NOT_CAPTIONED else "dropped")] += 1
        reason = words.reason(decision)
        yield Selected(
            decision.id,
            decision.kept,
            reason,
            group,
            split,
            decision.gate,
            decision.value,
            decision.threshold,
            decision.other,
        )
