"""The texts that a caption has had: as the model wrote them, repaired, edited, and what was found wrong with each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow.compute as pc
from pydantic import TypeAdapter

from ...records import Finding
from ..checks import CHECKS, check_caption
from ..reviews.overlay import as_reviewed
from ..rows import CaptionRow, Checked
from ..store.ids import IdIndex, Ids, distinct, packed_ids
from ..store.schema import to_rows
from ..store.store import Store
from .multimap import DiskMultimap


@dataclass(frozen=True)
class Versions:
    """One caption through time: ``written`` as models wrote it, oldest first; ``now`` as it reads with its reviews."""

    written: tuple[CaptionRow, ...]
    now: CaptionRow


class VersionsById:
    """The captions of which some text has been replaced, by id; on disk. A context manager."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids = IdIndex(_with_versions(store))
        self._rows = DiskMultimap(self._stored())
        self._found = _found_by_others(store, self._ids)

    def __enter__(self) -> VersionsById:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def __len__(self) -> int:
        return len(self._ids)

    def of(self, id: str) -> Versions | None:
        """All that a caption has been; None if nothing of it was ever replaced."""
        texts = self._rows.get(bytes.fromhex(id))
        if not texts:
            return None
        written = tuple(_adapter().validate_json(text) for text in texts)
        return Versions(written, as_reviewed(written[-1], self._store.overlay.resolved(written[-1])))

    def findings(self, row: CaptionRow, language: str) -> tuple[Finding, ...]:
        """What is wrong with a caption as it reads in this row: by the rules, a judge, and across videos.

        A summary is held against its steps even if a person wrote it: they are what its question shows.
        """
        by_rules = check_caption(replace(row, edits=()), language=language)
        return (*by_rules, *self._found.get((row.id, row.revision, row.edit_key), ()))

    def _stored(self) -> Iterator[tuple[bytes, str]]:
        for batch in self._store.find("captions", self._ids, batch_rows=64, superseded=True):
            for row in to_rows(CaptionRow, batch):
                yield bytes.fromhex(row.id), _adapter().dump_json(row).decode()


@cache
def _adapter() -> TypeAdapter[CaptionRow]:
    return TypeAdapter(CaptionRow)


def _with_versions(store: Store) -> Ids:
    """The captions that were written more than once, edited, or of which an answer was refused."""
    ids, refused = [np.empty(0, "S16")], [np.empty(0, "S16")]
    for batch in store.batches("captions", ["refused"], batch_rows=1 << 14, superseded=True):
        packed = packed_ids(batch.column("id"))
        ids.append(packed)
        refused.append(packed[np.asarray(pc.list_value_length(batch.column("refused"))) > 0])
    every = np.concatenate(ids)
    single, counts = np.unique(every, return_counts=True)
    edited = single[store.overlay.reviews.edited.has(single)] if len(single) else single
    return distinct(np.concatenate([single[counts > 1], edited, *refused]))


def _found_by_others(store: Store, ids: IdIndex) -> dict[tuple[str, int, int], tuple[Finding, ...]]:
    """The findings that looking at a caption alone does not make, by id, revision and reviewed state."""
    found: dict[tuple[str, int, int], tuple[Finding, ...]] = {}
    for batch in store.find("checks", ids, batch_rows=4096, superseded=True):
        for row in to_rows(Checked, batch):
            others = tuple(finding for finding in row.findings if finding.check not in CHECKS)
            found[row.id, row.revision, row.edit_key] = others
    return found


def by_step(findings: tuple[Finding, ...]) -> dict[int, tuple[Finding, ...]]:
    """Findings by the number of the text that they are about."""
    numbers = Counter(finding.step for finding in findings)
    return {number: tuple(one for one in findings if one.step == number) for number in numbers}
