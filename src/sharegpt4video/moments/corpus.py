"""Where the steps to search come from: captions in memory, or the captions of a data set, read column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..caption_files import check_made_from
from ..dataset.lookup import caption_batches
from ..dataset.report.samples import find_rows
from ..dataset.rows import CaptionRow, SourceVideo
from ..dataset.sources.contents import confirmed
from ..dataset.sources.kinds import single_kind
from ..dataset.sources.listed import Listed, original_of, places_of
from ..dataset.sources.places import SourceReplaced
from ..dataset.sources.sources import open_source
from ..dataset.store.store import Store
from ..errors import VideoError
from ..records import VideoCaption
from .known import KnownContents

LEAST_SECONDS = 2.0
"""How long the description of a single picture is taken to hold, within its shot."""


@dataclass(frozen=True)
class StepTexts:
    """The texts of the steps of some captions. ``rows`` numbers the caption of each step, ``shots`` its shot."""

    texts: pa.StringArray
    rows: NDArray[np.int64]
    shots: NDArray[np.int64]


@dataclass(frozen=True)
class Captioned:
    """A caption and what opens its video; ``row`` is its row in a data set, None outside of one."""

    video: str
    caption: VideoCaption
    row: CaptionRow | None = None

    def span(self, step: int) -> tuple[float, float]:
        """The seconds that a step is about, at least ``LEAST_SECONDS`` as far as its shot lasts."""
        told = self.caption.steps[step]
        shots = [shot.end_seconds for shot in self.caption.shots if shot.start_seconds <= told.start_seconds]
        last = max(shots[-1] if shots else self.caption.end_seconds, told.end_seconds)
        return told.start_seconds, min(max(told.end_seconds, told.start_seconds + LEAST_SECONDS), last)


class Corpus(Protocol):
    """Captions to search."""

    def batches(self) -> Iterator[StepTexts]:
        """All steps, their captions numbered from 0 in the order they come."""

    def take(self, rows: Sequence[int]) -> dict[int, Captioned]:
        """The captions of these numbers."""

    def location(self, captioned: Captioned) -> str:
        """Where the video of a caption is now, or was last if it is gone. Web addresses are not asked.

        Raises AnotherVideo or SourceReplaced if another one lies there.
        """

    def opened(self, captioned: Captioned) -> AbstractContextManager[str | BinaryIO]:
        """The video of a caption, for a ``VideoReader``. Raises SG4VError if it is gone or was replaced."""


class InMemory:
    """A few captions, each with its video."""

    def __init__(self, captions: Sequence[Captioned]) -> None:
        self._captions = captions
        self._contents = KnownContents()

    def batches(self) -> Iterator[StepTexts]:
        steps = [(row, step) for row, one in enumerate(self._captions) for step in one.caption.steps]
        yield StepTexts(
            pa.array([step.text for _, step in steps], pa.string()),
            np.array([row for row, _ in steps], np.int64),
            np.array([step.shot_index for _, step in steps], np.int64),
        )

    def take(self, rows: Sequence[int]) -> dict[int, Captioned]:
        return {row: self._captions[row] for row in rows}

    def location(self, captioned: Captioned) -> str:
        if Path(captioned.video).is_file():  # what is missing is told by the reader
            check_made_from(captioned.video, captioned.caption.content_id, self._contents.of)
        return captioned.video

    def opened(self, captioned: Captioned) -> AbstractContextManager[str | BinaryIO]:
        return nullcontext(self.location(captioned))


class InDataset:
    """The captions of a data set that exports would take; with ``dropped`` also those that the filters dropped.

    Texts are read in batches; only ids are held.
    """

    def __init__(self, store: Store, *, dropped: bool = False) -> None:
        self._store, self._dropped = store, dropped
        self._ids: list[str] = []
        self._listed = Listed(store)

    def batches(self) -> Iterator[StepTexts]:
        self._ids = []
        for batch in caption_batches(self._store, ["id", "steps"], dropped=self._dropped):
            steps = batch.column("steps")
            numbers = np.arange(len(self._ids), len(self._ids) + len(steps), dtype=np.int64)
            flat = steps.flatten()
            rows = np.repeat(numbers, np.asarray(steps.value_lengths()))
            self._ids += batch.column("id").to_pylist()
            yield StepTexts(flat.field("text"), rows, np.asarray(flat.field("shot_index"), np.int64))

    def take(self, rows: Sequence[int]) -> dict[int, Captioned]:
        by_id = {self._ids[row]: row for row in rows}
        found: dict[str, CaptionRow] = find_rows(self._store, "captions", list(by_id))
        return {by_id[id]: Captioned(row.location, row.caption, row) for id, row in found.items()}

    def location(self, captioned: Captioned) -> str:
        if single_kind(captioned.video) == "address":
            return captioned.video
        try:
            return self._original(captioned).location
        except SourceReplaced:
            raise
        except VideoError:  # gone, or not to be looked up: nothing to be mistaken for it
            return captioned.video

    def opened(self, captioned: Captioned) -> AbstractContextManager[str | BinaryIO]:
        return open_source(self._original(captioned))

    def _original(self, captioned: Captioned) -> SourceVideo:
        """The file of a caption, wherever it lies now; the list of sources is read if it is not where it was."""
        row = captioned.row
        if row is None:
            raise ValueError("this caption is of no data set")
        if row.can_compare:
            with suppress(VideoError):
                return confirmed(row.original)
        places = places_of(self._store, self._listed, [row.id])
        return original_of(row, places[row.id], self._listed)
