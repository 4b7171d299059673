"""Servers that slow down, queue or turn calls away under load, in simulated time, and how fast they are worked off.

run(Shape("queues", room=8), seed=0)          # with the number of requests that we find
run(Shape("queues", room=8), seed=0, fixed=16)
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Literal
from unittest import mock

from jumping_clock import JumpingLoop
from sharegpt4video.vlm import pace
from sharegpt4video.vlm.concurrency import Call, Outcome, Search
from sharegpt4video.vlm.faults import Fault
from sharegpt4video.vlm.pace import Pace, persist, within
from sharegpt4video.vlm.throttle import Throttle

Kind = Literal["turns away", "queues", "shares", "falls", "batches"]
REFUSAL_SECONDS = 0.02
LONGEST_SECONDS = 60.0  # of work: no request runs into the time-out on a server that has nothing else to do


@dataclass(frozen=True)
class Shape:
    """A server and the work it gets.

    kind            what happens to calls beyond ``room``: they are turned away (429), wait in a queue, share what there
                    is, or slow everything down (throughput as ``room / n`` to the power of ``fall``); a server that
                    "batches" gets slower with each call: half as fast a call with ``room`` of them
    room_later      from the middle of the run on
    sigma, long     spread of the log-normal work, and the share of requests with eight times as much
    warm_up         so many times the usual work, in seconds, passes until the server has its full speed, from a fifth
    failing         share of answers that are a 5xx, whatever the load
    refusing        share of calls that are turned away, whatever the load
    most            the user's bound
    """

    kind: Kind
    room: int
    room_later: int | None = None
    fall: float = 0.5
    sigma: float = 0.3
    long: float = 0.0
    warm_up: float = 0.0
    failing: float = 0.0
    refusing: float = 0.0
    work_seconds: float = 4.0
    requests: int = 4000
    most: int = 256
    timeout_seconds: float = 300.0

    @property
    def name(self) -> str:
        parts = [f"{self.kind} {self.room}" + (f", then {self.room_later}" if self.room_later else "")]
        parts += [f"^{self.fall:.2g}"] if self.kind == "falls" else []
        parts += [f"sigma {self.sigma:.2g}"]
        parts += [
            f"{name} {value:.2g}" for name in ("long", "warm_up", "failing", "refusing") if (value := vars(self)[name])
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class Outturn:
    """What became of a run. ``settled`` is the number of requests at once at its end."""

    seconds: float
    answered: int
    lost: int
    turned_away: int
    settled: int
    most_at_once: int

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds


class LoadedServer:
    """Works off calls in the time of the running loop."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape, self.room = shape, shape.room
        self.turned_away = self.answered = self.most_at_once = 0
        self._dice = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._done = self._then = 0.0  # the work that each call in service has had since the start, and when
        self._serving: list[tuple[float, int, asyncio.Future[None]]] = []
        self._queue: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = 0

    async def serve(self, work_seconds: float) -> None:
        """Raises a busy Fault when there is no room, a passing one for a failure."""
        shape = self.shape
        self.most_at_once = max(self.most_at_once, len(self._serving) + len(self._queue) + 1)
        if (shape.kind == "turns away" and len(self._serving) >= self.room) or self._dice.random() < shape.refusing:
            self.turned_away += 1
            await asyncio.sleep(REFUSAL_SECONDS)
            raise Fault("HTTP 429: no room", "busy")
        turn = self._loop.create_future()
        self._advance()
        if shape.kind == "queues" and len(self._serving) >= self.room:
            self._queue.append((work_seconds, turn))
        else:
            self._put(work_seconds, turn)
        self._set_timer()
        await turn
        if self._dice.random() < shape.failing:
            raise Fault("HTTP 500: out of order")
        self.answered += 1

    def _speed(self) -> float:
        calls, shape = len(self._serving), self.shape
        speed = 1.0
        if shape.kind == "shares":
            speed = min(1.0, self.room / calls)
        elif shape.kind == "falls" and calls > self.room:
            speed = (self.room / calls) ** (1 + shape.fall)
        elif shape.kind == "batches":
            speed = self.room / (self.room + calls)
        if shape.warm_up:
            speed *= min(1.0, 0.2 + 0.8 * self._then / (shape.warm_up * shape.work_seconds))
        return speed

    def _put(self, work_seconds: float, turn: asyncio.Future[None]) -> None:
        self._numbers += 1
        heapq.heappush(self._serving, (self._done + work_seconds, self._numbers, turn))

    def _advance(self) -> None:
        now = self._loop.time()
        if self._serving:
            self._done += (now - self._then) * self._speed()
        self._then = now

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._serving:
            seconds = max(self._serving[0][0] - self._done, 0.0) / self._speed()
            self._timer = self._loop.call_later(seconds, self._finish)

    def _finish(self) -> None:
        self._advance()
        _, _, turn = heapq.heappop(self._serving)
        if not turn.done():
            turn.set_result(None)
        if self.shape.room_later and self.answered > self.shape.requests // 2:
            self.room = self.shape.room_later
        while self._queue and len(self._serving) < self.room:
            work_seconds, waiting = self._queue.popleft()
            if not waiting.done():  # its client has not hung up
                self._put(work_seconds, waiting)
        self._set_timer()


