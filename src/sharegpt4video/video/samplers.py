"""Which frames of a video stand for it, by name, and those frames with their true times."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ..errors import SettingsError, VideoError
from ..records import Frame
from .decoder import Decoder
from .reader import VideoReader
from .restart import canonical_name
from .source import AV_ERRORS, source_of

FOLDER_FPS = 3.0
"""Frames per second in a folder of frames: MVBench's for its Episodic Reasoning task."""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

_SAME_SECONDS = 1e-4  # the reader's own rounding of times is far below this, the shortest frame far above
_HIDDEN_PICTURES = ("vp8",)  # codecs with packets of their own for pictures that are never shown


def rounded_start(count: int, wanted: int) -> list[int]:
    """The sampler of run.py and of the MVBench script (ShareGPT4Omni/ShareGPT4Video), as indices below ``count``.

    The frames 0 to ``count`` - 1 are cut into equal parts; each gives the frame half a part after its rounded start.
    Fewer frames than wanted come more than once. Raises ValueError unless both numbers are at least 1.
    """
    part = _part(count, wanted)
    return [int(part / 2) + round(part * index) for index in range(wanted)]


def rounded_ends(count: int, wanted: int) -> list[int]:
    """The sampler of the TempCompass script (ShareGPT4Omni/ShareGPT4Video): parts as before, but the lower middle of
    both rounded ends of each. Of 16 frames, some differ from `rounded_start` for 930 of the lengths 17 to 1999.
    """
    part = _part(count, wanted)
    return [(round(part * index) + round(part * (index + 1))) // 2 for index in range(wanted)]


def middles(count: int, wanted: int) -> list[int]:
    """Ours: the middle of each of ``wanted`` equal stretches, so that both ends are left out alike."""
    _part(count, wanted)
    return [(2 * index + 1) * count // (2 * wanted) for index in range(wanted)]


SAMPLERS: dict[str, Callable[[int, int], list[int]]] = {
    "sharegpt4video": rounded_start,
    "tempcompass": rounded_ends,
    "uniform": middles,
}


@dataclass(frozen=True)
class Sample:
    """Frames that were chosen: ``indices`` are their numbers among the ``count`` frames of the video, from 0."""

    frames: tuple[Frame, ...]
    indices: tuple[int, ...]
    count: int


def frames_of(
    video: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    wanted: int,
    *,
    sampler: str = "sharegpt4video",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> list[Frame]:
    """The frames alone of `sample_frames`, which says what is taken and raised."""
    return list(
        sample_frames(video, wanted, sampler=sampler, start_seconds=start_seconds, end_seconds=end_seconds).frames
    )


def sample_frames(
    video: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    wanted: int,
    *,
    sampler: str = "sharegpt4video",
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    folder_fps: float = FOLDER_FPS,
) -> Sample:
    """Take ``wanted`` frames of a video file or address, a folder of frames, or a list of picture files.

    ``start_seconds`` and ``end_seconds`` bound the choice as MVBench does: from the frame nearest to the start to the
    frame nearest to the end, which is included, never beyond the video. At a constant frame rate that is
    ``round(seconds * fps)``; where it is not, true times decide. Pictures of a folder are in the order of the numbers
    in their names and at ``folder_fps``; MVBench numbers them from 1, so a bound means the picture one earlier.

    A video is read twice, undecoded to count its frames, then around the chosen ones; where its packets do not tell,
    it is decoded to be counted. Raises VideoError if there is no frame to take, SettingsError for an unknown sampler
    or a number that makes no sense. All frames are of one size.
    """
    if sampler not in SAMPLERS:
        raise SettingsError(f"no frame sampler is called {sampler!r}; known are: {', '.join(SAMPLERS)}")
    if wanted < 1:
        raise SettingsError(f"at least 1 frame must be wanted, not {wanted}")
    if start_seconds is not None and end_seconds is not None and start_seconds >= end_seconds:
        raise SettingsError(f"start_seconds ({start_seconds}) must be before end_seconds ({end_seconds})")
    choice = _Choice(SAMPLERS[sampler], wanted, start_seconds, end_seconds)
    if not isinstance(video, (str, os.PathLike)):
        return _from_files([Path(path) for path in video], choice, folder_fps, "the list of frames")
    if _is_folder(video):
        return _from_files(_pictures_in(Path(video)), choice, folder_fps, str(video))
    return _from_video(video, choice)


@dataclass(frozen=True)
class _Choice:
    sampler: Callable[[int, int], list[int]]
    wanted: int
    start_seconds: float | None
    end_seconds: float | None

    def indices(self, first: int, last: int, name: str) -> list[int]:
        """The chosen ones of the frames ``first`` to ``last``, both included."""
        if first > last:
            start = "the start" if self.start_seconds is None else f"{self.start_seconds} s"
            end = "the end" if self.end_seconds is None else f"{self.end_seconds} s"
            part = f"{start} to {end}"
            raise VideoError(f"{name}: no frame from {part}; check the bounds against the video's length")
        return [first + index for index in self.sampler(last - first + 1, self.wanted)]


def _part(count: int, wanted: int) -> float:
    if count < 1 or wanted < 1:
        raise ValueError(f"{wanted} of {count} frames cannot be chosen; both numbers must be at least 1")
    return (count - 1) / wanted


def _from_video(video: str | os.PathLike[str], choice: _Choice) -> Sample:
    with VideoReader(video) as reader:
        name = reader.info.name
        times = _packet_times(video)
        if times and abs(times[0] - reader.info.first_seconds) < _SAME_SECONDS:
            indices = _choose(times, choice, name)
            found = _read(reader, [times[index] for index in indices])
            if found is not None:
                return Sample(tuple(found), tuple(indices), len(times))
        times = [frame.seconds for frame in reader.decoded()]
        indices = _choose(times, choice, name)
        found = _read(reader, [times[index] for index in indices])
        if found is None:
            raise VideoError(f"{name}: its frames come at other times when it is read again; convert the file first")
        return Sample(tuple(found), tuple(indices), len(times))


def _choose(times: Sequence[float], choice: _Choice, name: str) -> list[int]:
    start, end, late = choice.start_seconds, choice.end_seconds, False
    if start is not None:
        step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
        late = start > times[-1] + max(step, _SAME_SECONDS)
    first = 0 if start is None else len(times) if late else _nearest(times, start)
    last = len(times) - 1 if end is None else _nearest(times, end)
    return choice.indices(first, last, name)


def _nearest(times: Sequence[float], seconds: float) -> int:
    """The index of the frame that starts nearest to a time; of two as near, the even one, as ``round`` has it."""
    after = bisect_left(times, seconds)
    if after in (0, len(times)):
        return max(0, after - 1) if after else 0
    before = after - 1
    difference = (seconds - times[before]) - (times[after] - seconds)
    if abs(difference) < _SAME_SECONDS / 10:
        return before if before % 2 == 0 else after
    return before if difference < 0 else after


def _packet_times(video: str | os.PathLike[str]) -> list[float]:
    """When each frame is shown, read from the packets; empty where they do not tell for certain."""
    decoder = Decoder(source_of(video))
    try:
        if canonical_name(decoder.stream.codec_context) in _HIDDEN_PICTURES:
            return []
        ticks = []
        for packet in decoder.container.demux(decoder.stream):
            if packet.size and not packet.is_discard:
                if packet.pts is None:
                    return []
                ticks.append(packet.pts)
        ticks.sort()
        if not ticks or len(set(ticks)) < len(ticks):
            return []
        return [float(tick * decoder.time_base - decoder.zero) for tick in ticks]
    except AV_ERRORS:
        return []  # damaged: what can be decoded is what counts
    finally:
        decoder.close()


def _read(reader: VideoReader, times: Sequence[float]) -> list[Frame] | None:
    """The frames that start at these times; None if one of them does not."""
    different = sorted(set(times))
    try:
        found = dict(zip(different, reader.frames(at_seconds=different), strict=True))
    except VideoError:
        return None
    if any(abs(frame.seconds - seconds) > _SAME_SECONDS for seconds, frame in found.items()):
        return None
    return [found[seconds] for seconds in times]


def _is_folder(video: str | os.PathLike[str]) -> bool:
    try:
        return Path(video).is_dir()
    except (OSError, ValueError):  # an address, or no possible path: the reader says so
        return False


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, in the order of the numbers in their names."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not found:
        kinds = ", ".join(PICTURE_SUFFIXES)
        raise VideoError(f"{folder}: no frames found in this folder; they must be pictures ({kinds})")
    return sorted(found, key=lambda path: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", path.name)])


def _from_files(paths: Sequence[Path], choice: _Choice, fps: float, name: str) -> Sample:
    if not paths:
        raise VideoError(f"{name}: it is empty; give at least one picture")
    count, start, end = len(paths), choice.start_seconds, choice.end_seconds
    first = 1 if start is None else max(1, round(start * fps))
    last = count if end is None else min(round(end * fps), count)
    indices = choice.indices(first - 1, last - 1, name)
    found = {index: _picture(paths[index], index / fps, 1 / fps) for index in sorted(set(indices))}
    sizes = {(frame.width, frame.height) for frame in found.values()}
    if len(sizes) > 1:
        told = " and ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise VideoError(f"{name}: its frames are not of one size ({told}); are they of one video?")
    return Sample(tuple(found[index] for index in indices), tuple(indices), count)


def _picture(path: Path, seconds: float, duration_seconds: float) -> Frame:
    try:
        with Pillow.open(path) as opened:
            pixels = np.array(opened.convert("RGB"))
    except (OSError, ValueError, Pillow.DecompressionBombError) as error:
        raise VideoError(f"{path}: this frame cannot be read as a picture ({error}); write it again") from error
    return Frame(pixels, seconds, duration_seconds)
