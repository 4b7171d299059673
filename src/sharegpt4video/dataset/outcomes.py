"""Counts and stores what becomes of each video, and decides when it makes no sense to go on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from ..errors import SG4VError
from ..records import VideoCaption
from .counts import BuildCounts
from .rows import CaptionRow, Failure, ShortCaption, SourceVideo, Stage, Survey
from .store.store import Store
from .worklist import State, Worklist
from .writer import Writer

MODEL_FAILURES = 3  # videos in a row: then the model is given up, each try may have cost minutes of waiting
UNEXPECTED_FAILURES = 20  # in a row, at one stage: then something is wrong with us, not with the videos


class GivenUp(SG4VError):
    """The rest is not tried; the message says why."""


class Outcomes:
    """Takes results and failures as they come, of a build here or on a cluster. ``counts`` is up to date at any time.

    Methods raise StorageError when the data set cannot be written, and GivenUp when the model or we fail again and
    again.
    """

    def __init__(self, store: Store, on_progress: Callable[[BuildCounts], None]) -> None:
        self.counts = BuildCounts()
        self._writer = Writer(store)
        self._on_progress = on_progress
        self._model_failures: list[Failure] = []
        self._unexpected_in_a_row: Counter[Stage] = Counter()
        self._began = time.monotonic()

    async def listed(self, item: SourceVideo | Failure, state: State) -> None:
        """A source, or what is named and cannot be one."""
        self.counts.listed += state != "again"
        if isinstance(item, Failure):
            self.counts.add_failure(item)
            await self._writer.add("failures", item)
        elif state != "stored":
            await self._writer.add("sources", item)

    async def all_listed(self, worklist: Worklist) -> None:
        """Take the counts of a worklist that is all listed, and store that it is: no later run lists it again."""
        counts = self.counts
        counts.skipped, counts.pending = worklist.skipped, worklist.pending
        counts.moved, counts.replaced, counts.unlisted = worklist.moved, worklist.replaced, worklist.unlisted
        await self._writer.flush("sources", "failures")
        await asyncio.to_thread(worklist.ended)
        counts.all_listed = True

    async def surveyed(self, survey: Survey | Failure) -> Survey | None:
        """The survey, if there is one."""
        if isinstance(survey, Failure):
            await self.failed(survey)
            return None
        self.counts.surveyed += 1
        del self._unexpected_in_a_row["survey"]
        await self._writer.add("surveys", survey)
        return survey

    async def told_in_short(self, source: SourceVideo, caption: VideoCaption | Failure) -> str | None:
        """The text of a short caption, "" if it cannot be used, None if there is none."""
        if isinstance(caption, Failure):
            await self.failed(caption)
            return None
        short = ShortCaption(source.id, caption.summary, caption.summary_problem, caption.provenance)
        self.counts.short += 1
        del self._unexpected_in_a_row["short"]
        await self._writer.add("shorts", short)
        return "" if short.problem else short.text

    async def captioned(self, source: SourceVideo, captioned: VideoCaption | Failure, revision: int = 0) -> None:
        if isinstance(captioned, Failure):
            await self.failed(captioned)
            return
        self.counts.add(captioned)
        del self._unexpected_in_a_row["caption"]
        await self._writer.add("captions", CaptionRow.of(source, captioned, revision))
        await self._settle()

    async def failed(self, failure: Failure) -> None:
        """Write a failure down; one of the model only when a later video shows that the model itself is well."""
        if failure.kind in ("model", "unavailable"):
            self._model_failures.append(failure)
            if len(self._model_failures) >= MODEL_FAILURES:
                raise GivenUp(f"the model failed {len(self._model_failures)} times in a row, last: {failure.message}")
            return
        if failure.kind == "unexpected":
            self._unexpected_in_a_row[failure.stage] += 1
            if (times := self._unexpected_in_a_row[failure.stage]) >= UNEXPECTED_FAILURES:
                raise GivenUp(f"{times} unexpected errors in a row, last: {failure.message}")
        self.counts.add_failure(failure)
        await self._writer.add("failures", failure)

    async def finish(self) -> None:
        """All videos have been tried."""
        if self._model_failures and not self.counts.captioned:
            raise GivenUp(f"the model answered for no video, last: {self._model_failures[-1].message}")
        await self._settle()

    def close(self) -> None:
        """Write what is not written yet, at the end of a run, also of one that was stopped."""
        self._writer.flush_now()
        self.tell()

    def tell(self) -> None:
        self.counts.seconds = time.monotonic() - self._began
        self._on_progress(self.counts)

    async def _settle(self) -> None:
        """The model answers others: what it did not answer before is the fault of those requests."""
        waiting, self._model_failures = self._model_failures, []
        for failure in waiting:
            self.counts.add_failure(failure)
            await self._writer.add("failures", failure)
