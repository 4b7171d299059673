"""The clips that a video generator is trained on, listed by master records or any manifest, and read as pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..caption_files import check_made_from
from ..checking import did_you_mean
from ..errors import InputMissing, SettingsError, VideoError
from ..video.reader import VideoReader
from .claiming import made_for, split_folder
from .manifests import MANIFESTS
from .manifests.base import UNNAMED, Frames
from .record import RECORDS, Record, read_records
from .variants import texts_of

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """A video file and its captions by name, the main one first.

    ``content_id`` is that of the file that was captioned; "" where nobody noted it.
    """

    video: Path
    texts: Mapping[str, str]
    content_id: str = ""


def read_clips(source: str, splits: Sequence[str] = ("train",)) -> list[Clip]:
    """The clips that ``--data`` names: records, a folder with ``records.jsonl``, a folder that ``sg4v t2v export`` made
    for a trainer, or ``LAYOUT:FOLDER`` for a manifest of any origin.

    Raises SettingsError for a manifest that cannot be read or has no clips, InputMissing for one that is not there.
    """
    layout, colon, folder = source.partition(":")
    if not colon and (made := made_for(whole := split_folder(Path(source).expanduser()))):
        layout, colon, folder = made.trainer, ":", str(whole)
    if colon and layout in MANIFESTS:
        root = Path(folder).expanduser()
        rows = MANIFESTS[layout].read(root)
        clips = [Clip(root / row.video, dict(row.texts)) for row in rows if row.split in splits]
    else:
        path = Path(source).expanduser()
        path = path / RECORDS if path.is_dir() else path
        if not path.is_file():
            raise InputMissing(
                f"--data {source}: no such file; name a {RECORDS}, the folder it is in, the folder of a split that sg4v"
                f" t2v export wrote, or LAYOUT:FOLDER of the layouts {', '.join(MANIFESTS)}"
            )
        clips = [_clip(record, path.parent) for record in read_records(path) if record.split in splits]
    if not clips:
        raise SettingsError(f"--data {source}: no clips of the split {' or '.join(splits)}; see data.splits")
    return clips


def _clip(record: Record, root: Path) -> Clip:
    return Clip(root / record.video, texts_of(record), record.caption.content_id)


def captions_of(clips: Sequence[Clip], weights: Mapping[str, float]) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
    """For each clip its captions and how often each is drawn; with no weights given, the main one alone.

    A caption that a clip lacks is never drawn for it. The only one of a manifest that does not name it is taken for the
    one that is asked for. Raises SettingsError for a clip that has none of them.
    """
    found: list[tuple[tuple[str, ...], tuple[float, ...]]] = []
    for clip in clips:
        if not clip.texts:
            raise SettingsError(f"{clip.video}: has no caption that can be trusted; repair it or take it out of --data")
        if not weights or (len(weights) == 1 and set(clip.texts) == {UNNAMED}):
            found.append(((next(iter(clip.texts.values())),), (1.0,)))
            continue
        names = [name for name in weights if name in clip.texts]
        if not names:
            known = sorted({name for each in clips for name in each.texts})
            wanted = ", ".join(weights)
            raise SettingsError(
                f"{clip.video}: has none of the captions of data.captions ({wanted}); there are {', '.join(known)}"
                + did_you_mean(next(iter(weights)), known)
            )
        found.append((tuple(clip.texts[name] for name in names), tuple(weights[name] for name in names)))
    return found


def read_pixels(clip: Clip, wanted: int | None, window: Frames, width: int, height: int) -> Pixels:
    """Frames of a clip as (frame, row, column, 3) uint8; all of them where ``wanted`` is None.

    Frames are scaled to cover the size and cropped in the middle. Raises VideoError for a file that cannot be read, is
    too short, or is not the one that was captioned.
    """
    video = clip.video
    check_made_from(video, clip.content_id)
    with VideoReader(video) as reader:
        frames = [covered(frame.pixels, width, height) for frame in reader.frames()]
    if wanted is None:
        return np.stack(frames)
    if len(frames) < wanted:
        raise VideoError(f"{video}: {len(frames)} frames, fewer than data.frames ({wanted})")
    return np.stack([frames[at] for at in chosen(len(frames), wanted, window)])


def chosen(count: int, wanted: int, window: Frames) -> list[int]:
    """Which of ``count`` frames a window of ``wanted`` takes; a random one is chosen elsewhere."""
    if window == "spread":
        return [at * count // wanted for at in range(wanted)]
    first = (count - wanted) // 2 if window == "middle" else 0
    return list(range(first, first + wanted))


def covered(pixels: Any, width: int, height: int) -> Pixels:
    """A picture scaled so that it covers the size, the middle of it."""
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height):
        return np.asarray(pixels)
    scale = max(width / columns, height / rows)
    size = max(width, round(columns * scale)), max(height, round(rows * scale))
    scaled = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.asarray(scaled[top : top + height, left : left + width])


def unreadable(problems: Sequence[tuple[Path, str]], count: int) -> Iterator[str]:
    """What is said of clips that cannot be learned from."""
    if problems:
        yield f"{len(problems):,} of {count:,} clips are left out; the first: {problems[0][1]}"
