"""A whole build, from files to Parquet: how busy it keeps a server, what a request costs us, and where the time goes.

- server: small videos, with a picture to describe every second, are built with a real HTTP server in a process of its
  own. It has 64 slots; a request that finds none free waits. Its latency is log-normal. The share says how much of the
  time the slots were busy, which start and end cannot be: first frames have to be read, and the last videos have less
  to ask. The processor time of the process that describes is counted for each request, hashing, base64 and sending of
  the pictures included, and beside it that of the workers that decode.
- embedded: videos a minute on all cores with the embedded model, and the processor time of each stage alone

    python benchmarks/build.py [--quick] [--only server|embedded]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import resource
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np

from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.work.jobs import read_job, survey_job
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.server import ServerVLM

SLOTS, SIGMA, MEDIAN_SECONDS = 64, 0.6, 6.0
TEXT = (
    "The person in the red coat turns to the left and lifts a cup from the table, while the camera stays still. "
    "Behind them a bus stops, two people get out and walk away along the fence; the light turns from yellow to white, "
    "and on the right a dog that lay under the bench gets up, shakes itself and looks towards the street."
)


def write_video(path: Path, seconds: int, seed: int, width: int = 160, height: int = 120, fps: int = 5) -> None:
    """A clip in which every second brings another picture, so that each becomes a keyframe."""
    dice = np.random.default_rng(seed)
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "28"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(seconds):
            cells = dice.integers(0, 255, (6, 8, 3), np.uint8)
            picture = np.kron(cells, np.ones((height // 6, width // 8, 1), np.uint8))
            for _ in range(fps):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))


class Server:
    """Slots that answer after a latency drawn for each request; counts how long they were busy."""

    def __init__(self, slots: int, seed: int, median_seconds: float) -> None:
        self.median_seconds = median_seconds
        self.free = asyncio.Semaphore(slots)
        self.dice = random.Random(seed)
        self.busy_seconds = 0.0
        self.requests = 0
        self.began = self.ended = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = int(head.get("content-length", "0"))
            await reader.readexactly(length)
            async with self.free:
                self.began = self.began or time.monotonic()
                latency = self.median_seconds * self.dice.lognormvariate(0, SIGMA)
                await asyncio.sleep(latency)
                self.busy_seconds += latency
                self.requests += 1
                self.ended = time.monotonic()
            writer.write(_reply(head.get("x-request-id", "")))
            await writer.drain()
        writer.close()


async def _head(reader: asyncio.StreamReader) -> dict[str, str]:
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
    except (asyncio.IncompleteReadError, ConnectionError):
        return {}
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def _reply(request_id: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    body = {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
    }
    body["usage"] = {"prompt_tokens": 2500, "completion_tokens": 90, "total_tokens": 2590}
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def run_server(pipe: Connection, slots: int, seed: int, median_seconds: float) -> None:
    """Serve until told to stop, then say what was counted."""

    async def run() -> None:
        state = Server(slots, seed, median_seconds)
        server = await asyncio.start_server(state.serve, "127.0.0.1", 0, limit=1 << 24)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        pipe.send((state.requests, state.busy_seconds, state.ended - state.began))

    asyncio.run(run())


def with_server(folder: Path, videos: int, median_seconds: float) -> None:
    dice = random.Random(0)
    lengths = [dice.randint(2, 20) for _ in range(videos)]
    for number, seconds in enumerate(lengths):
        write_video(folder / f"{number:04d}.mp4", seconds, number)
    settings = DatasetSettings(
        caption=CaptionSettings(
            keyframes=KeyframeSettings(every_seconds=1.0, selector="uniform"),
            facts=FactSettings(every_seconds=4.0, ocr=False),
        ),
        survey=SurveySettings(pictures=True, every_seconds=2.0),
        filters=FilterSettings(max_frozen_share=None),  # each second is a still, so that it is told in one step
    )
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=run_server, args=(theirs, SLOTS, 1, median_seconds), daemon=True
    )
    process.start()
    vlm = ServerVLM("m", f"http://127.0.0.1:{ours.recv()}/v1", prompts=prompt_set("default"), max_concurrent=SLOTS)
    cpu, workers, began = time.process_time(), _children_cpu(), time.monotonic()
    counts = build([str(folder)], folder.with_suffix(".set"), model=vlm, settings=settings, options=BuildOptions())
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    ours.send("stop")
    requests, busy, span = ours.recv()
    print(f"\n{videos} videos of 2 to 20 s, {requests} requests, {SLOTS} slots, median latency {median_seconds} s")
    print(counts.text())
    print(f"{'slots busy, first request to last':<44}{busy / span / SLOTS:>8.1%}   of {span:.1f} s")
    print(
        f"{'slots busy, whole build':<44}{busy / seconds / SLOTS:>8.1%}   of {seconds:.1f} s, start of workers included"
    )
    print(f"{'our processor time for each request':<44}{1000 * cpu / requests:>8.2f} ms")
    print(f"{'that of the workers that decode':<44}{1000 * (_children_cpu() - workers) / requests:>8.2f} ms")


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def with_embedded(folder: Path, videos: int, seconds: int) -> None:
    for number in range(videos):
        write_video(folder / f"{number:04d}.mp4", seconds, number, 1280, 720, 25)
    settings = DatasetSettings(
        caption=CaptionSettings(facts=FactSettings(ocr=False)), filters=FilterSettings(max_frozen_share=None)
    )
    began = time.monotonic()
    counts = build([str(folder)], folder.with_suffix(".set"), settings=settings)
    took = time.monotonic() - began
    print(f"\nembedded model, {videos} videos of {seconds} s 720p25, {os.cpu_count()} cores")
    print(counts.text())
    print(f"{'videos a minute':<44}{60 * videos / took:>8.1f}")
    print(f"{'playing time / time taken':<44}{videos * seconds / took:>8.2f}")
    one = SourceVideo("0" * 32, str(folder / "0000.mp4"), size_bytes=(folder / "0000.mp4").stat().st_size)
    stages: dict[str, Callable[[], None]] = {
        "decode": lambda: _decode(Path(one.location)),
        "survey (packets, pictures, motion)": lambda: survey_job(_drop, one, settings.survey),
        "read for captioning (facts, keyframes)": lambda: read_job(_drop, one, settings.caption, False),
    }
    whole = 0.0
    for name, stage in stages.items():
        stage()  # the networks are loaded, the file is in memory
        cpu = time.process_time()
        stage()
        used = time.process_time() - cpu
        whole += used if name != "decode" else 0.0
        print(f"{name:<44}{used:>8.2f} s of processor time, {used / seconds:.3f} for a second of video")
    print(f"{'both, if nothing else cost anything':<44}{60 * (os.cpu_count() or 1) / whole:>8.1f} videos a minute")


def _decode(path: Path) -> None:
    with av.open(str(path)) as container:
        for _ in container.decode(video=0):
            pass


def _drop(_: Any) -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter videos")
    parser.add_argument("--median", type=float, default=MEDIAN_SECONDS, metavar="SECONDS", help="latency of the server")
    parser.add_argument("--only", choices=("server", "embedded"))
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(prefix="sg4v-bench-") as folder:
        if options.only != "embedded":
            (Path(folder) / "a").mkdir()
            with_server(Path(folder) / "a", 60 if options.quick else 250, options.median)
        if options.only != "server":
            (Path(folder) / "b").mkdir()
            with_embedded(Path(folder) / "b", 4 if options.quick else 12, 5 if options.quick else 10)


if __name__ == "__main__":
    main()
