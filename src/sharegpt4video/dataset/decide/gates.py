"""The gates that videos pass on their way into a data set, cheap to dear, and the thresholds on scores of the survey.

A video that one gate drops is not seen by those after it. ``decider`` applies them, ``words`` says what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..settings import FilterSettings

Numbers = NDArray[np.float64]
KEPT = -1
"""The number of no gate."""


@dataclass(frozen=True)
class Gate:
    """A threshold on one score.

    name       the field of ``FilterSettings`` that holds the threshold
    columns    the columns of ``surveys`` that the score is made of
    score      makes it, from arrays; NaN where it was not measured
    keeps      what passes: scores of at least ("min") or at most ("max") the threshold
    unit       in which the score is shown, times ``scale``, with ``digits`` behind the point
    typical    other thresholds that may be worth a thought, for the waterfall
    """

    name: str
    columns: tuple[str, ...]
    score: Callable[..., Any]
    keeps: Literal["min", "max"]
    unit: str
    typical: tuple[float, ...]
    scale: float = 1.0
    digits: int = 1

    def fails(self, score: Any, threshold: float) -> Any:
        """Whether a score (or each of an array) is on the wrong side; one that was not measured is not."""
        return score < threshold if self.keeps == "min" else score > threshold


def _itself(score: Any) -> Any:
    return score


def _shorter_side(width: Any, height: Any) -> Any:
    side = np.minimum(width, height)
    return np.where(side > 0, side, np.nan)


def _cuts_per_minute(shots: Any, seconds: Any) -> Any:
    return (shots - 1) * 60 / np.where(seconds > 0, seconds, np.nan)


_LENGTHS = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_SHARES = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_MOTIONS = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)
_PER_SECOND = "widths/s"


def _share(name: str, unit: str) -> Gate:
    return Gate(f"max_{name}", (name,), _itself, "max", unit, _SHARES, scale=100.0)


GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate("min_seconds", ("duration_seconds",), _itself, "min", "s", _LENGTHS),
        Gate("max_seconds", ("duration_seconds",), _itself, "max", "s", _LENGTHS),
        Gate(
            "min_side_pixels", ("width", "height"), _shorter_side, "min", "pixels",
            (240.0, 360.0, 480.0, 512.0, 720.0, 1080.0), digits=0,
        ),
        _share("black_share", "% of the time"),
        _share("frozen_share", "% of the time"),
        _share("letterbox_share", "% of the picture"),
        Gate(
            "min_sharpness", ("sharpness",), _itself, "min", "",
            (10.0, 30.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
        ),
        Gate(
            "max_cuts_per_minute", ("shots", "duration_seconds"), _cuts_per_minute, "max", "a minute",
            (0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0),
        ),
        Gate("min_motion", ("motion",), _itself, "min", _PER_SECOND, _MOTIONS, digits=4),
        Gate("max_motion", ("motion",), _itself, "max", _PER_SECOND, _MOTIONS, digits=4),
        _share("text_area", "% of it"),
        _share("silence_share", "% of the time"),
        Gate("min_speech_share", ("speech_share",), _itself, "min", "% of the time", _SHARES, scale=100.0),
        _share("speech_share", "% of the time"),
    )
}  # fmt: skip
"""Every threshold on a score of the survey, in the order in which videos meet them."""

DUPLICATE, NEAR, NOVELTY, FINDINGS = "duplicate_packets", "drop_near_duplicates", "min_novelty", "max_findings"

FINDINGS_GATE = Gate(FINDINGS, (), _itself, "max", "findings", (0.0, 1.0, 2.0, 3.0, 5.0, 10.0), digits=0)
"""The one gate after captioning; its score comes from the table ``checks``."""

GATE_NAMES: tuple[str, ...] = (*GATES, DUPLICATE, NEAR, NOVELTY, FINDINGS)
"""All gates, in order, by the names of the settings; a gate's number is its place here."""


def scores_of(columns: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """The scores of videos by gate, NaN for what was not measured, from columns of the table ``surveys``."""
    return {
        name: np.asarray(gate.score(*(columns[column] for column in gate.columns)), np.float64)
        for name, gate in GATES.items()
    }


def failing(scores: Mapping[str, Numbers], settings: FilterSettings) -> tuple[NDArray[np.int8], Numbers]:
    """The number of the first threshold that drops each video (KEPT: none does), and the score that it has there."""
    count = len(next(iter(scores.values())))
    gates, values = np.full(count, KEPT, np.int8), np.full(count, np.nan)
    for number, (name, gate) in enumerate(GATES.items()):
        threshold = getattr(settings, name)
        if threshold is not None:
            rows = np.flatnonzero(gate.fails(scores[name], threshold) & (gates == KEPT))
            gates[rows], values[rows] = number, scores[name][rows]
    return gates, values


def drops_near(settings: FilterSettings) -> bool:
    """Whether near-duplicates are looked for in order to drop them."""
    return settings.drop_near_duplicates and settings.near_duplicate_bits is not None
