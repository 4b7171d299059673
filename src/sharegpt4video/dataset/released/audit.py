"""Audit: what is wrong with released caption files, and their way into a data set of ours.

Reads ``sharegpt4video_40k.jsonl``, LLaVA-style training lists (mix-181K and the like) and folders with both and their
zips. Streams: of each row some tens of bytes stay in memory.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import SettingsError, SG4VError
from .audited import conversation_findings, row_findings, time_findings
from .jsonstream import JsonRow, json_rows
from .media import MediaIndex
from .rows import ReleasedRow, read_row
from .seen import Seen

EXAMPLES = 5
"""How many places of each kind of finding are named."""

KINDS = {
    "broken row": "cannot be read as JSON",
    "unknown row": "neither captions nor conversations",
    "unknown key": "a key that the layout does not have",
    "missing key": "a key of the layout is not there",
    "numeric idx": "idx is a number, not a text",
    "unknown idx": "idx is no number at all",
    "duplicate idx": "an idx is there twice",
    "gap in idx": "the idx of the windows are not 0, 1, 2, ...",
    "idx out of order": "the windows are not in the order of their idx",
    "no summary": 'no caption with idx "-1"',
    "summary not last": 'the caption with idx "-1" is not the last',
    "no captions": "no captions, or not a list",
    "empty content": "a caption is empty or null",
    "unknown source": "the first folder of video_path is no source of the release",
    "mixkit misspelt": "mixit for mixkit",
    "unsafe path": "a path that leads out of its folder",
    "unknown times": "timestamp is not a pair of times",
    "span not positive": "the span ends before it begins",
    "keyframes not in order": "the times of keyframe do not rise",
    "keyframe count": "keyframe has not as many times as there are window captions (or one more)",
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
    "unknown role": "a turn is from nobody known",
    "roles not alternating": "human and gpt do not take turns, or gpt begins",
    "no answer": "the last turn is not from gpt",
    "empty value": "a turn is empty or null",
    "token count": "not as many <image> or <video> as pictures or videos",
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
        lines = [f"{self.path}: {self.rows:,} rows in {len(self.files)} file{'s' if len(self.files) != 1 else ''}"]
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
    compare its length with the span, some 20 ms each. Raises SettingsError if there is nothing to read.
    """
    report = AuditReport(os.fspath(path))
    files, folder = released_files(Path(path), media)
    index = MediaIndex(folder) if folder is not None else None
    seen = Seen()
    for file in files:
        report.files.append(str(file))
        for row in released_rows(file):
            _audit_row(report, f"{file.name}:{row.line}", len(report.files) - 1, row, seen, index, probe=probe)
    _audit_repeats(report, seen)
    if index is not None:
        _audit_index(report, index)
    return report


def released_files(path: Path, media: str | os.PathLike[str] | None) -> tuple[list[Path], Path | None]:
    """The files to read, and the folder with the media: of a folder, it is that folder unless another is given."""
    folder = None if media is None else Path(media)
    if path.is_file():
        return [path], folder
    if not path.is_dir():
        raise SettingsError(f"{path}: no such file or folder; give a .jsonl, a .json, or the folder that holds them")
    files = sorted(one for one in path.rglob("*") if one.suffix.lower() in (".jsonl", ".json") and one.is_file())
    if not files:
        raise SettingsError(f"{path}: holds no .jsonl and no .json file")
    return files, folder or path


def released_rows(file: Path) -> Iterator[JsonRow]:
    """The rows of one file. Raises SettingsError if it cannot be read."""
    try:
        with file.open("rb") as opened:
            yield from json_rows(opened)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error


def _audit_row(
    report: AuditReport, place: str, file: int, row: JsonRow, seen: Seen, index: MediaIndex | None, *, probe: bool
) -> None:
    report.rows += 1
    plain = row.value
    if row.problem or not isinstance(plain, dict):
        report.add("broken row", place, row.problem or f"a row is an object, not {type(plain).__name__}")
    elif "conversations" in plain:
        report.layouts["conversation"] += 1
        for kind, words in conversation_findings(plain):
            report.add(kind, place, words)
        seen.id("duplicate id", str(plain.get("id")), file, row.line)
    elif "captions" in plain or "summary" in plain:
        report.layouts["caption"] += 1
        _audit_captions(report, place, file, row, seen, index, probe=probe)
    else:
        report.layouts["unknown"] += 1
        report.add("unknown row", place, f"its keys are {', '.join(map(str, list(plain)[:8]))}")


def _audit_captions(
    report: AuditReport, place: str, file: int, row: JsonRow, seen: Seen, index: MediaIndex | None, *, probe: bool
) -> None:
    released = read_row(row.value)
    for kind, words in (*row_findings(row.value, released), *time_findings(row.value, released)):
        report.add(kind, place, words)
    report.windows += len(released.steps)
    report.summaries += bool(released.summary)
    report.sources[released.source] += 1
    seen.id("duplicate video_id", released.video_id, file, row.line)
    for window in released.windows:
        if window.content:
            seen.text(window.content, file, row.line)
    if index is not None:
        _audit_media(report, place, released, index, probe=probe)


def _audit_media(report: AuditReport, place: str, row: ReleasedRow, index: MediaIndex, *, probe: bool) -> None:
    location = index.find(row)
    if location is None:
        report.add("missing media", place, row.video_path or row.video_id)
        return
    if not probe:
        return
    try:
        length = duration_seconds(location)
    except SG4VError as error:
        report.add("unreadable media", place, str(error))
        return
    if length is None or row.end_seconds is None:
        return
    covered = row.end_seconds - (row.start_seconds or 0.0)
    if row.end_seconds > length + _TOLERANCE_SECONDS:
        report.add(
            "span beyond the file", place, f"{location} ends at {length:.2f} s, the span at {row.end_seconds:.2f} s"
        )
    elif covered < length - _TOLERANCE_SECONDS:
        report.add("span shorter than the file", place, f"{covered:.2f} s of the {length:.2f} s of {location}")


_TOLERANCE_SECONDS = 2.0
"""Spans are told in whole seconds here and there, and captions were made from one frame every 2 s."""


def duration_seconds(location: str) -> float | None:
    """How long a video is as its header says. Raises VideoError if it cannot be opened."""
    from ...video.reader import VideoReader
    from ..rows import SourceVideo
    from ..sources.sources import open_source

    with open_source(SourceVideo("0" * 32, location)) as opened, VideoReader(opened) as reader:
        return reader.info.duration_seconds


def _audit_repeats(report: AuditReport, seen: Seen) -> None:
    for repeat in seen.repeats(EXAMPLES):
        places = " and ".join(f"{Path(report.files[file]).name}:{line}" for file, line in repeat.places)
        report.add(repeat.kind, places, repeat.words, times=repeat.count)


def _audit_index(report: AuditReport, index: MediaIndex) -> None:
    report.media = len(index)
    for words in index.damaged:
        report.add("unreadable zip", words)
    count, places = index.unlisted(EXAMPLES)
    for number, place in enumerate(places):
        report.add("unlisted media", place, times=1 if number else count - len(places) + 1)
