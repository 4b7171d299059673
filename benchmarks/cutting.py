"""What cutting a clip costs: copied, re-encoded, and by the ffmpeg program where there is one; and how exact it is.

python benchmarks/cutting.py [--quick]

The source is 720p at 30 frames per second with a keyframe every 2 s and sound; each picture carries its number, so
that it can be told which ones a clip holds.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np

from sharegpt4video.video.clips import cut
from sharegpt4video.video.reader import VideoReader

WIDTH, HEIGHT, FPS, GOP = 1280, 720, 30, 60
CELLS = 16
BASELINE = "re-encoded, preset fast"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a clip of half a minute instead of ten")
    seconds = 30 if parser.parse_args().quick else 600
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mp4"
        write(source, seconds + 20)
        print(f"\na clip of {seconds} s out of {seconds + 20} s of 720p, {source.stat().st_size / 1e6:.0f} MB")
        compare(source, Path(folder) / "clip.mp4", seconds)


def compare(source: Path, target: Path, seconds: int) -> None:
    """Each way once: time on the clock, processor time, size, and the pictures it holds against those it should."""
    aligned, askew = 10.0, 10.5 + 1 / 60
    ways: list[tuple[str, float, Callable[[float], object]]] = [
        ("copied", aligned, lambda at: cut(source, target, at, at + seconds)),
        ("copied from the keyframe before", askew, lambda at: cut(source, target, at, at + seconds, exact=False)),
        (BASELINE, askew, lambda at: cut(source, target, at, at + seconds)),
        ("re-encoded, ultrafast", askew, lambda at: cut(source, target, at, at + seconds, preset="ultrafast")),
    ]
    if program := shutil.which("ffmpeg"):
        for name, options in (("copy", ["-c", "copy"]), ("code again", ["-preset", "fast", "-crf", "18"])):
            ways += [
                (
                    f"ffmpeg, {name}, {kind}",
                    at,
                    lambda at, options=options: by_program(program, source, target, at, seconds, options),
                )
                for kind, at in (("keyframe", aligned), ("anywhere", askew))
            ]
    else:
        print("no ffmpeg program here: only our own ways are compared")
    print(f"{'way':<34}{'seconds':>9}{'processor':>11}{'x playing':>11}{'MB':>8}  pictures")
    spent: dict[str, float] = {}
    for name, at, way in ways:
        begun, before = time.perf_counter(), processor()
        way(at)
        clock, spent[name] = time.perf_counter() - begun, processor() - before
        row = f"{name:<34}{clock:>9.2f}{spent[name]:>11.2f}{seconds / clock:>11.1f}{target.stat().st_size / 1e6:>8.1f}"
        print(f"{row}  {exactness(target, at, seconds)}", flush=True)
    print(f"\nprocessor time of {BASELINE!r} over that of each")
    for name, each in spent.items():
        print(f"  {name:<34}{spent[BASELINE] / each:>8.1f}")


def by_program(program: str, source: Path, target: Path, at: float, seconds: int, options: list[str]) -> None:
    span = ["-ss", f"{at:.6f}", "-i", str(source), "-t", str(seconds)]
    subprocess.run([program, "-v", "error", "-y", *span, *options, str(target)], check=True)


def exactness(clip: Path, at: float, seconds: int) -> str:
    """The numbers of the pictures in a clip, against those on screen in the span."""
    with VideoReader(clip) as reader:
        held = [number_of(frame.small(320)) for frame in reader.decoded()]
    first = int(at * FPS + 1e-6)
    wanted = list(range(first, int(np.ceil((at + seconds) * FPS - 1e-6))))
    if held == wanted:
        return f"the {len(held)} right ones"
    return f"{len(held)}, of which {len(set(held) - set(wanted))} too many and {len(set(wanted) - set(held))} missing"


def write(path: Path, seconds: int) -> None:
    """Moving stripes with noise, and a row of cells at the top that spells the number of the picture."""
    rng = np.random.default_rng(1)
    ground = (np.add.outer(np.arange(HEIGHT) // 3, np.arange(WIDTH * 2) // 5) % 200).astype(np.uint8)
    noise = rng.integers(0, 12, (8, HEIGHT, WIDTH), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "sc_threshold": "0"})
        video.width, video.height, video.pix_fmt, video.codec_context.gop_size = WIDTH, HEIGHT, "yuv420p", GOP
        audio: Any = output.add_stream("aac", rate=48_000, layout="mono")
        for number in range(seconds * FPS):
            grey = ground[:, number % WIDTH : number % WIDTH + WIDTH] + noise[number % 8]
            for bit in range(CELLS):
                grey[: HEIGHT // 8, bit * WIDTH // CELLS : (bit + 1) * WIDTH // CELLS] = 255 * (number >> bit & 1)
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane, values in zip(
                frame.planes, (grey, *[np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)] * 2), strict=True
            ):
                rows = np.zeros((plane.height, plane.line_size), np.uint8)
                rows[:, : values.shape[1]] = values
                plane.update(rows.tobytes())
            output.mux(video.encode(frame))
            sound = av.AudioFrame.from_ndarray(
                rng.normal(0, 0.1, (1, 48_000 // FPS)).astype(np.float32), "fltp", "mono"
            )
            sound.sample_rate, sound.pts = 48_000, number * (48_000 // FPS)
            output.mux(audio.encode(sound))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def number_of(pixels: np.ndarray) -> int:
    """What the middles of the cells at the top spell."""
    height, width = pixels.shape[:2]
    top = pixels[height // 32 : height // 16].mean(axis=(0, 2))
    middles = [top[round((bit + 0.3) * width / CELLS) : round((bit + 0.7) * width / CELLS)] for bit in range(CELLS)]
    return sum(int(middle.mean() > 127) << bit for bit, middle in enumerate(middles))


def processor() -> float:
    """Processor seconds of this process and of programs it started."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


if __name__ == "__main__":
    sys.exit(main())
