"""When to retry a server. How many calls to have in flight: see `throttle`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from .concurrency import Call, Outcome
from .faults import Fault
from .throttle import Throttle

T = TypeVar("T")

_JITTER = 0.25
_BUSY_PATIENCE = 8  # rate limits are counted by the minute: with the defaults, four waits are 4 to 32 seconds
_BUSY_LONGEST_SECONDS = 8.0  # for the next place in a server that is answering other calls
_OUTCOMES: dict[str, Outcome] = {"busy": "turned away", "passing": "failed"}


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

    def left(self) -> float:
        """As ``seconds_left``, for who asks later."""
        return self.seconds_left

    def forgive(self, seconds: float) -> None:
        """Give back the time and the retry of a call that failed because too many were in flight."""
        self.deadline += seconds
        self.retries_left += 1

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
        if self.retries_left < 0 or wait >= self.seconds_left:
            return None
        if fault.kind == "busy" and others_answered:
            self.deadline += wait
        return wait


async def persist(pace: Pace, throttle: Throttle, ask: Callable[[], Awaitable[T]], *, remaining: int = 0) -> T:
    """Retry until there is an answer. Waiting for a slot does not count against the deadline.

    Nor does what load costs: waiting after having been turned away by a server that answers others, and time-outs in
    too long a queue. The most requests ``remaining`` get places first, and before them those that had one.
    Raises the last Fault, ``connected`` if anything was there at any time; one that is "denied" only if the server
    answers nobody: where others are answered, it is "passing".
    """
    was_connected = was_mixed_up = again = False
    last = began = throttle.answers
    while True:
        call = await _place(pace, throttle, remaining, again)
        outcome: Outcome = "left"
        try:
            found = await ask()
            outcome = "answered"
            return found
        except Fault as caught:
            fault = caught
            outcome = _OUTCOMES.get(fault.kind, "left")
            # A key that was good a moment ago is good: one of the machines behind the address has hiccups.
            is_denied = fault.kind == "denied" and not throttle.answers
            if is_denied:
                throttle.deny(fault)
        finally:
            throttle.give_back(call, outcome)
        was_connected = fault.connected = fault.connected or was_connected
        others_answered, last = throttle.answers > last, throttle.answers
        if fault.kind == "passing" and throttle.was_too_much(call):
            pace.forgive(throttle.seconds_since(call))
        wait_seconds = pace.wait_seconds(fault, others_answered=others_answered)
        hopeless = is_denied or fault.kind in ("final", "refused") or (fault.kind == "mixed up" and was_mixed_up)
        was_mixed_up |= fault.kind == "mixed up"
        if hopeless or wait_seconds is None:
            if fault.kind == "denied" and throttle.answers > began:
                fault.kind = "passing"
            raise fault
        again = True
        await asyncio.sleep(wait_seconds)


async def _place(pace: Pace, throttle: Throttle, remaining: int, again: bool) -> Call:
    """A place for a call; waiting for it costs none of the request's time."""
    began = time.monotonic()
    call = await throttle.take(remaining, again=again)
    pace.deadline += time.monotonic() - began
    return call


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
