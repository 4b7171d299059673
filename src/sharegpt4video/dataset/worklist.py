"""The sources of a build in their order: those of earlier runs first, then what is found now and was not listed yet."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from ..background import in_thread
from ..checking import Limits
from ..errors import SettingsError, VideoError
from ..foreign import without_secrets
from .rows import Failure, SourceVideo
from .sources.contents import Contents, confirmed
from .sources.ids import StoredHashes
from .sources.listed import Listed
from .sources.places import SourceGone, SourceReplaced, UnsafeSource, absolute, scheme_of, stat
from .sources.sources import Listing, find_sources
from .store.pending import FOLDER, Pending
from .store.schema import to_rows
from .store.store import Store

Shard = tuple[Annotated[int, Limits(0, 10**6)], Annotated[int, Limits(1, 10**6)]]
"""(number, count): the share of the videos that one of several runs side by side takes, numbers from 0."""

State = Literal["stored", "new", "again"]
"""What is known of a source: stored by an earlier run, new, or stored with another date (to be stored once more)."""


def no_videos(store: Store) -> SettingsError:
    """What to say when there is neither an input nor a stored source."""
    return SettingsError(
        f"{store.root}: knows of no videos yet; name some: sg4v dataset build VIDEOS --out {store.root}"
    )


class Worklist:
    """What a build works through.

    skipped     files that were passed over while looking, by reason
    replaced    stored sources that are left out, since another file was found under their name
    moved       stored sources that are gone from where they were, and were found at a new place
    pending     inputs that an earlier run did not finish listing, and that this run does not list
    failed      the ids of inputs that could not be used as a source
    """

    def __init__(self, store: Store, inputs: Sequence[str], shard: Shard | None = None) -> None:
        self._store, self._shard = store, shard
        self._runs = Pending(store, shard)
        before = self._runs.inputs()
        self._inputs = list(inputs) or before
        self._goes_on = bool(before) and not inputs
        self._named = [_from_anywhere(text) for text in self._inputs]
        self.pending = [text for text in before if text not in self._named]
        # Keys of what earlier runs have stored, and of what this one stores.
        self._listed: set[int] = set()
        self._new: set[int] = set()
        # Content ids of files of which only the date has changed, by location, size and date.
        self._touched: dict[tuple[str, int, str], str] = {}
        # Stored sources that wait for what is found: replaced ones by their location, gone ones by their id.
        self._changed: dict[str, list[SourceVideo]] = {}
        self._gone: dict[str, list[SourceVideo]] = {}
        self._contents: StoredHashes | None = None
        self._look = lru_cache(maxsize=64)(stat)  # the members of an archive come one after the other
        self._hashes = Contents(self._known)
        self.skipped: Counter[str] = Counter()
        self.replaced = self.moved = 0
        self.failed: set[str] = set()

    async def items(self) -> AsyncGenerator[tuple[SourceVideo | Failure, State], None]:
        """Sources, and failures for what cannot be used.

        Raises SettingsError when an input does not exist, or when there is neither an input nor a stored source.
        """
        async with aclosing(in_thread(self._stored())) as batches:
            async for batch in batches:  # a hop between threads for each source would take longer than reading it
                for source in batch:
                    yield source, "stored"
        if not self._inputs and not self._listed:
            raise no_videos(self._store)
        if self._inputs:
            found = self._found()
            await asyncio.to_thread(self._runs.begin, self._named)
            async with aclosing(in_thread(iter(found))) as items:
                async for item in items:
                    if isinstance(item, Failure):
                        self.failed.add(item.id)
                        yield item, "new"
                    elif (state := self._state(item)) != "stored" and self._is_mine(item):
                        yield item, state
            self.skipped = found.skipped
        for source in chain(*self._changed.values(), *self._gone.values()):
            yield source, "stored"  # found nowhere: opening it says what became of it

    @property
    def unlisted(self) -> int:
        """Stored sources under whose name there is another file now that no input names. Final once all is listed."""
        return sum(map(len, self._changed.values()))

    def ended(self) -> None:
        """Call it once everything that was listed is stored: then the next run need not list it again."""
        if self._inputs:
            self._runs.ended(self._named)

    def _found(self) -> Listing:
        try:
            return find_sources(self._inputs, known=self._known)
        except SettingsError as error:
            if not self._goes_on:
                raise
            raise SettingsError(
                f"{self._store.root}: an earlier run was stopped while it listed its videos, and now: {error}; put them"
                f" back, or delete {self._store.root}/{FOLDER} to go on with what was listed"
            ) from error

    def has_listed(self, failure: Failure) -> bool:
        """Whether this run has looked again at what an earlier one could not list, and could list it now."""
        if failure.stage != "list" or failure.id in self.failed:
            return False
        return any(
            failure.location == place
            or failure.location.startswith((f"{place.rstrip('/')}/", f"{place}::"))
            or failure.message.startswith(f"{place}, ")  # a row of a list
            for place in (without_secrets(absolute(text.removeprefix("@"))) for text in self._inputs)
        )

    def _stored(self) -> Iterator[list[SourceVideo]]:
        for batch in Listed(self._store).sources(self._store):
            self._listed.update(map(_key, batch))
            yield [source for source in batch if self._is_mine(source) and not self._is_missing(source)]

    def _is_missing(self, source: SourceVideo) -> bool:
        """Whether there is no file under its name now, or another one. Only local files are looked up.

        A missing one waits until everything is listed: it may have moved.
        """
        if scheme_of(source.location) or not source.can_compare:
            return False
        try:
            now = confirmed(source, self._look, self._hashes)
        except SourceReplaced:
            self._changed.setdefault(source.location, []).append(source)
            return True
        except SourceGone:
            self._gone.setdefault(source.id, []).append(source)
            return True
        except VideoError:
            return False  # opening it says so
        if now.modified != source.modified:
            self._touched[now.location, now.size_bytes, now.modified] = now.content_id
        return False

    def _known(self, location: str, size_bytes: int, modified: str) -> str | None:
        """The id of a content that was hashed before."""
        if (touched := self._touched.get((location, size_bytes, modified))) is not None:
            return touched
        return self._hashed(location, size_bytes, modified)

    def _hashed(self, location: str, size_bytes: int, modified: str) -> str | None:
        if self._contents is None:
            self._contents = StoredHashes(stored_sources(self._store))
        return self._contents(location, size_bytes, modified)

    def _state(self, source: SourceVideo) -> State:
        self.replaced += len(self._changed.pop(source.location, ()))
        key = _key(source)
        if key in self._new:
            return "stored"
        if key not in self._listed:
            self.moved += len(self._gone.pop(source.id, ()))
            self._new.add(key)
            return "new"
        if not source.modified or self._hashed(source.location, source.size_bytes, source.modified):
            return "stored"
        self._new.add(key)
        return "again"

    def _is_mine(self, source: SourceVideo) -> bool:
        return self._shard is None or int(source.id[:8], 16) % self._shard[1] == self._shard[0]


def stored_sources(store: Store) -> Iterator[SourceVideo]:
    """Every row of the sources, also those that no longer count."""
    for batch in store.batches("sources", superseded=True):
        yield from to_rows(SourceVideo, batch)


def _from_anywhere(text: str) -> str:
    """An input as it can be named from any working directory."""
    mark = "@" if text.startswith("@") and not Path(text).exists() else ""
    try:
        return mark + absolute(text.removeprefix(mark))
    except UnsafeSource:
        return text


def _key(source: SourceVideo) -> int:
    text = f"{source.id}\0{source.location}\0{source.start_seconds}\0{source.end_seconds}"
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest(), "big")
