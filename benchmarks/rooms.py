"""Run the benchmarks of every room in one go, keep their headline figures, and print them beside those of a version.

    python benchmarks/rooms.py [--only NAME ...] [--beside 0.1.0]
    python benchmarks/rooms.py --only table

Which benchmark runs with which arguments, and where its figures stand in what it prints: ``_rooms.py``. Each runs as a
process of its own. ``results/rooms/VERSION.json`` keeps its command, its seconds, how busy other programs were
meanwhile, what it printed and its figures; ``--only`` replaces those named and keeps the rest. A benchmark that fails,
or whose figures are not in what it printed, is told at the end, with exit code 1, and nothing of it is kept.

``results/rooms/notes.json`` holds a few words for each figure that is more than 10 % worse, which a person has to find
out; the table refuses to be printed without them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from _processor import adopt_orphans, descendants_seconds, orphans_awaited
from _rooms import BENCHMARKS, LEFT_OUT, Benchmark, picked
from _rooms_table import table, times_as_good

import sharegpt4video

__all__ = ["BEFORE", "BENCHMARKS", "LEFT_OUT", "RESULTS", "main", "picked", "printed", "read", "table", "times_as_good"]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "rooms"
BEFORE = "0.1.0"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[*names, "table"], help="run these, or print table"
    )
    parser.add_argument(
        "--beside", default=BEFORE, metavar="VERSION", help="whose figures the table holds them against"
    )
    args = parser.parse_args(arguments)
    wanted = [benchmark for benchmark in BENCHMARKS if args.only is None or benchmark.name in args.only]
    path = RESULTS / f"{sharegpt4video.__version__}.json"
    faults = [fault for benchmark in wanted if (fault := run_and_keep(benchmark, path))]
    if args.only is None or "table" in args.only:
        try:
            print(printed(args.beside))
        except ValueError as error:
            faults.append(str(error))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def run_and_keep(benchmark: Benchmark, path: Path) -> str | None:
    """Run it and put it into the file; what was wrong, or None."""
    print(f"{benchmark.name}: {shlex.join(benchmark.command)}", file=sys.stderr, flush=True)
    kept, exit_code = run(benchmark.command)
    if exit_code:
        return f"{benchmark.name} failed with exit code {exit_code}; run it alone: {shlex.join(benchmark.command)}"
    try:
        kept["figures"] = picked(benchmark, str(kept["output"]))
    except ValueError as error:
        return f"{error}; it printed:\n{kept['output']}"
    keep(path, benchmark.name, kept)
    return None


def run(command: Sequence[str]) -> tuple[dict[str, Any], int]:
    """What a command printed and took, and its exit code; its errors go to the terminal."""
    date, load = datetime.now(timezone.utc).isoformat(timespec="seconds"), os.getloadavg()[0]
    others, cpu, start = busy_seconds(), descendants_seconds(), time.monotonic()
    with orphans_awaited():
        done = subprocess.run(
            [sys.executable, *command[1:]], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False
        )
    wall, cpu, others = time.monotonic() - start, descendants_seconds() - cpu, busy_seconds() - others
    output = done.stdout.replace(f"{HERE.parents[1]}/", "../")  # no path of this machine
    output = output.replace(f"{tempfile.gettempdir()}/", "")
    kept = {
        "command": shlex.join(command), "date": date, "load_average": round(load, 2), "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1), "others_cpu_seconds": round(max(0.0, others - cpu), 1), "output": output,
    }  # fmt: skip
    return kept, done.returncode


def busy_seconds() -> float:
    """CPU time of all programs of this machine since it started; 0 where it does not tell."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0]
    except OSError:
        return 0.0
    user, nice, system = (int(ticks) for ticks in first.split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def keep(path: Path, name: str, kept: dict[str, Any]) -> None:
    """Put one benchmark into the file, among those that are there."""
    rooms = {**(read(path)["rooms"] if path.exists() else {}), name: kept}
    order = [benchmark.name for benchmark in BENCHMARKS]
    stored = {
        "version": sharegpt4video.__version__, "python": platform.python_version(), "machine": platform.machine(),
        "cores": os.cpu_count(), "rooms": dict(sorted(rooms.items(), key=lambda room: order.index(room[0]))),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def printed(before: str) -> str:
    """The table of the version that ran last, beside the figures of another."""
    then, notes = read(RESULTS / f"{before}.json"), read(RESULTS / "notes.json")
    kept = [read(path) for path in RESULTS.glob("*.json") if path.stem not in (before, "notes")]
    if not kept:
        raise ValueError(f"{RESULTS} has no figures to print; run python benchmarks/rooms.py")
    return table(max(kept, key=last_run), then, notes)


def last_run(stored: Mapping[str, Any]) -> str:
    return max(str(room["date"]) for room in stored["rooms"].values())


def read(path: Path) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return stored


if __name__ == "__main__":
    adopt_orphans()
    sys.exit(main())
