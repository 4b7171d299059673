"""The store at 10 000 to a million captioned videos: seconds and peak memory of each use, beside JSON lines.

Rows have eight steps of forty words with measured facts (camera, motion, objects, colours). The same 512 rows are
written again and again under other ids, so that the time is that of the store and not of making them up; what it costs
to turn Python values into Arrow and back is told apart. Every use runs in a process of its own, which counts its own
time and memory, imports included in the memory only. JSON lines of the same rows are the baseline: to find the ids or
to count tokens they have to be parsed whole. ``read rows`` gives checked dataclasses from the store and plain dicts
from the lines.

    python benchmarks/store.py [--quick] [--folder DIR]

``--quick`` does 10 000 rows only. The lines are left out at a million rows: they would be 15 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.schema import to_rows, to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    Look,
    PictureMotion,
    Provenance,
    Shot,
    Step,
    TrackedObject,
)

LINES_UP_TO = 100_000
ROWS, STEPS, WORDS = 512, 8, 40
STARTS, ENDS = ("ba", "co", "du", "fe", "gi", "ha"), ("n", "rt", "sil", "low", "k", "mper")
VOCABULARY = [start + end for start in STARTS for end in ENDS]
USES = ("write", "ids", "status", "read batches", "read rows", "merge parts")


def random_row(random: np.random.Generator, number: int) -> CaptionRow:
    steps = tuple(random_step(random, index) for index in range(STEPS))
    end = 4.0 * STEPS
    settings = {"mode": "sliding", "keyframes": {"every_seconds": 2.0, "selector": "semantic"}}
    provenance = Provenance("a-model-7b", "default", "0a1b2c3d", "0.1.0", settings, STEPS + 1, 9000, 900, 0.002,
                            tuple(random.bytes(16).hex() for _ in range(STEPS + 1)))  # fmt: skip
    name = f"videos/part-{number % 97:03d}/{number:09d}.mp4"
    return CaptionRow(f"{number:032x}", name, f"user-{number}", 0, name, 1920, 1080, 0.0, end, "sliding",
                      (Shot(0.0, end),), steps, sentence(random, 120), "", (), provenance)  # fmt: skip


def random_step(random: np.random.Generator, index: int) -> Step:
    start, end = 4.0 * index, 4.0 * index + 4
    box = Box(*random.random(4).round(4).tolist())
    person = TrackedObject(index, "person", float(random.random()), 8, box, box, ("red", "white"))
    camera = CameraMotion(*random.random(5).tolist(), ("pan left",), 0.9)
    motion = PictureMotion(float(random.random()), 0.2, (0.4, 0.6))
    look = Look(*random.random(3).tolist(), (("light blue", 0.45), ("green", 0.3)))
    facts = Facts(start, end, camera, motion, look, (person, person))
    return Step("change" if index else "opening", start, end, sentence(random, WORDS), 0, (start, end), (facts,))


def sentence(random: np.random.Generator, words: int) -> str:
    return " ".join(random.choice(VOCABULARY, words)) + "."


def new_ids(random: np.random.Generator, count: int) -> pa.Array:
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[random.integers(0, 16, (count, 32))]
    offsets = np.arange(0, 32 * count + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(digits.tobytes()))


def write(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    table = to_table(CaptionRow, [random_row(random, number) for number in range(ROWS)])
    store = Store(folder)
    source = to_table(SourceVideo, [SourceVideo("0" * 32, f"videos/{number:09d}.mp4") for number in range(ROWS)])
    began, cpu = time.perf_counter(), time.process_time()
    for first in range(0, rows, ROWS):
        count = min(ROWS, rows - first)
        ids = new_ids(random, count)
        store.append_arrow("captions", table.slice(0, count).set_column(0, "id", ids))
        store.append_arrow("sources", source.slice(0, count).set_column(0, "id", ids))
    tell(began, cpu)


def write_lines(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    plain = [asdict(random_row(random, number)) for number in range(ROWS)]
    ids = new_ids(random, rows).to_pylist()
    began, cpu = time.perf_counter(), time.process_time()
    with (folder / "captions.jsonl").open("w", encoding="utf-8") as file:
        for number, id in enumerate(ids):
            file.write(json.dumps({**plain[number % ROWS], "id": id}, ensure_ascii=False) + "\n")
    tell(began, cpu)


def lines(folder: Path) -> Iterator[dict[str, object]]:
    with (folder / "captions.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def line_ids(folder: Path) -> int:
    return len({bytes.fromhex(str(row["id"])) for row in lines(folder)})


def line_status(folder: Path) -> int:
    bad = tokens = 0
    for row in lines(folder):
        bad += any(step["problem"] for step in row["steps"])  # type: ignore[attr-defined]
        tokens += row["provenance"]["input_tokens"]  # type: ignore[index]
    return tokens


OURS: dict[str, Callable[[Path], object]] = {
    "ids": lambda folder: len(Store(folder).ids("captions")),
    "status": lambda folder: status(Store(folder)).text(),
    "read batches": lambda folder: sum(batch.num_rows for batch in Store(folder).batches("captions")),
    "read rows": lambda folder: sum(1 for _ in Store(folder).rows("captions")),
    "merge parts": lambda folder: Store(folder).compact("captions"),
}
LINES: dict[str, Callable[[Path], object]] = {
    "ids": line_ids,
    "status": line_status,
    "read rows": lambda folder: sum(1 for _ in lines(folder)),
}


def tell(began: float, cpu: float) -> None:
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu, peak_bytes()]))


def peak_bytes() -> int:
    """The most memory that this process had; getrusage alone counts what it was started from as well on Linux."""
    told = Path("/proc/self/status")
    if told.exists():
        return next(1024 * int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def use(kind: str, name: str, folder: Path, rows: int) -> None:
    """One use in this process; prints seconds, seconds of CPU and peak bytes of memory."""
    if name == "write":
        (write if kind == "ours" else write_lines)(folder, rows)
        return
    began, cpu = time.perf_counter(), time.process_time()
    (OURS if kind == "ours" else LINES)[name](folder)
    tell(began, cpu)


def measured(kind: str, name: str, folder: Path, rows: int) -> list[float]:
    command = [sys.executable, __file__, "--use", kind, name, str(folder), str(rows)]
    return list(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))


def megabytes(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6


def print_table(folder: Path, sizes: list[int]) -> None:
    head = "{:>9} {:<13} {:>8} {:>8} {:>8} | {:>9} {:>8} {:>7}"
    print("\n" + head.format("rows", "use", "s", "CPU s", "peak MB", "lines: s", "peak MB", "ratio"))
    for rows in sizes:
        here = folder / str(rows)
        here.mkdir()
        for name in USES:
            seconds, cpu, memory = measured("ours", name, here, rows)
            line = f"{rows:>9} {name:<13} {seconds:>8.2f} {cpu:>8.2f} {memory / 1e6:>8.0f} |"
            if rows <= LINES_UP_TO and (name == "write" or name in LINES):
                baseline, _, their_memory = measured("lines", name, here, rows)
                line += f" {baseline:>9.2f} {their_memory / 1e6:>8.0f} {baseline / seconds:>6.1f}x"
            print(line, flush=True)
        print(f"{rows:>9} on disk       {megabytes(here, 'captions/*.parquet'):.0f} MB", end="")
        print(f" | {megabytes(here, 'captions.jsonl'):.0f} MB" if rows <= LINES_UP_TO else "", flush=True)
        (here / "captions.jsonl").unlink(missing_ok=True)


def print_conversion() -> None:
    random = np.random.default_rng(0)
    rows = [random_row(random, number) for number in range(ROWS)]
    began = time.process_time()
    table = to_table(CaptionRow, rows)
    packed = time.process_time()
    to_rows(CaptionRow, table)
    done = time.process_time()
    print(
        f"one row: {table.nbytes / ROWS / 1e3:.1f} kB in Arrow; to Arrow {1e3 * (packed - began) / ROWS:.2f} ms,",
        end=" ",
    )
    print(f"back {1e3 * (done - packed) / ROWS:.2f} ms of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 000 rows only")
    parser.add_argument("--folder", help="where to write (default: the system's folder for temporary files)")
    parser.add_argument("--use", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.use:
        kind, name, folder, rows = options.use
        use(kind, name, Path(folder), int(rows))
        return
    print(f"Python {platform.python_version()}, pyarrow {pa.__version__}, {platform.machine()}, {os.cpu_count()} CPUs")
    print(f"{STEPS} steps of {WORDS} words with facts, {ROWS} rows a part")
    print_conversion()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print_table(Path(folder), [10_000] if options.quick else [10_000, 100_000, 1_000_000])


if __name__ == "__main__":
    main()
