"""Comparing two data sets of 40 000 captioned videos: what it takes.

The captions are made from sentences of the checks' own vocabulary, eight steps with facts; the second data set has
other sentences for the same videos, in another order.

    python benchmarks/compare.py [--rows 40000] [--unchecked] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
from million import SETTINGS
from store import ROWS, new_ids, peak_bytes, random_row

from sharegpt4video.dataset.compare import compare
from sharegpt4video.dataset.rows import CaptionRow, Checked
from sharegpt4video.dataset.store.schema import to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import Finding

PART_ROWS = 8192
THINGS = ("man", "woman", "dog", "puppy", "cat", "horse", "car", "truck", "bench", "tree", "house", "street", "river",
          "bridge", "ball", "table", "window", "door")  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown")
ACTIONS = ("walks", "jumps", "runs", "sits", "stands", "dances", "swims", "climbs", "opens", "turns", "throws",
           "catches")  # fmt: skip


def sentence(random: np.random.Generator) -> str:
    things, colours = random.choice(THINGS, 3), random.choice(COLOURS, 2)
    return f"A {colours[0]} {things[0]} {random.choice(ACTIONS)} past the {colours[1]} {things[1]} and the {things[2]}."


def write(root: str, rows: int, seed: int, *, checked: bool) -> None:
    random = np.random.default_rng(seed)
    made = []
    for number in range(ROWS):
        row = random_row(random, number)
        steps = tuple(replace(step, text=f"{sentence(random)} {sentence(random)}") for step in row.steps)
        made.append(replace(row, steps=steps, summary=" ".join(sentence(random) for _ in range(6))))
    captions = pa.concat_tables([to_table(CaptionRow, made)] * (PART_ROWS // ROWS)).combine_chunks()
    ids = new_ids(np.random.default_rng(0), rows)
    ids = ids.take(pa.array(random.permutation(rows)))
    store = Store.create(root, SETTINGS, f"model-{seed}", "0a1b2c3d")
    for first in range(0, rows, PART_ROWS):
        part = captions.slice(0, min(PART_ROWS, rows - first))
        own = ids.slice(first, part.num_rows)
        store.append_arrow("captions", part.set_column(0, "id", own))
        found = (Finding("length", -1, "200 words for 32 s"),)
        store.append("checks", [Checked(id, 0, found) for id in own.to_pylist()] if checked else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--unchecked", action="store_true", help="no stored findings: the rules are run as well")
    parser.add_argument("--folder", help="where to write (400 MB for 40 000)")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="sg4v-compare-") as folder:
        for seed, name in enumerate("ab"):
            write(f"{folder}/{name}", options.rows, seed, checked=not options.unchecked)
        before = peak_bytes()
        began, cpu = time.perf_counter(), time.process_time()
        with compare(f"{folder}/a", f"{folder}/b") as found:
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            page = time.perf_counter()
            found.videos(after=options.rows // 2, only="differ")
            page = time.perf_counter() - page
            print(found.text())
        print(f"{options.rows} videos: {seconds:.1f} s, {cpu:.1f} CPU s, peak {peak_bytes() / 1e6:.0f} MB")
        print(f"(writing them peaked at {before / 1e6:.0f} MB); a page of 50 from the middle {1000 * page:.1f} ms")


if __name__ == "__main__":
    main()
