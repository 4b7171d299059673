"""Seconds and memory of a report on 10 K, 100 K and 1 M captioned videos.

- report: ours; every table is streamed in batches, only the columns that are needed
- rows: reading the same captions as rows and counting their words, as a script without columns would; on the
  smallest data set only, the rate is what counts

Captions, surveys and selections are made by construction: 1 000 different ones, repeated under ids of their own.

    python benchmarks/report.py [--rows 10000 100000 1000000] [--quick]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from keyframes import peak_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

PART_ROWS = 10_000
TABLES = ("sources", "surveys", "captions", "checks", "selection", "clips")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--quick", action="store_true", help="2 000 and 4 000 rows")
    parser.add_argument("--child", nargs=2, metavar=("WAY", "SET"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, pyarrow {pa.__version__};"
        f" no samples; {PART_ROWS} rows a part"
    )
    print(f"{'rows':>9} {'way':8} {'seconds':>8} {'CPU s':>8} {'rows/CPU s':>10} {'peak MB':>8} {'page MB':>8}")
    rates: dict[str, float] = {}
    for number, rows in enumerate([2_000, 4_000] if args.quick else args.rows):
        with tempfile.TemporaryDirectory() as folder:
            write_set(Path(folder) / "set", rows)
            for way in ("report", "rows") if number == 0 else ("report",):
                rates[way] = measure(way, rows, Path(folder) / "set")
    print(f"report / rows: {rates['report'] / rates['rows']:.1f} times as many rows in a second of CPU time")


def measure(way: str, rows: int, root: Path) -> float:
    """One way in a process of its own; returns rows per second of CPU time."""
    command = [sys.executable, __file__, "--child", way, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, cpu, peak, size = map(float, done.stdout.split())
    print(f"{rows:9} {way:8} {seconds:8.1f} {cpu:8.1f} {rows / cpu:10.0f} {peak:8.0f} {size / 1e6:8.2f}", flush=True)
    return rows / cpu


def child(way: str, root: str) -> None:
    from sharegpt4video.dataset.report import write_report
    from sharegpt4video.dataset.store.store import Store

    began, size = time.perf_counter(), 0
    if way == "report":
        size = write_report(Store(root), Path(root).parent / "report.html", samples=0).size_bytes
    else:
        sum(len(step.text.split()) for row in Store(root).rows("captions") for step in row.steps)
    print(time.perf_counter() - began, time.process_time(), peak_mb(), size)


def write_set(root: Path, rows: int) -> None:
    """The same 1 000 rows of every table again and again, each time with other ids."""
    import made_report_rows
    from sharegpt4video.dataset.settings import DatasetSettings
    from sharegpt4video.dataset.store.store import Store

    with tempfile.TemporaryDirectory() as folder:
        small = Store(folder)
        made_report_rows.fill(small, [made_report_rows.caption_row(number) for number in range(1000)])
        tables = {name: pa.Table.from_batches(small.batches(name)) for name in TABLES}
    store = Store.create(root, DatasetSettings(), "embedded", "0")
    for name, table in tables.items():
        for first in range(0, rows, PART_ROWS):
            count = min(PART_ROWS, rows - first)
            part = pa.concat_tables([table] * (count // table.num_rows + 1)).slice(0, count).combine_chunks()
            ids = pa.array(
                [hashlib.blake2b(b"%d" % row, digest_size=16).hexdigest() for row in range(first, first + count)]
            )
            for column in {"id", "group", "packet_hash"} & set(part.column_names):
                part = part.set_column(part.column_names.index(column), part.schema.field(column), ids)
            store.append_arrow(name, part)


if __name__ == "__main__":
    main()
