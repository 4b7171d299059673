"""What trainers' own configurations say, and what in them goes against captions that tell things in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ...given import read_json, read_yaml
from ..manifests.diffusion_pipe import CONFIG as DIFFUSION_PIPE
from ..manifests.musubi_tuner import CONFIG as MUSUBI
from ..manifests.musubi_tuner import WHOLE_CAPTION
from .notes import Notes
from .reading import is_there

T = TypeVar("T")


def understood(notes: Notes, file: str, check: Callable[[], T]) -> T | None:
    """What a check of a configuration finds; None where the configuration is built otherwise, which is noted."""
    try:
        return check()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        notes.found("unreadable-manifest", f"cannot be understood ({type(error).__name__}: {error})", file=file)
        return None


def checked_ai_toolkit(notes: Notes, path: Path) -> Path | None:
    """The folder of the first data set of ``config.yaml``, where it is here."""
    told = read_yaml(path)["config"]["process"][0]["datasets"][0]
    notes.frames = notes.frames or int(told.get("num_frames") or 0)
    notes.prefix = str(told.get("trigger_word") or "")
    if told.get("shuffle_tokens"):
        notes.found("shuffled", "shuffle_tokens is on", file=notes.name(path))
    if told.get("shrink_video_to_frames") is False:
        notes.found("chunked", "shrink_video_to_frames is off", file=notes.name(path))
    return _here(notes, told.get("folder_path"), notes.name(path))


def checked_diffusion_pipe(notes: Notes, config: Mapping[str, Any]) -> list[Path]:
    """The folders that ``dataset.toml`` names, where they are here."""
    folders = []
    for told in config.get("directory", []):
        both = {**config, **told}
        buckets = [int(one) for one in both.get("frame_buckets", []) if int(one) > 1]
        if not buckets:
            notes.found("too-few-frames", "frame_buckets has none for videos", file=DIFFUSION_PIPE)
        notes.buckets = () if notes.settings.frames else tuple(buckets)
        notes.frames = notes.frames or min(buckets, default=0)
        notes.prefix = str(both.get("caption_prefix") or "")
        if both.get("shuffle_tags") or both.get("cache_shuffle_num"):
            notes.found("shuffled", "shuffle_tags or cache_shuffle_num is on", file=DIFFUSION_PIPE)
        folders.append(_here(notes, told.get("path"), DIFFUSION_PIPE))
    return [folder for folder in folders if folder is not None]


def checked_finetrainers(notes: Notes, path: Path) -> Path:
    """The folder that ``training.json`` names."""
    if not path.exists():
        return notes.folder
    told = read_json(path)["datasets"][0]
    buckets = tuple(int(one[0]) for one in told.get("video_resolution_buckets", []))
    notes.frames = notes.frames or min(buckets, default=0)
    notes.prefix = str(told.get("id_token") or "")
    return _here(notes, told.get("data_root"), notes.name(path)) or notes.folder


def checked_musubi(notes: Notes, config: Mapping[str, Any]) -> tuple[list[Path], list[Path]]:
    """The lists and the folders that ``dataset.toml`` names, where they are here."""
    lists, folders, caches = [], [], set()
    for told in config.get("datasets", []):
        both = {**config.get("general", {}), **told}
        way = str(both.get("frame_extraction", "head"))
        counts = [int(one) for one in both.get("target_frames", [1])]
        if way not in WHOLE_CAPTION:
            notes.found("chunked", f"frame_extraction is {way!r}", file=MUSUBI)
        notes.whole = way == "full"
        if wrong := [count for count in counts if count % 4 != 1]:
            notes.found("frames-off-step", f"target_frames has {wrong[0]}, not 4n + 1", file=MUSUBI)
        notes.frames = notes.frames or int(both.get("max_frames", 129) if notes.whole else min(counts))
        rate = both.get("source_fps")
        if isinstance(rate, int):
            notes.found("bad-row", f"source_fps is {rate}; it needs a point: {rate}.0", file=MUSUBI)
        if rate is None:
            notes.found("missing-field", "source_fps is not set", file=MUSUBI)
            notes.fps = -1.0
        cache = str(both.get("cache_directory") or both.get("video_directory") or "")
        if not cache:
            notes.found("bad-row", "video_jsonl_file needs a cache_directory", file=MUSUBI)
        if cache in caches:
            notes.found("same-name", f"two data sets have the cache {cache}", file=MUSUBI)
        caches.add(cache)
        if "video_jsonl_file" in both and (path := _here(notes, both["video_jsonl_file"], MUSUBI)) is not None:
            lists.append(path)
        elif "video_directory" in both and (path := _here(notes, both["video_directory"], MUSUBI)) is not None:
            folders.append(path)
            if not both.get("caption_extension"):
                notes.found("not-read", "caption_extension is not set", file=MUSUBI)
    return lists, folders


def checked_simpletuner(notes: Notes, path: Path) -> tuple[str, Path]:
    """How captions are found, and in which folder."""
    if not path.exists():
        return "textfile", notes.folder
    listed = read_json(path)
    told = next(iter([one for one in listed if one.get("dataset_type") == "video"]), None)
    if told is None:
        notes.found("unreadable-manifest", "names no data set of videos", file=notes.name(path))
        return "textfile", notes.folder
    video = told.get("video") or {}
    notes.frames = notes.frames or int(video.get("num_frames") or 0)
    if told.get("prepend_instance_prompt"):
        notes.prefix = str(told.get("instance_prompt") or "")
    if (told.get("caption_shuffle") or {}).get("enable"):
        notes.found("shuffled", "caption_shuffle is on", file=notes.name(path))
    where = _here(notes, told.get("instance_data_dir"), notes.name(path)) or notes.folder
    return str(told.get("caption_strategy") or "textfile"), where


def _here(notes: Notes, where: object, file: str) -> Path | None:
    """A file or folder of a configuration; one of another machine is looked for by its name."""
    path = Path(str(where or ""))
    for there in (path, notes.folder / path, notes.folder / path.name):
        if where and is_there(there):
            return there
    if path.name == notes.folder.name:
        return notes.folder
    notes.found("missing-file", f"names {where}, which is not there", file=file)
    return None
