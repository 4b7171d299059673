"""``sg4v dataset filter``: filters, near-duplicate groups and splits put together, as the table ``selection``.

Made from stored scores alone, so it can be made again with other thresholds at any time. Exports, clips and reports
follow it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..duplicates.dedup import near_duplicate_groups
from ..rows import Selected
from ..settings import DatasetSettings
from ..sources.listed import Listed
from ..store.packed import Ids, unpacked_id
from ..store.store import Store
from .decisions import Decisions, Positions, decide_all, order_of
from .retention import Retention, waterfall
from .splits import SPLITS, split_of

NOT_CAPTIONED = "not captioned"


@dataclass(frozen=True)
class Selection:
    """What was selected: captioned videos by split, near-duplicate groups of two and more, and the waterfall."""

    splits: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    not_captioned: int = 0
    groups: int = 0
    grouped: int = 0
    retention: Retention | None = None

    @property
    def kept(self) -> int:
        return sum(self.splits.values())

    def line(self) -> str:
        """What was selected, in one line."""
        shares = ", ".join(f"{count:,} {split}" for split, count in self.splits.items() if count)
        kept = f"selected: {self.kept:,} captioned videos ({shares or 'none'}), {self.dropped:,} dropped"
        more = f", {self.not_captioned:,} not captioned" if self.not_captioned else ""
        groups = f"; {self.grouped:,} of them near-duplicates, in {self.groups:,} groups" if self.groups else ""
        return kept + more + groups

    def text(self) -> str:
        """What every filter removed, how many others would have, and what was selected."""
        return "\n\n".join([*([self.retention.text()] if self.retention else []), self.line()])


def select(store: Store, settings: DatasetSettings) -> Selection:
    """Apply the settings to what is stored and write the table ``selection``; they become the settings of the set.

    Raises SettingsError when anything but filters, novelty and splits differs from what the set was built with.
    """
    store.update_settings(settings)
    # One after the other: each takes about a gigabyte for a million videos, and gives it back.
    groups = _groups(store, settings)
    pa.default_memory_pool().release_unused()
    decisions = decide_all(store, settings.filters)
    counts: Counter[str] = Counter()
    store.replace("selection", _rows(store, decisions, groups, settings, counts))
    sizes = np.bincount(groups) if len(groups) else np.empty(0, int)
    return Selection(
        splits={split: counts[split] for split in SPLITS},
        dropped=counts["dropped"],
        not_captioned=counts[NOT_CAPTIONED],
        groups=int((sizes > 1).sum()),
        grouped=int(sizes[sizes > 1].sum()),
        retention=waterfall(decisions),
    )


def _groups(store: Store, settings: DatasetSettings) -> Positions:
    """For each surveyed video, in the order of the sources, the position of the first of its near-duplicates."""
    bits = settings.filters.near_duplicate_bits
    rows = order_of(store)[1]
    if bits is None or not len(rows):
        return np.arange(len(rows), dtype=np.int64)
    hashes, embeddings = (_in_order(store.column("surveys", name), rows) for name in ("hashes", "embedding"))
    found = near_duplicate_groups(hashes, embeddings, bits=bits, similarity=settings.filters.near_duplicate_similarity)
    return np.asarray(found.group, np.int64)


def _in_order(column: pa.ChunkedArray, rows: Positions) -> pa.ChunkedArray:
    """Those rows of a column; without a copy where they are in order, as they mostly are."""
    if np.array_equal(rows, np.arange(len(rows))):
        return column.slice(0, len(rows))
    return column.take(pa.array(rows))


def _rows(
    store: Store,
    decisions: Decisions,
    groups: Positions,
    settings: DatasetSettings,
    counts: Counter[str],
) -> Iterator[Selected]:
    captioned = np.setdiff1d(store.ids("captions"), Listed(store).replaced)
    is_captioned = _among(decisions.ids, captioned)
    for row in range(len(decisions)):
        id, group = unpacked_id(decisions.ids[row]), unpacked_id(decisions.ids[groups[row]])
        reason = decisions.reason(row) or ("" if is_captioned[row] else NOT_CAPTIONED)
        yield _selected(id, reason, group, settings, counts)
    for packed in captioned[~_among(captioned, np.sort(decisions.ids))]:  # brought in without a survey
        id = unpacked_id(packed)
        yield _selected(id, "", id, settings, counts)


def _selected(id: str, reason: str, group: str, settings: DatasetSettings, counts: Counter[str]) -> Selected:
    split = "" if reason else split_of(group, settings.splits)
    counts[split or (NOT_CAPTIONED if reason == NOT_CAPTIONED else "dropped")] += 1
    return Selected(id, not reason, reason, group, split)


def _among(ids: Ids, others: Ids) -> NDArray[np.bool_]:
    """Which ids are in a sorted array of others."""
    if not len(others):
        return np.zeros(len(ids), bool)
    at = np.minimum(np.searchsorted(others, ids), len(others) - 1)
    return np.asarray(others[at] == ids, bool)
