"""One cheap look at a video, before any model is asked: what its header, its packets and its pictures tell."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from ...config import FactSettings
from ...facts.text import TextReader
from ...listening import listener
from ...records import ScreenText
from ...video.fades import Transition
from ...video.grid import SLACK_SECONDS, Grid
from ...video.picture import DecodedFrame
from ...video.reader import VideoInfo, VideoReader
from ...video.shots import ShotDetector
from ..rows import Survey
from ..settings import SurveySettings
from .bars import WHOLE, BlackBars, Edges, covered, inside
from .borders import picture_edges
from .embedding import embedding_of
from .moving import PairMeter
from .packets import coded
from .phash import perceptual_hash
from .stills import FreezeMeter, Picture, grey_of, is_black, picture_of, sharpness

MOST_KEYFRAMES = 16
MOST_ENCODED = 8
SECONDS_PER_KEYFRAME = 1.0
SECONDS_PER_ENCODED = 2.0
CANDIDATES = 64
BAR_PICTURES = 16
CENTRE = (0.15, 0.15, 0.85, 0.75)
"""The part of the picture that logos, lower thirds and subtitles leave alone: left, top, right, bottom."""
CANDIDATE_SIDE = 224  # what the encoder sees; the hash needs less
TEXT_SIDE_PIXELS = 1280
MOST_READINGS = 8
LEAST_READING_GAP_SECONDS = 1.0
ALONGSIDE_SECONDS = 180.0
"""What is read of a longer video would be too much to hold until the video is decided."""

Alongside = Callable[[VideoReader, Iterator[DecodedFrame], ShotDetector], None]


def survey(
    video: str | os.PathLike[str] | BinaryIO,
    *,
    id: str,
    settings: SurveySettings,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    size_bytes: int = 0,
    identified: Callable[[str], None] = lambda _: None,
    alongside: Alongside | None = None,
    alive: Callable[[], None] = lambda: None,
) -> Survey:
    """Measure a video, or its part ``[start_seconds, end_seconds)``, in one decode and one reading of its packets.

    Memory does not grow with the video. With ``settings.pictures`` off only the header, the first picture and the
    packets are read. A stream that cannot be read twice has no packet hash. ``identified`` is called with that hash
    before pictures are measured. ``alongside`` gets the open reader, its frames while they are measured, and a shot
    detector, to which it has to push every frame and which it has to flush at the end. It is not called where no
    pictures are looked at, nor for a video of more than ``ALONGSIDE_SECONDS``, or of a length that its header does not
    tell. ``alive`` is called for every packet and every frame: a long video must not be taken for a stalled one.

    Raises VideoError when there is nothing to read, MissingExtra for ``settings.sound`` without the extra ``sound``.
    """
    texts = TextMeter() if settings.text and settings.pictures else None
    packets = coded(video, start_seconds, end_seconds, alive)
    identified(packets.hash)
    with VideoReader(video, start_seconds=start_seconds, end_seconds=end_seconds) as reader:
        found = _header(reader.info, id, size_bytes, start_seconds, end_seconds)
        found = replace(found, codec=packets.codec or found.codec, packet_hash=packets.hash)
        if not settings.pictures:
            return found
        shots = NotedShots(verify=settings.verify_cuts)
        surveyor = Surveyor(settings, found.duration_seconds, shots, texts)
        frames = surveyor.watch(_with_signs(reader.decoded(), alive))
        is_short = (found.duration_seconds or math.inf) <= ALONGSIDE_SECONDS
        (alongside if alongside is not None and is_short else _alone)(reader, frames, shots)
        return replace(found, **surveyor.scores(), **(_heard(reader, surveyor) if settings.sound else {}))


def _heard(reader: VideoReader, surveyor: Surveyor) -> dict[str, Any]:
    """For which share of the time there is what; nothing for a source that can be read only once."""
    heard = listener(reader, FactSettings(sound=True, speech=False))
    if heard is None:
        return {}
    sound = heard.between(*surveyor.times())
    silence = sound.silence_share if sound.track else 1.0
    return {"silence_share": silence, "speech_share": sound.speech_share, "music_share": sound.music_share}


def _alone(_: VideoReader, frames: Iterator[DecodedFrame], detector: ShotDetector) -> None:
    for _frame in detector.watching(frames):
        pass


def _with_signs(frames: Iterator[DecodedFrame], alive: Callable[[], None]) -> Iterator[DecodedFrame]:
    for frame in frames:
        alive()
        yield frame


def _header(info: VideoInfo, id: str, size_bytes: int, start: float | None, end: float | None) -> Survey:
    known_end = info.duration_seconds if end is None else min(end, info.duration_seconds or end)
    first = info.first_seconds if start is None else max(start, info.first_seconds)
    return Survey(
        id=id,
        container=info.container,
        codec=info.codec,
        width=info.width,
        height=info.height,
        average_fps=info.average_fps,
        duration_seconds=None if known_end is None else max(0.0, known_end - first),
        size_bytes=size_bytes,
    )


class NotedShots(ShotDetector):
    """A shot detector that can be asked for all transitions at the end, whoever pushes the frames."""

    def __init__(self, *, verify: bool = True) -> None:
        super().__init__(verify=verify)
        self.seconds: list[float] = []

    def push(self, seconds: float, thumbnail: Picture) -> list[Transition]:
        found = super().push(seconds, thumbnail)
        self.seconds += [one.seconds for one in found]
        return found

    def flush(self) -> list[Transition]:
        found = super().flush()
        self.seconds += [one.seconds for one in found]
        return found


class Surveyor:
    """Measures the frames of a video as they pass through ``watch``; ``scores`` then gives the fields of a Survey.

    ``shots`` have to be pushed the same frames, by somebody else, and to be flushed before ``scores`` is called.
    """

    def __init__(
        self,
        settings: SurveySettings,
        expected_seconds: float | None,
        shots: NotedShots,
        texts: TextMeter | None = None,
    ) -> None:
        self._grid = Grid(settings.every_seconds)
        self._shots = shots
        self._freeze = FreezeMeter()
        self._black_bars = BlackBars()
        self._pairs = PairMeter(expected_seconds, settings.every_seconds)
        self._candidates = Candidates()
        self._texts = texts
        self._text_gap = max(LEAST_READING_GAP_SECONDS, (expected_seconds or 0.0) / MOST_READINGS)
        self._brightness: list[float] = []
        self._sharpness: list[float] = []
        self._black = 0.0
        self._start: float | None = None
        self._end = 0.0

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        """Pass the frames on unchanged, each measured."""
        for frame in decoded:
            self._push(frame)
            yield frame

    def _push(self, frame: DecodedFrame) -> None:
        if self._start is None:
            self._start = frame.seconds
        self._end = frame.end_seconds
        small = grey_of(frame.small(ShotDetector.side_pixels))
        black = is_black(small)
        self._black += frame.duration_seconds if black else 0.0
        sample = self._sample(frame, black) if self._grid.takes(frame) else None
        self._freeze.push(frame, small, sample)
        self._pairs.push(frame)
        if self._texts is not None:
            self._texts.push(frame, self._text_gap)

    def times(self) -> tuple[float, float]:
        """When the pictures that were measured begin and end."""
        return self._start or 0.0, self._end

    def scores(self) -> dict[str, Any]:
        """What was measured, by the names of a Survey's fields."""
        start = self._start or 0.0
        length = self._end - start
        cuts = self._shots.seconds
        motion, camera = self._pairs.speeds(cuts)
        edges = self._edges()
        content = self._black_bars.content(edges or WHOLE)
        keyframes = [inside(one, content) for one in self._candidates.keyframes(start, self._end, cuts)]
        spread = [inside(one, content) for one in self._candidates.spread(start, self._end)]
        return {
            "duration_seconds": length,
            "brightness": _median(self._brightness),
            "sharpness": _median(self._sharpness),
            "black_share": min(1.0, self._black / length),
            "frozen_share": min(1.0, self._freeze.finish() / length),
            "letterbox_share": None if edges is None else covered(edges),
            "shots": len(cuts) + 1,
            "motion": motion,
            "camera_motion": camera,
            "text_area": None if self._texts is None else self._texts.area(),
            "hashes": _hashes(keyframes),
            "embedding": embedding_of(spread),
            "centre_hashes": _hashes([inside(one, CENTRE) for one in keyframes]),
            "centre_embedding": embedding_of([inside(one, CENTRE) for one in spread]),
        }

    def _edges(self) -> Edges | None:
        """Where the picture lies between bars of any kind; None if every picture was black."""
        return self._black_bars.edges(picture_edges(self._candidates.evenly(BAR_PICTURES)))

    def _sample(self, frame: DecodedFrame, black: bool) -> Picture:
        rgb = picture_of(frame)
        grey = grey_of(rgb)
        self._brightness.append(float(grey.mean()) / 255)
        self._sharpness.append(sharpness(grey))
        if not black:
            self._black_bars.push(grey)
            self._candidates.push(frame.seconds, rgb)
        return grey