class _Fixed(Search):
    """A number that is given."""

    @property
    def limit(self) -> int:
        return self.ceiling.most

    def end(self, call: Call, now: float, outcome: Outcome) -> None:  # noqa: ARG002 - learns nothing
        self.in_flight -= 1


def work(shape: Shape, seed: int) -> list[float]:
    """The seconds that each request takes a server with nothing else to do."""
    dice = random.Random(seed)
    center = math.log(shape.work_seconds)
    factors = [8 if dice.random() < shape.long else 1 for _ in range(shape.requests)]
    return [min(dice.lognormvariate(center, shape.sigma) * factor, LONGEST_SECONDS) for factor in factors]


def run(shape: Shape, seed: int, *, fixed: int | None = None) -> Outturn:
    """Have every request answered, by as many tasks as an engine with ``shape.most`` slots has."""

    async def all_of_it() -> Outturn:
        clock = asyncio.get_running_loop().time
        server, throttle = LoadedServer(shape, seed), Throttle(fixed or shape.most, slow_seconds=100.0, clock=clock)
        if fixed is not None:
            throttle._search = _Fixed(fixed)
        left, lost = work(shape, seed), 0

        async def ask(work_seconds: float) -> None:
            await within(shape.timeout_seconds, server.serve(work_seconds))

        async def slot() -> None:
            nonlocal lost
            while left:
                work_seconds = left.pop()
                try:
                    await persist(Pace(4, 900.0, 0.5, 60.0), throttle, lambda: ask(work_seconds))  # noqa: B023
                except Fault:
                    lost += 1

        await asyncio.gather(*(slot() for _ in range(shape.most)))
        answered = shape.requests - lost
        return Outturn(clock(), answered, lost, server.turned_away, throttle.settled, server.most_at_once)

    loop = JumpingLoop()
    random.seed(seed)
    try:
        with mock.patch.object(pace, "time", SimpleNamespace(monotonic=loop.time)):
            return loop.run_until_complete(all_of_it())
    finally:
        loop.close()


def best_fixed(shape: Shape, seed: int) -> tuple[int, Outturn]:
    """The best of the fixed numbers that can be the best, and what it brings.

    A server that turns calls away is measured as one that queues, which is never slower and soon simulated.
    """
    rooms = {shape.room, shape.room_later or shape.room}
    numbers = {shape.most} if shape.kind == "batches" else rooms if shape.kind == "falls" else {max(rooms)}
    if shape.kind == "turns away":
        shape = replace(shape, kind="queues")
    calm = replace(shape, refusing=0.0)
    runs = {number: run(calm, seed, fixed=min(number, shape.most)) for number in sorted(numbers)}
    number = max(runs, key=lambda number: runs[number].per_second)
    return number, runs[number]


def drawn(seed: int) -> Shape:
    """A server at random. Rooms from 2 to 200, equally often in each octave."""
    dice = random.Random(f"server {seed}")
    kinds: tuple[Any, ...] = ("turns away", "queues", "shares", "falls", "batches")
    kind = dice.choice(kinds)
    room = round(2 ** dice.uniform(1, math.log2(200)))
    extras: dict[str, Any] = {}
    match dice.randrange(5):
        case 0:
            extras["room_later"] = round(2 ** dice.uniform(1, math.log2(200)))
        case 1:
            extras["long"] = dice.uniform(0.05, 0.2)
        case 2:
            extras["warm_up"] = dice.uniform(5, 30)
        case 3:
            extras["failing"] = dice.uniform(0.01, 0.1)
    rooms = max(room, extras.get("room_later", 0))
    return Shape(
        kind,
        room,
        fall=dice.uniform(0.1, 1.0),
        sigma=dice.uniform(0.1, 0.7),
        work_seconds=dice.uniform(1, 8),
        requests=max(3000, 80 * rooms),
        **extras,
    )
