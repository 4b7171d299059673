"""How each trainer finds its clips and captions in a folder, its own configuration there included."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json
from ..claiming import REPORT
from ..manifests import (
    ai_toolkit,
    diffsynth,
    diffusion_pipe,
    fastvideo,
    finetrainers,
    lines,
    ltx,
    open_sora,
    open_sora_plan,
)
from ..manifests import musubi_tuner as musubi
from ..manifests import simpletuner as simple
from ..manifests.beside import ENDINGS
from ..manifests.tables import KINDS as TABLES
from ..manifests.toml import read_toml
from ..record import RECORDS
from .configs import (
    checked_ai_toolkit,
    checked_diffusion_pipe,
    checked_finetrainers,
    checked_musubi,
    checked_simpletuner,
    understood,
)
from .notes import Notes, Sample
from .reading import (
    is_there,
    rows_of,
    samples_beside,
    samples_of_lists,
    samples_of_table,
    stored_as_decimals,
    text_of,
    texts_in,
    told_of,
)

Samples = Iterator[Sample]
_OURS = (RECORDS, REPORT)
"""Files of an export that are no table of a trainer."""


def of_cogvideox(notes: Notes) -> Samples:
    """diffusers' example, which leaves empty lines out of both files."""
    captions, videos = notes.folder / lines.CAPTIONS, notes.folder / lines.VIDEOS
    return samples_of_lists(notes, captions, videos, drops_blank=True)


def of_finetrainers(notes: Notes) -> Samples:
    """The layout that finetrainers would recognise: metadata, tars, pairs, then two lists."""
    config = notes.folder / finetrainers.TRAINING
    folder = understood(notes, finetrainers.TRAINING, lambda: checked_finetrainers(notes, config)) or notes.folder
    tables = [folder / f"metadata.{kind}" for kind in TABLES if (folder / f"metadata.{kind}").exists()]
    if tables:
        names = " and ".join(path.name for path in tables)
        if len(tables) > 1:
            notes.found("unreadable-manifest", f"there are {names}, and there may be one", file=notes.name(folder))
        elif tables[0].suffix == ".json":
            notes.found("not-read", "its captions are not read; write metadata.jsonl", file=notes.name(tables[0]))
        return samples_of_table(notes, tables[0], ("file_name",), ("caption",), folder)
    if any(folder.rglob("*.tar")):
        return of_tars(notes, folder)
    captions = [folder / f"{name}.txt" for name in ("caption", "captions", "prompt", "prompts")]
    videos = [folder / f"{name}.txt" for name in ("video", "videos")]
    if any(path.exists() for path in videos):
        there = [path for path in captions if path.exists()] or captions[-1:]
        listed = next(path for path in videos if path.exists())
        return samples_of_lists(notes, there[0], listed, drops_blank=False)
    return samples_beside(notes, folder, endings=(".mp4", ".mov"))


def of_plan(notes: Notes) -> Samples:
    """Open-Sora-Plan from 1.2: it filters by what the annotations say of each clip."""
    for sample in of_old_plan(notes):
        for field in ("width", "height", "frames", "fps"):
            if not sample.told.get(field):
                notes.at("missing-field", f"has no {field}", sample)
        yield sample


def of_old_plan(notes: Notes) -> Samples:
    """Open-Sora-Plan: ``merge.txt`` names folders and annotations, split at every comma."""
    merge = notes.folder / open_sora_plan.MERGE
    pairs = [(notes.folder, notes.folder / open_sora_plan.ANNOTATIONS)]
    if merge.exists():
        told = [line.strip() for line in text_of(notes, merge).splitlines() if line.strip()]
        for number, line in enumerate(told, start=1):
            if line.count(",") != 1:
                notes.found("comma-in-path", f"has {line.count(',')} commas", file=notes.name(merge), line=number)
        pairs = [(Path(root), Path(file)) for root, _, file in (line.partition(",") for line in told)]
    for root, file in pairs:
        beside = file if is_there(file) else notes.folder / file.name
        yield from samples_of_table(notes, beside, ("path",), ("cap",), root if is_there(root) else notes.folder)


def of_open_sora(notes: Notes) -> Samples:
    """Open-Sora: ``train.csv`` or ``train.parquet``, or the first other table in the folder."""
    kinds = [*open_sora.NAMES]
    named = [notes.folder / open_sora.NAMES[kind] for kind in kinds]
    others = [path for kind in kinds for path in sorted(notes.folder.glob(f"*.{kind}"))]
    tables = list(dict.fromkeys(path for path in (*named, *others) if path.exists()))
    if not tables:
        notes.found("unreadable-manifest", f"there is no {' or '.join(open_sora.NAMES.values())}")
        return
    table = tables[0]
    if len(tables) > 1:
        notes.note(f"{table.name} was checked; it reads the one that --dataset.data-path names")
    if stored_as_decimals(table, "fps"):
        notes.found("suffix-differs", "its frame rates are whole, and stored as decimals", file=notes.name(table))
    for sample in _from_here(notes, samples_of_table(notes, table, ("path",), ("text",), Path())):
        for field in ("frames", "height", "width", "fps"):
            if not sample.told.get(field, 0) > 0:
                notes.at("missing-field", f"has no {field}", sample)
        yield sample