class Candidates:
    """Pictures that may become keyframes: at most 64, evenly spread over what has been pushed."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, Picture]] = []
        self._stride, self._count = 1, 0

    def push(self, seconds: float, rgb: Picture) -> None:
        """Take the next picture, in time order."""
        if self._count % self._stride == 0:
            if len(self._kept) == CANDIDATES:
                self._kept = self._kept[::2]
                self._stride *= 2
            if self._count % self._stride == 0:
                size = (CANDIDATE_SIDE, CANDIDATE_SIDE)
                small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if min(rgb.shape[:2]) > size[0] else 1)
                self._kept.append((seconds, np.asarray(small, np.uint8)))
        self._count += 1

    def keyframes(self, start: float, end: float, cuts: list[float]) -> list[Picture]:
        """At most 16 pictures in the order of time: one of each shot first, from its middle, then evenly."""
        edges = np.array([start, *cuts, end])
        middles, shots = (edges[1:] + edges[:-1]) / 2, np.searchsorted(edges[1:-1], self._times(), "right")
        chosen: list[int] = []
        for shot in _evenly(len(middles), MOST_KEYFRAMES):
            inside = np.flatnonzero(shots == shot)
            if len(inside):
                chosen.append(int(inside[np.argmin(np.abs(self._times()[inside] - middles[shot]))]))
        wanted = int(np.clip((end - start) / SECONDS_PER_KEYFRAME, 1, MOST_KEYFRAMES))
        for index in self._nearest(start + (end - start) * _halves(wanted)):
            if index not in chosen and len(chosen) < MOST_KEYFRAMES:
                chosen.append(index)
        return [self._kept[index][1] for index in sorted(chosen)]

    def evenly(self, most: int) -> list[Picture]:
        """At most ``most`` of the kept pictures, in the order of time."""
        return [self._kept[index][1] for index in _evenly(len(self._kept), most)]

    def spread(self, start: float, end: float) -> list[Picture]:
        """At most 8 pictures at even distances, whatever the shots are: the same for another encoding of the video."""
        wanted = int(np.clip(round((end - start) / SECONDS_PER_ENCODED), 1, MOST_ENCODED))
        evenly = start + (end - start) * (np.arange(wanted) + 0.5) / wanted
        return [self._kept[index][1] for index in self._nearest(evenly)]

    def _nearest(self, targets: NDArray[np.float64]) -> list[int]:
        if not self._kept:
            return []
        found = np.abs(self._times()[None, :] - targets[:, None]).argmin(axis=1)
        return [int(index) for index in np.unique(found)]

    def _times(self) -> NDArray[np.float64]:
        return np.array([seconds for seconds, _ in self._kept])


class TextMeter:
    """The share of the picture under on-screen text, in about 8 pictures of a video."""

    def __init__(self) -> None:
        self._reader = TextReader()
        self._areas: list[float] = []
        self._next = float("-inf")

    def push(self, frame: DecodedFrame, gap_seconds: float) -> None:
        """Read the frame if it is time; when there are more of them than the header announced, less and less often."""
        if frame.seconds < self._next - SLACK_SECONDS:
            return
        self._next = frame.seconds + gap_seconds * 2.0 ** (len(self._areas) // MOST_READINGS)
        self._areas.append(covered_share(self._reader(frame.frame(TEXT_SIDE_PIXELS).pixels, frame.seconds)))

    def area(self) -> float | None:
        """The mean over the pictures that were read."""
        return float(np.mean(self._areas)) if self._areas else None


def covered_share(texts: tuple[ScreenText, ...], cells: int = 512) -> float:
    """The share of a picture under the boxes of texts; where boxes overlap it counts once."""
    covered = np.zeros((cells, cells), bool)
    for text in texts:
        left, top, right, bottom = (round(edge * cells) for edge in _edges(text))
        covered[top:bottom, left:right] = True
    return float(covered.mean())


def _edges(text: ScreenText) -> tuple[float, float, float, float]:
    return text.box.left, text.box.top, text.box.right, text.box.bottom


def _hashes(pictures: list[Picture]) -> tuple[str, ...]:
    """The different hashes of pictures that have one."""
    return tuple(text for text in dict.fromkeys(perceptual_hash(picture) for picture in pictures) if text)


def _halves(count: int) -> NDArray[np.float64]:
    """The first numbers of 1/2, 1/4, 3/4, 1/8, 5/8, ...: any two of these rows have the shorter one in common.

    So a copy that is played faster, for which fewer pictures are asked for, has them from the same scenes (the sequence
    of J. G. van der Corput, 1935).
    """
    return np.array([int(f"{number:b}"[::-1], 2) / (1 << number.bit_length()) for number in range(1, count + 1)])


def _evenly(count: int, most: int) -> list[int]:
    """At most ``most`` of the first ``count`` numbers, evenly spread."""
    if count <= most:
        return list(range(count))
    return [int((number + 0.5) * count / most) for number in range(most)]


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None
