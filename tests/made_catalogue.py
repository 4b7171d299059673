"""Captions whose every value in a catalogue is known by construction, for the tests of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from made_captions import PROVENANCE
from made_facts import CENTRE, LEFT, at, between, thing
from sharegpt4video.dataset.rows import CaptionRow, Checked, Selected, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import CameraMotion, Facts, Finding, PictureMotion, Shot, Sound, Step, Utterance
from sharegpt4video.web.catalogue.follow import Follower
from sharegpt4video.web.catalogue.index import Index, opened
from sharegpt4video.web.catalogue.like import Likeness
from sharegpt4video.web.catalogue.pages import Pages, Query
from sharegpt4video.web.catalogue.place import place_for

LABELS = ("person", "car", "dog")
MOVES = ("static", "pan left", "tilt up", "zoom in")


def id_of(number: int) -> str:
    """An id that is spread like a hash, different for each number."""
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC835 + 1) % (1 << 128):032x}"


def facts_of(number: int, step: int) -> Facts:
    """Label, move and motion by the numbers; "SIGN n" to be read, "word n" said."""
    label = thing(LABELS[(number + step) % 3], LEFT, CENTRE)
    made = between(2.0 * step, 2.0 * step + 2, label, texts=(f"SIGN {number}",))
    moves = CameraMotion(moves=(MOVES[number % 4],), confidence=0.9)
    said = Sound(2.0 * step, 2.0 * step + 2, True, speech=(Utterance(f"word {number}", 0.0, 1.0),))
    return replace(made, camera=moves, motion=PictureMotion(number / 100 + step / 1000, 0.1, None), sound=said)


def caption_of(number: int, *, revision: int = 0, summary: str = "", steps: int = 2) -> CaptionRow:
    made = tuple(
        Step("change", 2.0 * n, 2.0 * n + 2, f"Step {n} of video{number}.", 0, (2.0 * n, 2.0 * n + 1.5),
             (at(2.0 * n), facts_of(number, n)), "refused" if n == 1 and number % 5 == 0 else "")
        for n in range(steps)
    )  # fmt: skip
    return CaptionRow(
        id_of(number), f"/videos/{number}.mp4", f"u{number}", revision, f"{number}.mp4", 640, 360, 0.0, 2.0 * steps,
        "sliding", (Shot(0.0, 2.0 * steps),), made, summary or f"Summary of video{number}.", "", (), PROVENANCE,
    )  # fmt: skip


def source_of(number: int, **changes: Any) -> SourceVideo:
    return replace(SourceVideo(id_of(number), f"/videos/{number}.mp4"), **changes)


def survey_of(number: int) -> Survey:
    look = np.random.default_rng(number).standard_normal(256).astype("<f2").tobytes()
    measured: dict[str, Any] = {"motion": number / 1000, "shots": number % 7, "embedding": look}
    return Survey(id_of(number), "mp4", "h264", 640, 360, duration_seconds=4.0, **measured)


def checked_of(number: int, *names: str, revision: int = 0) -> Checked:
    return Checked(id_of(number), revision, tuple(Finding(name, 0, "why") for name in names))


def selected_of(number: int, split: str = "train", gate: str = "") -> Selected:
    return Selected(id_of(number), not gate, gate, id_of(number), "" if gate else split, gate)


def made(root: Path, numbers: Iterable[int], *, part_rows: int = 10) -> Store:
    """A data set with these captions, in parts of a few rows, and a source and a survey for each."""
    store = Store.create(root, DatasetSettings(), "embedded", "0")
    rows = list(numbers)
    for first in range(0, len(rows), part_rows):
        append(store, rows[first : first + part_rows])
    return store


def append(store: Store, numbers: Iterable[int]) -> None:
    numbers = list(numbers)
    store.append("sources", [source_of(number) for number in numbers])
    store.append("surveys", [survey_of(number) for number in numbers])
    store.append("captions", [caption_of(number) for number in numbers])


class Made:
    """An index of a store that is brought up to date when a test says so."""

    def __init__(self, store: Store, index: Index) -> None:
        self.index = index
        self.follower = Follower(store, index, lambda: None)
        self.pages = Pages(index, Likeness(index).nearest)

    def refresh(self) -> bool:
        return self.follower.refresh()

    def rows(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        db = self.index.cursor()
        found: list[tuple[Any, ...]] = db.execute(f"SELECT {columns} FROM shown WHERE {where} ORDER BY n").fetchall()
        db.close()
        return found

    def ids(self, q: str = "", *where: str, like: str = "", order: str = "", limit: int = 50) -> list[str]:
        """The ids of all pages of a question."""
        query, after, found = Query.of(q, like, order, where), "", []
        while True:
            page = self.pages.page(query, after, limit)
            found += [item.id for item in page.items]
            after = page.next
            if not after:
                return found


@contextmanager
def indexed(store: Store) -> Iterator[Made]:
    place = place_for(store)
    index = opened(place, store.address)
    try:
        yield Made(store, index)
    finally:
        index.close()
        place.close()
