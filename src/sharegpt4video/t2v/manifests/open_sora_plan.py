"""Open-Sora-Plan: one JSON list, and a file that names it beside the folder of its videos.

Read in ``opensora/dataset/t2v_datasets.py`` of github.com/PKU-YuanGroup/Open-Sora-Plan, f7fa604 (v1.2 to v1.5) and
8aebbc6 (v1.0 and v1.1, on which the paper's model was trained).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...checking import raise_for
from ...errors import SettingsError
from ..mixing import repeated, wrong_weights
from .base import Manifest, Row, Window
from .writing import NOT_A_ROW, Options, caption_of, new_files, opened, path_of, read_list, texts_of, write_list

ANNOTATIONS = "anno.json"
MERGE = "merge.txt"
SCORES = {"aesthetic": "aesthetic", "technical": "tech", "motion": "motion"}
"""Our names of scores, and theirs."""


@dataclass(frozen=True)
class PlanOptions(Options):
    """Options of the layouts of Open-Sora-Plan."""

    root: str = ""
    """The folder of this manifest on the machine that trains. "": where it is written now."""
    aesthetic: bool = False
    """Also write the aesthetic score. Its loader then puts a sentence about beauty before or after the captions of very
    high and very low ones."""
    weights: dict[str, float] = field(default_factory=dict)
    """How often each caption of a clip is taken, by name, such as dense: 0.8, short: 0.2. Its loader takes them all
    equally often, so they are repeated, ten at most. Empty: each once. (v1.0 and v1.1 take one caption only.)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        raise_for(wrong_weights(self.weights))


def write_plan(rows: Iterable[Row], folder: Path, options: PlanOptions) -> list[Path]:
    """Write ``merge.txt`` (``--data``) and ``anno.json``. Raises SettingsError for a path with a comma in it."""
    return _write(folder, options, (_item(row, options) for row in rows))


def write_old_plan(rows: Iterable[Row], folder: Path, options: PlanOptions) -> list[Path]:
    """As ``write_plan``, for ``--video_data`` of v1.0 and v1.1: the frames to take are named for each video."""
    return _write(folder, options, (_old_item(row) for row in rows))


def _write(folder: Path, options: PlanOptions, items: Iterator[dict[str, Any]]) -> list[Path]:
    root = options.root or str(folder.absolute())
    # The loader splits each line at every comma.
    line = f"{path_of(root, without=',')},{path_of(f'{root}/{ANNOTATIONS}', without=',')}\n"
    with new_files(folder, (MERGE, ANNOTATIONS), overwrite=options.overwrite) as (merge, annotations):
        merge.write(line)
        write_list(annotations, items)
    return [folder / MERGE, folder / ANNOTATIONS]


def _item(row: Row, options: PlanOptions) -> dict[str, Any]:
    """``fps`` is always there: filtering has a default for it, reading the frames has none."""
    texts = {name: caption_of(text, row.video) for name, text in row.texts.items()}
    scores = {theirs: row.scores[ours] for ours, theirs in SCORES.items() if ours in row.scores}
    if not options.aesthetic:
        scores.pop("aesthetic", None)
    return {
        "path": path_of(row.video, endings=(".mp4",)),
        "cap": repeated(texts, options.weights),
        "resolution": {"height": row.height, "width": row.width},
        "num_frames": row.frames,
        "fps": row.fps,
        **scores,
    }


def _old_item(row: Row) -> dict[str, Any]:
    path, text = path_of(row.video, endings=(".mp4",)), caption_of(row.text, row.video)
    return {"path": path, "frame_idx": f"0:{row.frames}", "cap": text}


def read_plan(folder: Path) -> Iterator[Row]:
    """The rows of both layouts. Paths are those of the annotations, which are relative to the root in ``merge.txt``."""
    for item in read_list(_annotations(folder)):
        try:
            yield _row(item)
        except NOT_A_ROW as wrong:
            raise SettingsError(f"{folder / ANNOTATIONS}: {item.get('path', 'an item')}: {wrong!r}") from None


def _annotations(folder: Path) -> Path:
    """The first annotations that ``merge.txt`` names; those beside it where it was written for another machine."""
    with opened(folder / MERGE) as file:
        named = file.readline().strip().partition(",")[2]
    return Path(named) if Path(named).exists() else folder / ANNOTATIONS


def _row(item: Mapping[str, Any]) -> Row:
    captions = item["cap"] if isinstance(item["cap"], list) else [item["cap"]]
    size = item.get("resolution") or {}
    frames = item.get("num_frames") or int(item.get("frame_idx", "0:0").partition(":")[2])
    scores = {ours: float(item[theirs]) for ours, theirs in SCORES.items() if item.get(theirs) is not None}
    return Row(
        item["path"],
        texts_of(captions),
        frames,
        float(item.get("fps", 0.0)),
        int(size.get("width", 0)),
        int(size.get("height", 0)),
        scores=scores,
    )


_SOURCE = "opensora/dataset/t2v_datasets.py of PKU-YuanGroup/Open-Sora-Plan"

OPEN_SORA_PLAN = Manifest(
    name="open-sora-plan",
    summary="Open-Sora-Plan 1.2 and later: merge.txt and a JSON list",
    # --train_fps is 24 by default; 4n + 1 frames of the VAE, never under 29
    window=Window("random", step=4, add=1, minimum=29, fps=24.0, source=f"{_SOURCE}, f7fa604"),
    write=write_plan,
    read=read_plan,
    options=PlanOptions,
    variants=True,
    encoders=("mT5-512",),
)
OPEN_SORA_PLAN_OLD = Manifest(
    name="open-sora-plan-v1.1",
    summary="Open-Sora-Plan 1.0 and 1.1, the paper's: with frame_idx",
    window=Window("head", step=4, add=1, minimum=1, source=f"{_SOURCE}, 8aebbc6"),
    write=write_old_plan,
    read=read_plan,
    options=PlanOptions,
    encoders=("T5-300",),
)
