"""Steps are finished out of order, one chain per shot; this hands them on in the order of the video."""

from __future__ import annotations

from collections.abc import Callable

from ..records import Segment, Step


class Timeline:
    """Collects the steps of segments that are described side by side.

    ``on_step`` gets each step once, in time order, as soon as every step before it is there.
    """

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._steps: list[list[Step]] = []
        self._finished: list[bool] = []
        self._segment, self._step = 0, 0  # the next one to hand on
        self.known = 0

    def open(self, segment: Segment) -> int:
        """Make room for the next segment of the video; returns its number."""
        self._steps.append([])
        self._finished.append(False)
        self.known += len(segment.keyframes) - segment.continues
        return len(self._steps) - 1

    def add(self, number: int, step: Step) -> None:
        """Add a finished step of segment ``number``; the steps of one segment come in order."""
        self._steps[number].append(step)
        self._hand_on()

    def finish(self, number: int) -> None:
        """No more steps of segment ``number`` will come."""
        self._finished[number] = True
        self._hand_on()

    def add_whole(self, step: Step) -> None:
        """The one step of fast mode."""
        self._steps.append([step])
        self._finished.append(True)
        self.known += 1
        self._hand_on()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All finished steps in time order, including those after a gap."""
        return tuple(step for steps in self._steps for step in steps)

    def _hand_on(self) -> None:
        while self._segment < len(self._steps):
            steps = self._steps[self._segment]
            for step in steps[self._step :]:
                self._step += 1
                self._on_step(step)
            if not self._finished[self._segment]:
                return
            self._segment, self._step = self._segment + 1, 0
