"""The text novelty pool: seconds and memory for a number of texts, and what FAISS misses that comparing all finds.

Run as ``python benchmarks/novelty.py [--quick]``. The pool is fed directions of 384 numbers in 2000 loose topics; one
text in two repeats an earlier one in other words (cosine about 0.9). The encoder's own rate is measured apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharegpt4video.dataset.similar import neighbours
from sharegpt4video.dataset.similar.novelty import NoveltyPool, open_encoder
from sharegpt4video.errors import MissingExtra

SIZE, TOPICS, LEAST = 384, 2000, 0.25
PORTION = 4096


class Made:
    """A text is its number; every odd one repeats an earlier even one."""

    name = "made"

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        self._topics = random.standard_normal((TOPICS, SIZE)).astype(np.float32)
        self._repeated = random.integers(0, np.maximum(1, np.arange(count) // 2)) * 2

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.empty((len(texts), SIZE), np.float32)
        for row, text in enumerate(texts):
            number = int(text)
            source = int(self._repeated[number]) if number % 2 else number
            far = np.random.default_rng(source)
            rows[row] = 0.7 * self._topics[far.integers(TOPICS)] + far.standard_normal(SIZE, np.float32)
            if number % 2:
                rows[row] += 0.5 * np.random.default_rng(number).standard_normal(SIZE, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def child(count: int, kind: str) -> None:
    if kind == "all compared":
        neighbours.EXACT_UP_TO = count + 1
    encoder, spent = Made(count), 0.0
    pool = NoveltyPool(encoder, LEAST)
    right = 0
    for start in range(0, count, PORTION):
        texts = [str(number) for number in range(start, min(count, start + PORTION))]
        began = time.perf_counter()
        encoder.encode(texts)
        made = time.perf_counter() - began
        began = time.perf_counter()
        found = pool.offer_all(texts)
        spent += time.perf_counter() - began - made
        right += sum(novelty.accepted == (int(text) % 2 == 0) for novelty, text in zip(found, texts, strict=True))
    began = time.perf_counter()
    for _ in range(50):
        pool.offer("1")
    single = (time.perf_counter() - began) / 50
    peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print(json.dumps({"seconds": spent, "ms": 1e3 * single, "mb": int(peak) / 1e3, "right": right / count}))


def encoding() -> None:
    try:
        encoder = open_encoder("minilm")
    except MissingExtra as error:
        print(error)
        return
    words = ("a", "man", "in", "blue", "walks", "past", "two", "parked", "cars", "while", "dogs", "run", "at", "night")
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(words, 25)) for _ in range(256)]
    encoder.encode(texts[:32])
    for size in (1, 256):
        began = time.perf_counter()
        for start in range(0, 256 if size > 1 else 32, size):
            encoder.encode(texts[start : start + size])
        count = 256 if size > 1 else 32
        print(f"minilm, {size:3d} texts of 25 words at a time: {count / (time.perf_counter() - began):7.1f} texts/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(int(given.child[0]), given.child[1])
        return
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, {os.cpu_count()} CPUs")
    encoding()
    print("\ntexts      pool            seconds   ms for one   memory MB   decisions right")
    for count in [10_000] if given.quick else [10_000, 100_000, 400_000]:
        for kind in ("all compared", "with FAISS"):
            command = [sys.executable, __file__, "--child", str(count), kind]
            seen = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            print(f"{count:9,d}  {kind:14s} {seen['seconds']:8.1f} {seen['ms']:12.2f} {seen['mb']:11.0f} "
                  f"{seen['right']:17.4f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
