"""The waterfall: what each filter removed, and what other thresholds would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...display import Result
from ...wording import counted
from ..settings import FilterSettings
from ..store.store import Store
from . import words
from .decider import NearDuplicateIndex, NoveltyIndex, decide_all
from .decisions import Decisions
from .gates import DUPLICATE, GATE_NAMES, KEPT, NEAR, NOVELTY, Gate

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NEAR_BY = 0.1
"""Of a typical threshold: a quantile so near to it says nothing more."""
HOUR_SECONDS = 3600.0
NOT_SET = "not set"


@dataclass(frozen=True)
class Alternative:
    """Another threshold: how many of all videos it drops ``alone``, and how many of those that enter the gate.

    ``words`` says it with its unit. In the ``cascade`` count the gates before are as they are set.
    """

    threshold: float
    words: str
    alone: int
    cascade: int


@dataclass(frozen=True)
class GateCounts:
    """One gate: what entered, what it dropped, what is left; ``threshold`` None when it is not set.

    ``not_measured`` of those that entered have no score; they pass. ``alternatives`` are in the order of thresholds;
    gates that compare videos with each other have none, since another threshold makes another pool.
    """

    name: str
    words: str
    threshold: float | None
    entered: int
    entered_hours: float
    dropped: int
    dropped_hours: float
    not_measured: int
    alternatives: tuple[Alternative, ...]

    @property
    def left(self) -> int:
        return self.entered - self.dropped

    @property
    def left_hours(self) -> float:
        return self.entered_hours - self.dropped_hours


@dataclass(frozen=True, repr=False)
class Waterfall(Result):
    """The waterfall of a data set; ``rows`` is plain data, gate by gate, ``text`` and ``thresholds`` are tables of it.

    ``rows`` has every gate that is set or has scores, in order. ``unsurveyed`` sources are not in it: they failed, were
    not reached yet, or came with captions that others had made.
    """

    rows: tuple[GateCounts, ...]
    videos: int
    hours: float
    kept: int
    kept_hours: float
    unsurveyed: int

    def text(self) -> str:
        """The waterfall of the filters that are set, and the result as its last line."""
        if not self.videos and self.unsurveyed:
            return f"the filters had nothing to measure: {_unsurveyed(self)}"
        unsurveyed = [f"not in this table: {_unsurveyed(self)}"] if self.unsurveyed else []
        return "\n".join([*_waterfall(self), "", *unsurveyed, _kept(self)])

    def thresholds(self) -> str:
        """A table of what other thresholds would have dropped; "" without scores."""
        return "\n".join(_others(self))


def measure(
    store: Store,
    settings: FilterSettings,
    *,
    novelty: NoveltyIndex | None = None,
    near: NearDuplicateIndex | None = None,
) -> Waterfall:
    """What each filter drops from a data set with these settings, from the stored scores: nothing is run again.

    The counts are those of ``Decider``. For the indexes, memory and what is raised see ``decisions.decide_all``.
    """
    return waterfall_of(decide_all(store, settings, novelty=novelty, near=near))


def waterfall_of(decisions: Decisions) -> Waterfall:
    """The waterfall of decisions that were made."""
    seconds, kept = decisions.seconds, decisions.kept
    return Waterfall(
        rows=tuple(
            stage for number, name in enumerate(GATE_NAMES) if (stage := _stage(decisions, number, name)) is not None
        ),
        videos=len(decisions),
        hours=float(seconds.sum()) / HOUR_SECONDS,
        kept=int(kept.sum()),
        kept_hours=float(seconds[kept].sum()) / HOUR_SECONDS,
        unsurveyed=decisions.unsurveyed,
    )


def _stage(decisions: Decisions, number: int, name: str) -> GateCounts | None:
    """The row of one gate; None for one that is neither set nor measured."""
    gate = words.gate_named(name)
    scores = None if gate is None else decisions.scores[name]
    setting = getattr(decisions.settings, name)
    is_set = setting is not None and setting is not False
    if not is_set and (scores is None or np.isnan(scores).all()):
        return None
    entered = (decisions.gates == KEPT) | (decisions.gates >= number)
    dropped = decisions.gates == number
    return GateCounts(
        name=name,
        words=words.title(name),
        threshold=float(setting) if is_set and not isinstance(setting, bool) else None,
        entered=int(entered.sum()),
        entered_hours=float(decisions.seconds[entered].sum()) / HOUR_SECONDS,
        dropped=int(dropped.sum()),
        dropped_hours=float(decisions.seconds[dropped].sum()) / HOUR_SECONDS,
        not_measured=_not_measured(decisions, name, entered, scores) if is_set else 0,
        alternatives=() if gate is None or scores is None else _alternatives(gate, scores, entered),
    )


def _not_measured(
    decisions: Decisions, name: str, entered: NDArray[np.bool_], scores: NDArray[np.float64] | None
) -> int:
    if name == NOVELTY:
        scores = decisions.distances
    return 0 if scores is None else int((entered & np.isnan(scores)).sum())


def _alternatives(gate: Gate, scores: NDArray[np.float64], entered: NDArray[np.bool_]) -> tuple[Alternative, ...]:
    """Thresholds at quantiles of the scores, to three digits, and typical ones."""
    known = ~np.isnan(scores)
    if not known.any():
        return ()
    all_scores, in_cascade = np.sort(scores[known]), np.sort(scores[known & entered])
    quantiles = (_rounded(gate, float(value)) for value in np.quantile(all_scores, QUANTILES))
    new = (value for value in quantiles if not any(np.isclose(value, other, rtol=NEAR_BY) for other in gate.typical))
    found = {*gate.typical, *new}
    return tuple(
        Alternative(
            value, words.bound(gate.name, value), _failing(gate, all_scores, value), _failing(gate, in_cascade, value)
        )
        for value in sorted(found)
    )


def _failing(gate: Gate, ordered: NDArray[np.float64], threshold: float) -> int:
    """How many of sorted scores are on the wrong side."""
    if gate.keeps == "min":
        return int(np.searchsorted(ordered, threshold, "left"))
    return len(ordered) - int(np.searchsorted(ordered, threshold, "right"))


def _rounded(gate: Gate, value: float) -> float:
    """To three digits, and no finer than the gate's numbers are told."""
    return round(float(f"{value * gate.scale:.3g}"), gate.digits + 1) / gate.scale


