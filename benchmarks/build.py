"""A whole build, from files to Parquet: how busy it keeps a server, what a request costs us, and where the time goes.

- server: small videos, with a picture to describe every second, are built with a real HTTP server in a process of its
  own. It has 64 slots; a request that finds none free waits. Its latency is log-normal. The share says how much of the
  time the slots were busy. At the end they cannot all be: nothing is left to ask when the last latencies run, and one
  of 64 is long. This costs some 30 s however long the build is, so the share until then is printed beside the whole.
  The processor time of the process that describes is counted for each request, hashing, base64 and sending of the
  pictures included, and beside it that of the workers that decode.
- embedded: takes of the sample clip; videos a minute on all cores with the embedded model, and the processor time of
  each stage alone
- decodes: the same takes with a model that looks at the pictures and answers at once; the processor time of the whole
  build, workers included, as a multiple of decoding the takes once: with facts and without, and decoding once or twice
  for survey and caption

    python benchmarks/build.py [--quick] [--only server|embedded|decodes]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np
from _processor import descendants_seconds

from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.cores import limit_cores
from sharegpt4video.dataset import flow
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.places.jobs import read_job, survey_job
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.server import ServerVLM

SAMPLE = Path(__file__).parent.parent / "examples" / "park.mp4"
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
        self.spans: list[tuple[float, float]] = []  # when each request was given a slot, and for how long

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = int(head.get("content-length", "0"))
            await reader.readexactly(length)
            async with self.free:
                latency = self.median_seconds * self.dice.lognormvariate(0, SIGMA)
                self.spans.append((time.monotonic(), latency))
                await asyncio.sleep(latency)
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
        pipe.send(state.spans)

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
    cpu, workers, began = time.process_time(), descendants_seconds(), time.monotonic()
    counts = build([str(folder)], folder.with_suffix(".set"), model=vlm, settings=settings, options=BuildOptions())
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    ours.send("stop")
    spans: list[tuple[float, float]] = ours.recv()
    requests, first = len(spans), spans[0][0]
    last_given, last_ended = spans[-1][0], max(start + latency for start, latency in spans)
    print(f"\n{videos} videos of 2 to 20 s, {requests} requests, {SLOTS} slots, median latency {median_seconds} s")
    print(counts.text())
    for name, end, length in (
        ("until the last request is given a slot", last_given, last_given - first),
        ("first request to last reply", last_ended, last_ended - first),
        ("whole build, start of workers included", last_ended, seconds),
    ):
        print(f"{'slots busy, ' + name:<52}{_busy(spans, end) / length / SLOTS:>8.1%}   of {length:.1f} s")
    print(f"{'our processor time for each request':<52}{1000 * cpu / requests:>8.2f} ms")
    print(f"{'that of the workers that decode':<52}{1000 * (descendants_seconds() - workers) / requests:>8.2f} ms")


def _busy(spans: list[tuple[float, float]], end: float) -> float:
    """Seconds that slots were busy before ``end``, all slots together."""
    return sum(min(start + latency, end) - start for start, latency in spans)


def write_take(path: Path, quality: int) -> None:
    """The sample clip as 720p, coded at some quality: the same scene in other packets."""
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as output:
        given = source.streams.video[0]
        options = {"preset": "veryfast", "crf": str(quality)}
        stream: Any = output.add_stream("libx264", rate=given.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for frame in source.decode(given):
            output.mux(stream.encode(frame.reformat(1280, 720, "yuv420p")))
        output.mux(stream.encode(None))


def with_embedded(folder: Path, videos: int) -> None:
    for number in range(videos):
        write_take(folder / f"{number:04d}.mp4", 18 + number)
    with av.open(str(SAMPLE)) as container:
        seconds = (container.duration or 0) / av.time_base
    settings = DatasetSettings(
        caption=CaptionSettings(facts=FactSettings(ocr=False)), filters=FilterSettings(max_frozen_share=None)
    )
    began = time.monotonic()
    counts = build([str(folder)], folder.with_suffix(".set"), settings=settings)
    took = time.monotonic() - began
    print(f"\nembedded model, {videos} videos of {seconds:.1f} s 720p, {os.cpu_count()} cores")
    print(counts.text())
    print(f"{'videos a minute':<44}{60 * videos / took:>8.1f}")
    print(f"{'playing time / time taken':<44}{videos * seconds / took:>8.2f}")
    middle = folder / f"{videos // 2:04d}.mp4"  # of middling quality
    one = SourceVideo("0" * 32, str(middle), size_bytes=middle.stat().st_size)
    stages: dict[str, Callable[[], None]] = {
        "decode": lambda: _decode(Path(one.location)),
        "survey (packets, pictures, motion)": lambda: survey_job(_drop, one, settings.survey),
        "read for captioning (facts, keyframes)": lambda: read_job(_drop, one, settings.caption, False),
    }
    whole = 0.0
    limit_cores(1)  # as a worker has
    for name, stage in stages.items():
        stage()  # the networks are loaded, the file is in memory
        cpu = time.process_time()
        stage()
        used = time.process_time() - cpu
        whole += used if name != "decode" else 0.0
        print(f"{name:<44}{used:>8.2f} s of processor time, {used / seconds:.3f} for a second of video")
    print(f"{'both, if nothing else cost anything':<44}{60 * (os.cpu_count() or 1) / whole:>8.1f} videos a minute")


def in_decodes(folder: Path, videos: int) -> None:
    takes = [folder / f"{number:04d}.mp4" for number in range(videos)]
    for number, take in enumerate(takes):
        write_take(take, 18 + number)
    model = FakeVLM(max_concurrent=SLOTS)
    model.uses_facts = False
    decoding = 0.0
    for take in [takes[0], *takes]:
        cpu = time.process_time()
        _decode(take)
        decoding += time.process_time() - cpu if decoding else 1e-9  # not the first time
    print(f"\nprocessor time of a build of {videos} takes, as a multiple of decoding them ({decoding:.2f} s)")
    for facts, decodes in ((True, 2), (True, 1), (False, 2), (False, 1)):
        caption = CaptionSettings(facts=FactSettings(measure=facts, ocr=False if facts else None))
        settings = DatasetSettings(caption=caption, filters=FilterSettings(max_frozen_share=None))
        flow.LIKELY = 0.9 if decodes == 1 else 2.0
        cpu, workers = time.process_time(), descendants_seconds()
        counts = build([str(folder)], folder.with_suffix(f".{facts}{decodes}"), model=model, settings=settings)
        assert counts.captioned == videos, counts.text()
        used = time.process_time() - cpu + descendants_seconds() - workers
        name = f"facts {'measured' if facts else 'left out'}, {decodes} decode{'s' * (decodes > 1)}"
        print(f"{name:<44}{used:>8.2f} s {used / decoding:>8.2f}")


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
    parser.add_argument("--videos", type=int, help="how many the server has to describe (600)")
    parser.add_argument("--only", choices=("server", "embedded", "decodes"))
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(prefix="sg4v-bench-") as folder:
        if options.only in (None, "server"):
            (Path(folder) / "a").mkdir()
            with_server(Path(folder) / "a", options.videos or (60 if options.quick else 600), options.median)
        if options.only in (None, "embedded"):
            (Path(folder) / "b").mkdir()
            with_embedded(Path(folder) / "b", 4 if options.quick else 24)
        if options.only in (None, "decodes"):
            (Path(folder) / "c").mkdir()
            in_decodes(Path(folder) / "c", 6 if options.quick else 24)


if __name__ == "__main__":
    main()
