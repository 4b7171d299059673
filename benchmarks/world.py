"""The closed world: how exactly the checker reads clips back, and how long drawing, checking and writing takes.

python benchmarks/world.py [--clips 200] [--set 0]

Every clip is drawn from facts and read from its pixels alone; a row of the table says which part of the facts was read
right, over all clips of that row. ``--set N`` also writes a set of N clips and says how long that took.
"""

from __future__ import annotations

import argparse
import collections
import os
import platform
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sharegpt4video.world.check import FACTS, check, compare, read_pictures
from sharegpt4video.world.files import SetSettings, write_set
from sharegpt4video.world.render import Pixels, render, write_video
from sharegpt4video.world.sampling import sample_scene


@dataclass(frozen=True)
class Row:
    """One way to make clips: ``crf`` None leaves them uncoded, ``noise`` is the deviation (1 is white)."""

    difficulty: str
    width: int
    height: int
    crf: int | None = None
    noise: float = 0.0


ROWS = (
    *(Row(name, 128, 128) for name in ("simple", "medium", "hard")),
    *(Row("hard", *size) for size in ((64, 64), (96, 160), (256, 256))),
    *(Row("hard", 128, 128, crf) for crf in (10, 23)),
    *(Row("hard", 128, 128, noise=noise) for noise in (0.05, 0.1)),
    Row("hard", 64, 64, 10, 0.05),
    *(Row("simple", side, side) for side in (42, 32, 28)),
    Row("simple", 32, 32, 10),
    *(Row("simple", 32, 32, noise=noise) for noise in (0.05, 0.1)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200, help="clips for each row")
    parser.add_argument("--set", type=int, default=0, help="also write a set of so many clips of 128x128, 16 pictures")
    chosen = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}")
    print(f"{chosen.clips} clips of 16 pictures a row; % of facts read right; draw and check in ms a clip\n")
    print("| clips | all right | " + " | ".join(FACTS) + " | draw | check |")
    print("|" + "---|" * (len(FACTS) + 4))
    for row in ROWS:
        print(measure(row, chosen.clips), flush=True)
    if chosen.set:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write_set(folder, chosen.set, SetSettings(), captions=("dense", "short"))
            print(f"\na set of {chosen.set} clips with captions and questions: {time.perf_counter() - start:.1f} s")


def measure(row: Row, clips: int) -> str:
    """A line of the table."""
    hits: dict[str, list[bool]] = collections.defaultdict(list)
    whole, draw, read = 0, 0.0, 0.0
    rng = np.random.default_rng(0)
    for seed in range(50_000, 50_000 + clips):
        scene = sample_scene(random.Random(seed), difficulty=row.difficulty)
        start = time.perf_counter()
        pictures: Sequence[Pixels] = list(render(scene, row.width, row.height))
        draw += time.perf_counter() - start
        if row.crf is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = write_video(scene, Path(folder) / "clip.mp4", row.width, row.height, crf=row.crf)
                pictures = read_pictures(path)
        if row.noise:
            pictures = [spoiled(picture, row.noise, rng) for picture in pictures]
        start = time.perf_counter()
        found = compare(check(pictures), scene)
        read += time.perf_counter() - start
        whole += found.all_right
        for fact, each in found.hits.items():
            hits[fact] += each
    cells = [f"{100 * np.mean(hits[fact]):.1f}" if hits[fact] else "" for fact in FACTS]
    coded = f", crf {row.crf}" if row.crf is not None else ""
    noise = f", noise {row.noise}" if row.noise else ""
    name = f"{row.difficulty} {row.width}x{row.height}{coded}{noise}"
    times = f"{1e3 * draw / clips:.0f} | {1e3 * read / clips:.0f}"
    return f"| {name} | {100 * whole / clips:.1f} | {' | '.join(cells)} | {times} |"


def spoiled(picture: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    return np.clip(picture + rng.normal(0, 255 * deviation, picture.shape), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
