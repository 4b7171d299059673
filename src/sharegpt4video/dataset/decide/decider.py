"""Deciding which videos enter a data set: thresholds first, then videos against each other, in source order.

The one decider: a build asks about each video as soon as it is surveyed, ``decide_all`` about a whole data set from
its tables. Both hand over blocks of videos. Blocks are exact: what a gate remembers depends only on the videos that
reach it, in their order, so taking a block gate by gate is the same as taking it video by video.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import SettingsError
from ..rows import Survey
from ..settings import DatasetSettings, FilterSettings
from ..similar.arrays import GrowingArray
from ..store.ids import packed_all, unpacked_id
from ..store.store import Store
from .columns import Candidates, Positions, Surveyed
from .decisions import Decisions
from .gates import DUPLICATE, FINDINGS, FINDINGS_GATE, GATE_NAMES, KEPT, NEAR, NOVELTY, drops_near, failing


class Novel(Protocol):
    """What a pool says of a text: how far its nearest neighbour is (1 - cosine), which of all the texts that it was
    offered that is (from 0), and whether the text was let in."""

    @property
    def distance(self) -> float: ...
    @property
    def nearest(self) -> int: ...
    @property
    def accepted(self) -> bool: ...


class NoveltyIndex(Protocol):
    """The short captions of videos that passed; see ``novelty.NoveltyPool``."""

    def offer_all(self, texts: Sequence[str]) -> Sequence[Novel]: ...

    def flush(self) -> None: ...


class NearDuplicateIndex(Protocol):
    """The keyframes of videos that passed; see ``near.NearDuplicates``."""

    def add_all(
        self,
        ids: Sequence[str],
        hashes: pa.Array,
        embeddings: pa.Array,
        centre_hashes: pa.Array,
        centre_embeddings: pa.Array,
    ) -> Sequence[str]: ...


class Decider:
    """Decides block after block, in the order of the sources: thresholds, packet duplicates, near-duplicates, novelty.

    A video that was dropped by a gate is nobody's first: its copies are dropped by the same gate. Memory: 123 bytes for
    each video that passes the thresholds, and what the indexes take.

    Raises SettingsError when a setting needs an index that is not given.
    """

    def __init__(
        self, settings: FilterSettings, novelty: NoveltyIndex | None = None, near: NearDuplicateIndex | None = None
    ) -> None:
        if settings.min_novelty is not None and novelty is None:
            raise SettingsError("filters.min_novelty is set, but there is no index of texts to compare with")
        if drops_near(settings) and near is None:
            raise SettingsError(
                "filters.drop_near_duplicates is set, but there is no index of keyframes to compare with"
            )
        self._settings = settings
        self._novelty = novelty if settings.min_novelty is not None else None
        self._near = near if drops_near(settings) else None
        self._packets: dict[bytes, bytes] = {}
        """Hashes of coded pictures, each with the id of the first video that has them."""
        self._offered = GrowingArray("S16")  # whose texts the pool was offered

    @staticmethod
    def of(settings: DatasetSettings, root: str | None = None) -> Decider:
        """A decider with the indexes that the settings ask for, all of them empty.

        Under ``root`` the embeddings of texts are kept, so that another run need not make them again; see ``flush``.

        Raises MissingExtra or SettingsError when the encoder of ``settings.novelty`` cannot be had.
        """
        return Decider(settings.filters, open_novelty(settings, root), open_near_duplicates(settings.filters))

    @property
    def wants_text(self) -> bool:
        """Whether short captions are compared."""
        return self._novelty is not None

    @property
    def compares(self) -> Literal["nothing", "packets", "all"]:
        """What of a video may change the decisions about those after it."""
        if self._near is not None or self._novelty is not None:
            return "all"
        return "packets" if self._settings.duplicate_packets else "nothing"

    def passes_alone(self, survey: Survey) -> bool:
        """Whether no threshold drops this video, whatever others there are."""
        return bool(failing(Candidates.of([survey], [None]).scores, self._settings)[0][0] == KEPT)

    def decide(self, candidates: Candidates) -> Decisions:
        """Decide about the next videos. Without a short text the novelty of a video is not judged."""
        gates, values = failing(candidates.scores, self._settings)
        block = _Block(candidates, gates, values)
        if self._settings.duplicate_packets:
            self._drop_copies(block)
        if self._near is not None:
            self._drop_near(block, self._near)
        if self._novelty is not None:
            self._drop_known(block, self._novelty)
        findings, most = candidates.scores.get(FINDINGS), self._settings.max_findings
        if findings is not None and most is not None:
            rows = block.open_rows()
            rows = rows[FINDINGS_GATE.fails(findings[rows], most)]
            block.drop(rows, FINDINGS, values=findings[rows])
        return Decisions(
            self._settings, candidates.ids, block.gates, block.values, block.others, candidates.scores, block.distances,
            candidates.seconds,
        )  # fmt: skip

    def flush(self) -> None:
        """Write down the embeddings that were made."""
        if self._novelty is not None:
            self._novelty.flush()

    def _drop_copies(self, block: _Block) -> None:
        rows = block.open_rows()
        rows = rows[block.candidates.packets[rows] != b""]
        ids = block.candidates.ids[rows].tolist()
        firsts = [
            self._packets.setdefault(packet, id)
            for packet, id in zip(block.candidates.packets[rows].tolist(), ids, strict=True)
        ]
        copies = np.array([first != id for first, id in zip(firsts, ids, strict=True)], bool)
        block.drop(rows[copies], DUPLICATE, others=np.array(firsts, "S16")[copies])

    def _drop_near(self, block: _Block, pool: NearDuplicateIndex) -> None:
        rows = block.open_rows()
        if not len(rows):
            return
        ids = [unpacked_id(id) for id in block.candidates.ids[rows]]
        firsts = pool.add_all(ids, *(column.take(pa.array(rows)) for column in block.candidates.appearance))
        near = np.array([first != id for first, id in zip(firsts, ids, strict=True)], bool)
        block.drop(rows[near], NEAR, others=packed_all(firsts)[near])

    def _drop_known(self, block: _Block, pool: NoveltyIndex) -> None:
        texts = block.candidates.texts
        told = [(row, text) for row in block.open_rows().tolist() if (text := texts[row])]
        if not told:
            return
        rows = np.array([row for row, _ in told], np.int64)
        self._offered.add(block.candidates.ids[rows])
        found = pool.offer_all([text for _, text in told])
        block.distances[rows] = [one.distance for one in found]
        known = np.array([not one.accepted for one in found], bool)
        nearest = self._offered.rows[[one.nearest for one in found if not one.accepted]]
        block.drop(rows[known], NOVELTY, values=block.distances[rows[known]], others=nearest)


class _Block:
    """Who of a block is dropped so far."""

    def __init__(self, candidates: Candidates, gates: NDArray[np.int8], values: NDArray[np.float64]) -> None:
        self.candidates, self.gates, self.values = candidates, gates, values
        self.others = np.zeros(len(candidates), "S16")
        self.distances = np.full(len(candidates), np.nan)

    def open_rows(self) -> Positions:
        """The rows that are still in, in order."""
        return np.flatnonzero(self.gates == KEPT)

    def drop(
        self,
        rows: Positions,
        gate: str,
        *,
        values: NDArray[np.float64] | None = None,
        others: NDArray[np.bytes_] | None = None,
    ) -> None:
        self.gates[rows] = GATE_NAMES.index(gate)
        if values is not None:
            self.values[rows] = values
        if others is not None:
            self.others[rows] = others


def decide_all(
    store: Store,
    settings: FilterSettings,
    *,
    novelty: NoveltyIndex | None = None,
    near: NearDuplicateIndex | None = None,
    surveyed: Surveyed | None = None,
) -> Decisions:
    """Decide about every surveyed video of a data set, in the order of its sources.

    After what a build decides comes ``settings.max_findings``, where captions have been checked. Indexes that the
    settings need and that are not given are opened, see ``open_novelty``; they must be empty. Short captions are the
    user's own, where the settings of the data set say so, or those in the table ``shorts``. About 250 bytes of memory
    for each video, besides the indexes. ``surveyed`` spares finding out again what there is.

    Raises what opening the indexes raises.
    """
    pool = None
    if settings.min_novelty is not None:
        pool = novelty or open_novelty(store.settings(), store.address)
    decider = Decider(settings, pool, near or open_near_duplicates(settings))
    surveyed = surveyed or Surveyed(store)
    blocks = surveyed.candidates(appearance=drops_near(settings), texts=pool is not None)
    decisions = Decisions.joined(settings, [decider.decide(block) for block in blocks], surveyed.unsurveyed)
    if novelty is None:
        decider.flush()
    return decisions


def open_near_duplicates(settings: FilterSettings) -> NearDuplicateIndex | None:
    """An empty index for near-duplicates; None when they are not dropped."""
    if not drops_near(settings) or settings.near_duplicate_bits is None:
        return None
    from ..similar.near import NearDuplicates

    return NearDuplicates(settings.near_duplicate_bits, settings.near_duplicate_similarity)


def open_novelty(settings: DatasetSettings, root: str | None = None) -> NoveltyIndex | None:
    """An empty index of short captions; None when novelty is not asked for. Embeddings are kept under ``root``.

    Raises MissingExtra or SettingsError when the encoder cannot be had.
    """
    if settings.filters.min_novelty is None:
        return None
    from ..similar.novelty import NoveltyPool, open_encoder
    from ..similar.vectors import CachedEncoder

    encoder = open_encoder(settings.novelty.encoder)
    return NoveltyPool(encoder if root is None else CachedEncoder(encoder, root), settings.filters.min_novelty)
