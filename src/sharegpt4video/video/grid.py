"""A clock that ticks evenly, and which frames of a video are on screen when it does."""

from __future__ import annotations

from .picture import DecodedFrame

SLACK_SECONDS = 1e-6
"""Times of frames are rounded in many containers: what is nearer than this is the same time."""


class Grid:
    """Ticks every ``every_seconds`` from the first frame on; frames must be shown to it in time order."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._start = self._due = float("-inf")

    def takes(self, frame: DecodedFrame) -> bool:
        """Whether the frame is on screen at a tick; one that is there at several ticks is taken once."""
        if self._start == float("-inf"):
            self._start = self._due = frame.seconds
        if frame.end_seconds <= self._due + SLACK_SECONDS:
            return False
        self._due = tick_after(self._start, self._every, frame)
        return True


def tick_after(start_seconds: float, every_seconds: float, frame: DecodedFrame) -> float:
    """The first tick, of a clock that starts at ``start_seconds``, after the frame is gone."""
    gone = max(frame.end_seconds - SLACK_SECONDS, frame.seconds)
    return start_seconds + every_seconds * (1 + (gone - start_seconds) // every_seconds)
