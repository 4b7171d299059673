"""A data set of captions that are known already: master records, as exports and the closed world write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..config import CaptionSettings
from ..errors import InputMissing, SettingsError
from ..files import file_content_id
from ..records import Provenance
from ..t2v.record import Record
from .rows import CaptionRow, Clip, Selected, SourceVideo
from .settings import DatasetSettings
from .sources.ids import place_id
from .sources.places import stat
from .store.store import Store

_ROWS = 4096

KnownPart = tuple[int, int, str]
"""The first and the last step of a part of a video, both included, and its caption."""


def write_recorded(
    records: Iterable[Record],
    folder: str | Path,
    out: str | Path,
    *,
    model: str,
    parts: Callable[[Record], Sequence[KnownPart]] = lambda _: (),
) -> Store:
    """Make a new data set in ``out`` of records whose videos are named relative to ``folder``.

    ``parts`` are clips of a record that have a caption, too. Splits are those of the records. Raises SettingsError if
    there is a data set in ``out`` already, InputMissing for a video that is not there.
    """
    if Store(out).exists():
        raise SettingsError(f"{out}: there is a data set already; name another folder")
    store = Store.create(out, DatasetSettings(), model, "")
    for rows in _blocks(records):
        sources, captions, clips, kept = [], [], [], []
        for record in rows:
            source = _source(record, Path(folder))
            row = _as_asked_by_default(CaptionRow.of(source, record.caption))
            sources.append(source)
            captions.append(row)
            clips += [_clip(row, *part) for part in parts(record)]
            kept.append(Selected(row.id, True, "", row.id, record.split))
        store.append("sources", sources)
        store.append("captions", captions)
        store.append("clips", clips)
        store.append("selection", kept)
    return store


def _blocks(records: Iterable[Record]) -> Iterator[list[Record]]:
    rows: list[Record] = []
    for record in records:
        rows.append(record)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _source(record: Record, folder: Path) -> SourceVideo:
    path = (folder / record.video).absolute()
    try:
        known, found = file_content_id(path), stat(str(path))
    except OSError as error:
        raise InputMissing(f"{path}: the video of record {record.id} cannot be read: {error.strerror}") from error
    return SourceVideo(known, str(path), record.id, size_bytes=found.size_bytes, modified=found.modified)


def _as_asked_by_default(row: CaptionRow) -> CaptionRow:
    """Exports look up how a caption was asked for, which nobody was for this one."""
    made = Provenance(row.provenance.model, "default", "", "", CaptionSettings().to_plain())
    return replace(row, provenance=made)


def _clip(row: CaptionRow, first: int, last: int, text: str) -> Clip:
    steps = row.steps[first : last + 1]
    start, end = steps[0].start_seconds, steps[-1].end_seconds
    return Clip(place_id(row.id, str(first), str(last)), row.id, row.location, first, last, start, end, text)
