"""Which videos enter a data set: scores of the survey held against thresholds, then videos against each other.

A filter answers with a reason to drop a video, or "" to keep it. The gates stand in a row, cheap to dear: a video that
one of them dropped is not seen by those after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from ...errors import SettingsError
from ..duplicates.grown import Grown
from ..rows import SourceVideo, Survey
from ..settings import DatasetSettings, FilterSettings
from .firsts import FirstSeen

MOST_DIGITS = 6


@dataclass(frozen=True)
class Gate:
    """A threshold on one score.

    name       the field of ``FilterSettings`` that holds the threshold
    columns    the columns of ``surveys`` that the score is made of
    score      makes it, from numbers or arrays alike; NaN where it was not measured
    keeps      what passes: scores of at least ("min") or at most ("max") the threshold
    words      how the reason to drop begins
    unit       of the score in the reason, times ``scale``, with ``digits`` behind the point
    typical    other thresholds that may be worth a thought, for the retention table
    """

    name: str
    columns: tuple[str, ...]
    score: Callable[..., Any]
    keeps: Literal["min", "max"]
    words: str
    unit: str
    typical: tuple[float, ...]
    scale: float = 1.0
    digits: int = 1

    def fails(self, score: Any, threshold: float) -> Any:
        """Whether a score (or each of an array) is on the wrong side; one that was not measured is not."""
        return score < threshold if self.keeps == "min" else score > threshold

    def reason(self, score: float, threshold: float) -> str:
        """Why a video is dropped, for example "too long: 130.0 s, at most 120.0"."""
        bound = "at least" if self.keeps == "min" else "at most"
        shown, limit = self._apart(score, threshold)
        return f"{self.words}: {shown}{self.unit and ' '}{self.unit}, {bound} {limit}"

    def bound(self, threshold: float) -> str:
        """The threshold in words, for example "at most 120.0 s"."""
        shown = self._shown(threshold, self.digits)
        digits = self.digits
        while digits < MOST_DIGITS and not math.isclose(float(shown), threshold * self.scale, rel_tol=1e-3):
            digits += 1
            shown = self._shown(threshold, digits)
        return f"{'at least' if self.keeps == 'min' else 'at most'} {shown}{self.unit and ' '}{self.unit}"

    def _apart(self, score: float, threshold: float) -> tuple[str, str]:
        """Both with as many digits as it takes to tell them apart."""
        for digits in range(self.digits, MOST_DIGITS):
            shown, limit = self._shown(score, digits), self._shown(threshold, digits)
            if shown != limit and (threshold == 0 or float(limit) != 0):
                return shown, limit
        return self._shown(score, MOST_DIGITS), self._shown(threshold, MOST_DIGITS)

    def _shown(self, value: float, digits: int) -> str:
        return f"{value * self.scale:.{digits}f}"


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


def _share(name: str, words: str, unit: str) -> Gate:
    return Gate(f"max_{name}", (name,), _itself, "max", words, unit, _SHARES, scale=100.0)


GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate("min_seconds", ("duration_seconds",), _itself, "min", "too short", "s", _LENGTHS),
        Gate("max_seconds", ("duration_seconds",), _itself, "max", "too long", "s", _LENGTHS),
        Gate(
            "min_side_pixels", ("width", "height"), _shorter_side, "min", "too small", "pixels",
            (240.0, 360.0, 480.0, 512.0, 720.0, 1080.0), digits=0,
        ),
        _share("black_share", "nearly black", "% of the time"),
        _share("frozen_share", "frozen", "% of the time"),
        _share("letterbox_share", "bars", "% of the picture"),
        Gate(
            "min_sharpness", ("sharpness",), _itself, "min", "too blurred", "",
            (10.0, 30.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
        ),
        Gate(
            "max_cuts_per_minute", ("shots", "duration_seconds"), _cuts_per_minute, "max", "too many cuts", "a minute",
            (0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0),
        ),
        Gate("min_motion", ("motion",), _itself, "min", "too little motion", _PER_SECOND, _MOTIONS, digits=4),
        Gate("max_motion", ("motion",), _itself, "max", "too much motion", _PER_SECOND, _MOTIONS, digits=4),
        _share("text_area", "text on the picture", "% of it"),
    )
}  # fmt: skip
"""Every threshold on a score of the survey, in the order in which videos meet them."""

DUPLICATE, NEAR, NOVELTY, FINDINGS = "duplicate_packets", "drop_near_duplicates", "min_novelty", "max_findings"

FINDINGS_GATE = Gate(
    FINDINGS, (), _itself, "max", "caption found wrong", "findings", (0.0, 1.0, 2.0, 3.0, 5.0, 10.0), digits=0
)
"""The one gate after captioning; its score comes from the table ``checks``."""

STAGES: tuple[str, ...] = (*GATES, DUPLICATE, NEAR, NOVELTY, FINDINGS)
"""All that may drop a video, in order, by the names of the settings."""

_WORDS = {gate.words: gate.name for gate in (*GATES.values(), FINDINGS_GATE)} | {
    "same pictures as": DUPLICATE,
    "near-duplicate of": NEAR,
    "nothing new": NOVELTY,
}


class Novel(Protocol):
    """What a pool says of a text: how far its nearest neighbour is (1 - cosine), which of all the texts that it was
    offered that is (from 0), and whether the text was let in."""

    @property
    def distance(self) -> float: ...
    @property
    def nearest(self) -> int: ...
    @property
    def accepted(self) -> bool: ...


class TextPool(Protocol):
    """Texts that were let in; see ``novelty.NoveltyPool``."""

    def offer(self, text: str) -> Any: ...

    def flush(self) -> None: ...


class LookPool(Protocol):
    """Looks of videos that were let in; see ``dedup.NearDuplicates``."""

    def add(
        self,
        id: str,
        hashes: Sequence[str],
        embedding: bytes = b"",
        centre_hashes: Sequence[str] = (),
        centre_embedding: bytes = b"",
    ) -> str: ...


def score_of(gate: Gate, survey: Survey) -> float:
    """The gate's score of one video; NaN where it was not measured."""
    parts = (getattr(survey, column) for column in gate.columns)
    return float(gate.score(*(math.nan if part is None else float(part) for part in parts)))


