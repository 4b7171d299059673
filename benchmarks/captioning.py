"""Embedded captioning against playing time, beside the same work done one task after another.

- one pass: ours; a frame is decoded once and goes to the shot detector, the keyframe selector and the observer
- task by task: shots, keyframes and facts each decode the video for themselves, as separate scripts would

    python benchmarks/captioning.py [VIDEO ...] [--ocr] [--quick]
    python benchmarks/captioning.py --memory 2 20

Without a video it makes one minute of 720p at 30 frames per second out of the sample clip in examples/. With
``--memory`` it captions two videos of 1080p of so many minutes, each in a process of its own, and shows the most
memory that each had.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from keyframes import peak_mb, repeat, write_clip

import sharegpt4video as sg4v
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.facts.observe import Observer
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import find_shots

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "park.mp4"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--ocr", action="store_true", help="read on-screen text, too")
    parser.add_argument("--memory", type=float, nargs=2, metavar="MINUTES", help="two lengths to compare")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="ten seconds instead of a minute")
    args = parser.parse_args()
    if args.child:
        captioned = sg4v.caption(args.child, settings=CaptionSettings(facts=FactSettings(ocr=False)))
        print(len(captioned.steps), peak_mb())
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}")
    if args.memory:
        memory(args.memory)
        return
    settings = CaptionSettings(facts=FactSettings(ocr=args.ocr))
    with tempfile.TemporaryDirectory() as folder:
        videos = args.videos or [made(Path(folder) / "made.mp4", 10.0 if args.quick else 60.0)]
        sg4v.caption(videos[0], settings=CaptionSettings(end_seconds=1.0, facts=settings.facts))  # models are loaded
        print(
            f"{'video':24} {'way':14} {'plays s':>8} {'takes s':>8} {'CPU s':>7} {'plays/takes':>12} {'plays/CPU':>9}"
        )
        for video in videos:
            with VideoReader(video) as reader:
                name, plays = reader.info.name, reader.info.duration_seconds or float("nan")
            report(name, "one pass", plays, lambda video=video: sg4v.caption(video, settings=settings))
            report(name, "task by task", plays, lambda video=video: task_by_task(video, settings))


def report(name: str, way: str, plays: float, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:24} {way:14} {plays:8.1f} {wall:8.1f} {cpu:7.1f} {plays / wall:12.2f} {plays / cpu:9.2f}", flush=True)


def memory(lengths: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, 20, 1920, 1080)
        for minutes in lengths:
            video = Path(folder) / f"{minutes:.0f}.mp4"
            repeat(clip, video, 60 * minutes)
            began = time.perf_counter()
            command = [sys.executable, __file__, "--child", str(video)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            steps, peak = done.stdout.split()
            took = time.perf_counter() - began
            print(f"{minutes:6.0f} min of 1080p: {steps} steps, {took:.0f} s, peak {float(peak):.0f} MB", flush=True)


def task_by_task(video: Path, settings: CaptionSettings) -> None:
    with VideoReader(video) as reader:
        list(find_shots(reader))
        for _ in sg4v.keyframes(video, settings):
            pass
        for _ in Observer(settings.facts).watch(reader.decoded()):
            pass


def made(path: Path, seconds: float, size: tuple[int, int] = (1280, 720)) -> Path:
    """The sample clip at this size, again and again; every join is a cut."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "23"})
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        count = 0
        while count < seconds * 30:
            with av.open(str(SAMPLE)) as source:
                for frame in source.decode(video=0):
                    bigger = frame.reformat(*size, "yuv420p")
                    bigger.pts, bigger.time_base = count, Fraction(1, 30)
                    output.mux(stream.encode(bigger))
                    count += 1
                    if count >= seconds * 30:
                        break
        output.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    sys.exit(main())
