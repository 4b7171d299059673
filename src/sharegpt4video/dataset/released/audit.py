"""Audit: what is wrong with released caption files, and their way into a data set of ours.

Reads ``sharegpt4video_40k.jsonl``, LLaVA-style training lists (mix-181K and the like) and folders with both and their
zips. Streams: of each row some tens of bytes stay in memory.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import SG4VError
from ...wording import counted
from ..sources.tables import VALUE_ERRORS
from .audited import conversation_findings, row_findings, time_findings
from .files import is_exported, released_files, released_rows
from .jsonstream import JsonRow
from .media import MediaIndex
from .repeats import RepeatFinder
from .rows import ReleasedRow, read_row

EXAMPLES = 5
"""How many places of each kind of finding are named."""

KINDS = {
    "broken row": "cannot be read as JSON",
    "unknown row": "neither captions nor conversations",
    "unknown key": "a key that the layout does not have",
    "missing key": "a key of the layout is not there",
    "numeric idx": "idx is a number, not a text",
    "unknown idx": "idx is not a number",
    "duplicate idx": "an idx is there twice",
    "gap in idx": "the idx of the windows are not 0, 1, 2, ...",
    "idx out of order": "the windows are not in the order of their idx",
    "no summary": 'no caption with idx "-1"',
    "summary not last": 'the caption with idx "-1" is not the last',
    "no captions": "no captions, or not a list",
    "empty content": "a caption is empty or null",
    "unknown source": "the first folder of video_path is not a source of the release",
    "mixkit misspelt": "mixit for mixkit",
    "unsafe path": "a path that leaves its folder (..)",
    "unknown times": "timestamp is not a pair of times",
    "span not positive": "the span ends before it begins",
    "keyframes not in order": "the times of keyframe do not increase",
    "keyframe count": "the number of keyframe times is not that of the window captions (or one more)",
    "keyframe outside": "keyframe times, taken as seconds, lie outside the span",
    "duplicate video_id": "the same video_id in several rows",
    "duplicate id": "the same id in several rows",
    "same caption": "the same text on several videos",
    "missing media": "the video is neither a file nor in a zip",
    "unreadable media": "the video cannot be opened",
    "unreadable zip": "a zip that cannot be opened",
    "unlisted media": "a video that no row names",
    "span shorter than the file": "the captions cover only a part of the file",
    "span beyond the file": "the span ends after the file does",
    "no turns": "conversations are missing, or not a list of turns",
    "unknown role": "a turn has an unknown speaker",
    "roles not alternating": "human and gpt do not alternate, or gpt begins",
    "no answer": "the last turn is not from gpt",
    "empty value": "a turn is empty or null",
    "token count": "the number of <image> or <video> is not that of pictures or videos",
}
"""Every kind of finding and what it means."""


@dataclass
class AuditReport:
    """What an audit found: counts, and for each kind how often and where first (file, line, words)."""

    path: str
    files: list[str] = field(default_factory=list)
    rows: int = 0
    layouts: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    summaries: int = 0
    media: int | None = None
    found: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, place: str, words: str = "", *, times: int = 1) -> None:
        """Count a finding of one of ``KINDS``."""
        assert kind in KINDS, kind
        self.found[kind] += times
        shown = self.examples.setdefault(kind, [])
        if len(shown) < EXAMPLES:
            shown.append(f"{place}: {words}" if words else place)

    def text(self) -> str:
        """The report for a terminal: what there is, then each kind of finding with its first places."""
        rows = counted(self.rows, "row", number=f"{self.rows:,}")
        lines = [f"{self.path}: {rows} in {counted(len(self.files), 'file')}"]
        lines += [f"  {count:>10,}  {name} rows" for name, count in self.layouts.most_common()]
        lines += [f"  {self.windows:>10,}  window captions", f"  {self.summaries:>10,}  summaries"]
        lines += [
            f"  {count:>10,}  from {source or 'no source named'}" for source, count in self.sources.most_common(20)
        ]
        if self.media is not None:
            lines.append(f"  {self.media:>10,}  videos in the media folder")
        lines.append("nothing wrong was found" if not self.found else "found:")
        for kind in KINDS:
            if count := self.found[kind]:
                lines.append(f"  {count:>10,}  {kind} ({KINDS[kind]})")
                lines += [f"              {place}" for place in self.examples[kind]]
        return "\n".join(lines)


def audit(
    path: str | os.PathLike[str], *, media: str | os.PathLike[str] | None = None, probe: bool = True
) -> AuditReport:
    """Look through a released file, or every .jsonl and .json of a folder (then with the media in it).

    ``media`` is the folder that holds ``zip_folder/`` or the videos. With ``probe`` each video found is opened, to
    compare its length with the span, some 20 ms each. Of a file that an export of ours wrote, ``_OURS_MAY`` are
    no findings. Raises SettingsError if there is nothing to read.
    """
    report = AuditReport(os.fspath(path))
    files, folder = released_files(Path(path), media)
    index = MediaIndex(folder) if folder is not None else None
    if index is not None and not len(index) and not index.damaged and media is None:
        index = None  # captions alone: their videos lie elsewhere
    repeats = RepeatFinder()
    for file in files:
        report.files.append(str(file))
        ours = _OURS_MAY if is_exported(file) else frozenset()
        for row in released_rows(file):
            told = _Told(report, f"{file.name}:{row.line}", ours)
            try:
                _audit_row(told, len(report.files) - 1, row, repeats, index, probe=probe)
            except VALUE_ERRORS as error:
                told.add("broken row", f"holds a value that cannot be used: {error}")
    _audit_repeats(report, repeats)
    if index is not None:
        _audit_index(report, index)
    return report


_OURS_MAY = frozenset(("unknown source", "span shorter than the file", "same caption"))
"""No findings in an export of ours: its videos are the user's own, clips are parts of files and tell what their video
tells. Texts that several videos share are the matter of ``sg4v dataset check``, which knows what belongs together."""


@dataclass(frozen=True)
class _Told:
    """What is said of one row, but for the kinds that are no finding in its file."""

    report: AuditReport
    place: str
    allowed: frozenset[str]

    def add(self, kind: str, words: str = "") -> None:
        if kind not in self.allowed:
            self.report.add(kind, self.place, words)


def _audit_row(
    told: _Told, file: int, row: JsonRow, repeats: RepeatFinder, index: MediaIndex | None, *, probe: bool
) -> None:
    report, plain = told.report, row.value
    report.rows += 1
    if row.problem or not isinstance(plain, dict):
        told.add("broken row", row.problem or f"a row is an object, not {type(plain).__name__}")
    elif "conversations" in plain:
        report.layouts["conversation"] += 1
        for kind, words in conversation_findings(plain):
            told.add(kind, words)
        repeats.add_id("duplicate id", str(plain.get("id")), file, row.line)
    elif "captions" in plain or "summary" in plain:
        report.layouts["caption"] += 1
        _audit_captions(told, file, row, repeats, index, probe=probe)
    else:
        report.layouts["unknown"] += 1
        told.add("unknown row", f"its keys are {', '.join(map(str, list(plain)[:8]))}")


def _audit_captions(
    told: _Told, file: int, row: JsonRow, repeats: RepeatFinder, index: MediaIndex | None, *, probe: bool
) -> None:
    report, released = told.report, read_row(row.value)
    for kind, words in (*row_findings(row.value, released), *time_findings(row.value, released)):
        told.add(kind, words)
    report.windows += len(released.steps)
    report.summaries += bool(released.summary)
    report.sources[released.source] += 1
    repeats.add_id("duplicate video_id", released.video_id, file, row.line)
    for window in released.windows:
        if window.content and "same caption" not in told.allowed:
            repeats.add_text(window.content, file, row.line)
    location = index.find(released) if index is not None else None
    if location is not None or index is not None or released.video_path.startswith("/"):
        _audit_media(told, released, location or _on_disk(released), probe=probe)


def _on_disk(row: ReleasedRow) -> str | None:
    """An absolute path, as our exports have it, says itself where the video is."""
    return row.video_path if row.video_path.startswith("/") and os.path.isfile(row.video_path) else None  # noqa: PTH113


def _audit_media(told: _Told, row: ReleasedRow, location: str | None, *, probe: bool) -> None:
    if location is None:
        told.add("missing media", row.video_path or row.video_id)
        return
    if not probe:
        return
    try:
        length = duration_seconds(location)
    except SG4VError as error:
        told.add("unreadable media", str(error))
        return
    if length is None or row.end_seconds is None:
        return
    covered = row.end_seconds - (row.start_seconds or 0.0)
    if row.end_seconds > length + _TOLERANCE_SECONDS:
        told.add("span beyond the file", f"{location} ends at {length:.2f} s, the span at {row.end_seconds:.2f} s")
    elif covered < length - _TOLERANCE_SECONDS:
        told.add("span shorter than the file", f"{covered:.2f} s of the {length:.2f} s of {location}")


_TOLERANCE_SECONDS = 2.0
"""Spans are told in whole seconds here and there, and captions were made from one frame every 2 s."""


def duration_seconds(location: str) -> float | None:
    """How long a video is as its header says. Raises VideoError if it cannot be opened."""
    from ...video.reader import VideoReader
    from ..rows import SourceVideo
    from ..sources.sources import open_source

    with open_source(SourceVideo("0" * 32, location)) as opened, VideoReader(opened) as reader:
        return reader.info.duration_seconds


def _audit_repeats(report: AuditReport, repeats: RepeatFinder) -> None:
    for repeat in repeats.groups(EXAMPLES):
        places = " and ".join(f"{Path(report.files[file]).name}:{line}" for file, line in repeat.places)
        report.add(repeat.kind, places, repeat.words, times=repeat.count)


def _audit_index(report: AuditReport, index: MediaIndex) -> None:
    report.media = len(index)
    for words in index.damaged:
        report.add("unreadable zip", words)
    count, places = index.unlisted(EXAMPLES)
    for number, place in enumerate(places):
        report.add("unlisted media", place, times=1 if number else count - len(places) + 1)
