"""Places for calls to a server: as many as `concurrency` finds to be best."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from ..background import chain_rank
from .concurrency import Call, Outcome, Search
from .faults import Fault


class Throttle:
    """How many calls may be with a server at once: at most ``most``, and as many of them as it answers best.

    ``answers`` counts the calls that were answered. One server has one room, so event loops that run side by side share
    a throttle, and one that comes later carries on with what was found. ``clock`` tells the time in seconds.
    """

    def __init__(
        self, most: int, *, slow_seconds: float = math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self.answers = 0
        self._search = Search(most, slow_seconds)
        self._clock, self._slow_seconds = clock, slow_seconds
        self._granted = 0
        self._arrivals = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[Call]]] = []
        self._lock = threading.RLock()

    @property
    def limit(self) -> int:
        """How many may be there now."""
        return self._search.limit

    @property
    def settled(self) -> int | None:
        """The best number so far; None until enough calls were in flight to tell."""
        return self._search.settled if self._search.is_measured else None

    async def take(self, remaining: int = 0, *, again: bool = False) -> Call:
        """Wait for a place. Raises the Fault of `deny`.

        The call with the most requests ``remaining`` comes first, then whoever came first; retries (``again``) come
        before all others.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._search.in_flight < self.limit and not self._waiting:
                return self._begin()
            turn: asyncio.Future[Call] = loop.create_future()
            rank = -math.inf if again else chain_rank(remaining, self._granted, self.most)
            heapq.heappush(self._waiting, (rank, next(self._arrivals), turn))
        try:
            return await turn
        except (asyncio.CancelledError, GeneratorExit):  # or its loop was closed
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # granted in the same moment
                self.give_back(turn.result(), "left")
            raise

    def give_back(self, call: Call, outcome: Outcome) -> None:
        with self._lock:
            self._search.end(call, self._clock(), outcome)
            self.answers += outcome == "answered"
            while self._waiting and self._search.in_flight < self.limit:
                turn = heapq.heappop(self._waiting)[2]
                if not turn.done():
                    self._grant(turn, self._begin())

    def was_too_much(self, call: Call) -> bool:
        """Whether fewer calls are sent now than when this one was, and it took so long that load is to blame."""
        return self.limit < call.cohort.number and self.seconds_since(call) > self._slow_seconds

    def seconds_since(self, call: Call) -> float:
        return self._clock() - call.began

    def deny(self, fault: Fault) -> None:
        """The server takes no call at all: those that wait for a place need not be turned away one by one."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, _, turn in waiting:
            with suppress(RuntimeError):  # its loop was closed
                _in_its_loop(turn, lambda turn=turn: turn.done() or turn.set_exception(_like(fault)))  # type: ignore[misc]

    def _begin(self) -> Call:
        self._granted += 1
        return self._search.begin(self._clock())

    def _grant(self, turn: asyncio.Future[Call], call: Call) -> None:
        def grant() -> None:
            if turn.done():  # cancelled meanwhile
                self.give_back(call, "left")
            else:
                turn.set_result(call)

        try:
            _in_its_loop(turn, grant)
        except RuntimeError:  # its loop was closed
            self._search.end(call, self._clock(), "left")


def _in_its_loop(turn: asyncio.Future[Call], act: Callable[[], object]) -> None:
    loop = turn.get_loop()
    try:
        is_here = asyncio.get_running_loop() is loop
    except RuntimeError:
        is_here = False
    if is_here:
        act()
    else:
        loop.call_soon_threadsafe(act)


def _like(fault: Fault) -> Fault:
    return Fault(str(fault), fault.kind, connected=fault.connected)
