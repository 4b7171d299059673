"""The sources of a build in their order: those of earlier runs first, then what is found now and was not listed yet."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from ...background import in_thread
from ..rows import Failure, SourceVideo
from ..sources.ids import KnownContents
from ..sources.sources import find_sources
from ..store.schema import to_rows
from ..store.store import Store

Shard = tuple[int, int]
"""(number, count): the share of the videos that one of several runs side by side takes, numbers from 0."""


class Worklist:
    """What a build works through. ``skipped`` counts files that were passed over while looking, by reason."""

    def __init__(self, store: Store, inputs: Sequence[str], shard: Shard | None = None) -> None:
        self._store, self._inputs, self._shard = store, list(inputs), shard
        self._listed: set[int] = set()
        self.skipped: Counter[str] = Counter()

    async def items(self) -> AsyncGenerator[tuple[SourceVideo | Failure, bool], None]:
        """Sources, and failures for what cannot be used; each with whether it is listed for the first time.

        Raises SettingsError when an input does not exist.
        """
        async with aclosing(in_thread(self._stored())) as batches:
            async for batch in batches:  # a hop between threads for each source would take longer than reading it
                for source in batch:
                    yield source, False
        if not self._inputs:
            return
        known = await asyncio.to_thread(lambda: KnownContents(stored_sources(self._store)))
        found = find_sources(self._inputs, known=known)
        async with aclosing(in_thread(iter(found))) as items:
            async for item in items:
                if isinstance(item, Failure) or (self._is_new(item) and self._is_mine(item)):
                    yield item, True
        self.skipped = found.skipped

    def _stored(self) -> Iterator[list[SourceVideo]]:
        for batch in _stored_batches(self._store):
            self._listed.update(map(_key, batch))
            yield [source for source in batch if self._is_mine(source)]

    def _is_new(self, source: SourceVideo) -> bool:
        key = _key(source)
        if key in self._listed:
            return False
        self._listed.add(key)
        return True

    def _is_mine(self, source: SourceVideo) -> bool:
        return self._shard is None or int(source.id[:8], 16) % self._shard[1] == self._shard[0]


def stored_sources(store: Store) -> Iterator[SourceVideo]:
    """Every listed source in the order of listing; the same content at two places is there twice."""
    for batch in _stored_batches(store):
        yield from batch


def _stored_batches(store: Store) -> Iterator[list[SourceVideo]]:
    for batch in store.batches("sources", superseded=True):
        yield to_rows(SourceVideo, batch)


def _key(source: SourceVideo) -> int:
    text = f"{source.id}\0{source.location}\0{source.start_seconds}\0{source.end_seconds}"
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "big")
