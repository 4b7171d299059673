"""Pixels or latents of clips and encoded captions: computed once, read in every step.

Arrays are memory-mapped NumPy files, so memory does not grow with them. A cache records what it was made from and is
rebuilt when that changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from ...errors import StorageError, VideoError
from ...files import file_state, write_whole
from ...given import read_json
from ..clips import Clip, read_pixels
from ..latents import PixelSpace, Space, as_video
from ..settings import DataSettings, T2VSettings
from ..texts import LoadedEncoder

DONE = "done.json"
_TEXTS_AT_ONCE = 16


@dataclass(frozen=True)
class Cached:
    """Clips as they are learned. ``kept`` are the indices of those that could be read, ``problems`` tells of others."""

    array: Any
    kept: list[int]
    problems: list[tuple[Path, str]]
    pixels: bool

    def batch(self, places: Sequence[int], firsts: Tensor, frames: int) -> Tensor:
        """(clip, channel, frame, row, column); a file with more frames than wanted gives a run, begun at ``firsts``."""
        rows = [np.asarray(self.array[place]) for place in places]
        if not self.pixels:
            return torch.from_numpy(np.stack(rows)).float()
        spare = rows[0].shape[0] - frames
        if spare:
            starts = (firsts * (spare + 1)).long().clamp(max=spare).tolist()
            rows = [row[start : start + frames] for row, start in zip(rows, starts, strict=True)]
        return as_video(torch.from_numpy(np.stack(rows)))


def cached_clips(clips: Sequence[Clip], data: DataSettings, space: Space, folder: Path, vae: str) -> Cached:
    """The clips, from the cache where it is of the same ones. Raises StorageError if it cannot be written."""
    pixels = isinstance(space, PixelSpace)
    wanted = None if data.window == "random" else data.frames
    what = [[str(clip.video), *(file_state(clip.video) or ()), clip.content_id] for clip in clips]
    key = _digest([what, wanted, data.window, data.width, data.height, vae])

    def make(path: Path) -> dict[str, Any]:
        array: Any = None
        kept: list[int] = []
        problems: list[list[str]] = []
        for number, clip in enumerate(clips):
            try:
                read = read_pixels(clip, wanted, data.window, data.width, data.height)
                row = read if pixels else space.encode(as_video(torch.from_numpy(read)[None]))[0].cpu().numpy()
                if array is None:
                    kind = np.uint8 if pixels else np.float16
                    array = open_memmap(path, "w+", kind, (len(clips), *row.shape))
                if row.shape != array.shape[1:]:
                    raise VideoError(f"{clip.video}: {len(read)} frames, the first clip has {array.shape[1]}")
                array[len(kept)] = row
                kept.append(number)
            except VideoError as error:
                problems.append([str(clip.video), str(error)])
        if array is None:
            raise VideoError(f"none of the {len(clips):,} clips can be read; the first: {problems[0][1]}")
        array.flush()
        return {"kept": kept, "problems": problems}

    array, facts = _made(folder / f"clips-{key}", make)
    return Cached(array, facts["kept"], [(Path(path), why) for path, why in facts["problems"]], pixels)


def cached_texts(texts: Sequence[str], encoder: LoadedEncoder, folder: Path, settings: T2VSettings) -> tuple[Any, Any]:
    """Captions encoded, and their lengths; the last is that of no caption. Raises StorageError."""
    key = _digest([list(texts), settings.text.encoder, settings.text.revision, settings.text.max_tokens,
                   settings.model.base, settings.model.family])  # fmt: skip

    def make(path: Path) -> dict[str, Any]:
        array = open_memmap(path, "w+", np.float16, (len(texts) + 1, encoder.window, encoder.width))
        lengths = []
        for begin in range(0, len(texts) + 1, _TEXTS_AT_ONCE):
            encoded, blank = encoder.encode([*texts, ""][begin : begin + _TEXTS_AT_ONCE])
            array[begin : begin + len(encoded)] = encoded.to("cpu", torch.float16).numpy()
            lengths += (~blank).sum(1).tolist()
        array.flush()
        return {"lengths": lengths}

    array, facts = _made(folder / f"texts-{key}", make)
    return array, np.array(facts["lengths"])


def _made(folder: Path, make: Callable[[Path], dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """The array in a folder and what is known of it; made first, unless it is there whole."""
    array, done = folder / "array.npy", folder / DONE
    try:
        if not done.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(done, json.dumps(make(array)).encode())
        return np.load(array, mmap_mode="r"), read_json(done)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{folder}: the cache cannot be written or read: {error}; delete it to make it again"
        ) from error


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]
