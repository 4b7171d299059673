"""Videos to look at: the worst captions first, then some at random, with their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SG4VError
from ...records import Image
from ...video.thumbnails import thumbnails, wanted_times
from ..rows import TABLES, CaptionRow, Checked, Selected, SourceVideo, Survey
from ..sources.listed import Listed, first_there, original_of, places_of
from ..store import parts
from ..store.ids import IdIndex, packed_all
from ..store.schema import to_rows
from ..store.store import Ids, Store, completed, unpacked_id

PICTURE_BYTES = 8_000_000
"""All pictures of a page together; base64 makes a third more of it."""
USUAL_PICTURE_BYTES = 6_000
MOST_PICTURES = 24


@dataclass(frozen=True)
class Sample:
    """One video of the page. ``pictures`` are by their time; ``missing`` says why others are not there."""

    row: CaptionRow
    score: int
    checked: Checked | None
    survey: Survey | None
    selected: Selected | None
    pictures: dict[float, Image]
    missing: str


def chosen(ids: Ids, scores: NDArray[np.int64], count: int, seed: int) -> dict[str, int]:
    """Ids and scores: the worst captions (half of ``count`` if there are enough others), then some at random."""
    worst = np.argsort(-scores, kind="stable")
    bad = int(np.count_nonzero(scores))
    take = min(bad, max(count - count // 2, count - (len(ids) - bad)))
    rest = worst[take:]
    drawn = np.random.default_rng(seed).permutation(len(rest))[: max(count - take, 0)]
    places = [*worst[:take], *rest[drawn]]
    return {unpacked_id(ids[place]): int(scores[place]) for place in places}


def read_samples(store: Store, scores: dict[str, int]) -> Iterator[Sample]:
    """Read the captions with these ids and scores and their pictures, in this order."""
    ids = list(scores)
    rows = find_rows(store, "captions", ids)
    listed = Listed(store)
    places = places_of(store, listed, ids)
    others = {table: find_rows(store, table, ids) for table in ("checks", "surveys", "selection")}
    most = max(1, min(MOST_PICTURES, PICTURE_BYTES // (USUAL_PICTURE_BYTES * max(len(ids), 1))))
    budget = PICTURE_BYTES // max(len(ids), 1)
    for id in filter(rows.__contains__, ids):  # a part may have been set aside since they were chosen
        row: CaptionRow = rows[id]
        checked: Checked | None = others["checks"].get(id)
        fresh = checked if checked is not None and checked.is_of(row) else None
        try:
            pictures, missing = keyframes(original_of(row, places[id], listed), wanted_times(row, most), budget)
        except SG4VError as error:
            pictures, missing = {}, str(error)
        yield Sample(row, scores[id], fresh, others["surveys"].get(id), others["selection"].get(id), pictures, missing)


def find_rows(store: Store, table: str, ids: Sequence[str], *, original: bool = False) -> dict[str, Any]:
    """The rows that count for a few ids, without reading the rest of a table: ids first, then single row groups.

    Captions come with their reviews applied; ``original`` gives them as they were written.
    """
    where: dict[str, tuple[str, int]] = {}
    wanted = IdIndex(packed_all(sorted(set(ids))))
    for path in store.parts(table):
        packed = store.ids_of(path)
        for place in np.flatnonzero(wanted.has(packed)).tolist():
            where[unpacked_id(packed[place])] = path, place  # of equal ids the last one counts
    by_part: dict[str, list[int]] = {}
    for path, place in where.values():
        by_part.setdefault(path, []).append(place)
    overlay = store.overlay if table == "captions" and where and not original else None
    places = ((path, np.array(sorted(rows), np.int64)) for path, rows in by_part.items())
    found = (rows for path, at in places for _, rows in parts.rows_at(store.fs, path, at))
    whole = (completed(table, batch) for batch in found)
    laid = (overlay.applied(batch) if overlay is not None else batch for batch in whole)
    row_type: type[Any] = TABLES[table]
    return {row.id: row for batch in laid for row in to_rows(row_type, batch)}


def pictures_beside(row: CaptionRow) -> dict[float, Image]:
    """The keyframes of a caption for a notebook; none unless its file is on this machine, as it was captioned."""
    if "://" in row.location and not row.location.startswith("file://"):
        return {}
    try:
        source = first_there([row.original]) if row.can_compare else row.original
    except (SG4VError, OSError):
        return {}
    return keyframes(source, wanted_times(row, MOST_PICTURES), PICTURE_BYTES)[0]


def keyframes(source: SourceVideo, times: Sequence[float], budget: int) -> tuple[dict[float, Image], str]:
    """Small pictures of a source at some times, and why some are missing ("" if none are)."""
    from ..sources.sources import open_source

    found: dict[float, Image] = {}
    try:
        with open_source(source) as opened:
            for seconds, image in thumbnails(opened, times):
                budget -= len(image.jpeg)
                if budget < 0:
                    return found, "further pictures are left out to keep the page small"
                found[seconds] = image
    except (SG4VError, OSError) as error:
        return found, str(error)
    return found, ""
