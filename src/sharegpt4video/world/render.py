"""Draw a scene: RGB pictures of any size and number, with smooth edges and a background that shows the camera."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingsError, StorageError
from .scenes import COLOURS, TONES, WALL_WIDTH, Scene, Shape, state
from .sound import RATE, Heard, Samples, samples

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

PAN = 0.5  # of the picture, over the whole video
ZOOM = 1.6  # from the first to the last picture
WALL = 0.95  # brightness
_CELL = 0.1  # of the shorter side: one patch of the background
_SAMPLES_AT_ONCE = 4096
_PATCHES = 32  # the pattern repeats after so many
_CONTRAST = 0.12
_OVER_ROOT_2 = math.sqrt(0.5)
# Looking ahead, the encoder reads outside of pictures this small and does not decide the same way every time.
_NO_LOOKAHEAD = "rc-lookahead=0:mbtree=0:weightp=0:scenecut=0:b-adapt=0:bframes=0"
_SLOWEST, _FASTEST = 0.01, 1000  # frames a second that the file can tell as a fraction
_FULL_COLOUR = 96  # pixels of the shorter side; below it colours are stored at full resolution


def render(
    scene: Scene, width: int = 128, height: int = 128, fps: float = 8.0, seconds: float = 2.0
) -> Iterator[Pixels]:
    """Yield the pictures of a video, (height, width, 3) uint8 RGB; picture k of n shows the time (k + 1/2) / n.

    Raises SettingsError if the picture is under 16 pixels or there would be no picture.
    """
    count = frame_count(fps, seconds)
    if min(width, height) < 16:
        raise SettingsError(f"a picture has at least 16 pixels each way, not {width}x{height}")
    backdrop = _Backdrop(scene, width, height)
    order = sorted(range(len(scene.things)), key=lambda thing: scene.events_of(thing)[0].kind != "passes")
    for number in range(count):
        at = (number + 0.5) / count
        canvas = np.repeat(backdrop.picture(at)[:, :, None], 3, axis=2)
        for thing in order:
            now = state(scene, thing, at)
            if now.visible:
                _paint(canvas, scene.things[thing].shape, now.x, now.y, now.side, COLOURS[now.colour])
        _wall(canvas, scene)
        yield (canvas * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def frame_count(fps: float, seconds: float) -> int:
    """How many pictures a video of this length has. Raises SettingsError if there would be none, or no end of them."""
    if not (_SLOWEST <= fps <= _FASTEST and math.isfinite(seconds)):
        raise SettingsError(
            f"a video has {_SLOWEST} to {_FASTEST} frames per second and a length in seconds,"
            f" not {fps} per second for {seconds} s"
        )
    count = round(fps * seconds)
    if count < 1:
        raise SettingsError(f"{seconds} s at {fps} frames per second is not one picture")
    return count


def coverage(shape: Shape, x: Floats, y: Floats, half: float) -> Floats:
    """How much of each pixel a shape covers, 0 to 1.

    ``x`` (columns) and ``y`` (rows, downwards) are pixels from its centre, ``half`` is half its side. Exact for edges
    along the axes, to about 0.1 elsewhere.
    """
    share: Floats = np.clip(0.5 - _distance(shape, x[None, :], y[:, None], half), 0, 1).astype(np.float32)
    return share


def _distance(shape: Shape, x: Floats, y: Floats, half: float) -> NDArray[Any]:
    """The distance in pixels from the edge of a shape, negative inside."""
    across, down = np.abs(x), np.abs(y)
    found: NDArray[Any] = np.maximum(across, down) - half * 0.9
    if shape == "square":
        return found
    if shape == "diamond":
        found = (across + down - half) * _OVER_ROOT_2
    elif shape == "cross":
        arm = half * 0.34
        found = np.minimum(np.maximum(across - half, down - arm), np.maximum(across - arm, down - half))
    elif shape == "triangle":
        slope = 1 / math.hypot(2.0, 1.0)
        found = np.maximum(y - half, (2 * across - y - half) * slope)
    else:
        radius = np.hypot(x, y)
        found = radius - half if shape == "disc" else np.maximum(radius - half, half * 0.52 - radius)
    return found


def _paint(canvas: Floats, shape: Shape, x: float, y: float, side: float, colour: tuple[float, ...]) -> None:
    height, width = canvas.shape[:2]
    half = side * min(width, height) / 2
    left, right = max(0, int(x * width - half) - 1), min(width, int(x * width + half) + 3)
    top, bottom = max(0, int(y * height - half) - 1), min(height, int(y * height + half) + 3)
    columns = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x * width)
    rows = np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - y * height)
    share = coverage(shape, columns, rows, half)[:, :, None]
    part = canvas[top:bottom, left:right]
    part += share * (np.asarray(colour, np.float32) - part)


def _wall(canvas: Floats, scene: Scene) -> None:
    if not scene.wall:
        return
    length = canvas.shape[1] if scene.wall == "upright" else canvas.shape[0]
    at = np.arange(length, dtype=np.float32) + np.float32(0.5 - length / 2)
    share = np.clip(np.float32(WALL_WIDTH * length / 2 + 0.5) - np.abs(at), 0, 1)
    share = share[None, :, None] if scene.wall == "upright" else share[:, None, None]
    canvas += share * (np.float32(WALL) - canvas)


class _Backdrop:
    """An endless smooth random pattern, seen through the camera.

    The pattern is a grid of random values; a pixel lies between two of them along each axis. (Written as two products
    of matrices it would be shorter, and much slower wherever many processes share a few cores.)
    """

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.scene = scene
        self.values = np.random.default_rng(scene.seed).uniform(-1, 1, (_PATCHES, _PATCHES)).astype(np.float32)
        self.values[(np.add.outer(np.arange(_PATCHES), np.arange(_PATCHES)) % 2) == 0] *= -1
        shorter = min(width, height)
        self.columns = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) / np.float32(shorter)
        self.rows = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) / np.float32(shorter)
        self.reach = width / shorter, height / shorter

    def picture(self, at: float) -> Floats:
        """The grey background at one time, (height, width)."""
        across, down, zoom = camera_pose(self.scene.camera, at)
        above, below, share = _neighbours(self.rows / np.float32(zoom) + np.float32(down * self.reach[1]))
        upper = self.values[above]
        lines = upper + share[:, None] * (self.values[below] - upper)
        left, right, share = _neighbours(self.columns / np.float32(zoom) + np.float32(across * self.reach[0]))
        nearer = np.take(lines, left, axis=1)
        shade: Floats = nearer + share * (np.take(lines, right, axis=1) - nearer)
        shade *= np.float32(_CONTRAST)
        shade += np.float32(TONES[self.scene.tone(at)])
        return shade


def camera_pose(camera: str, at: float) -> tuple[float, float, float]:
    """Where the camera looks (right and down, in pictures) and how close; the same backwards as forwards in time."""
    way = at - 0.5
    across = PAN * way * {"pan right": 1, "pan left": -1}.get(camera, 0)
    down = PAN * way * {"tilt down": 1, "tilt up": -1}.get(camera, 0)
    return across, down, ZOOM ** (way * {"zoom in": 1, "zoom out": -1}.get(camera, 0))


def _neighbours(places: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """For each place along one axis the grid values before and after it, and the share of the one after."""
    cells = places / np.float32(_CELL) + np.float32(_PATCHES / 2 + 0.37)  # the centre falls on no grid point
    low = np.floor(cells)
    share = cells - low
    index = low.astype(np.int64)
    return index % _PATCHES, (index + 1) % _PATCHES, share * share * (3 - 2 * share)


def write_video(
    scene: Scene,
    path: str | Path,
    width: int = 128,
    height: int = 128,
    fps: float = 8.0,
    seconds: float = 2.0,
    *,
    crf: int = 10,
    sound: Sequence[Heard] = (),
) -> Path:
    """Render a scene into an MP4 file as ``write_clip`` does. Returns the path.

    Raises SettingsError as ``render`` does, StorageError if the file cannot be written.
    """
    pictures = render(scene, width, height, fps, seconds)
    return write_clip(pictures, path, fps=fps, seconds=seconds, crf=crf, sound=sound, seed=scene.seed)


def write_clip(
    pictures: Iterator[Pixels],
    path: str | Path,
    *,
    fps: float,
    seconds: float,
    crf: int = 10,
    sound: Sequence[Heard] = (),
    seed: int = 0,
) -> Path:
    """Write pictures into an MP4 file (H.264); ``crf`` 0 is lossless, 10 hard to tell from it. Returns the path.

    ``sound`` is what is heard, as lossless FLAC; nothing: the file has no sound. The file appears whole or not at all.
    Pictures with an odd side, or one under 96 pixels, are written with the colours at full resolution (yuv444p), which
    browsers do not play.
    Raises StorageError if the file cannot be written.
    """
    import av

    target = Path(path)
    partial = target.with_name(f".{target.name}.part")
    size = "the picture"
    try:
        first = next(pictures)
        size = f"{first.shape[1]}x{first.shape[0]}"
        track = samples(sound, seconds, seed) if sound else None
        write_pictures(chain([first], pictures), partial, fps=fps, crf=crf, sound=track)
        partial.replace(target)
    except (OSError, MemoryError, av.FFmpegError) as error:
        raise StorageError(
            f"{target}: cannot be written: {error}; is the folder there, the disk full, {size} too large?"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def write_pictures(
    pictures: Iterator[Pixels], path: str | Path, *, fps: float, crf: int, sound: Samples | None = None
) -> None:
    """Write pictures as H.264 in MP4 with one thread, so that the same pictures give the same bytes."""
    import av

    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = None
        track: Any = None
        for number, picture in enumerate(pictures):
            if stream is None:
                height, width = picture.shape[:2]
                stream = container.add_stream("libx264", rate=rate)
                stream.width, stream.height = width, height
                stream.pix_fmt = _pixel_format(width, height)
                stream.thread_count = 1
                stream.time_base = 1 / rate
                track = None if sound is None else container.add_stream("flac", rate=RATE, layout="mono")
                stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": _NO_LOOKAHEAD}
            frame = av.VideoFrame.from_ndarray(_planes(picture, stream.pix_fmt), format=stream.pix_fmt)
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
            if sound is not None:
                _write_sound(container, track, sound)


def _write_sound(container: Any, track: Any, sound: Samples) -> None:
    """A track of whole numbers, the same on every machine."""
    import av

    whole = np.rint(sound * 32767).astype(np.int16)
    for first in range(0, len(whole), _SAMPLES_AT_ONCE):
        frame = av.AudioFrame.from_ndarray(whole[None, first : first + _SAMPLES_AT_ONCE], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def _planes(picture: Pixels, pixel_format: str) -> Pixels:
    """RGB as luma and two colour differences (ITU-R BT.601, limited range), laid out as PyAV takes them.

    Done here, so that the bytes do not depend on the processor's instructions that the library would choose.
    """
    red, green, blue = (picture[..., at].astype(np.float32) for at in range(3))
    luma = np.float32(16.5) + np.float32(0.256788) * red + np.float32(0.504129) * green + np.float32(0.097906) * blue
    blues = np.float32(128.5) - np.float32(0.148223) * red - np.float32(0.290993) * green + np.float32(0.439216) * blue
    reds = np.float32(128.5) + np.float32(0.439216) * red - np.float32(0.367788) * green - np.float32(0.071427) * blue
    if pixel_format == "yuv444p":
        return np.stack([luma, blues, reds]).astype(np.uint8)
    small = [(each[::2, ::2] + each[1::2, ::2] + each[::2, 1::2] + each[1::2, 1::2]) / 4 for each in (blues, reds)]
    flat = np.concatenate([luma.ravel(), *(each.ravel() for each in small)])
    return flat.astype(np.uint8).reshape(-1, picture.shape[1])


def _pixel_format(width: int, height: int) -> Literal["yuv420p", "yuv444p"]:
    """Colours at half the resolution, as players expect; at full where that cannot be or would blur small things."""
    return "yuv444p" if width % 2 or height % 2 or min(width, height) < _FULL_COLOUR else "yuv420p"