def _from_here(notes: Notes, samples: Samples) -> Samples:
    """Relative paths of trainers that open them from where they were started."""
    for sample in samples:
        path = sample.path or Path()
        if not (path.is_absolute() or is_there(path)) and is_there(notes.folder / path):
            notes.note(f"its paths are relative, and this trainer must be started in {notes.folder} to find them")
            path = notes.folder / path
        yield replace(sample, video=notes.name(path), path=path)


def of_diffsynth(notes: Notes) -> Samples:
    """DiffSynth-Studio: ``metadata`` with ``video`` and ``prompt``."""
    return _of_table(notes, diffsynth.STEM, ("video",), ("prompt",))


def of_ltx(notes: Notes) -> Samples:
    """LTX's first trainer: ``dataset`` with ``media_path`` and ``caption``, and what it computed before."""
    _precomputed(notes)
    for sample in _of_table(notes, ltx.STEM, ("media_path",), ("caption",)):
        if sample.path is not None and not os.path.normpath(sample.path).startswith(
            f"{os.path.normpath(notes.folder)}/"
        ):
            notes.at("outside-folder", "is not below the folder of the table", sample)
        yield sample


def of_ltx_2(notes: Notes) -> Samples:
    """LTX-2's trainer: the same with ``video``, and the columns for sound and references."""
    _precomputed(notes)
    beside = ("audio", "reference_video", "ref_media_path", "reference_audio", "video_mask", "audio_mask")
    return _of_table(notes, ltx.STEM, ("video", "media_path"), ("caption",), beside)


def _of_table(
    notes: Notes, stem: str, videos: tuple[str, ...], captions: tuple[str, ...], beside: tuple[str, ...] = ()
) -> Samples:
    named = [notes.folder / f"{stem}.{kind}" for kind in TABLES]
    others = [path for kind in TABLES for path in sorted(notes.folder.glob(f"*.{kind}")) if path.name not in _OURS]
    table = next((path for path in [*named, *others] if path.exists()), None)
    if table is None:
        notes.found("unreadable-manifest", f"there is no {stem}.jsonl, {stem}.json or {stem}.csv")
        return iter(())
    return samples_of_table(notes, table, videos, captions, notes.folder, beside)


def _precomputed(notes: Notes) -> None:
    """Captions and videos that were computed before, from which training starts."""
    cache = notes.folder / ".precomputed"
    kinds = [cache / name for name in ("conditions", "latents")]
    if all(path.is_dir() for path in kinds):
        captions, videos = ({file.relative_to(path) for file in path.rglob("*.pt")} for path in kinds)
        if alone := sorted(captions ^ videos):
            detail = f"{len(captions):,} captions and {len(videos):,} videos were computed, such as {alone[0]} alone"
            notes.found("stale-cache", detail, file=notes.name(cache))


def of_fastvideo(notes: Notes) -> Samples:
    """FastVideo: ``videos2caption.json``, whose paths begin in ``videos``."""
    path = notes.folder / fastvideo.NAME
    for number, row in rows_of(notes, path):
        name = row.get("path", row.get("name"))
        if not isinstance(name, str):
            notes.found("bad-row", "has no path", file=notes.name(path), line=number)
            continue
        value = row.get("cap", row.get("caption"))
        texts = texts_in({"cap": value}, ("cap",))
        sample = Sample(name, notes.folder / fastvideo.VIDEOS / name, texts, notes.name(path), number, told_of(row))
        if isinstance(value, list):
            notes.at("several-captions", f"holds a list of {len(value)}", sample)
        for field in ("fps", "frames", "width", "height"):
            if not sample.told.get(field):
                notes.at("missing-field", f"has no {field}", sample)
        yield sample


def of_diffusion_pipe(notes: Notes) -> Samples:
    """diffusion-pipe: the folders of ``dataset.toml``, or this one and those below."""
    config = _toml(notes, diffusion_pipe.CONFIG)
    told = understood(notes, diffusion_pipe.CONFIG, lambda: checked_diffusion_pipe(notes, config))
    folders = told or _with_videos(notes.folder)
    for folder in folders:
        captions = folder / diffusion_pipe.CAPTIONS
        yield from _of_captions_json(notes, captions) if captions.exists() else samples_beside(notes, folder)


def _of_captions_json(notes: Notes, path: Path) -> Samples:
    try:
        told = read_json(path)
    except (OSError, ValueError) as error:
        notes.found("unreadable-manifest", f"cannot be read ({error})", file=notes.name(path))
        return
    told = told if isinstance(told, dict) else {}
    there = {video.name: video for video in sorted(path.parent.iterdir()) if video.suffix.lower() in ENDINGS}
    for name, captions in told.items():
        if name not in there:
            notes.found("no-video", f"{name} is not in the folder", file=notes.name(path), video=name)
        if not isinstance(captions, list):
            notes.found("bad-row", f"{name} has no list of captions", file=notes.name(path), video=name)
    for name, video in there.items():
        captions = told.get(name)
        if captions is None:
            notes.found("no-caption", "has no entry", file=notes.name(path), video=name)
            continue
        texts = tuple(map(str, captions)) if isinstance(captions, list) else (str(captions),)
        if video.with_suffix(".txt").exists():
            notes.found("not-read", f"captions.json is read, not {video.stem}.txt", file=notes.name(path), video=name)
        yield Sample(notes.name(video), video, texts or ("",), notes.name(path))


