"""The engine against lock-step batching and against slots that are never idle, on a simulated server.

The server has a fixed number of slots and log-normal latency. 200 videos of 2 to 40 steps and a summary each are
captioned with the real roles. A request has the same latency in each way of doing it:

- engine: ours; no video waits for another video's step
- lock-step: the released script (captioner/slide_captioner_lmdeploy.py): as many lanes as slots, every step waits for
  the slowest lane, finished videos are summarised in a batch of their own before the next step
- a video a slot: every slot captions whole videos, one after the other
- ideal: all work spread evenly over slots that are never idle, or the longest video alone if that takes longer

The first table runs on a clock that jumps from event to event, so it does not depend on the machine. The second runs
the engine in real time, which shows what the machine costs beside the order of things, and counts our own CPU time for
each request, hashing of its pictures included.

    python benchmarks/engine.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import os
import platform
import random
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from jumping_clock import JumpingLoop
from sharegpt4video.captioner.engine import Engine
from sharegpt4video.captioner.sliding import sliding
from sharegpt4video.captioner.summary import summary
from sharegpt4video.records import CameraMotion, Facts, Image, Keyframe, Look, PictureMotion, Segment
from sharegpt4video.vlm.base import VLM, Reply, Request

SIGMA = 0.6  # spread of the log-normal latency: one request in forty takes over three times the median
IMAGE_BYTES = 150_000
SUMMARY = -1


@dataclass(frozen=True)
class Workload:
    """Videos and the latency, in seconds, of each of their requests: ``latencies[video][step]``, the summary last."""

    median_seconds: float
    latencies: tuple[tuple[float, ...], ...]

    @property
    def requests(self) -> int:
        return sum(map(len, self.latencies))

    @property
    def work_seconds(self) -> float:
        return sum(map(sum, self.latencies))

    def ideal_seconds(self, slots: int) -> float:
        return max(self.work_seconds / slots, max(map(sum, self.latencies)))


def workload(videos: int, median_seconds: float, seed: int) -> Workload:
    dice = random.Random(seed)
    draw = dice.lognormvariate
    return Workload(
        median_seconds,
        tuple(tuple(median_seconds * draw(0, SIGMA) for _ in range(dice.randint(2, 40) + 1)) for _ in range(videos)),
    )


class SimulatedServer(VLM):
    """Answers each request after its own latency; how many it serves at once is checked."""

    name = "simulated"
    max_images = 2

    def __init__(self, load: Workload, slots: int) -> None:
        self.max_concurrent = slots
        self._load = load
        self._serving = 0

    async def generate(self, request: Request) -> Reply:
        self._serving += 1
        assert self._serving <= self.max_concurrent
        steps = self._load.latencies[int(request.video)]
        await asyncio.sleep(steps[SUMMARY] if request.task == "summary" else steps[len(steps) - 2 - request.remaining])
        self._serving -= 1
        return Reply("The person turns to the left and lifts a cup. " * 8, request.key(), self.name)


def segment(index: int, steps: int, jpeg: bytes) -> Segment:
    """A shot with a keyframe for each step: an opening and ``steps - 1`` changes. Every picture is its own."""
    keyframes, facts = [], []
    for number in range(steps):
        image = Image(jpeg + f"{index}/{number}".encode(), 1280, 720)
        keyframes.append(Keyframe(2.0 * number, 0, "change", 0.9, image))
        facts.append(
            Facts(
                max(2.0 * (number - 1), 0.0),
                2.0 * number,
                CameraMotion(moves=("static",), confidence=0.9),
                PictureMotion(0.02, 0.1, (0.5, 0.5)),
                Look(0.5, 0.2, 400.0, (("grey", 0.4), ("blue", 0.2))),
            )
        )
    return Segment(0, 0.0, 2.0 * steps, "start", False, tuple(keyframes), tuple(facts))


def video(index: int, steps: int, jpeg: bytes) -> Generator[Any, Any, str]:
    """One video as the pipeline captions it: the chain of its steps, then the summary."""
    chain = segment(index, steps, jpeg)
    done = yield from sliding(chain, video=str(index))
    told = yield from summary(done, video=str(index), start_seconds=0.0, end_seconds=2.0 * steps)
    return told.text


async def with_engine(load: Workload, slots: int, jpeg: bytes) -> float:
    """Seconds, on the loop's own clock, until every video is captioned."""
    loop = asyncio.get_running_loop()
    engine = Engine(SimulatedServer(load, slots))
    begun = loop.time()
    roles = [video(index, len(steps) - 1, jpeg) for index, steps in enumerate(load.latencies)]
    await asyncio.gather(*(engine.run(role) for role in roles))
    assert engine.requests == load.requests
    return loop.time() - begun


