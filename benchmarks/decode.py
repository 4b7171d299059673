"""What reading a video costs: processor time beside other ways of getting the same frames, and memory against length.

python benchmarks/decode.py [--quick] [--minutes 10 120]
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
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from sharegpt4video.video import decoder
from sharegpt4video.video.reader import VideoReader

EVERY_SECONDS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter videos")
    parser.add_argument("--minutes", type=int, nargs=2, default=(10, 120), help="two lengths whose memory is compared")
    parser.add_argument("--child", nargs=2, metavar=("HOW", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        read_and_report_memory(*options.child)
        return
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, PyAV {av.__version__}, "
        f"OpenCV {cv2.__version__}, up to {decoder.MAX_THREADS} decoder threads"
    )
    with tempfile.TemporaryDirectory() as folder:
        compare_ways(Path(folder), 20 if options.quick else 60)
        short, long = (1, 10) if options.quick else options.minutes
        compare_lengths(Path(folder), (60 * short, 60 * long))


def compare_ways(folder: Path, seconds: int) -> None:
    """Processor seconds of five ways to one frame every 2 s and one every 20 s."""
    path = folder / "hd.mp4"
    encode(path, 1280, 720, 30, seconds, gop=250, noise=24)
    for every in (EVERY_SECONDS, 10 * EVERY_SECONDS):
        times = [k * every for k in range(int(seconds / every))]
        ways: dict[str, Callable[[], int]] = {
            "sharegpt4video": lambda every=every: ours(path, every),
            "PyAV, decode all, convert wanted": lambda times=times: plain_pyav(path, times),
            "PyAV, seek to each": lambda times=times: seek_each(path, times),
            "OpenCV, read all": lambda times=times: opencv(path, times, every_frame=True),
            "OpenCV, grab, retrieve wanted": lambda times=times: opencv(path, times, every_frame=False),
        }
        print(f"\n{seconds} s of 1280x720 at 30 frames/s, H.264, keyframe every 250; one frame every {every:g} s")
        report(ways, len(times))
    print(f"\nevery frame of it ({seconds * 30}), processor time")
    frames = seconds * 30
    every_frame: dict[str, Callable[[], int]] = {
        "sharegpt4video, times only": lambda: sum(1 for _ in VideoReader(path).decoded()),
        "... and a thumbnail of 256": lambda: sum(d.small(256).ndim // 3 for d in VideoReader(path).decoded()),
        "... and full RGB": lambda: sum(d.frame().width // 1280 for d in VideoReader(path).decoded()),
        "PyAV, decode all": lambda: plain_pyav(path, [0.0]) * frames,
        "PyAV, all to full RGB": lambda: convert_all(path),
    }
    report(every_frame, frames)
    compare_threads(path, frames)


def compare_threads(path: Path, frames: int) -> None:
    print("\ndecoder threads: processor seconds, seconds on the clock")
    usual = decoder.MAX_THREADS
    for threads in (1, 2, 4):
        decoder.MAX_THREADS = threads
        cpu, clock = time.process_time(), time.perf_counter()
        assert sum(1 for _ in VideoReader(path).decoded()) == frames
        print(f"  {threads}: {time.process_time() - cpu:6.2f} {time.perf_counter() - clock:6.2f}")
    decoder.MAX_THREADS = usual


def report(ways: dict[str, Callable[[], int]], expected: int) -> None:
    first = None
    for name, way in ways.items():
        spent = []
        for _ in range(2):
            start = time.process_time()
            found = way()
            spent.append(time.process_time() - start)
            assert found == expected, f"{name}: {found} frames, not {expected}"
        first = first or min(spent)
        print(f"  {name:36} {min(spent):7.2f} s {min(spent) / first:6.2f} x")


def ours(path: Path, every: float) -> int:
    with VideoReader(path) as reader:
        return sum(1 for _ in reader.frames(every_seconds=every))


def plain_pyav(path: Path, times: list[float]) -> int:
    found = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if found < len(times) and frame.time is not None and frame.time >= times[found] - 1e-6:
                frame.to_ndarray(format="rgb24")
                found += 1
    return found


def convert_all(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(frame.to_ndarray(format="rgb24").shape[2] // 3 for frame in container.decode(stream))


def seek_each(path: Path, times: list[float]) -> int:
    found = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for wanted in times:
            container.seek(int(wanted / (stream.time_base or 1)), stream=stream)
            for frame in container.decode(stream):
                if frame.time is not None and frame.time >= wanted - 1e-6:
                    frame.to_ndarray(format="rgb24")
                    found += 1
                    break
    return found


def opencv(path: Path, times: list[float], *, every_frame: bool) -> int:
    capture, found, index = cv2.VideoCapture(str(path)), 0, 0
    while capture.read()[0] if every_frame else capture.grab():
        if found < len(times) and index >= times[found] * 30 - 1e-6:
            if not every_frame:
                capture.retrieve()
            found += 1
        index += 1
    capture.release()
    return found


def compare_lengths(folder: Path, lengths: tuple[int, int]) -> None:
    """Peak memory of reading a short and a long video, each in a process of its own."""
    clip = folder / "clip.mp4"
    encode(clip, 1920, 1080, 5, 20, gop=10, noise=1)
    print("\npeak memory of a process that reads 1920x1080 at 5 frames/s, H.264, keyframe every 2 s")
    for how, words in (("sampled", "one frame every 2 s"), ("all", "every frame, with thumbnails")):
        peaks = []
        for seconds in lengths:
            path = folder / f"{seconds}.mkv"
            if not path.exists():
                repeat(clip, path, seconds // 20)
            command = [sys.executable, __file__, "--child", how, str(path)]
            start = time.perf_counter()
            frames, peak = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
            peaks.append(peak)
            took = time.perf_counter() - start
            print(f"  {words:30} {seconds / 60:4.0f} min {frames:6} frames {peak:5} MiB {took:7.1f} s", flush=True)
        print(f"  {'':30} ratio {peaks[1] / peaks[0]:.2f}")


def read_and_report_memory(how: str, path: str) -> None:
    with VideoReader(path) as reader:
        if how == "sampled":
            frames = sum(1 for _ in reader.frames(every_seconds=EVERY_SECONDS))
        else:
            frames = sum(decoded.small(256).ndim // 3 for decoded in reader.decoded())
    print(frames, peak_mebibytes())


def peak_mebibytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before it started us
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) // 1024
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20


def encode(path: Path, width: int, height: int, fps: int, seconds: int, gop: int, noise: int) -> None:
    """A moving pattern with some noise, which decides how hard it is to decode."""
    chance = np.random.default_rng(0)
    grain = chance.integers(0, noise, (height, width * 2, 3), np.uint8)
    rows, columns = np.mgrid[0:height, 0 : width * 2]
    waves = (90 + 60 * np.sin(rows / 37) + 60 * np.sin(columns / 53)).astype(np.uint8)
    pattern = waves[..., None] + grain
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.gop_size = width, height, "yuv420p", gop
        for index in range(fps * seconds):
            at = (index * 3) % width
            picture = np.ascontiguousarray(pattern[:, at : at + width])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))


def repeat(clip: Path, path: Path, times: int) -> None:
    """The clip over and over, its packets copied, so that hours are written in seconds."""
    with av.open(str(path), "w") as output:
        stream = None
        for round_ in range(times):
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                stream = stream or output.add_stream_from_template(video)
                length = round(Fraction(20) / (video.time_base or Fraction(1)))
                for packet in source.demux(video):
                    if packet.dts is not None and packet.pts is not None:
                        packet.dts += round_ * length
                        packet.pts += round_ * length
                        packet.stream = stream
                        output.mux(packet)


if __name__ == "__main__":
    main()
