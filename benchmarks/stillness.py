"""Stillness of known truth: a photograph in which nothing moves, or a piece of another one moves a little or slowly.

Run as ``python benchmarks/stillness.py [--takes 4] [--photos DIR]``; the photographs are those of ``camera_moves.py``.
Every take is made hard by noise, compression, flicker, a slow change of light or a swaying hand, or by two of them.
A row says in how many takes the meter said "still", said that something moved, or did not say.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from camera_moves import EVERY, FPS, SIZE, Picture, h264, jpeg, photographs

from sharegpt4video.facts.motion import MotionMeter

SECONDS = 3.04
HARD = ("clean", "noise 3", "noise 8", "jpeg", "h264", "flicker", "fade", "sway", "sway h264", "noise 3 flicker")
DRIFTS = (0.005, 0.01, 0.03, 0.1, 0.3)  # picture widths per second
AREAS = (0.003, 0.01, 0.04)  # shares of the picture


@dataclass(frozen=True)
class Case:
    """One take: ``kind`` is "nothing", "drift", "lift" (once, there and back) or "wobble"; the rest makes it hard."""

    kind: str
    area: float
    speed: float
    hard: str
    seed: int


@dataclass
class Row:
    answers: Counter[bool | None] = field(default_factory=Counter)

    def text(self) -> str:
        total = max(1, sum(self.answers.values()))
        return "".join(f"{self.answers[answer] / total:10.0%}" for answer in (True, False, None))


def offset(case: Case, seconds: float) -> float:
    """How far the piece has gone, in picture widths."""
    if case.kind == "drift":
        return case.speed * seconds
    if case.kind == "lift":
        return 0.06 * max(0.0, math.sin(math.pi * (seconds - 1.0) / 0.8)) if 1.0 <= seconds <= 1.8 else 0.0
    return 0.012 * math.sin(2 * math.pi * 1.5 * seconds) if case.kind == "wobble" else 0.0


def take(case: Case, photos: dict[str, Picture]) -> list[tuple[float, Picture]]:
    random = np.random.default_rng(case.seed)
    photo, other = (photos[str(name)] for name in random.choice(sorted(photos), 2, replace=False))
    ground = window(photo, 0.0, 0.0)
    way, place = random.uniform(0, 2 * math.pi), random.uniform(0.3, 0.7, 2)
    hertz, phase = random.uniform(0.3, 1.2, 4), random.uniform(0, 2 * math.pi, (2, 4))
    frames = []
    for number in range(round(SECONDS * FPS) + 1):
        seconds = number / FPS
        gone = offset(case, seconds) * SIZE[0]
        x, y = place[0] * SIZE[0] + gone * math.cos(way), place[1] * SIZE[1] + gone * math.sin(way)
        picture = pasted(ground, other, case.area, x, y) if case.kind != "nothing" else ground
        if "sway" in case.hard:
            dx, dy = 0.0012 * SIZE[0] * np.sin(2 * math.pi * hertz * seconds + phase).sum(axis=1)
            picture = cv2.warpAffine(
                picture, np.array([[1, 0, dx], [0, 1, dy]]), SIZE, borderMode=cv2.BORDER_REFLECT_101
            )
        frames.append(degraded(picture, case.hard, seconds, random))
    if "h264" in case.hard:
        frames = h264(frames)
    side = MotionMeter.side_pixels
    small = (side, side * SIZE[1] // SIZE[0])
    return [
        (
            number / FPS,
            cv2.resize(jpeg(picture) if case.hard == "jpeg" else picture, small, interpolation=cv2.INTER_AREA),
        )
        for number, picture in list(enumerate(frames))[::EVERY]
    ]


def window(photo: Picture, x: float, y: float) -> Picture:
    left, top = (photo.shape[1] - SIZE[0]) / 2 + x, (photo.shape[0] - SIZE[1]) / 2 + y
    return cv2.warpAffine(photo, np.array([[1, 0, -left], [0, 1, -top]]), SIZE, borderMode=cv2.BORDER_REFLECT_101)


def pasted(ground: Picture, other: Picture, area: float, x: float, y: float) -> Picture:
    """A round piece of another photograph, with soft edges, at a place given to parts of a pixel."""
    radius = math.sqrt(area * SIZE[0] * SIZE[1] / math.pi)
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    cover = np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
    shift = np.array([[1, 0, x - other.shape[1] / 2], [0, 1, y - other.shape[0] / 2]])
    piece = cv2.warpAffine(other, shift, SIZE, borderMode=cv2.BORDER_REFLECT_101)
    return (cover * piece + (1 - cover) * ground).astype(np.uint8)


def degraded(picture: Picture, hard: str, seconds: float, random: np.random.Generator) -> Picture:
    changed = picture.astype(np.float32)
    if "flicker" in hard:
        changed *= 1 + 0.12 * math.sin(21 * seconds)
    if "fade" in hard:
        changed *= 0.7 + 0.15 * seconds
    if "noise" in hard:
        changed += random.standard_normal(picture.shape, np.float32) * float(hard.split()[1])
    return np.clip(changed, 0, 255).astype(np.uint8)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--takes", type=int, default=4, help="takes a row")
    parser.add_argument("--photos", type=Path, help="a folder with more photographs")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--misses", action="store_true", help="print every take of which something false is said")
    arguments = parser.parse_args()
    photos = photographs(arguments.photos)
    if len(photos) < 2:
        print("no photographs found; run: pip install scikit-image scikit-learn (or give --photos DIR)")
        return 1
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}")
    print(
        f"{arguments.takes} takes of {SECONDS} s a row, {len(photos)} photographs\n{'':34s}     still    moves   unsaid"
    )
    said: Counter[tuple[bool, bool | None]] = Counter()
    spent = pairs = 0.0
    wanted = [(f"nothing, {hard}", ("nothing", 0.0, 0.0, hard)) for hard in HARD]
    wanted += [(f"drift {v:.1%}/s of {a:.1%}", ("drift", a, v, "")) for v in DRIFTS for a in AREAS]
    wanted += [(f"{kind} of {a:.1%}", (kind, a, 0.0, "")) for kind in ("lift", "wobble") for a in AREAS]
    for place, (label, (kind, area, speed, hard)) in enumerate(wanted):
        row = Row()
        for number in range(arguments.takes):
            case = Case(
                kind, area, speed, hard or HARD[number % len(HARD)], 1000 * arguments.seed + 100 * place + number
            )
            frames, started = take(case, photos), time.process_time()
            meter = MotionMeter()
            for seconds, picture in frames:
                meter.push(seconds, picture)
            answer = meter.residual(frames[0][0], frames[-1][0]).still
            spent, pairs = spent + time.process_time() - started, pairs + len(frames) - 1
            row.answers[answer] += 1
            said[kind == "nothing", answer] += 1
            if arguments.misses and answer is (kind != "nothing"):
                print(f"  {answer} of {case}")
        print(f"{label:34s}{row.text()}")
    still, moving = (sum(said[truth, answer] for answer in (True, False, None)) for truth in (True, False))
    true, false = said[True, True], said[False, True]
    print(f"\n'still': {true / max(1, true + false):.1%} true, said in {true / max(1, still):.1%} of the still takes")
    true, false = said[False, False], said[True, False]
    print(f"'moves': {true / max(1, true + false):.1%} true, said in {true / max(1, moving):.1%} of the moving takes")
    print(f"{1000 * spent / pairs:.2f} ms of CPU per pair")
    return 0


if __name__ == "__main__":
    sys.exit(main())