def on_jumping_clock(load: Workload, slots: int) -> float:
    loop = JumpingLoop()
    try:
        return loop.run_until_complete(with_engine(load, slots, b""))
    finally:
        loop.close()


def lock_step(load: Workload, lanes: int) -> float:
    """Seconds that the released script's loop takes with the same latencies."""
    waiting = list(range(len(load.latencies)))[::-1]
    running: dict[int, int] = {}
    seconds = 0.0
    while waiting or running:
        while waiting and len(running) < lanes:
            running[waiting.pop()] = 0
        seconds += max(load.latencies[index][step] for index, step in running.items())
        running = {index: step + 1 for index, step in running.items()}
        done = [index for index, step in running.items() if step == len(load.latencies[index]) - 1]
        seconds += max((load.latencies[index][SUMMARY] for index in done), default=0.0)
        for index in done:
            del running[index]
    return seconds


def first_come(load: Workload, slots: int) -> float:
    """Seconds when every slot takes whole videos, one after the other, in the order of the list."""
    free = [0.0] * slots
    for steps in load.latencies:
        heapq.heappush(free, heapq.heappop(free) + sum(steps))
    return max(free)


def print_table(videos: int, seeds: int) -> None:
    print(
        f"\nJumping clock, {videos} videos of 2 to 40 steps and a summary, mean of {seeds} seeds; share of the ideal:"
    )
    columns = "{:>6} {:>9} {:>8} {:>7} {:>15} {:>10} {:>9}"
    print(columns.format("slots", "requests", "engine", "worst", "a video a slot", "lock-step", "speed-up"))
    for slots in (16, 64):
        loads = [workload(videos, 2.0, seed) for seed in range(seeds)]
        ideal = [load.ideal_seconds(slots) for load in loads]
        ours = [on_jumping_clock(load, slots) for load in loads]
        rows = {
            "engine": ours,
            "first": [first_come(load, slots) for load in loads],
            "lock": [lock_step(load, slots) for load in loads],
        }
        share = {name: [i / s for i, s in zip(ideal, seconds, strict=True)] for name, seconds in rows.items()}
        mean = {name: sum(values) / seeds for name, values in share.items()}
        print(
            f"{slots:>6} {loads[0].requests:>9} {mean['engine']:>8.1%} {min(share['engine']):>7.1%}"
            f" {mean['first']:>15.1%} {mean['lock']:>10.1%} {mean['engine'] / mean['lock']:>8.2f}x"
        )


def print_real_time(median_seconds: float) -> None:
    print(f"\nReal time, median latency {median_seconds * 1000:.0f} ms, pictures of {IMAGE_BYTES // 1000} kB:")
    columns = "{:>6} {:>9} {:>9} {:>16} {:>7} {:>17}"
    print(columns.format("slots", "requests", "engine s", "jumping clock s", "ratio", "CPU ms a request"))
    jpeg = random.Random(0).randbytes(IMAGE_BYTES)
    for slots, videos in ((16, 30), (64, 100)):
        load = workload(videos, median_seconds, seed=0)
        cpu = time.process_time()
        ours = asyncio.run(with_engine(load, slots, jpeg))
        cpu = time.process_time() - cpu
        alone = on_jumping_clock(load, slots)
        print(
            f"{slots:>6} {load.requests:>9} {ours:>9.2f} {alone:>16.2f} {alone / ours:>7.1%}"
            f" {1000 * cpu / load.requests:>17.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer seeds and videos")
    quick = parser.parse_args().quick
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    print(f"log-normal latency, sigma {SIGMA}")
    print_table(200, seeds=2 if quick else 5)
    print_real_time(median_seconds=0.1 if quick else 0.4)


if __name__ == "__main__":
    main()
