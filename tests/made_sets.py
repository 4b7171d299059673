"""Small videos by construction, and what a build of them is compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from media import write_video
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.dataset.settings import DatasetSettings, SurveySettings
from sharegpt4video.dataset.store.store import Store

QUICK = DatasetSettings(
    caption=CaptionSettings(
        facts=FactSettings(every_seconds=4.0, ocr=False, detector=SEES_NOTHING),
        keyframes=KeyframeSettings(every_seconds=1.0, selector="uniform", verify_cuts=False),
        image_side_pixels=64,
    ),
    survey=SurveySettings(pictures=False),
)
"""Settings with which a video of a few seconds takes milliseconds: a step a second, no objects looked for."""


def quick(**changes: Any) -> DatasetSettings:
    return replace(QUICK, **changes)


def write_clips(folder: Path, count: int, seconds: float = 3.0, *, first_seed: int = 0) -> list[Path]:
    """Clips of a moving texture, each of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"clip-{number:03d}.mp4"
        big = texture(first_seed + number + 1, 80, 60)
        pictures = [big[at % 12 : at % 12 + 48, at % 16 : at % 16 + 64] for at in range(round(seconds * 8))]
        write_video(path, pictures, fps=8)
        paths.append(path)
    return paths


def captions(out: Path | str) -> dict[str, CaptionRow]:
    """The captions of a data set by location."""
    return {row.location: row for row in Store(out).rows("captions")}


def same_captions(one: Path | str, other: Path | str) -> None:
    """Asserts that two data sets hold equal captions, provenance included."""
    ours, theirs = captions(one), captions(other)
    assert sorted(ours) == sorted(theirs)
    for location, row in ours.items():
        assert _anywhere(row) == _anywhere(theirs[location]), location


def _anywhere(row: CaptionRow) -> CaptionRow:
    """The row without the address at which the model was served."""
    return replace(row, provenance=replace(row.provenance, model=row.provenance.model.partition("@")[0]))


def texts(rows: Sequence[CaptionRow]) -> list[str]:
    return [text for row in rows for text in (*(step.text for step in row.steps), row.summary)]