def of_musubi(notes: Notes) -> Samples:
    """musubi-tuner: the data sets of ``dataset.toml``, or the lists and texts that are there."""
    config = _toml(notes, musubi.CONFIG)
    told = understood(notes, musubi.CONFIG, lambda: checked_musubi(notes, config))
    listed, folders = told or ([], [])
    if not config or told is None:
        listed = sorted(notes.folder.glob("*.jsonl"))
        folders = [] if listed else _with_videos(notes.folder)
    for path in listed:
        yield from _from_here(notes, samples_of_table(notes, path, ("video_path",), ("caption",), Path()))
    for folder in folders:
        yield from samples_beside(notes, folder)


def of_ai_toolkit(notes: Notes) -> Samples:
    """ai-toolkit: all folders below, and the first data set of ``config.yaml``."""
    path = notes.folder / ai_toolkit.CONFIG
    named = understood(notes, ai_toolkit.CONFIG, lambda: checked_ai_toolkit(notes, path)) if path.exists() else None
    return samples_beside(notes, named or notes.folder, deep=True)


def of_simpletuner(notes: Notes) -> Samples:
    """SimpleTuner: the data set of ``multidatabackend.json``, or all folders below."""
    path = notes.folder / simple.CONFIG
    told = understood(notes, simple.CONFIG, lambda: checked_simpletuner(notes, path))
    strategy, folder = told or ("textfile", notes.folder)
    if strategy != "filename":
        yield from samples_beside(notes, folder, deep=True, lines=True)
        return
    for video in sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
        yield Sample(notes.name(video), video, (video.stem.replace("_", " "),), notes.name(video))


def of_tars(notes: Notes, folder: Path | None = None) -> Samples:
    """WebDataset: members of a sample next to each other, by the name before the first dot."""
    for path in sorted((folder or notes.folder).rglob("*.tar")):
        try:
            yield from _of_tar(notes, path)
        except (tarfile.TarError, OSError, UnicodeDecodeError) as error:
            notes.found("unreadable-manifest", f"cannot be read ({error})", file=notes.name(path))


def _of_tar(notes: Notes, path: Path) -> Samples:
    keys, seen = "", set[int]()
    held: dict[str, str] = {}
    with tarfile.open(path) as tar:
        for member in chain(tar, [None]):
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep every header
            key, _, column = (member.name if member else "").partition(".")
            if key != keys and held:
                yield from _sample_of_key(notes, path, keys, held)
            if key != keys:
                if hash(key) in seen:
                    notes.found("same-name", f"{key} comes twice", file=notes.name(path), video=key)
                keys, held = key, {}
                seen.add(hash(key))
            if member is None:
                break
            text = tar.extractfile(member) if column.endswith("txt") else None
            held[column] = text.read().decode() if text else ""


def _sample_of_key(notes: Notes, path: Path, key: str, held: Mapping[str, str]) -> Samples:
    video = next((column for column in held if f".{column.lower()}" in ENDINGS), "")
    texts = tuple(text for column, text in held.items() if column.endswith("txt"))
    if not video:
        odd = f"only {', '.join(held)}; a dot in a key ends it" if held else "nothing"
        notes.found("no-video", f"{key} has {odd}", file=notes.name(path), video=key)
    elif not texts:
        notes.found("no-caption", f"{key} has no text", file=notes.name(path), video=key)
    else:
        yield Sample(f"{key}.{video}", None, texts, notes.name(path))


def _toml(notes: Notes, name: str) -> dict[str, Any]:
    path = notes.folder / name
    if not path.exists():
        return {}
    try:
        return read_toml(path)
    except SettingsError as error:
        if "Python 3.11" in str(error):
            notes.note(str(error))
        else:
            notes.found("unreadable-manifest", str(error), file=name)
        return {}


def _with_videos(folder: Path) -> list[Path]:
    """The folder, or those directly below it, that have videos."""
    folders = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return [one for one in folders if any(path.suffix.lower() in ENDINGS for path in one.iterdir())]


FOLDERS: dict[str, Callable[[Notes], Samples]] = {
    "open-sora-plan": of_plan,
    "open-sora-plan-v1.1": of_old_plan,
    "open-sora": of_open_sora,
    "finetrainers": of_finetrainers,
    "diffusers-cogvideox": of_cogvideox,
    "diffusion-pipe": of_diffusion_pipe,
    "musubi-tuner": of_musubi,
    "diffsynth": of_diffsynth,
    "fastvideo": of_fastvideo,
    "ltx-video-trainer": of_ltx,
    "ltx-2": of_ltx_2,
    "ai-toolkit": of_ai_toolkit,
    "simpletuner": of_simpletuner,
    "webdataset": of_tars,
}
