"""Decisions about videos, as data: the gate that dropped a video, and the value or the other video behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...display import Result
from ..settings import FilterSettings
from ..store.ids import Ids, unpacked_id
from .gates import DUPLICATE, FINDINGS, GATE_NAMES, GATES, KEPT, NEAR, Numbers


@dataclass(frozen=True, repr=False)
class Decision(Result):
    """About one video. ``words.reason`` says it in a sentence.

    gate        what dropped it, one of ``GATE_NAMES`` (or NOT_CAPTIONED in a selection); "" for one that is kept
    value       what was measured where a number decided; None where it did not
    threshold   what it was held against
    other       the id of the earlier video that it is a copy of, or whose text is nearest; "" where none decided
    """

    id: str
    gate: str = ""
    value: float | None = None
    threshold: float | None = None
    other: str = ""

    @property
    def kept(self) -> bool:
        return not self.gate

    def text(self) -> str:
        """What was decided, in words."""
        from .words import reason

        return f"dropped: {reason(self)}" if self.gate else "kept"


NOT_CAPTIONED = "not_captioned"
"""The gate of a selection that drops what passed all filters and has no caption yet."""


@dataclass(frozen=True, eq=False)
class Decisions(Sequence[Decision]):
    """About many videos, in the order of the sources; ``decisions[row]`` is one of them.

    gates      the number in ``GATE_NAMES`` of what dropped each video, KEPT for those that are kept
    values     what was measured at that gate; NaN where no number decided
    others     the id of the earlier video that decided; "" where none did
    scores     the score of every video by gate, NaN where it was not measured
    distances  of each short caption to the nearest one in the pool when it was offered; NaN where it was not
    seconds    the duration of every video, 0 where it is not known
    unsurveyed how many sources have no survey: they failed, or were not reached yet
    """

    settings: FilterSettings
    ids: Ids
    gates: NDArray[np.int8]
    values: Numbers
    others: Ids
    scores: dict[str, Numbers]
    distances: Numbers
    seconds: Numbers
    unsurveyed: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> Decision:  # type: ignore[override]  # no slices
        id, gate = unpacked_id(self.ids[row]), int(self.gates[row])
        if gate == KEPT:
            return Decision(id)
        name, other = GATE_NAMES[gate], unpacked_id(self.others[row])
        if name in (DUPLICATE, NEAR):
            return Decision(id, name, other=other)
        return Decision(id, name, float(self.values[row]), float(getattr(self.settings, name)), other)

    def __iter__(self) -> Iterator[Decision]:
        return (self[row] for row in range(len(self)))

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which videos no filter dropped."""
        return np.asarray(self.gates == KEPT)

    @staticmethod
    def joined(settings: FilterSettings, parts: Sequence[Decisions], unsurveyed: int = 0) -> Decisions:
        """The decisions about blocks of videos that follow each other."""
        empty = np.empty(0)
        names = parts[0].scores if parts else (*GATES, FINDINGS)
        scores = {name: np.concatenate([empty, *(part.scores[name] for part in parts)]) for name in names}
        columns = [np.empty(0, kind) for kind in ("S16", np.int8, float, "S16", float, float)]
        for at, name in enumerate(("ids", "gates", "values", "others", "distances", "seconds")):
            columns[at] = np.concatenate([columns[at], *(getattr(part, name) for part in parts)])
        ids, gates, values, others, distances, seconds = columns
        return Decisions(settings, ids, gates, values, others, scores, distances, seconds, unsurveyed)