def drop_reason(survey: Survey, settings: FilterSettings) -> str:
    """The first gate that a video does not pass, in words with both numbers; "" when it passes all."""
    for gate in GATES.values():
        threshold = getattr(settings, gate.name)
        if threshold is not None and gate.fails(score := score_of(gate, survey), threshold):
            return gate.reason(score, threshold)
    return ""


def not_measured(survey: Survey, settings: FilterSettings) -> tuple[str, ...]:
    """The names of thresholds that are set but could not be applied to this video, which they let pass."""
    return tuple(
        gate.name
        for gate in GATES.values()
        if getattr(settings, gate.name) is not None and math.isnan(score_of(gate, survey))
    )


def gate_of(reason: str) -> str:
    """The setting that a reason is from, one of ``STAGES``. Raises ValueError for a reason that is none of ours."""
    for words, name in _WORDS.items():
        if reason.startswith(words):
            return name
    raise ValueError(f"no filter gives this reason: {reason!r}")


class Decider:
    """Decides video after video, in the order of the sources: gates, packet duplicates, near-duplicates, novelty.

    A video that was dropped by a gate is nobody's first: its copies are dropped by the same gate. Memory: under 100
    bytes for each video that passes the gates, and what the pools take.

    Raises SettingsError when a setting needs a pool that is not given.
    """

    def __init__(self, settings: FilterSettings, novelty: TextPool | None = None, near: LookPool | None = None) -> None:
        if settings.min_novelty is not None and novelty is None:
            raise SettingsError("filters.min_novelty is set, but there is no pool of texts to compare with")
        if drops_near(settings) and near is None:
            raise SettingsError("filters.drop_near_duplicates is set, but there is no pool of looks to compare with")
        self._settings = settings
        self._novelty = novelty if settings.min_novelty is not None else None
        self._near = near if drops_near(settings) else None
        self._packets = FirstSeen()
        self._offered = Grown("V16")  # whose texts the pool was offered

    @staticmethod
    def of(settings: DatasetSettings, root: str | None = None) -> Decider:
        """A decider with the pools that the settings ask for, all of them empty.

        Under ``root`` the embeddings of texts are kept, so that another run need not make them again; see ``flush``.

        Raises MissingExtra or SettingsError when the encoder of ``settings.novelty`` cannot be had.
        """
        return Decider(settings.filters, open_text_pool(settings, root), open_look_pool(settings.filters))

    @property
    def wants_text(self) -> bool:
        """Whether short captions are compared."""
        return self._novelty is not None

    def decide(self, source: SourceVideo, survey: Survey, short_text: str | None) -> str:
        """The reason to drop this video, "" to keep it. Without a short text its novelty is not judged."""
        return (
            drop_reason(survey, self._settings)
            or self._same_pictures(source.id, survey)
            or self._look_alike(source.id, survey)
            or self._nothing_new(source.id, short_text)
        )

    def flush(self) -> None:
        """Write down the embeddings that were made."""
        if self._novelty is not None:
            self._novelty.flush()

    def gate_of(self, reason: str) -> str:
        """The setting that a reason is from."""
        return gate_of(reason)

    def _same_pictures(self, id: str, survey: Survey) -> str:
        if not (self._settings.duplicate_packets and survey.packet_hash):
            return ""
        first = self._packets.add(bytes.fromhex(survey.packet_hash), bytes.fromhex(id))
        return "" if first is None else same_pictures(first.hex())

    def _look_alike(self, id: str, survey: Survey) -> str:
        if self._near is None:
            return ""
        first = self._near.add(id, survey.hashes, survey.embedding, survey.centre_hashes, survey.centre_embedding)
        return "" if first == id else look_alike(first)

    def _nothing_new(self, id: str, text: str | None) -> str:
        if self._novelty is None or self._settings.min_novelty is None or not text:
            return ""
        self._offered.add(np.array([bytes.fromhex(id)], "V16"))
        offered: Novel = self._novelty.offer(text)
        if offered.accepted:
            return ""
        nearest = bytes(self._offered.rows[offered.nearest]).hex()
        return nothing_new(offered.distance, nearest, self._settings.min_novelty)


