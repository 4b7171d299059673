"""When to retry a server, and how many calls to have in flight."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from .faults import Fault

T = TypeVar("T")

_JITTER = 0.25
_BUSY_PATIENCE = 8  # rate limits are counted by the minute: with the defaults, four waits are 4 to 32 seconds
_BUSY_LONGEST_SECONDS = 8.0  # for the next place in a server that is answering other calls
_CUT = 0.75
_ANSWERS_PER_STEP = 4  # per call in flight; asking too much costs a turned-away call, so it is tried rarely


class Pace:
    """When to retry: bounded in number and time, with growing and randomised waits.

    Waits ``backoff_seconds``, then twice that, and so on; longer if the server asks for it, but never over
    ``max_wait_seconds``; then up to a quarter more at random. A busy server is given more time, and being turned away
    by one that answers other calls costs no retry, only time.
    """

    def __init__(self, retries: int, deadline_seconds: float, backoff_seconds: float, max_wait_seconds: float) -> None:
        self.retries_left = retries
        self.deadline = time.monotonic() + deadline_seconds
        self.backoff_seconds = backoff_seconds
        self.max_wait_seconds = max_wait_seconds

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def wait_seconds(self, fault: Fault, *, others_answered: bool = False) -> float | None:
        """How long to wait before the next try; None if there is none left."""
        wait = self.backoff_seconds
        self.backoff_seconds *= 2
        if fault.kind == "busy" and others_answered:
            wait = min(wait, _BUSY_LONGEST_SECONDS)
        else:
            self.retries_left -= 1
            if fault.kind == "busy" and fault.wait_seconds is None:
                wait *= _BUSY_PATIENCE
        wait = min(max(wait, fault.wait_seconds or 0.0), self.max_wait_seconds) * (1 + random.uniform(0, _JITTER))
        return wait if self.retries_left >= 0 and wait < self.seconds_left else None


class Throttle:
    """How many calls a server may have in flight: at most ``most``, fewer after it has turned calls away.

    Additive increase, multiplicative decrease, as TCP finds its rate (RFC 5681). Calls that were on their way when
    the number was cut do not cut it again. ``answers`` counts the calls that were answered. Belongs to one event loop.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.answers = 0
        self.cuts = 0
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a place; the ones that come first are served first. Raises the Fault of `deny`."""
        if self._in_flight + 1 <= self.limit and not self._waiting:
            self._in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given in the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        self._in_flight -= 1
        self._serve()

    def deny(self, fault: Fault) -> None:
        """The server takes no call at all: those that wait for a place need not be turned away one by one."""
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            if not turn.done():
                turn.set_exception(Fault(str(fault), fault.kind, connected=fault.connected))

    def answered(self) -> None:
        """A call got an answer, so there may be room for more."""
        self.answers += 1
        self.limit = min(self.limit + 1 / (_ANSWERS_PER_STEP * self.limit), float(self.most))
        self._serve()

    def turned_away(self, cuts: int) -> None:
        """The server had no room for a call that began when ``cuts`` was so much."""
        if cuts == self.cuts:
            self.cuts += 1
            self.limit = max(min(self.limit, self._in_flight) * _CUT, 1.0)

    def _serve(self) -> None:
        while self._waiting and self._in_flight + 1 <= self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)


class Throttles:
    """One `Throttle` for each event loop."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, Throttle] = WeakKeyDictionary()

    def of_this_loop(self, most: int) -> Throttle:
        return self._made.setdefault(asyncio.get_running_loop(), Throttle(most))


async def persist(pace: Pace, throttle: Throttle, ask: Callable[[], Awaitable[T]]) -> T:
    """Retry until there is an answer. Waiting for a slot does not count against the deadline.

    Raises the last Fault, ``connected`` if anything was there at any time; one that is "denied" only if the server
    answers nobody: where others are answered, it is "passing".
    """
    was_connected = was_mixed_up = False
    began = throttle.answers
    last = began
    while True:
        began_waiting = time.monotonic()
        await throttle.take()
        pace.deadline += time.monotonic() - began_waiting
        cuts = throttle.cuts
        try:
            found = await ask()
            throttle.answered()
            return found
        except Fault as fault:
            was_connected = fault.connected = fault.connected or was_connected
            if fault.kind == "busy":
                throttle.turned_away(cuts)
            wait_seconds = pace.wait_seconds(fault, others_answered=throttle.answers > last)
            last = throttle.answers
            hopeless = fault.kind in ("final", "refused") or (fault.kind == "mixed up" and was_mixed_up)
            # A key that was good a moment ago is good: one of the machines behind the address has hiccups.
            if fault.kind == "denied" and not throttle.answers:
                hopeless = True
                throttle.deny(fault)
            was_mixed_up |= fault.kind == "mixed up"
            if hopeless or wait_seconds is None:
                if fault.kind == "denied" and throttle.answers > began:
                    fault.kind = "passing"
                raise
        finally:
            throttle.give_back()
        await asyncio.sleep(wait_seconds)


async def within(seconds: float, call: Coroutine[Any, Any, T]) -> T:
    """Await ``call`` for at most this long. Raises Fault after that.

    Not ``asyncio.wait_for``: before Python 3.12 it can lose a cancellation that comes together with the result.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # its failure counts as looked at
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    if task.cancelled():
        raise Fault(f"no answer within {seconds:.3g} s")
    return task.result()
