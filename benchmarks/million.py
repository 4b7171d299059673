"""A data set of 10 000, 100 000 and a million captioned videos: what each verb takes, and that it grows in step.

Sources, surveys (with keyframe hashes and embeddings, one video in ten a near-duplicate of another, one in ten with the
packets of another) and captions (eight steps with facts; the same 512 again and again under other ids) are written
first. Each verb runs in a process of its own, which tells its time and the most memory it had:

- resume: what a build reads before it finds that nothing is left to do
- status
- filter: every gate, packet duplicates and splits for all videos; with groups: near-duplicates as well, whose exact
  search among all keyframe hashes grows faster than the number of videos
- export: the JSONL layout of the released data set, and CSV
- report: the HTML page, without samples
- preview, replace: the full stop of every summary replaced; then exported and undone

    python benchmarks/million.py [--quick] [--rows 10000 100000 1000000] [--folder DIR]

``--quick`` does 10 000 rows only. The last column says how many times as long each verb took as for the size before;
10 is in step.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from dedup import drawn
from store import ROWS, new_ids, peak_bytes, random_row
from survey import survey_table

from sharegpt4video.dataset.decide.select import select
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.ledger import Ledger
from sharegpt4video.dataset.report import write_report
from sharegpt4video.dataset.reviews.bulk import apply, batches, preview, undo
from sharegpt4video.dataset.reviews.changes import Replace
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SplitSettings
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.schema import arrow_schema, to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.worklist import Worklist

SETTINGS = DatasetSettings(splits=SplitSettings(val=0.05, test=0.05))
SURVEY_SCHEMA = arrow_schema(Survey)
WITHOUT_GROUPS = replace(SETTINGS, filters=FilterSettings(near_duplicate_bits=None))
PART_ROWS = 8192
CHANGE = Replace(".", "!", part="summary")


def write(root: str, rows: int) -> None:
    random = np.random.default_rng(0)
    captions = to_table(CaptionRow, [random_row(random, number) for number in range(ROWS)])
    captions = pa.concat_tables([captions] * (PART_ROWS // ROWS)).combine_chunks()
    sources = to_table(SourceVideo, [SourceVideo("0" * 32, f"v/{number:09d}.mp4") for number in range(PART_ROWS)])
    hashes, embeddings, _ = drawn(rows, title=False)
    store = Store.create(root, SETTINGS, "a-model-7b", "0a1b2c3d")
    for first in range(0, rows, PART_ROWS):
        count = min(PART_ROWS, rows - first)
        ids = new_ids(random, count)
        surveys = survey_table(ids.to_pylist(), random)
        for name, column in (("hashes", hashes), ("embedding", embeddings)):
            at = surveys.column_names.index(name)
            part = column.slice(first, count).cast(SURVEY_SCHEMA.field(name).type)
            surveys = surveys.set_column(at, SURVEY_SCHEMA.field(name), part)
        store.append_arrow("surveys", surveys)
        store.append_arrow("sources", sources.slice(0, count).set_column(0, "id", ids))
        store.append_arrow("captions", captions.slice(0, count).set_column(0, "id", ids))


def resume(root: str) -> None:
    """Every source is looked up: surveyed, captioned, not failed."""

    async def run() -> int:
        store = Store(root)
        known = Ledger(store)
        left = 0
        async for source, _ in Worklist(store, []).items():
            first = not isinstance(source, SourceVideo) or known.first_time(source.id)
            left += first and not known.captioned(source.id)
            assert known.survey(source.id) is not None
        return left

    assert asyncio.run(run()) == 0


def write_export(format: str) -> Callable[[str], object]:
    return lambda root: export(Store(root), format, f"{root}-{format}", overwrite=True)


VERBS: dict[str, Callable[[str], object]] = {
    "resume": resume,
    "status": lambda root: status(Store(root)),
    "filter": lambda root: select(Store(root), WITHOUT_GROUPS),
    "filter, with groups": lambda root: select(Store(root), SETTINGS),
    "export sharegpt4video": write_export("sharegpt4video"),
    "export csv": write_export("csv"),
    "report": lambda root: write_report(Store(root), f"{root}.html", samples=0),
    "preview of a change": lambda root: preview(Store(root), CHANGE),
    "replace": lambda root: apply(Store(root), CHANGE),
    "export, reviewed": write_export("sharegpt4video"),
    "undo": lambda root: undo(Store(root), batches(Store(root))[0].id),
}


def measured(verb: str, root: str, rows: int) -> tuple[float, float, float]:
    command = [sys.executable, __file__, "--verb", verb, "--folder", root, "--rows", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, cpu, peak


def tell(work: Callable[[], object]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu, peak_bytes()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 000 rows only")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", help="where to write (5 GB for a million)")
    parser.add_argument("--verb", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verb:
        work = {"write": lambda root: write(root, options.rows[0]), **VERBS}[options.verb]
        tell(lambda: work(options.folder))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    print(f"{'rows':>9} {'verb':<22}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}{'x':>7}")
    before: dict[str, float] = {}
    for rows in [10_000] if options.quick else options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="sg4v-million-") as folder:
            for verb in ("write", *VERBS):
                seconds, cpu, peak = measured(verb, f"{folder}/set", rows)
                growth = f"{cpu / before[verb]:>7.1f}" if verb in before else ""
                print(f"{rows:>9} {verb:<22}{seconds:>9.1f}{cpu:>9.1f}{peak / 1e6:>9.0f}{growth}", flush=True)
                before[verb] = cpu


if __name__ == "__main__":
    main()
