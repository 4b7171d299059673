"""A long video among short ones: when the model gets its first request, and when the short ones are done.

24 clips of 2 s and a film of 600 s, the film listed first or last, on two workers. Everything that a build does to
decide and to take turns is real; surveys, reading and replies take their time (as measured at 480p) on a clock that
leaps ahead, so the figures do not depend on the machine. The filters of each row compare more than those before it.

    python benchmarks/order.py
"""

from __future__ import annotations

import asyncio
import selectors
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sharegpt4video.background import Turns
from sharegpt4video.dataset.decide.decider import Decider
from sharegpt4video.dataset.flow import Flow
from sharegpt4video.dataset.ledger import Ledger
from sharegpt4video.dataset.outcomes import Outcomes
from sharegpt4video.dataset.places.base import PRIORITY
from sharegpt4video.dataset.rows import SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.worklist import Worklist
from sharegpt4video.records import Provenance, Shot, Step, VideoCaption

CLIPS, CLIP_SECONDS, FILM_SECONDS, WORKERS = 24, 2.0, 600.0, 2
OPENING, PACKETS, SURVEYING, READING = 0.15, 0.0005, 0.04, 0.12
"""Seconds to open a video, and for each second of it."""
REPLY_SECONDS = 1.0
MADE = Provenance(model="m", prompt_set="default", prompt_hash="0", version="0", settings={})


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to the next timer when nothing else is left to do."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        return self._now


class _Leaping(selectors.DefaultSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(0.005)  # what threads are doing takes no time
        if not events:
            self._loop._now += timeout
        return events


class Simulated:
    """A place whose work takes its time on the clock of the loop."""

    videos_at_once, mixed_up = 20, 0

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._workers = seconds, Turns(WORKERS)
        self.first_request: float | None = None
        self.done: dict[str, float] = {}

    async def survey(self, source: SourceVideo, _: object, identified: Callable[[str], None], *__: object) -> Survey:
        seconds = self._seconds[source.id]
        await self._workers.take(PRIORITY["survey"])
        await asyncio.sleep(OPENING + PACKETS * seconds)
        identified(source.id)
        await asyncio.sleep(SURVEYING * seconds)
        self._workers.give_back()
        return Survey(source.id, duration_seconds=seconds, packet_hash=source.id)

    def forget(self, source: SourceVideo) -> None:
        """Nothing is held."""

    async def caption(self, source: SourceVideo, _: object, stage: Any = "caption") -> VideoCaption:
        seconds, loop = self._seconds[source.id], asyncio.get_running_loop()
        await self._workers.take(PRIORITY[stage])
        await asyncio.sleep(OPENING + READING * min(seconds, 8.0))
        self.first_request = loop.time() if self.first_request is None else self.first_request
        await asyncio.sleep(READING * max(seconds - 8.0, 0.0))
        self._workers.give_back()
        await asyncio.sleep(2 * REPLY_SECONDS)
        self.done[source.id] = loop.time()
        whole = (Step("opening", 0.0, seconds, "A boat.", 0, (0.0,)),)
        return VideoCaption("v", 640, 480, 0.0, seconds, "sliding", (Shot(0.0, seconds),), whole, "A boat.", MADE)


def built(lengths: list[float], filters: FilterSettings) -> tuple[float, float]:
    """Until the first request, and until all clips are done, in seconds."""
    sources = [SourceVideo(f"{number + 1:032x}", f"/{number}.mp4") for number in range(len(lengths))]
    place = Simulated({source.id: seconds for source, seconds in zip(sources, lengths, strict=True)})
    with tempfile.TemporaryDirectory() as folder:
        settings = DatasetSettings(filters=filters)
        store = Store.create(Path(folder) / "set", settings, "m", "0")
        store.append("sources", sources)
        flow: Any = Flow(place, settings, Decider.of(settings), Ledger(store), Outcomes(store, lambda _: None))  # type: ignore[arg-type]
        loop = LeapingLoop()
        loop.run_until_complete(flow.run(Worklist(store, [])))
        loop.close()
    clips = [place.done[source.id] for source, seconds in zip(sources, lengths, strict=True) if seconds < FILM_SECONDS]
    return place.first_request or 0.0, max(clips)


def main() -> None:
    clips = [CLIP_SECONDS] * CLIPS
    orders = {"film last": [*clips, FILM_SECONDS], "film first": [FILM_SECONDS, *clips]}
    rules = {
        "nothing compared": FilterSettings(duplicate_packets=False),
        "packet duplicates (default)": FilterSettings(),
        "near-duplicates": FilterSettings(drop_near_duplicates=True),
    }
    for rule, filters in rules.items():
        for order, lengths in orders.items():
            first, done = built(lengths, filters)
            print(f"{rule:<30}{order:<12} first request {first:6.1f} s, {CLIPS} clips done {done:6.1f} s")


if __name__ == "__main__":
    main()
