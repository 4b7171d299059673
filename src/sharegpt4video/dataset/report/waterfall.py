"""What each filter dropped, from stored scores and from what was decided: no pool is filled again for a report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..decide.decider import decide_all
from ..decide.decisions import Decisions
from ..decide.gates import FINDINGS, GATE_NAMES, KEPT, NEAR, NOVELTY
from ..decide.waterfall import Waterfall, waterfall_of
from ..decide.words import stored_gates
from ..settings import FilterSettings
from ..store.ids import IdIndex, Ids, packed_ids
from ..store.store import Store

_LATER = (KEPT, GATE_NAMES.index(FINDINGS))


def stored_waterfall(store: Store, settings: FilterSettings) -> Waterfall:
    """The waterfall of a data set, as ``waterfall.measure`` counts it, without comparing videos with each other.

    Thresholds are applied to the stored scores. What near-duplicates and novelty dropped is taken from the table
    ``selection``; where nothing was selected yet, these two gates are left out.
    """
    decisions = decide_all(store, replace(settings, drop_near_duplicates=False, min_novelty=None))
    if not store.parts("selection"):
        return waterfall_of(decisions)
    return waterfall_of(_with_pools(decisions, settings, *_pooled(store)))


def _with_pools(decisions: Decisions, settings: FilterSettings, ids: Ids, gates: NDArray[np.int8]) -> Decisions:
    both = decisions.gates.copy()
    pooled = np.append(gates, np.int8(KEPT))[IdIndex(ids).places(decisions.ids)]
    here = (pooled != KEPT) & np.isin(both, _LATER)  # the findings gate comes after the pools
    both[here] = pooled[here]
    known = np.zeros(len(decisions))  # distances are not stored; 0 stands for measured
    return replace(decisions, settings=settings, gates=both, distances=known)


def _pooled(store: Store) -> tuple[Ids, NDArray[np.int8]]:
    """The videos that a comparison with others dropped, and which one."""
    ids, gates = [np.empty(0, "S16")], [np.empty(0, np.int8)]
    for batch in store.batches("selection", ("kept", "gate", "reason"), batch_rows=1 << 14):
        dropped = batch.filter(pc.invert(batch["kept"]))
        names = stored_gates(dropped)
        numbers = np.array([GATE_NAMES.index(name) if name in (NEAR, NOVELTY) else KEPT for name in names], np.int8)
        ids.append(packed_ids(dropped["id"])[numbers != KEPT])
        gates.append(numbers[numbers != KEPT])
    return np.concatenate(ids), np.concatenate(gates)
