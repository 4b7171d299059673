"""Camera moves of known truth: a window travels over photographs, with noise, compression and a foreground.

Run as ``python benchmarks/camera_moves.py [--quick] [--photos DIR]``. The photographs are those bundled with
scikit-image and scikit-learn (``pip install scikit-image scikit-learn``; neither is imported), those of ``--photos``,
and the first frames of ``../shared/videos`` where that folder exists. The baseline fits one similarity to a dense flow
(Farneback) by least squares and goes through the same naming.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import math
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sharegpt4video.facts.camera import CameraStep
from sharegpt4video.facts.motion import MotionMeter
from sharegpt4video.facts.moves import TimedStep, sum_up

Picture = NDArray[np.uint8]

SIZE = (640, 360)
SECONDS, FPS, EVERY = 2.04, 25, 3  # every third frame is measured
SPEEDS = {"pan": (2, 5, 15, 30, 60), "zoom": (2, 5, 15, 30, 60), "roll": (3, 8, 15, 25, 40)}  # percent or degrees per s
MOVES = ("pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out", "roll clockwise",
         "roll counter-clockwise")  # fmt: skip
SKIMAGE = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "motorcycle_left", "rocket")
NOISE, FOREGROUND = (0.0, 3.0, 6.0, 10.0), (0.0, 0.1, 0.2, 0.3)
COMPRESSION = ("none", "jpeg", "h264")


@dataclass(frozen=True)
class Case:
    """One synthetic take: what the camera does and what makes it hard."""

    move: str
    speed: float
    photo: str
    other: str
    noise: float
    compression: str
    foreground: float
    seed: int


def photographs(folder: Path | None) -> dict[str, Picture]:
    """The photographs found on this machine, upright RGB, by name."""
    paths: list[Path] = []
    for package, inner, names in (
        ("skimage", "data", [f"{name}.{end}" for name in SKIMAGE for end in ("png", "jpg")]),
        ("sklearn", "datasets/images", ["china.jpg", "flower.jpg"]),
    ):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            paths += [Path(spec.origin).parent / inner / name for name in names]
    if folder is not None:
        paths += sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    found = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in paths if path.is_file()}
    for path in sorted((Path(__file__).resolve().parents[2] / "shared" / "videos").glob("*.mp4")):
        with av.open(str(path)) as container:
            found[path.stem] = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return {name: enlarged(picture) for name, picture in found.items()}


def enlarged(picture: Picture) -> Picture:
    """Scaled so that the window of the camera covers a bit more than half of it."""
    scale = max(SIZE[0] * 1.6 / picture.shape[1], SIZE[1] * 1.6 / picture.shape[0])
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method)


def cases(photos: list[str], per_speed: int, static: int, seed: int) -> Iterator[Case]:
    """Every move at every speed ``per_speed`` times, and ``static`` still cameras, difficulties dealt at random."""
    random = np.random.default_rng(seed)
    wanted = [
        (move, speed)
        for move in MOVES
        for speed in SPEEDS.get(move.split()[0], SPEEDS["pan"])
        for _ in range(per_speed)
    ]
    for number, (move, speed) in enumerate([*wanted, *[("static", 0)] * static]):
        photo, other = random.choice(photos, 2, replace=False)
        yield Case(move, speed, str(photo), str(other), float(random.choice(NOISE)), str(random.choice(COMPRESSION)),
                   float(random.choice(FOREGROUND)), 1000 * seed + number)  # fmt: skip


def window(case: Case, seconds: float) -> tuple[float, float, float, float]:
    """Where the camera looks: centre (pixels from the scene's middle), zoom and clockwise turn in degrees."""
    kind, _, way = case.move.partition(" ")
    gone = case.speed * (seconds - SECONDS / 2)
    if kind == "pan":
        return gone / 100 * SIZE[0] * (1 if way == "right" else -1), 0, 1, 0
    if kind == "tilt":
        return 0, gone / 100 * SIZE[1] * (-1 if way == "up" else 1), 1, 0
    if kind == "zoom":
        return 0, 0, math.exp(math.log1p(case.speed / 100) * (seconds - SECONDS / 2) * (1 if way == "in" else -1)), 0
    return 0, 0, 1, gone * (1 if way == "clockwise" else -1)


def look(scene: Picture, case: Case, seconds: float) -> Picture:
    """The scene through the camera, blurred by an open shutter when the camera is quick."""
    shutter = [-0.25, 0.0, 0.25] if case.speed >= 25 else [0.0]
    seen = []
    for part in shutter:
        x, y, zoom, turn = window(case, seconds + part / FPS)
        cos, sin = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
        middle_x, middle_y = scene.shape[1] / 2 + x, scene.shape[0] / 2 + y
        half_x, half_y = SIZE[0] / 2, SIZE[1] / 2
        # A camera turned clockwise looks along an x axis that points down to the right in the scene.
        matrix = np.array([[cos, -sin, middle_x - cos * half_x + sin * half_y],
                           [sin, cos, middle_y - sin * half_x - cos * half_y]])  # fmt: skip
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen.append(cv2.warpAffine(scene, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT_101))
    return seen[0] if len(seen) == 1 else np.mean(seen, axis=0).astype(np.uint8)


def paste(picture: Picture, other: Picture, case: Case, seconds: float) -> Picture:
    """Put an elliptical piece of another photograph in front, moving by itself."""
    random = np.random.default_rng(case.seed)
    area = case.foreground * SIZE[0] * SIZE[1]
    height = min(math.sqrt(area * random.uniform(0.8, 2.0)), 0.95 * SIZE[1])
    width = area / height
    speed, way = random.uniform(0.05, 0.35) * SIZE[0], random.uniform(0, 2 * math.pi)
    x = random.uniform(0.35, 0.65) * SIZE[0] + speed * math.cos(way) * (seconds - SECONDS / 2)
    y = random.uniform(0.4, 0.6) * SIZE[1] + 0.5 * speed * math.sin(way) * (seconds - SECONDS / 2)
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    inside = (((columns - x) / (width * 0.564)) ** 2 + ((rows - y) / (height * 0.564)) ** 2) <= 1
    back = np.array([[1, 0, other.shape[1] / 2 - x], [0, 1, other.shape[0] / 2 - y]])
    front = cv2.warpAffine(other, back, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                           borderMode=cv2.BORDER_REFLECT_101)  # fmt: skip
    return np.where(inside[..., None], front, picture)


def take(case: Case, photos: dict[str, Picture]) -> Iterator[tuple[float, Picture]]:
    """The frames that are measured, with their times, at the size of a thumbnail."""
    random = np.random.default_rng(case.seed)
    step = 1 if case.compression == "h264" else EVERY
    frames = []
    for number in range(0, round(SECONDS * FPS) + 1, step):
        picture = look(photos[case.photo], case, number / FPS)
        if case.foreground:
            picture = paste(picture, photos[case.other], case, number / FPS)
        if case.noise:
            noise = random.standard_normal(picture.shape, np.float32) * case.noise
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        frames.append(picture)
    if case.compression == "h264":
        frames = h264(frames)[::EVERY]
    elif case.compression == "jpeg":
        frames = [jpeg(picture) for picture in frames]
    side = MotionMeter.side_pixels
    small = (side, side * SIZE[1] // SIZE[0])
    for number, picture in enumerate(frames):
        yield number * EVERY / FPS, cv2.resize(picture, small, interpolation=cv2.INTER_AREA)


def jpeg(picture: Picture) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=35)
    return np.asarray(Image.open(buffer))


def h264(frames: list[Picture]) -> list[Picture]:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "30", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


Answer = tuple[tuple[str, ...], float, int]  # named moves, seconds spent, pairs


def ours(frames: list[tuple[float, Picture]]) -> Answer:
    meter, started = MotionMeter(), time.perf_counter()
    for seconds, picture in frames:
        meter.push(seconds, picture)
    spent = time.perf_counter() - started
    return meter.camera(frames[0][0], frames[-1][0]).moves, spent, len(frames) - 1


def dense_mean(frames: list[tuple[float, Picture]]) -> Answer:
    """The obvious way: a dense flow, and the one similarity that fits all of it best."""
    steps, started = [], time.perf_counter()
    greys = [(seconds, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for seconds, picture in frames]
    height, width = greys[0][1].shape
    columns, rows = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    z = columns + 1j * rows
    for (before, first), (after, second) in pairwise(greys):
        flow = cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 4, 15, 3, 5, 1.2, 0)
        moved = flow[..., 0] + 1j * flow[..., 1]
        turn = 1 + (np.conj(z) * moved).sum() / (np.abs(z) ** 2).sum()
        steps.append(TimedStep(before, after, CameraStep(complex(turn), complex(moved.mean())), (width, height)))
    spent = time.perf_counter() - started
    return sum_up(steps, frames[-1][0] - frames[0][0]).moves, spent, len(steps)


METHODS: dict[str, Callable[[list[tuple[float, Picture]]], Answer]] = {"ours": ours, "dense flow": dense_mean}


def right(case: Case, moves: tuple[str, ...]) -> bool:
    """A move is right when it is the largest one named; a still camera when no move is named."""
    return moves in ((), ("static",)) if case.move == "static" else moves[:1] == (case.move,)


def report(results: list[tuple[Case, dict[str, Answer]]]) -> None:
    def share(method: str, chosen: Callable[[Case], bool]) -> str:
        answers = [right(case, answer[method][0]) for case, answer in results if chosen(case)]
        return f"{sum(answers):4d}/{len(answers):<4d} {sum(answers) / max(1, len(answers)):6.1%}"

    rows: list[tuple[str, Callable[[Case], bool]]] = [("all moves", lambda case: case.move != "static")]
    rows += [(move, lambda case, move=move: case.move == move) for move in (*MOVES, "static")]
    for label, values in (("noise", NOISE), ("compression", COMPRESSION), ("foreground", FOREGROUND)):
        rows += [(f"moves, {label} {value}", lambda case, label=label, value=value:
                  case.move != "static" and getattr(case, label) == value) for value in values]  # fmt: skip
    print(f"\n{'':28s}{'ours':>18s}{'dense flow':>18s}")
    for name, chosen in rows:
        print(f"{name:28s}{share('ours', chosen):>18s}{share('dense flow', chosen):>18s}")
    for method in METHODS:
        silent = [case.move == "static" for case, answer in results if not answer[method][0]]
        print(f"said to be not measurable, {method}: {silent.count(False)} moves, {silent.count(True)} static")
    extra = sum(len(answer["ours"][0]) > 1 for case, answer in results if case.move != "static")
    print(f"moves named beside the right one (ours): in {extra} takes")
    spent: dict[str, float] = defaultdict(float)
    for _, answer in results:
        for method in METHODS:
            spent[method] += answer[method][1]
    pairs = sum(answer["ours"][2] for _, answer in results)
    mine, theirs = (1000 * spent[method] / pairs for method in METHODS)
    print(f"{mine:.2f} ms per pair, dense flow {theirs:.2f} ms: ratio {theirs / mine:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the takes")
    parser.add_argument("--photos", type=Path, help="a folder with more photographs")
    parser.add_argument("--seed", type=int, default=7, help="deals other photographs and difficulties (default 7)")
    parser.add_argument("--misses", action="store_true", help="print every take that was not right")
    arguments = parser.parse_args()
    cv2.setNumThreads(2)
    photos = photographs(arguments.photos)
    if len(photos) < 2:
        print("no photographs found; run: pip install scikit-image scikit-learn (or give --photos DIR)")
        return 1
    takes = list(cases(list(photos), 1 if arguments.quick else 6, 24 if arguments.quick else 120, arguments.seed))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}")
    print(f"{len(takes)} takes of {SECONDS} s, {SIZE[0]}x{SIZE[1]} at {FPS} fps, every {EVERY}rd frame measured")
    print(f"noise {NOISE}, compression {COMPRESSION}, foreground {FOREGROUND}")
    print(f"photographs: {', '.join(photos)}")
    results = []
    for case in takes:
        frames = list(take(case, photos))
        answers = {name: method(frames) for name, method in METHODS.items()}
        results.append((case, answers))
        if arguments.misses and not right(case, answers["ours"][0]):
            print(f"missed: {answers['ours'][0]} for {case}")
    report(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