def same_pictures(first_id: str) -> str:
    """The reason of a packet duplicate."""
    return f"same pictures as {first_id}"


def look_alike(first_id: str) -> str:
    """The reason of a near-duplicate."""
    return f"near-duplicate of {first_id}"


def nothing_new(distance: float, nearest_id: str, threshold: float) -> str:
    """The reason of a text that is too near to one in the pool."""
    return f"nothing new: {distance:.3f} from {nearest_id}, at least {threshold:.3f}"


def drops_near(settings: FilterSettings) -> bool:
    """Whether near-duplicates are looked for in order to drop them."""
    return settings.drop_near_duplicates and settings.near_duplicate_bits is not None


def open_look_pool(settings: FilterSettings) -> LookPool | None:
    """An empty pool for near-duplicates; None when they are not dropped."""
    if not drops_near(settings) or settings.near_duplicate_bits is None:
        return None
    from ..duplicates.dedup import NearDuplicates

    return NearDuplicates(settings.near_duplicate_bits, settings.near_duplicate_similarity)


def open_text_pool(settings: DatasetSettings, root: str | None = None) -> TextPool | None:
    """An empty pool of short captions; None when novelty is not asked for. Embeddings are kept under ``root``.

    Raises MissingExtra or SettingsError when the encoder cannot be had.
    """
    if settings.filters.min_novelty is None:
        return None
    from ..duplicates.novelty import NoveltyPool, open_encoder
    from ..duplicates.vectors import CachedEncoder

    encoder = open_encoder(settings.novelty.encoder)
    pool: TextPool = NoveltyPool(
        encoder if root is None else CachedEncoder(encoder, root), settings.filters.min_novelty
    )
    return pool
