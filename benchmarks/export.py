"""Exports of large data sets: seconds and peak memory per format, for 10 000, 100 000 and 1 000 000 videos.

    python benchmarks/export.py [--quick] [--rows 10000 100000] [--formats csv parquet]

The data set is made up: ten steps of forty words each and a summary of 150 words per video, no media, so what is
measured is our own work. Each export runs in a process of its own. Beside it: the obvious way, all rows in memory and
one ``json.dump``, as far as 100 000 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.export import EXPORTERS, export
from sharegpt4video.dataset.rows import CaptionRow, Selected, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.schema import arrow_schema, to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import Provenance, Shot, Step, VideoCaption

TEXT = "a man in a blue coat walks along the wet street while cars pass behind him and the camera pans right"
WORDS = TEXT.split()
OPTIONS: dict[str, dict[str, object]] = {
    "webdataset": {"media": False},
    "llava": {"pictures": False},
    "captioner": {"pictures": False},
}
PART_ROWS = 8192
BASELINE_ROWS = 100_000
FILE_A_VIDEO = ("srt", "vtt")
"""These write a file for each video; a million files is more than they are for."""


def prose(words: int, seed: int) -> str:
    chosen = np.random.default_rng(seed).choice(WORDS, words)
    return " ".join(chosen).capitalize() + "."


def template(number: int) -> CaptionRow:
    steps = [Step("opening", 0.0, 0.0, prose(40, number), 0, (0.0,))]
    steps += [
        Step("change", 2.0 * one, 2.0 * one + 2, prose(40, number + one + 1), 0, (2.0 * one, 2.0 * one + 2))
        for one in range(9)
    ]
    keys = ("0" * 32,) * 11
    made = Provenance("made up", "default", "0123456789ab", "0", CaptionSettings().to_plain(), request_keys=keys)
    caption = VideoCaption(
        "a.mp4", 1280, 720, 0.0, 18.0, "sliding", (Shot(0.0, 18.0),), tuple(steps), prose(150, number), made
    )
    return CaptionRow.of(SourceVideo("0" * 32, "/videos/a.mp4", "a"), caption)


def make(root: Path, rows: int) -> None:
    """A data set of so many captions, one in ten dropped, the rest in three splits."""
    store = Store.create(root, DatasetSettings(), "made up", "0123456789ab")
    base = to_table(CaptionRow, [template(100 * number) for number in range(256)])
    chosen = to_table(Selected, [selected(number) for number in range(PART_ROWS)])
    for start in range(0, rows, PART_ROWS):
        count = min(PART_ROWS, rows - start)
        part = base.take(pa.array(np.arange(count) % base.num_rows))
        ids = [f"{(number * 0x9E3779B97F4A7C15) % 2**128:032x}" for number in range(start + 1, start + count + 1)]
        store.append_arrow("captions", named(part, ids, CaptionRow))
        store.append_arrow("selection", named(chosen.slice(0, count), ids, Selected))


def selected(number: int) -> Selected:
    if number % 10 == 0:
        return Selected("0" * 32, False, "too long: 130.0 s", "0" * 32, "")
    return Selected("0" * 32, True, "", "0" * 32, {18: "val", 19: "test"}.get(number % 20, "train"))


def named(table: pa.Table, ids: list[str], row_type: type) -> pa.Table:
    return table.set_column(0, "id", pa.array(ids)).cast(arrow_schema(row_type))


def run_one(folder: Path, format: str) -> dict[str, float]:
    """One export in this process, or the obvious way for the format ``obvious``."""
    out = tempfile.mkdtemp(dir=folder.parent)
    started = time.perf_counter()
    if format == "obvious":
        rows = [
            {"video_id": row.id, "captions": [step.text for step in row.steps], "summary": row.summary}
            for row in list(Store(folder).rows("captions"))
        ]
        with Path(out, "all.json").open("w", encoding="utf-8") as file:
            json.dump(rows, file)
    else:
        export(Store(folder), format, out, options=OPTIONS.get(format))
    seconds = time.perf_counter() - started
    size = sum(file.stat().st_size for file in Path(out).rglob("*") if file.is_file())
    shutil.rmtree(out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "peak": peak, "size": size}


def measured(folder: Path, format: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(folder), format]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(shown.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 000 videos only")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--formats", nargs="+", default=list(EXPORTERS), choices=list(EXPORTERS))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(run_one(Path(chosen.one[0]), chosen.one[1])))
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("11 texts a video, no media; time and peak memory of a process of its own\n")
    for rows in [10_000] if chosen.quick else chosen.rows:
        with tempfile.TemporaryDirectory(prefix="sg4v-bench-") as root:
            started = time.perf_counter()
            make(Path(root, "set"), rows)
            print(f"{rows:,} videos (made in {time.perf_counter() - started:.0f} s)")
            compare(Path(root, "set"), rows, chosen.formats)


def compare(folder: Path, rows: int, formats: list[str]) -> None:
    print(f"  {'format':<15}{'seconds':>9}{'videos/s':>10}{'peak MB':>9}{'MB written':>12}{'to obvious':>12}")
    obvious = measured(folder, "obvious") if rows <= BASELINE_ROWS else None
    for format in [*(["obvious"] if obvious else []), *formats]:
        if format in FILE_A_VIDEO and rows > BASELINE_ROWS:
            continue
        found = obvious if format == "obvious" and obvious else measured(folder, format)
        ratio = f"{obvious['seconds'] / found['seconds']:.1f} x" if obvious else ""
        print(
            f"  {format:<15}{found['seconds']:>9.1f}{rows / found['seconds']:>10,.0f}{found['peak'] / 1e6:>9,.0f}"
            f"{found['size'] / 1e6:>12,.1f}{ratio:>12}",
            flush=True,
        )


if __name__ == "__main__":
    main()
