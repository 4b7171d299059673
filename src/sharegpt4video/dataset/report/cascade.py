"""What each filter dropped, from stored scores and from what was decided: no pool is filled again for a report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..filters.decisions import KEPT, Decisions, decide_all
from ..filters.filters import FINDINGS, NEAR, NOVELTY, STAGES, gate_of
from ..filters.retention import Retention, waterfall
from ..settings import FilterSettings
from ..store.ids import IdIndex, Ids, packed_ids
from ..store.store import Store
from .columns import codes

REASON_LETTERS = 17
"""Enough of a reason to tell the filter, little enough to be the same for many videos."""
_LATER = (KEPT, STAGES.index(FINDINGS))


def cascade(store: Store, settings: FilterSettings) -> Retention:
    """The waterfall of a data set, as ``retention.retention`` counts it, without comparing videos with each other.

    Thresholds are applied to the stored scores. What near-duplicates and novelty dropped is taken from the table
    ``selection``; where nothing was selected yet, these two gates are left out.
    """
    alone = replace(settings, drop_near_duplicates=False, min_novelty=None)
    decisions = decide_all(store, alone)
    ids, stages = _pooled(store)
    if ids is None:
        return waterfall(decisions)
    return waterfall(_with_pools(decisions, settings, ids, stages))


def _with_pools(decisions: Decisions, settings: FilterSettings, ids: Ids, stages: NDArray[np.int8]) -> Decisions:
    stage = decisions.stage.copy()
    said = np.append(stages, np.int8(KEPT))[IdIndex(ids).places(decisions.ids)]
    pooled = (said != KEPT) & np.isin(stage, _LATER)  # the findings gate comes after the pools
    stage[pooled] = said[pooled]
    known = np.zeros(len(decisions))  # distances are not stored; 0 stands for measured
    return replace(decisions, settings=settings, stage=stage, distance=known)


def _pooled(store: Store) -> tuple[Ids | None, NDArray[np.int8]]:
    """The videos that a comparison with others dropped, and which one; None if nothing was selected."""
    ids, stages, any_rows = [np.empty(0, "S16")], [np.empty(0, np.int8)], False
    for batch in store.batches("selection", ("kept", "reason"), batch_rows=1 << 14):
        any_rows = True
        dropped = batch.filter(pc.invert(batch["kept"]))
        names, coded = codes(pc.utf8_slice_codeunits(dropped["reason"], 0, REASON_LETTERS))
        numbers = np.array([_stage_of(name) for name in names] or [KEPT], np.int8)[coded]
        here = numbers != KEPT
        ids.append(packed_ids(dropped["id"].filter(pa.array(here))))
        stages.append(numbers[here])
    return (np.concatenate(ids) if any_rows else None), np.concatenate(stages)


def _stage_of(reason: str) -> int:
    try:
        name = gate_of(reason)
    except ValueError:
        return KEPT  # not a filter's reason: a person's, perhaps
    return STAGES.index(name) if name in (NEAR, NOVELTY) else KEPT
