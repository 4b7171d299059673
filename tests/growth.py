"""Whether work grows in proportion to its size, told by comparing processor times: a slow machine is slow twice."""

from __future__ import annotations

import time
from collections.abc import Callable

TIMES = 8
MOST = 30.0  # what doubles with its size takes 8 times as long; what grows with its square, 64 times
SLACK_SECONDS = 0.05


def assert_in_proportion(
    work: Callable[[int], object], size: int, *, clock: Callable[[], float] = time.thread_time
) -> None:
    """``work(size)`` may take at most ``MOST`` times as long as for an eighth of the size, in one of three tries."""

    def seconds(size: int) -> float:
        began = clock()
        work(size)
        return clock() - began

    small = min(seconds(size // TIMES) for _ in range(3))
    limit, found = MOST * small + SLACK_SECONDS, []
    while len(found) < 3 and (not found or min(found) > limit):
        found.append(seconds(size))
    assert min(found) <= limit, f"{min(found):.3f} s for {size}, {small:.4f} s for an eighth of it"
