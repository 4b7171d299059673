"""A bridge to VBench (github.com/Vchitect/VBench): samples named so that its own tools score them, and its results.

VBench finds the prompt of a video in the file's name, ``PROMPT-0.mp4`` to ``PROMPT-4.mp4``. No file system takes long
prompts or a ``/`` as a name; then the names are numbers, and a JSON file says which prompt each belongs to
(``--prompt_file``, its mode ``custom_input``; VBench issue 79). Read at commit 45e79ec, March 2026.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputMissing, SettingsError, VideoError
from ..files import whole_folder
from ..given import from_json, read_json
from ..video.reader import VideoReader
from .suites import text_in

Mode = Literal["vbench_standard", "custom_input"]
MOST_NAME_BYTES = 255
SAMPLES = 5
"""Videos for each prompt that its standard mode reads, numbered from 0."""
ENDINGS = (".mp4", ".gif")
VIDEOS, PROMPTS = "videos", "prompts.json"
NEEDS_SUITE = frozenset(
    ("object_class", "multiple_objects", "scene", "appearance_style", "color", "spatial_relationship")
)
"""Dimensions that ``custom_input`` refuses: what they look for stands in VBench's own list of prompts."""
DIMENSIONS = (
    "subject_consistency", "background_consistency", "temporal_flickering", "motion_smoothness", "dynamic_degree",
    "aesthetic_quality", "imaging_quality", "human_action", "temporal_style", "overall_consistency",
    *sorted(NEEDS_SUITE),
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A video that was generated. ``prompt`` is the one of the suite, also where a rewritten one was given."""

    video: Path
    prompt: str


@dataclass(frozen=True)
class Named:
    """Where samples lie for VBench: each file's name with its prompt; ``prompt_file`` is None where none is needed."""

    folder: Path
    mode: Mode
    names: dict[str, str]
    prompt_file: Path | None

    def possible(self, dimensions: Iterable[str]) -> tuple[list[str], list[str]]:
        """The dimensions that can be scored so, and those that cannot."""
        refused = [name for name in dimensions if name in NEEDS_SUITE and self.mode == "custom_input"]
        return [name for name in dimensions if name not in refused], refused

    def command(self, dimensions: Sequence[str]) -> str:
        """The line that scores them, to be run in a checkout of VBench."""
        parts = ["python", "evaluate.py", "--videos_path", str(self.folder / VIDEOS), "--dimension", *dimensions]
        parts += ["--mode", self.mode]
        if self.prompt_file is not None:
            parts += ["--prompt_file", str(self.prompt_file)]
        return shlex.join(parts)


def read_samples(file: str | Path) -> tuple[Sample, ...]:
    """The samples that a file lists: JSON Lines or a JSON list with ``video`` and ``prompt``, or JSON by file name.

    Paths are relative to its folder. Raises InputMissing for a file or video that is not there, SettingsError for a
    list that is none.
    """
    path = Path(file)
    text = text_in(path)
    try:
        lines = path.suffix.lower() in (".jsonl", ".ndjson")
        plain: Any = [from_json(line) for line in text.split("\n") if line.strip()] if lines else from_json(text)
        if isinstance(plain, dict):
            plain = [{"video": video, "prompt": prompt} for video, prompt in plain.items()]
        if not isinstance(plain, list) or not all(isinstance(one, dict) for one in plain):
            raise ValueError("it holds something else")
        found = tuple(Sample(path.parent / str(one["video"]), str(one["prompt"]).strip()) for one in plain)
    except (ValueError, TypeError, KeyError) as wrong:
        raise SettingsError(f"{path}: not a list of objects with video and prompt ({wrong})") from None
    if not found:
        raise SettingsError(f"{path}: lists no samples")
    missing = [one.video for one in found if not one.video.is_file()]
    if missing:
        raise InputMissing(f"{missing[0]}: no such video, named in {path} ({len(missing)} of {len(found)} are missing)")
    return found


def place(samples: Sequence[Sample], out: Path, *, mode: Mode | None = None, copy: bool = False) -> Named:
    """Put samples into a new folder under the names that VBench knows, as links where that can be done.

    mode  None: ``vbench_standard`` where every prompt can be a file's name, else ``custom_input``
    copy  copies instead of links

    Raises SettingsError for samples that VBench cannot take, FileExistsError if the folder has something in it.
    """
    _check(samples)
    names = _standard_names(samples)
    wrong = next(filter(None, map(_not_a_name, names)), "")
    if mode == "vbench_standard" and wrong:
        raise SettingsError(f"{wrong}; use custom_input, which names files by number")
    chosen: Mode = mode or ("custom_input" if wrong else "vbench_standard")
    if chosen == "custom_input":
        width = len(str(len(samples)))
        names = [f"{number:0{width}d}{sample.video.suffix.lower()}" for number, sample in enumerate(samples)]
    told = dict(zip(names, (sample.prompt for sample in samples), strict=True))
    with whole_folder(out) as folder:
        (folder / VIDEOS).mkdir()
        for name, sample in zip(names, samples, strict=True):
            _put(sample.video, folder / VIDEOS / name, copy=copy)
        if chosen == "custom_input":
            (folder / PROMPTS).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return Named(out, chosen, told, out / PROMPTS if chosen == "custom_input" else None)


def _check(samples: Sequence[Sample]) -> None:
    endings = {sample.video.suffix.lower() for sample in samples}
    if not endings <= set(ENDINGS):
        raise SettingsError(f"VBench reads {' and '.join(ENDINGS)}, not {', '.join(sorted(endings - set(ENDINGS)))}")
    if len(endings) > 1:
        raise SettingsError("some samples are .mp4, others .gif; VBench's standard mode looks for one ending only")
    if without := [sample.video.name for sample in samples if not sample.prompt]:
        raise SettingsError(f"{without[0]}: has an empty prompt ({len(without)} of {len(samples)} samples have)")


def _standard_names(samples: Sequence[Sample]) -> list[str]:
    count: Counter[str] = Counter()
    names = []
    for sample in samples:
        names.append(f"{sample.prompt}-{count[sample.prompt]}{sample.video.suffix.lower()}")
        count[sample.prompt] += 1
    return names


def _not_a_name(name: str) -> str:
    """Why a name cannot be a file's; "" if it can."""
    if "/" in name or "\0" in name:
        return f"{name!r} cannot be the name of a file: it has a '/'"
    size = len(os.fsencode(name))
    return f"{name[:60]!r}… is a name of {size} bytes, at most {MOST_NAME_BYTES} are possible" if size > 255 else ""


def _put(video: Path, target: Path, *, copy: bool) -> None:
    if not copy:
        try:
            target.symlink_to(video.resolve())
            return
        except OSError:  # a file system without links
            pass
    shutil.copyfile(video, target)


def missing(named: Named, prompts: Iterable[str]) -> dict[str, int]:
    """Prompts of the suite that have fewer than five samples, each with how many there are."""
    have = Counter(named.names.values())
    return {prompt: have[prompt] for prompt in dict.fromkeys(prompts) if have[prompt] < SAMPLES}


@dataclass(frozen=True)
class Dimension:
    """What VBench found in one dimension: the score of all, and by file name that of each video with a number."""

    name: str
    score: float
    videos: tuple[tuple[str, float], ...]


def read_results(file: str | Path) -> tuple[Dimension, ...]:
    """The scores in an ``…_eval_results.json``. Raises InputMissing, or SettingsError if it is none."""
    path = Path(file)
    try:
        plain = read_json(path)
        return tuple(_dimension(name, value) for name, value in plain.items())
    except OSError as gone:
        raise InputMissing(f"{path}: cannot be read: {gone.strerror}") from gone
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as wrong:
        raise SettingsError(f"{path}: no results of VBench ({wrong}); give its …_eval_results.json") from None


def _dimension(name: str, value: Any) -> Dimension:
    score, videos = value if isinstance(value, list) else (value, [])
    numbers = [(Path(one["video_path"]).name, one.get("video_results")) for one in videos]
    told = tuple((video, float(number)) for video, number in numbers if isinstance(number, bool | int | float))
    return Dimension(name, float(score), told)


def temporal_flickering(video: str | Path) -> float:
    """VBench's score of how little a video flickers, 0 to 1: 1 less the mean change from frame to frame.

    It is for videos that should stand still: a picture without any motion gets 1. Holds two frames at a time. Raises
    VideoError for a video that cannot be read, or that has one frame.
    """
    changes = []
    before = None
    with VideoReader(str(video)) as reader:
        for frame in reader.frames():
            pixels = frame.pixels.astype(np.int16)
            if before is not None:
                changes.append(float(np.abs(pixels - before).mean()))
            before = pixels
    if not changes:
        raise VideoError(f"{video}: has one frame; flickering is what changes from one to the next")
    return (255.0 - float(np.mean(changes))) / 255.0
