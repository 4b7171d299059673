"""What one look at a folder knows and has found so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from ...checking import Limits, raise_for, wrong_values
from ..encoders import Counter as TokenCounter
from ..encoders import encoders_of
from .finding import KEPT, KINDS, Finding, Level


@dataclass(frozen=True)
class LintSettings:
    """How the trainer will be run, as far as its folder does not say.

    frames         how many frames it is set to; 0: as its own configuration in the folder says, else unknown
    fps            the frame rate of the model; 0: as its configuration says, else that of most of its models
    width, height  the size that it is set to; 0: unknown
    encoders       names of text encoders or generators, as ``encoders_of`` takes them; empty: what the trainer's models
                   mostly have
    files          open the videos; without, only what is written is checked
    """

    frames: Annotated[int, Limits(0, 1 << 20)] = 0
    fps: Annotated[float, Limits(0, 1000)] = 0.0
    width: Annotated[int, Limits(0, 16384)] = 0
    height: Annotated[int, Limits(0, 16384)] = 0
    encoders: tuple[str, ...] = ()
    files: bool = True

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        for name in self.encoders:
            encoders_of(name)


@dataclass(frozen=True)
class Rule:
    """What a trainer does about a kind of finding, and where that was read."""

    level: Level
    happens: str
    source: str


@dataclass(frozen=True)
class Sample:
    """One clip and its captions, as the trainer pairs them.

    video  as it is written
    path   where the trainer looks for it; None inside of an archive
    file, line  where the caption stands
    told   what the manifest says of the file: ``frames``, ``fps``, ``width``, ``height``
    beside further files of the clip, such as a mask, by the name of their column
    """

    video: str
    path: Path | None
    texts: tuple[str, ...]
    file: str
    line: int = 0
    told: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)


@dataclass
class Notes:
    """The findings so far. A kind without a rule is nothing to this trainer, and is not noted.

    frames, fps, width, height, prefix  as the settings say, or the trainer's configuration in the folder
    buckets  counts of frames, of which it takes the largest that a clip has; empty: ``frames`` is the only one
    whole  whether all frames of a clip are used, whatever their number
    """

    folder: Path
    trainer: str
    rules: Mapping[str, Rule]
    settings: LintSettings
    encoders: tuple[TokenCounter, ...] = ()
    frames: Annotated[int, Limits(0, 1 << 20)] = 0
    fps: Annotated[float, Limits(0, 1000)] = 0.0
    width: Annotated[int, Limits(0, 16384)] = 0
    height: Annotated[int, Limits(0, 16384)] = 0
    prefix: str = ""
    buckets: tuple[int, ...] = ()
    whole: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def found(self, kind: str, detail: str, *, file: str = "", line: int = 0, video: str = "") -> None:
        """Note a finding."""
        rule = self.rules.get(kind)
        if rule is None:
            return
        self.counts[kind] += 1
        if self.counts[kind] <= KEPT:
            about = (file, line, video, detail, rule.happens, KINDS[kind], rule.source)
            self.findings.append(Finding(kind, rule.level, *about))

    def at(self, kind: str, detail: str, sample: Sample) -> None:
        """Note a finding about a sample."""
        self.found(kind, detail, file=sample.file, line=sample.line, video=sample.video)

    def note(self, sentence: str) -> None:
        """Say what could not be checked, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def name(self, path: Path) -> str:
        """A file as findings name it: from the folder, where it is below."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.as_posix()
