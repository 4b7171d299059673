"""The video of a caption, if it is still the one that the caption was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dataset.report.samples import find_rows
from ...dataset.rows import CaptionRow, SourceVideo
from ...dataset.sources.kinds import single_kind
from ...dataset.sources.listed import first_there, original_alone
from ...dataset.sources.places import scheme_of
from ...dataset.store.ids import IdIndex, packed_all
from ...dataset.store.store import Store
from ...errors import VideoError
from ...records import Step


@dataclass(frozen=True)
class Picture:
    """A frame that a caption was made from: when it was shown, in which shot, and why it was chosen if that is told."""

    seconds: float
    shot_index: int
    step: int


def pictures_of(steps: Sequence[Step], start_seconds: float) -> tuple[Picture, ...]:
    """The frames that the steps refer to, in order of time; one at the start where nothing is told of frames."""
    found: dict[float, Picture] = {}
    for number, step in enumerate(steps):
        for seconds in step.frame_seconds:
            found.setdefault(seconds, Picture(seconds, step.shot_index, number))
    return tuple(found[seconds] for seconds in sorted(found)) or (Picture(start_seconds, 0, 0),)


def local_path(store: Store, row: CaptionRow) -> str:
    """The path of the file that a caption was made from, wherever it lies now.

    It is held against the size, date and content that were recorded (``sources.confirmed``). Raises VideoError saying
    why there is none: moved, replaced, or no file of this machine.
    """
    source = _confirmed(store, row)
    if single_kind(source.location) == "member":
        raise VideoError("the video lies inside an archive; unpack it to play it here")
    if scheme_of(source.location) not in ("", "file"):
        raise VideoError("the video lies in other storage, not on this machine")
    return source.location.removeprefix("file://")


def _confirmed(store: Store, row: CaptionRow) -> SourceVideo:
    if row.can_compare:
        try:
            return first_there([row.original])
        except VideoError:
            if not _may_lie_elsewhere(store, row):  # for which all places are looked through
                raise
    found = original_alone(store, row)
    return first_there([found]) if not row.can_compare else found


def _may_lie_elsewhere(store: Store, row: CaptionRow) -> bool:
    """Whether the content of a caption has been listed more than once, or under another name."""
    wanted = IdIndex(packed_all([row.id]))
    times = sum(int(wanted.has(store.ids_of(path)).sum()) for path in store.parts("sources"))
    if times != 1:
        return times > 1
    source: SourceVideo = find_rows(store, "sources", [row.id])[row.id]
    return source.location != row.original.location
