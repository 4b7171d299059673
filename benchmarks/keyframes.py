"""Keyframes of a video: our selection beside the published procedure, and memory against the length of the video.

    python benchmarks/keyframes.py [--quick] [--seconds S] [--minutes SHORT LONG]

The published procedure (keyframe_extraction_example.py of ShareGPT4Omni/ShareGPT4Video) decodes the whole file into
memory and encodes both frames at every comparison; it is written here anew, with the same encoder and threshold as
ours. It knows no shots and no true times. Each run is a process of its own, so that its peak memory is its own.
The long videos are a short clip whose packets are repeated, so their length costs decoding like any other.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from sharegpt4video.video.encoders import FrameEncoder
from sharegpt4video.video.keyframes import SemanticSelector, candidates
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.shots import ShotDetector

Pixels = NDArray[np.uint8]
FPS = 25
EVERY_SECONDS = 2
MEMORY_BAR_MB = 400


class Counting:
    """An encoder that counts the pictures it was given."""

    def __init__(self, encoder: FrameEncoder) -> None:
        self._encoder = encoder
        self.name, self.similarity, self.batch_size = encoder.name, encoder.similarity, encoder.batch_size
        self.pictures = 0

    def encode(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        self.pictures += len(pictures)
        return self._encoder.encode(pictures)


def embedded() -> FrameEncoder:
    from sharegpt4video.facts.encoder import BackboneEncoder

    return BackboneEncoder(threads=2)


# The videos


def write_clip(path: Path, seconds: float, width: int, height: int) -> None:
    """Shots of four seconds: a camera over a drawn picture, something moving in front of it."""
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "26", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.max_b_frames = 0  # so that packets can be repeated in the order they come
        for number in range(round(seconds * FPS)):
            picture = _picture(number // (4 * FPS), number % (4 * FPS), width, height)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))


def _picture(shot: int, number: int, width: int, height: int) -> Pixels:
    scene = _scene(shot, width, height)
    left = 2 * number if shot % 2 else 0
    picture = scene[:height, left : left + width].copy()
    centre = (int(width * (number / (4 * FPS))), height * 2 // 3)
    cv2.circle(picture, centre, height // 8, (220, 60 * (shot % 4), 40), -1)
    return picture


_SCENES: dict[int, Pixels] = {}


def _scene(shot: int, width: int, height: int) -> Pixels:
    if shot not in _SCENES:
        _SCENES.clear()
        rng = np.random.default_rng(shot)
        canvas = np.zeros((height, width + 8 * FPS, 3), np.float32) + rng.uniform(60, 190, 3).astype(np.float32)
        for cells in (3, 9, 40):
            noise = rng.uniform(-1, 1, (cells, cells * 2, 3)).astype(np.float32)
            canvas += cv2.resize(noise, (canvas.shape[1], height), interpolation=cv2.INTER_CUBIC) * 120 / cells**0.5
        _SCENES[shot] = np.clip(canvas, 0, 255).astype(np.uint8)
    return _SCENES[shot]


def repeat(clip: Path, target: Path, seconds: float) -> None:
    """Write the clip's packets again and again, their times moved on."""
    with av.open(str(clip)) as source:
        base = source.streams.video[0].time_base or Fraction(1, 12_800)
        step = round(1 / (FPS * base))
        packets = [(bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]
        with av.open(str(target), "w") as output:
            stream = output.add_stream_from_template(source.streams.video[0])
            for number in range(round(seconds * FPS)):
                data, is_keyframe = packets[number % len(packets)]
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, is_keyframe
                packet.pts = packet.dts = number * step
                packet.duration = step
                output.mux(packet)


# What is compared


def ours(path: str) -> dict[str, Any]:
    encoder, count = Counting(embedded()), 0

    def counted() -> Any:
        nonlocal count
        for candidate in candidates(reader.decoded(), ShotDetector(), EVERY_SECONDS):
            count += 1
            yield candidate

    with VideoReader(path) as reader:
        kept = [one.candidate.decoded.seconds for one in SemanticSelector(encoder).select(counted())]
    return {"encoder": encoder.name, "encoded": encoder.pictures, "candidates": count, "keyframes": len(kept)}


def published(path: str) -> dict[str, Any]:
    encoder = Counting(embedded())
    capture = cv2.VideoCapture(path)
    rate = int(capture.get(cv2.CAP_PROP_FPS))
    frames = []
    while True:
        more, frame = capture.read()
        if not more:
            break
        frames.append(frame)
    kept, step, compared = [0], math.ceil(rate * EVERY_SECONDS), 0
    for number in range(step, len(frames), step):
        first, second = encoder.encode([frames[kept[-1]]]), encoder.encode([frames[number]])
        compared += 1
        if float(first[0] @ second[0]) < encoder.similarity:
            kept.append(number)
    if len(kept) == 1 or len(frames) - kept[-1] >= step:
        kept.append(len(frames) - 1)
    return {"encoder": encoder.name, "encoded": encoder.pictures, "candidates": compared + 1, "keyframes": len(kept)}


def in_child(what: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", what, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} of {path.name} ended with {done.returncode}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def child(what: str, path: str) -> None:
    began = time.perf_counter()
    result = {"ours": ours, "published": published}[what](path)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result["seconds"] = time.perf_counter() - began
    result["cpu_seconds"] = usage.ru_utime + usage.ru_stime
    result["peak_mb"] = peak_mb()
    print(json.dumps(result))


def peak_mb() -> float:
    """The most memory this process had; Linux's ru_maxrss would count that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024**2 if sys.platform == "darwin" else 1024)


def show(name: str, result: dict[str, Any]) -> None:
    print(
        f"{name:22}{result['encoded']:6} encoded of {result['candidates']:5} candidates,{result['keyframes']:6} kept, "
        f"{result['seconds']:8.1f} s ({result['cpu_seconds']:.1f} s CPU), peak {result['peak_mb']:7.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20 s against the published way; 1 and 4 minutes of 1080p")
    parser.add_argument("--seconds", type=float, default=120, help="of 720p to compare (baseline: 69 MB for each)")
    parser.add_argument("--minutes", type=float, nargs=2, default=(10, 120), help="the two lengths of 1080p")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    machine = platform.processor() or platform.machine()
    print(f"machine: {machine}, {os.cpu_count()} CPUs, Python {platform.python_version()}; {FPS} frames per second")
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), 20 if options.quick else options.seconds)
        lengths(Path(folder), (1, 4) if options.quick else options.minutes)


def compare(folder: Path, seconds: float) -> None:
    clip, video = folder / "clip.mp4", folder / "video.mp4"
    write_clip(clip, min(seconds, 40), 1280, 720)
    repeat(clip, video, seconds)
    print(f"\n{seconds:.0f} s of 720p, encoder {embedded().name}")
    mine, theirs = in_child("ours", video), in_child("published", video)
    show("sharegpt4video", mine)
    show("published procedure", theirs)
    print(
        f"ours / published: encoder calls per candidate {mine['encoded'] / mine['candidates']:.2f} / "
        f"{theirs['encoded'] / theirs['candidates']:.2f}, seconds {mine['seconds'] / theirs['seconds']:.2f}, "
        f"peak memory {mine['peak_mb'] / theirs['peak_mb']:.3f}"
    )
    print(f"bar: at most one encoder call per candidate: {mine['encoded'] <= mine['candidates']}")


def lengths(folder: Path, minutes: Sequence[float]) -> None:
    clip = folder / "clip1080.mp4"
    write_clip(clip, 20, 1920, 1080)
    peaks = []
    for length in minutes:
        video = folder / f"{length:.0f}.mp4"
        repeat(clip, video, 60 * length)
        result = in_child("ours", video)
        show(f"{length:.0f} min of 1080p", result)
        print(f"{'':22}{60 * length / result['seconds']:.1f} times as fast as it plays")
        peaks.append(result["peak_mb"])
        video.unlink()
    print(f"memory, longer / shorter: {peaks[1] / peaks[0]:.2f}")
    print(f"bar: under {MEMORY_BAR_MB} MB: {peaks[1] < MEMORY_BAR_MB}")


if __name__ == "__main__":
    main()