def _waterfall(told: Waterfall) -> list[str]:
    head = ("filter", "threshold", "videos in", "hours in", "dropped", "% of in", "hours", "left", "not measured")
    rows: list[tuple[str, ...]] = [head]
    for stage in (one for one in told.rows if _threshold(one) != NOT_SET):
        share = 100 * stage.dropped / stage.entered if stage.entered else 0.0
        rows.append(
            (
                stage.words,
                _threshold(stage),
                f"{stage.entered:,}",
                f"{stage.entered_hours:,.2f}",
                f"{stage.dropped:,}",
                f"{share:.1f}",
                f"{stage.dropped_hours:,.2f}",
                f"{stage.left:,}",
                f"{stage.not_measured:,}" if stage.not_measured else "",
            )
        )
    return _aligned(rows, left_columns=2)


def _unsurveyed(told: Waterfall) -> str:
    return f"{counted(told.unsurveyed, 'video')} without a survey (failed, not reached yet, or added with captions)"


def _kept(told: Waterfall) -> str:
    share = 100 * told.kept / told.videos if told.videos else 0.0
    hours = f"{told.kept_hours:,.2f} of {told.hours:,.2f} h"
    return f"kept {told.kept:,} of {told.videos:,} videos ({share:.1f} %), {hours}"


def _threshold(stage: GateCounts) -> str:
    if stage.name in (DUPLICATE, NEAR):
        return "on"
    return NOT_SET if stage.threshold is None else words.bound(stage.name, stage.threshold)


def _others(told: Waterfall) -> list[str]:
    rows: list[tuple[str, ...]] = [("filter", "another threshold", "drops alone", "in its place")]
    for stage in told.rows:
        for number, other in enumerate(stage.alternatives):
            words = stage.words if number == 0 else ""
            rows.append((words, other.words, f"{other.alone:,}", f"{other.cascade:,}"))
    return _aligned(rows, left_columns=2) if len(rows) > 1 else []


def _aligned(rows: list[tuple[str, ...]], left_columns: int) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if number < left_columns else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
