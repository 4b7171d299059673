"""Decisions in words: the only place that knows how a gate is called in a sentence."""

from __future__ import annotations

import math

import pyarrow as pa

from ..rows import Selected
from .decisions import NOT_CAPTIONED, Decision
from .gates import DUPLICATE, FINDINGS, FINDINGS_GATE, GATES, NEAR, NOVELTY, Gate

MOST_DIGITS = 6
_BEGINNINGS = {
    "min_seconds": "too short",
    "max_seconds": "too long",
    "min_side_pixels": "too small",
    "max_black_share": "nearly black",
    "max_frozen_share": "frozen",
    "max_letterbox_share": "bars",
    "min_sharpness": "too blurred",
    "max_cuts_per_minute": "too many cuts",
    "min_motion": "too little motion",
    "max_motion": "too much motion",
    "max_text_area": "text on the picture",
    "max_silence_share": "silent",
    "min_speech_share": "too little speech",
    "max_speech_share": "too much speech",
    DUPLICATE: "same pictures as",
    NEAR: "near-duplicate of",
    NOVELTY: "nothing new",
    FINDINGS: "caption found wrong",
    NOT_CAPTIONED: "not captioned",
}
_EARLIER = {"black bars": "max_letterbox_share"}
_COMPARISONS = {DUPLICATE: "same coded pictures", NEAR: "near-duplicates", NOVELTY: "short caption not new"}


def gate_named(name: str) -> Gate | None:
    """The gate with a threshold on a score; None for those that compare videos."""
    return FINDINGS_GATE if name == FINDINGS else GATES.get(name)


def title(name: str) -> str:
    """A gate as the heading of a row: "too long", "near-duplicates"; "other reasons" for none of ours."""
    return _COMPARISONS.get(name) or _BEGINNINGS.get(name, "other reasons")


def reason(decision: Decision) -> str:
    """Why a video was dropped, such as "too long: 130.0 s, at most 120.0"; "" for one that is kept."""
    if decision.kept:
        return ""
    beginning, gate = _BEGINNINGS.get(decision.gate, decision.gate), gate_named(decision.gate)
    if decision.gate in (DUPLICATE, NEAR):
        return f"{beginning} {decision.other}"
    if decision.value is None or decision.threshold is None:
        return beginning
    if gate is None:
        return f"{beginning}: {decision.value:.3f} from {decision.other}, at least {decision.threshold:.3f}"
    value, limit = _apart(gate, decision.value, decision.threshold)
    return f"{beginning}: {value}{_unit(gate)}, {_side(gate)} {limit}"


def bound(name: str, threshold: float) -> str:
    """A threshold, such as "at most 120.0 s"."""
    gate = gate_named(name)
    if gate is None:
        return f"at least {threshold:g}"
    digits = gate.digits
    shown = _shown(gate, threshold, digits)
    while digits < MOST_DIGITS and not math.isclose(float(shown), threshold * gate.scale, rel_tol=1e-3):
        digits += 1
        shown = _shown(gate, threshold, digits)
    return f"{_side(gate)} {shown}{_unit(gate)}"


def stored_gates(batch: pa.RecordBatch) -> list[str]:
    """The gates of dropped rows of a selection; "" for a reason that is none of ours.

    Earlier versions stored the sentences alone, from which the gates are read then; ``sg4v dataset filter`` writes
    such a selection anew. The batch has the columns ``gate`` and ``reason``.
    """
    rows = zip(batch.column("gate").to_pylist(), batch.column("reason").to_pylist(), strict=True)
    return [gate or _gate_of(reason) for gate, reason in rows]


def stored_decision(row: Selected) -> Decision:
    """The decision that a row of a selection holds; for a reason that is none of ours, that is the gate."""
    gate = "" if row.kept else row.gate or _gate_of(row.reason) or row.reason
    return Decision(row.id, gate, row.value, row.threshold, row.other)


def _gate_of(reason: str) -> str:
    known = ((beginning, name) for name, beginning in _BEGINNINGS.items())
    return next((name for beginning, name in (*known, *_EARLIER.items()) if reason.startswith(beginning)), "")


def _side(gate: Gate) -> str:
    return "at least" if gate.keeps == "min" else "at most"


def _unit(gate: Gate) -> str:
    return f" {gate.unit}" if gate.unit else ""


def _apart(gate: Gate, value: float, threshold: float) -> tuple[str, str]:
    """Both with as many digits as it takes to tell them apart."""
    for digits in range(gate.digits, MOST_DIGITS):
        shown, limit = _shown(gate, value, digits), _shown(gate, threshold, digits)
        if shown != limit and (threshold == 0 or float(limit) != 0):
            return shown, limit
    return _shown(gate, value, MOST_DIGITS), _shown(gate, threshold, MOST_DIGITS)


def _shown(gate: Gate, value: float, digits: int) -> str:
    return f"{value * gate.scale:.{digits}f}"
