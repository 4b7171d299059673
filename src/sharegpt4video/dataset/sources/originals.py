"""Captions and the files they were made from: which of these are still there, which were moved, which replaced.

Looked up once, before an export begins. What opens a file later compares again (``sources.open_source``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import VideoError
from ..rows import CaptionRow, SourceVideo
from ..store.ids import Ids, packed_ids
from ..store.store import Store
from .contents import Contents, confirmed
from .listed import Listed, first_there, places_of
from .places import SourceGone, SourceReplaced, scheme_of, stat

ROWS_AT_ONCE = 32_768
"""Captions that are looked up together: for those that are not as they were, one pass over the list of sources."""
LOOKS_AT_ONCE = 32
"""So many files in storage are asked about at the same time; each takes some 50 ms."""
_COLUMNS = ["location", "content_id", "size_bytes", "modified"]

Wanted = Callable[[Ids], NDArray[np.bool_]]
GONE, UNREADABLE, UNKNOWN = "gone", "unreadable", "unknown"


@dataclass(frozen=True)
class _Caption:
    """A caption with the file it was made from; an older one (``can_compare`` is false) knows its place alone."""

    id: str
    file: SourceVideo


class Originals:
    """What has become of the files of some captions.

    replaced   ids of captions whose file is another one now
    counts     how many files are ``GONE``, how many cannot be looked up (``UNREADABLE``), and for how many captions
               nothing is known that a file could be held against (``UNKNOWN``); these are not ``replaced``
    examples   a sentence about the first of each

    Equal size and date are enough; where only the date differs, the file is read and its hash decides. A caption of an
    earlier version does not say what its file was; then the list of sources does. Memory: a few hundred bytes for each
    video that is not as it was, nothing for the others.
    """

    def __init__(self, store: Store, listed: Listed, wanted: Wanted) -> None:
        self.replaced: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self._now: dict[str, SourceVideo] = {}
        self._store, self._listed = store, listed
        self._look, self._contents = lru_cache(maxsize=1024)(stat), Contents(None)
        with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="sg4v-look") as pool:
            for captions in _captions(store, wanted):
                self._look_up(captions, pool)

    def now(self, row: CaptionRow) -> CaptionRow:
        """The row with the place, size and date that its file has now."""
        place = self._now.get(row.id)
        if place is None:
            return row
        return replace(row, location=place.location, size_bytes=place.size_bytes, modified=place.modified)

    def _look_up(self, captions: list[_Caption], pool: ThreadPoolExecutor) -> None:
        doubtful: dict[str, tuple[_Caption, VideoError | None]] = {}
        far = [one for one in captions if one.file.can_compare and scheme_of(one.file.location)]
        near = [one for one in captions if one.file.can_compare and not scheme_of(one.file.location)]
        for looked in (map(self._seen, near), pool.map(self._seen, far)):
            doubtful |= {caption.id: (caption, problem) for caption, problem in looked if problem is not None}
        doubtful |= {one.id: (one, None) for one in captions if not one.file.can_compare}
        for id, places in places_of(self._store, self._listed, doubtful).items() if doubtful else ():
            self._settle(*doubtful[id], places)

    def _seen(self, caption: _Caption) -> tuple[_Caption, VideoError | None]:
        """Look at the file where it was; what is wrong with it."""
        try:
            now = confirmed(caption.file, self._look, self._contents)
        except VideoError as error:
            return caption, error
        if now.modified != caption.file.modified:
            self._now[caption.id] = now
        return caption, None

    def _settle(self, caption: _Caption, problem: VideoError | None, places: list[SourceVideo]) -> None:
        """Look for the file wherever else it was listed. ``problem``: what is wrong where it was captioned, or None.

        If another file has been listed there since, the place at which this one was listed last counts.
        """
        places = [place for place in places if place.can_compare]
        here = [place for place in places if place.location == caption.file.location]
        there = [place for place in places if place.location != caption.file.location]
        older = problem is None
        if older and not places and not self._listed.is_replaced(caption.id):
            self._note(UNKNOWN, caption.file.location)
            return
        try:
            now = first_there([*(here if older else ()), *there], self._look, self._contents)
        except VideoError as error:
            moved = (bool(there) and not here) or self._listed.is_replaced(caption.id)
            if moved and there:
                self._now[caption.id] = replace(there[0], id=caption.id)
            self._lost(caption, error if problem is None or moved else problem)
            return
        if not older or now.location != caption.file.location:
            self._now[caption.id] = replace(now, id=caption.id)

    def _lost(self, caption: _Caption, problem: VideoError) -> None:
        if isinstance(problem, SourceReplaced):
            self.replaced.add(caption.id)
            self.examples.setdefault("replaced", str(problem))
        else:
            self._note(GONE if isinstance(problem, SourceGone) else UNREADABLE, str(problem))

    def _note(self, kind: str, example: str) -> None:
        self.counts[kind] += 1
        self.examples.setdefault(kind, example)


def _captions(store: Store, wanted: Wanted) -> Iterator[list[_Caption]]:
    """The captions that are wanted, some at a time."""
    found: list[_Caption] = []
    for batch in store.batches("captions", _COLUMNS, batch_rows=4096):
        for row in batch.filter(pa.array(wanted(packed_ids(batch.column("id"))))).to_pylist():
            file = SourceVideo(
                row["content_id"] or row["id"], row["location"], size_bytes=row["size_bytes"], modified=row["modified"]
            )
            found.append(_Caption(row["id"], file))
        if len(found) >= ROWS_AT_ONCE:
            yield found
            found = []
    yield found
