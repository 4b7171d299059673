"""What reading, cutting into shots, choosing keyframes and captioning cost, beside what others do the same with.

    python benchmarks/peers.py [VIDEO ...] [--quick] [--heights 720 2160]

User and system time of whole processes, start included, in rounds in which each way has its turn; shown is the median,
and how many times PyAV's bare decode it is. Without a video, the sample clip of examples/ is brought to 720p, 1080p and
4K. A peer that is not installed (decord; ffmpeg on the PATH) is left out with a word, and so is the published procedure
of choosing keyframes where it would need over 4 GiB.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
from captioning import made

HERE = Path(__file__).resolve().parent
MOST_HELD_BYTES = 4 << 30  # the published procedure holds every frame
SIZES = ((1280, 720), (1920, 1080), (3840, 2160))

# Each is a program of its own; the video is its argument.
PYAV = """
import av
with av.open(path) as container:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    print(sum(1 for _ in container.decode(stream)), "frames")
"""
DECORD = """
import decord
reader = decord.VideoReader(path, num_threads=2)
print(sum(1 for _ in (reader.next() for _ in range(len(reader)))), "frames")
"""
OUR_FRAMES = """
from sharegpt4video.video.reader import VideoReader
with VideoReader(path) as reader:
    print(sum(1 for _ in reader.decoded()), "frames")
"""
PYSCENEDETECT = """
import scenedetect
print(len(scenedetect.detect(path, scenedetect.AdaptiveDetector())) or 1, "shots")
"""
OUR_SHOTS = """
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import find_shots
with VideoReader(path) as reader:
    print(len(list(find_shots(reader))), "shots")
"""
PUBLISHED_KEYFRAMES = """
import keyframes
print(keyframes.published(path)["keyframes"], "keyframes")
"""
OUR_KEYFRAMES = """
import keyframes
print(keyframes.ours(path)["keyframes"], "keyframes")
"""
OUR_CAPTION = """
import sharegpt4video as sg4v
from sharegpt4video.config import CaptionSettings, FactSettings
print(len(sg4v.caption(path, settings=CaptionSettings(facts=FactSettings(ocr=False))).steps), "steps")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--quick", action="store_true", help="5 seconds of 720p, one round")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each video that is made")
    parser.add_argument("--rounds", type=int, default=3)
    heights = [height for _, height in SIZES]
    parser.add_argument("--heights", type=int, nargs="+", choices=heights, default=heights, help="of those made")
    args = parser.parse_args()
    sizes = [size for size in SIZES if size[1] in args.heights]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}")
    rounds, seconds = (1, 5.0) if args.quick else (args.rounds, args.seconds)
    with tempfile.TemporaryDirectory() as folder:
        for video in args.videos:
            compare(video, rounds)
        for width, height in () if args.videos else SIZES[:1] if args.quick else sizes:
            compare(made(Path(folder) / f"{height}p.mp4", seconds, (width, height)), rounds)


def compare(video: Path, rounds: int) -> None:
    ways = {name: command for name, command in commands(video).items() if command is not None}
    print(f"\n{video.name}, {rounds} rounds")
    results: dict[str, list[tuple[float, str]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            results[name].append(measured(command))
    bare = statistics.median(seconds for seconds, _ in results["PyAV, decode"])
    for name, runs in results.items():
        seconds = statistics.median(seconds for seconds, _ in runs)
        print(f"  {name:36}{seconds:8.2f} s {seconds / bare:7.2f} x   {runs[-1][1]}", flush=True)


def commands(video: Path) -> dict[str, Sequence[str] | None]:
    """How each way is run; None for one that is not installed."""
    ffmpeg, path = shutil.which("ffmpeg"), str(video.resolve())
    quiet = ["-nostdin", "-threads", "2", "-i", path]
    decord = importlib.util.find_spec("decord")
    for name, there in (("ffmpeg", ffmpeg), ("decord", decord)):
        if not there:
            print(f"note: {name} is not installed; it is left out")
    held = held_bytes(path)
    if held > MOST_HELD_BYTES:
        print(f"note: the published procedure would need {held / 2**30:.0f} GiB; it is left out")
    return {
        "PyAV, decode": program(PYAV, path),
        "decord, every frame as RGB": program(DECORD, path) if decord else None,
        "ffmpeg, decode": [ffmpeg, *quiet, "-f", "null", "-"] if ffmpeg else None,
        "sharegpt4video, decode": program(OUR_FRAMES, path),
        "PySceneDetect, adaptive": program(PYSCENEDETECT, path),
        "ffmpeg, scdet": [ffmpeg, *quiet, "-vf", "scale=320:-2,scdet", "-f", "null", "-"] if ffmpeg else None,
        "sharegpt4video, shots": program(OUR_SHOTS, path),
        "published procedure, keyframes": program(PUBLISHED_KEYFRAMES, path) if held <= MOST_HELD_BYTES else None,
        "sharegpt4video, keyframes": program(OUR_KEYFRAMES, path),
        "sharegpt4video, caption (embedded)": program(OUR_CAPTION, path),
    }


def held_bytes(path: str) -> int:
    """What all frames take as RGB, by the header."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = stream.frames or int((container.duration or 0) / av.time_base * (stream.average_rate or 0))
        return 3 * stream.width * stream.height * frames


def program(code: str, path: str) -> Sequence[str]:
    start = f"import sys\npath = {path!r}\nsys.path.insert(0, {str(HERE)!r})\n"
    return [sys.executable, "-c", start + code]


def measured(command: Sequence[str]) -> tuple[float, str]:
    """Processor seconds of a process, and what it says it found."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}\n{done.stderr[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, (done.stdout.splitlines() or [""])[-1]


if __name__ == "__main__":
    main()
