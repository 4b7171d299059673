"""What all manifests are made of: rows on the way in and out, and what is known about each trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import SettingsError

Frames = Literal["whole", "spread", "head", "middle", "random", "chunks"]
"""Which frames of a file meet its caption: all of them, some evenly spread over all, the first, those in the middle,
a random run, or run after run, each with the same caption."""


UNNAMED = "caption"
"""What the caption of a layout is called that holds one for each clip, and does not say which it is."""


@dataclass(frozen=True)
class Row:
    """One clip file and what is written about it.

    video   the file, relative to the folder of the manifest, with ``/``; absolute where that was asked for
    texts   captions by name (``dense``, ``medium``, ``short``), the main one first; never empty
    frames  how many it has, at ``fps`` frames per second
    width, height  in pixels, as displayed
    scores  as in ``Record``
    camera  the camera moves in the trainers' words, such as ``pan left``; "" if unknown
    record  the id of the record it was made from
    """

    video: str
    texts: Mapping[str, str]
    frames: int
    fps: float
    width: int
    height: int
    has_sound: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    camera: str = ""
    split: str = "train"
    record: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.video, str):
            raise SettingsError(f"a manifest names {self.video!r} in the place of a video")
        if not self.texts or not all(isinstance(text, str) for text in self.texts.values()):
            raise SettingsError(f"{self.video}: the manifest has no caption of it")

    @property
    def text(self) -> str:
        """The main caption."""
        return next(iter(self.texts.values()))


@dataclass(frozen=True)
class Window:
    """Which frames a trainer takes from a file when it is set to train on ``count`` of them.

    frames    how they are chosen
    step, add a usable count is ``step * n + add`` (8n + 1 for LTX, 4n + 1 for Wan)
    minimum   files with fewer frames are dropped or fail
    fps       the rate that it resamples to first; None: it takes frames as they are
    source    where this was read, such as a file of its repository and the commit
    """

    frames: Frames
    step: int = 1
    add: int = 0
    minimum: int = 1
    fps: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Manifest:
    """How one trainer's files are written and read back.

    write  (rows, folder, options) -> the files written, the one to name on the command line first; rows come one at a
           time and may be millions
    read   folder -> the rows; what the layout does not hold keeps its default
    options  a frozen dataclass with the layout's own settings, all with defaults
    variants whether several captions per clip are possible; otherwise only the main one is written
    encoders names in ``t2v.encoders.ENCODERS`` that read its captions by default
    paths    how its trainer finds videos: from the folder of the manifest, or only by their absolute paths
    validation  (rows, folder, options) -> the file of prompts that its trainer samples from while it trains; None: it
           reads none
    """

    name: str
    summary: str
    window: Window
    write: Callable[[Iterable[Row], Path, Any], list[Path]]
    read: Callable[[Path], Iterator[Row]]
    options: type
    variants: bool = False
    encoders: tuple[str, ...] = ()
    paths: Literal["relative", "absolute"] = "relative"
    validation: Callable[[Iterable[Row], Path, Any], Path] | None = None
