"""Captions told again by another model: the same steps, from the same pictures and facts, as a bulk change."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ...background import Put, from_loop, mapped
from ...captioner.engine import Engine
from ...engines import check_facts, open_engine
from ...errors import SettingsError, StorageError, VideoError
from ...prompts import prompt_set
from ...records import Finding
from ...vlm.base import VLM
from ..checks import MIXED_UP
from ..checks.retelling import Pictures, pictures_of, retelling
from ..places.models import Model, opened
from ..places.replies import CachedVLM, ReplyCache, replies_folder
from ..rows import CaptionRow, Review
from ..sources.listed import Listed, original_of, places_of
from ..store.ids import packed_ids
from ..store.schema import to_rows
from ..store.store import Store
from .changes import Chosen, edit
from .resolve import SUMMARY
from .table import REJECTED

WRITER = "replies-reviews"
"""The cache file of replies: a build that runs at the same time has its own."""


@dataclass(frozen=True)
class Recaption:
    """Ask another model for every text of the captions; what it has answered once is not asked again.

    Rejected captions are left out, and those whose video is gone. A text that it answers with a problem stays.
    """

    model: Model
    asks_a_model: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.model if isinstance(self.model, str) else getattr(self.model, "name", str(self.model))

    def told(self) -> dict[str, Any]:
        return {"kind": "recaption", "model": self.name}

    def reviews(self, chosen: Chosen) -> Generator[Review, None, None]:
        with _asked(chosen.store, self.model) as vlm:
            work = _Retelling(chosen, vlm)

            async def tell_all(put: Put[list[Review]]) -> None:
                await work.run(_rows(chosen), put)

            for rows in from_loop(tell_all):
                yield from rows


class _Retelling:
    """One run over captions, with as many under way as the model serves."""

    def __init__(self, chosen: Chosen, vlm: VLM) -> None:
        self._store, self._skipped = chosen.store, chosen.skipped
        self._settings = chosen.store.settings().caption
        self._prompts = prompt_set(self._settings.prompts)
        self._engine: Engine = open_engine(vlm, self._settings)
        self._listed = Listed(chosen.store)

    async def run(self, rows: Iterator[CaptionRow], put: Put[list[Review]]) -> None:
        try:
            async with aclosing(mapped(rows, self._again, at_once=2 * self._engine.slots, in_order=True)) as told:
                async for _row, reviews in told:
                    if reviews:
                        await put(reviews)
        finally:
            await self._engine.vlm.close()

    async def _again(self, row: CaptionRow) -> list[Review]:
        try:
            pictures = await self._pictures(row)
        except (VideoError, StorageError):
            self._skipped["videos that cannot be read"] += 1
            return []
        wanted = [Finding(MIXED_UP, number, "") for number in range(SUMMARY, len(row.steps))]
        new = await self._engine.run(retelling(row, wanted, pictures, self._prompts, self._settings.fold_steps))
        name = self._engine.vlm.name
        pairs = [(SUMMARY, row.summary, new.summary), *_steps(row, new)]
        return [
            edit(row.id, row.revision, number, was, text, "recaption", name)
            for number, was, text in pairs
            if text != was
        ]

    async def _pictures(self, row: CaptionRow) -> Pictures:
        if not self._engine.vlm.max_images:
            return {}

        def cut() -> Pictures:
            places = places_of(self._store, self._listed, [row.id])
            source = original_of(row, places[row.id], self._listed)
            return pictures_of(source, row, range(len(row.steps)), self._settings)

        return await asyncio.to_thread(cut)


def _steps(row: CaptionRow, new: CaptionRow) -> list[tuple[int, str, str]]:
    if len(row.steps) == 1 and row.steps[0].text == row.summary:
        return []  # it is the summary
    pairs = enumerate(zip(row.steps, new.steps, strict=True))
    return [(number, before.text, after.text) for number, (before, after) in pairs if not after.problem]


def _rows(chosen: Chosen) -> Iterator[CaptionRow]:
    reviews = chosen.store.overlay.reviews
    for batch in chosen.captions(None):
        kept = reviews.verdicts(packed_ids(batch.column("id"))) != REJECTED
        yield from to_rows(CaptionRow, batch.filter(pa.array(np.asarray(kept))))


@contextmanager
def _asked(store: Store, model: Model) -> Iterator[VLM]:
    settings = store.settings()
    vlm = opened(model, settings)
    if vlm.max_images == 0 and not settings.caption.facts.measure:
        raise SettingsError(f"{vlm.name} does not take pictures, and no facts were measured to describe")
    check_facts(vlm, measured=settings.caption.facts.measure)
    cache = ReplyCache(replies_folder(store), WRITER)
    try:
        yield CachedVLM(vlm, cache, prompt_set(settings.caption.prompts).hash)
    finally:
        cache.close()
