"""Travel, zoom, sway and following of known truth: pictures at several depths before a pinhole camera that moves.

Run as ``python benchmarks/camera_travel.py [--takes 3] [--photos DIR]``; the photographs are those of
``camera_moves.py``. A wall and a dozen pieces of other photographs stand at depths from 1.2 to 4; the camera travels,
or zooms, or is held by a hand that sways, with noise and compression. The subject of a take of following stays in the
picture while the background slides; that it is told apart needs its box, which is given.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from camera_moves import EVERY, FPS, SECONDS, SIZE, Picture, h264, photographs

from sharegpt4video.facts.following import followed
from sharegpt4video.facts.motion import MotionMeter
from sharegpt4video.records import Box, CameraMotion, TrackedObject

PIECES, PIECE_SIDE = 12, 256
SUBJECT = TrackedObject(1, "person", 0.9, 9, Box(0.4, 0.3, 0.6, 0.7), Box(0.4, 0.3, 0.6, 0.7))
View = tuple[float, float, float, float]  # right, down, forward (the picture is 1 wide at distance 1), and zoom


def sway(seconds: float) -> tuple[float, float]:
    """Of somebody who stands and films, at distance 1."""
    return 0.016 * math.sin(2.6 * seconds), 0.014 * math.sin(3.3 * seconds + 1)


VIEWS: dict[str, Callable[[float, float], View]] = {
    "dolly in": lambda s, v: (0, 0, v * s, 1),
    "dolly out": lambda s, v: (0, 0, 2 * v - v * s, 1),
    "zoom in": lambda s, v: (0, 0, 0, 1 + v * s),
    "zoom out": lambda s, v: (0, 0, 0, 1 + 2 * v - v * s),
    "dolly in, hand-held": lambda s, v: (*sway(s), v * s, 1),
    "hand-held": lambda s, _: (*sway(s), 0, 1),
}
SPEEDS = (0.1, 0.2, 0.35)


def rendered(photos: list[Picture], view: View, seed: int) -> Picture:
    """What the camera sees: far things first, each at the size and place that its depth gives it."""
    random = np.random.default_rng(seed)
    right, down, forward, zoom = view
    focal = SIZE[0] * zoom
    wall = photos[0]
    scale = 3.2 / 4 * 4 / (4 - forward) * zoom
    back = np.array([[scale, 0, SIZE[0] / 2 - scale * wall.shape[1] / 2 - focal * right / (4 - forward)],
                     [0, scale, SIZE[1] / 2 - scale * wall.shape[0] / 2 - focal * down / (4 - forward)]])  # fmt: skip
    picture = cv2.warpAffine(wall, back, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    for depth in np.linspace(3.6, 1.2, PIECES):
        x, y, other = random.uniform(-1.3, 1.3), random.uniform(-0.8, 0.8), photos[int(random.integers(1, len(photos)))]
        top, left = (int(random.integers(0, max(1, length - PIECE_SIDE))) for length in other.shape[:2])
        piece = np.ascontiguousarray(other[top : top + PIECE_SIDE, left : left + PIECE_SIDE])
        near = focal / (depth - forward)
        size = 0.7 * near / PIECE_SIDE
        place = np.array([[size, 0, SIZE[0] / 2 + near * (x - right) - size * PIECE_SIDE / 2],
                          [0, size, SIZE[1] / 2 + near * (y - down) - size * PIECE_SIDE / 2]])  # fmt: skip
        cover = cv2.warpAffine(np.ones(piece.shape[:2], np.uint8), place, SIZE)
        picture = np.where(cover[..., None] > 0, cv2.warpAffine(piece, place, SIZE), picture)
    return picture


def take(photos: list[Picture], view: Callable[[float], View], noise: float, coded: bool, seed: int) -> CameraMotion:
    random = np.random.default_rng(seed)
    frames = []
    for number in range(0, round(SECONDS * FPS) + 1, 1 if coded else EVERY):
        picture = (
            rendered(photos, view(number / FPS), seed) + random.standard_normal((*SIZE[::-1], 3), np.float32) * noise
        )
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    meter, side = MotionMeter(), MotionMeter.side_pixels
    for number, picture in enumerate(h264(frames)[::EVERY] if coded else frames):
        small = cv2.resize(picture, (side, side * SIZE[1] // SIZE[0]), interpolation=cv2.INTER_AREA)
        meter.push(number * EVERY / FPS, small)
    return meter.camera(0.0, SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--takes", type=int, default=2, help="takes of each move at each speed")
    parser.add_argument("--photos", type=Path, help="a folder with more photographs")
    arguments = parser.parse_args()
    found = photographs(arguments.photos)
    if len(found) < 3:
        print("too few photographs found; run: pip install scikit-image scikit-learn (or give --photos DIR)")
        return 1
    started, total, all_right = time.process_time(), 0, 0
    for name, view in VIEWS.items():
        answers: Counter[tuple[str, ...]] = Counter()
        for place, speed in enumerate(SPEEDS):
            for number in range(arguments.takes):
                seed = 100 * place + number
                chosen = np.random.default_rng(seed).permutation(sorted(found))
                photos = [found[str(one)] for one in chosen]
                answer = take(
                    photos, lambda s, view=view, v=speed: view(s, v), 4.0 * (number % 2), number % 3 == 2, seed
                )
                answers[answer.moves] += 1
                total += 1
        right = sum(count for moves, count in answers.items() if moves[:1] == (name.partition(",")[0],))
        all_right += right
        print(f"{name:22s}{right:4d}/{sum(answers.values())}   {dict(answers)}")
    print(f"{'all':22s}{all_right:4d}/{total}   {all_right / total:.1%}")
    slides = CameraMotion(pan_widths=0.3, moves=("pan right",), confidence=0.8)
    print(f"following              {followed(slides, [SUBJECT]).moves}")
    print(f"{(time.process_time() - started) / total:.2f} s of CPU a take")
    return 0


if __name__ == "__main__":
    sys.exit(main())
