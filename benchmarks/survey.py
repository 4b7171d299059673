"""The survey against plain decoding and against captioning, and deciding about a million surveyed videos.

- decode: every frame through our reader, nothing measured
- survey: what ``dataset build`` does with every video first
- header: the survey with ``pictures: false``
- caption: the embedded model, without reading text

    python benchmarks/survey.py [VIDEO ...] [--quick]
    python benchmarks/survey.py --decide 100000 1000000
    python benchmarks/survey.py --projection [VIDEO ...]

Without a video it makes a minute of 720p at 30 frames per second out of the sample clip in examples/. ``--decide``
writes so many made-up surveys and times the filters over them; ``--projection`` tells how well the angles between
keyframes survive in 256 numbers.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
from captioning import SAMPLE, made

import sharegpt4video as sg4v
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.dataset.decide.waterfall import measure
from sharegpt4video.dataset.rows import SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.store.schema import arrow_schema, to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.survey.embedding import projected
from sharegpt4video.dataset.survey.survey import survey
from sharegpt4video.facts.encoder import BackboneEncoder
from sharegpt4video.video.reader import VideoReader

FILTERS = FilterSettings(min_seconds=5.0, max_seconds=120.0, min_side_pixels=480, min_sharpness=30.0, min_motion=0.0005)
PART_ROWS = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--decide", type=int, nargs="+", metavar="ROWS", help="time the filters over so many rows")
    parser.add_argument("--projection", action="store_true", help="measure what the projection does to cosines")
    parser.add_argument("--quick", action="store_true", help="ten seconds instead of a minute")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        decide(args.child)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}")
    if args.projection:
        projection(args.videos or [SAMPLE])
    elif args.decide:
        for rows in args.decide:
            decide_rows(rows)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for video in args.videos or [made(Path(folder) / "made.mp4", 10.0 if args.quick else 60.0)]:
                compare(video)


def compare(video: Path) -> None:
    with VideoReader(video) as reader:
        info, plays = reader.info, reader.info.duration_seconds or float("nan")
    print(f"\n{info.name}: {plays:.1f} s of {info.width}x{info.height}")
    caption = CaptionSettings(facts=FactSettings(ocr=False))
    ways: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(video),
        "survey": lambda: survey(video, id="0" * 32, settings=SurveySettings()),
        "header": lambda: survey(video, id="0" * 32, settings=SurveySettings(pictures=False)),
        "caption": lambda: sg4v.caption(video, settings=caption),
    }
    sg4v.caption(video, settings=CaptionSettings(end_seconds=1.0, facts=caption.facts))  # models are loaded
    survey(video, id="0" * 32, settings=SurveySettings(), end_seconds=1.0)
    print(f"{'way':10} {'s':>8} {'CPU s':>8} {'x decode':>9} {'x (CPU)':>8} {'videos/min':>11}")
    first: tuple[float, float] | None = None
    for name, work in ways.items():
        best = min((timed(work) for _ in range(3)), key=lambda pair: pair[1])
        first = first or best
        ratio, cpu_ratio = best[0] / first[0], best[1] / first[1]
        print(f"{name:10} {best[0]:8.2f} {best[1]:8.2f} {ratio:9.2f} {cpu_ratio:8.2f} {60 / best[0]:11.1f}", flush=True)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def decode(video: Path) -> int:
    with VideoReader(video) as reader:
        return sum(1 for _ in reader.decoded())


def decide_rows(rows: int) -> None:
    """Write a data set of made-up surveys, then decide in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(folder) / "data")
        wall, _ = timed(lambda: write_rows(root, rows))
        print(f"\n{rows:,} rows written in {wall:.1f} s", flush=True)
        print(
            subprocess.run(
                [sys.executable, __file__, "--child", root], capture_output=True, text=True, check=True
            ).stdout
        )


def write_rows(root: str, rows: int) -> None:
    random = np.random.default_rng(0)
    store = Store.create(root, DatasetSettings(filters=FILTERS), "embedded", "0")
    for start in range(0, rows, PART_ROWS):
        count = min(PART_ROWS, rows - start)
        ids = [f"{value:032x}" for value in random.integers(1, 2**62, count)]
        store.append_arrow("sources", source_table(ids))
        store.append_arrow("surveys", survey_table(ids, random))


def source_table(ids: list[str]) -> pa.Table:
    return to_table(SourceVideo, [SourceVideo(id=id, location=f"{id}.mp4") for id in ids])


def survey_table(ids: list[str], random: np.random.Generator) -> pa.Table:
    """Surveys with scores by chance, one in ten of them with the packets of another one."""
    count = len(ids)
    schema = arrow_schema(Survey)
    scores = {
        "container": ["mp4"] * count,
        "codec": ["h264"] * count,
        "size_bytes": random.integers(10**5, 10**8, count),
        "width": np.full(count, 1280),
        "height": random.choice([360, 480, 720], count),
        "duration_seconds": random.exponential(40, count),
        "packet_hash": [f"{value:032x}" for value in random.integers(1, 2**40, count)],
        "sharpness": random.exponential(300, count),
        "black_share": random.beta(0.2, 5, count),
        "frozen_share": random.beta(0.2, 3, count),
        "letterbox_share": random.beta(0.2, 3, count),
        "shots": random.integers(1, 20, count),
        "motion": random.exponential(0.005, count),
    }
    scores["packet_hash"][::10] = [f"{value:032x}" for value in random.integers(1, 10_000, len(ids[::10]))]
    columns = []
    for field in schema:
        values = ids if field.name == "id" else scores.get(field.name)
        columns.append(pa.nulls(count, field.type) if values is None else pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def decide(root: str) -> None:
    store = Store.open(root)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    told = measure(store, FILTERS)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(told.text().split("\n\n")[0])
    print(f"decided and told in {took:.1f} s, {told.videos / took:,.0f} videos/s")
    print(f"memory: {peak:.0f} MB at most, {before:.0f} MB before")


def projection(videos: list[Path]) -> None:
    """Cosines between keyframes of 4608 numbers, and between what is left of them in 256."""
    encoder = BackboneEncoder()
    pictures = []
    for video in videos:
        with VideoReader(video) as reader:
            pictures += [frame.pixels for frame in reader.frames(every_seconds=0.5, side_pixels=320)]
    vectors = np.concatenate([encoder.encode(pictures[at : at + 4]) for at in range(0, len(pictures), 4)])
    upper = np.triu_indices(len(vectors), 1)
    exact = (vectors @ vectors.T)[upper]
    short = projected(vectors).astype(np.float16).astype(np.float32)
    off = np.abs((short @ short.T)[upper] - exact)
    print(f"{len(vectors)} keyframes, {len(exact)} pairs; how far cosines are off:")
    print(f"  all: {off.mean():.4f} on average, {off.max():.4f} at most")
    for low, high in ((0.0, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.96), (0.96, 1.01)):
        inside = (exact >= low) & (exact < high)
        if inside.any():
            told = f"{off[inside].mean():.4f} on average, {off[inside].max():.4f} at most"
            print(f"  cosine {low:.2f} to {min(high, 1):.2f}: {inside.sum():6} pairs, {told}")


if __name__ == "__main__":
    main()
