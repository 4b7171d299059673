"""What a look at a trainer's folder finds: each finding with its place, what that trainer would do, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...display import Result
from ...wording import counted

Level = Literal["error", "warning"]
SHOWN = 3
"""Findings of one kind that are shown in words."""
KEPT = 50
"""Findings of one kind that are kept; all are counted."""

KINDS: dict[str, str] = {
    # files and lines
    "unreadable-manifest": "repair the file, or write it again with sg4v t2v export",
    "bad-row": "repair the row",
    "blank-line": "remove the line, in both files where there are two",
    "lines-unequal": "make one line of each caption, and one for each video",
    "line-break-inside": "put the caption on one line, without U+2028, U+0085, vertical tabs and form feeds",
    "comma-in-path": "rename the folder or file",
    # which caption belongs to which video
    "no-caption": "caption the clip, or take it out of the folder",
    "empty-caption": "caption the clip, or take it out",
    "no-video": "add the video, or remove its caption",
    "missing-file": "correct the path, or take the row out",
    "unreadable-file": "convert the video to H.264 in mp4, or take it out",
    "unknown-ending": "convert the video to mp4",
    "outside-folder": "copy or cut the clips into the folder of the manifest",
    "same-name": "rename one of the files",
    "listed-twice": "remove one of the rows",
    "caption-of-another": "pair captions and videos again by their names",
    "shifts-captions": "take the clip out of the table, or choose a smaller bucket",
    "stale-cache": "delete the cache and compute it again",
    "not-read": "put the captions where the trainer reads them",
    # frames and sizes
    "too-few-frames": "train on fewer frames, or take the clip out",
    "too-long": "cut the clip: sg4v t2v export cuts it with the caption of its part",
    "caption-tells-more": "cut the clip to the frames that are taken: sg4v t2v export does, with their caption",
    "chunked": "use head or full, and cut the clips to the frames that are taken",
    "frames-off-step": "choose a count that fits",
    "size-off-step": "choose a size that fits",
    "size-too-small": "train on a smaller size, or take the clip out",
    "another-rate": "convert the clips to the frame rate of the model, or name their rate where it is asked for",
    "missing-field": "add the field, measured from the file",
    "wrong-field": "write what the file has",
    "mask-too-short": "make the mask as long as the clip, or use one picture",
    "reference-too-short": "make the reference as long as the clip",
    "no-sound": "train without sound, or take the clip out",
    # captions
    "cut-off": "shorten the captions to the encoder: sg4v t2v budget",
    "several-captions": "keep one caption per clip, or choose a trainer that reads several",
    "split-caption": "put the caption on one line",
    "shuffled": "turn the shuffling off",
    "prefix": "say it in the prompts, too",
    "suffix-differs": "store whole frame rates as whole numbers, and leave no cell empty",
    "stock-opening": "begin with the subject",
    "name-too-long": "keep the captions in text files",
}
"""Every kind of finding, and what to do about it."""


@dataclass(frozen=True)
class Finding:
    """One place where a trainer would do something else than its user thinks.

    kind     one of ``KINDS``
    file     relative to the folder; "" where the whole folder is meant
    line     of that file, or the number of the row in a list; 0 where there is none
    video    the clip that it is about; "" where it is about none
    detail   what is there
    happens  what this trainer does about it
    fix      what to do
    source   where that was read: a file of the trainer's repository, or a public thread
    """

    kind: str
    level: Level
    file: str
    line: int
    video: str
    detail: str
    happens: str
    fix: str
    source: str

    def text(self) -> str:
        line = f":{self.line}" if self.line else ""
        where = f"{self.file or '.'}{line}{f' ({self.video})' if self.video and self.video != self.file else ''}"
        return f"{where}: {self.detail}"


@dataclass(frozen=True, repr=False)
class LintReport(Result):
    """What was found in a folder.

    samples   clips with a caption, as the trainer would pair them
    findings  at most ``KEPT`` of each kind; ``counts`` has all of them
    notes     what could not be checked, and why
    """

    trainer: str
    folder: str
    samples: int
    findings: tuple[Finding, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return self._of("error")

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return self._of("warning")

    def _of(self, level: Level) -> int:
        kinds = {one.kind for one in self.findings if one.level == level}
        return sum(count for kind, count in self.counts.items() if kind in kinds)

    def text(self) -> str:
        """The findings, kind by kind, errors first."""
        lines = [f"{self.folder} for {self.trainer}: {counted(self.samples, 'clip')} with a caption"]
        for kind in sorted(self.counts, key=lambda kind: (not self._is_error(kind), -self.counts[kind])):
            lines += self._kind(kind)
        lines += [f"  note: {note}" for note in self.notes]
        if not self.counts:
            lines.append("  nothing that this trainer would drop, mis-pair, cut off or mistake was found")
        lines.append(f"{counted(self.errors, 'error')}, {counted(self.warnings, 'warning')}")
        return "\n".join(lines)

    def _is_error(self, kind: str) -> bool:
        return any(one.kind == kind and one.level == "error" for one in self.findings)

    def _kind(self, kind: str) -> list[str]:
        own = [one for one in self.findings if one.kind == kind]
        lines = [f"  {own[0].level}: {kind} ({self.counts[kind]:,}): {own[0].happens}"]
        lines += [f"    {one.text()}" for one in own[:SHOWN]]
        if self.counts[kind] > SHOWN:
            lines.append(f"    and {self.counts[kind] - SHOWN:,} more")
        return [*lines, f"    {own[0].fix}  [{own[0].source}]"]

    def to_plain(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        return {
            "trainer": self.trainer,
            "folder": self.folder,
            "samples": self.samples,
            "errors": self.errors,
            "warnings": self.warnings,
            "counts": dict(self.counts),
            "findings": [vars(one) for one in self.findings],
            "notes": list(self.notes),
        }


def counts_of(findings: Counter[str]) -> dict[str, int]:
    """Counts in the order of ``KINDS``."""
    return {kind: findings[kind] for kind in KINDS if findings[kind]}
