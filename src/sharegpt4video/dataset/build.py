"""``sg4v dataset build``: from a folder of videos to a data set. Killed at any moment, the same call carries on.

    from sharegpt4video.dataset.build import build
    counts = build(["videos/"], "my-set")

Reading order: here, then ``flow`` (what happens to each video), ``jobs`` (in a worker), ``store`` (what is written).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import background
from ..cores import cores
from ..pipeline import open_engine
from ..prompts import prompt_set
from ..vlm.base import VLM
from .checks.run import check_dataset
from .filters.filters import Decider
from .filters.select import select
from .rows import TABLES
from .settings import DatasetSettings
from .store.lock import lock
from .store.store import Store
from .work.flow import Flow
from .work.known import Known
from .work.models import Model, opened
from .work.pairing import PairedVLM
from .work.pool import WorkerPool
from .work.progress import BuildCounts
from .work.replies import CachedVLM, ReplyCache, replies_folder, writer_name
from .work.worklist import Shard, Worklist

COMPACT_OVER_PARTS = 200  # small parts of one table; then they are put together at the end of a build


@dataclass(frozen=True)
class BuildOptions:
    """How a build runs; nothing here changes what comes out.

    processes     workers that decode; None: one for each core
    retry         kinds of failures to try again ("all" for every kind)
    shard         (number, count): take only this share of the videos, numbers from 0
    replies       folder of the reply cache; None: in the data set's directory, or for one on a remote storage in the
                  user's cache folder
    """

    processes: int | None = None
    retry: Collection[str] = field(default_factory=tuple)
    shard: Shard | None = None
    replies: Path | None = None


def build(
    inputs: Sequence[str],
    out: str | os.PathLike[str],
    *,
    model: Model = "embedded",
    settings: DatasetSettings | None = None,
    options: BuildOptions | None = None,
    on_progress: Callable[[BuildCounts], None] = lambda _: None,
) -> BuildCounts:
    """Caption every video that ``inputs`` name and that passes the filters, into the data set directory ``out``.

    Then check the captions and select (see ``select``). Without inputs, carries on with those that ``out`` knows.
    Raises SettingsError when ``out`` was built with other settings or another model, lock.Busy when another run is at
    work there, StorageError when it cannot be written.
    """
    settings = settings or DatasetSettings()
    options = options or BuildOptions()
    vlm = opened(model, settings)
    store = open_store(out, settings, vlm)
    with lock(out, shard=options.shard) as held:
        store.guard = held.check
        counts = background.run(_run(inputs, store, vlm, settings, options, on_progress))
        return finished(store, settings, options, counts)


async def _run(
    inputs: Sequence[str],
    store: Store,
    vlm: VLM,
    settings: DatasetSettings,
    options: BuildOptions,
    on_progress: Callable[[BuildCounts], None],
) -> BuildCounts:
    cache = ReplyCache(options.replies or replies_folder(store), writer_name(options.shard))
    paired = PairedVLM(vlm)
    cached = CachedVLM(paired, cache, prompt_set(settings.caption.prompts).hash)
    pool = WorkerPool(options.processes or cores())
    try:
        decider = Decider.of(settings, store.address)
        known = Known(store, retry=options.retry, with_hashes=settings.filters.drop_near_duplicates)
        flow = Flow(store, open_engine(cached, settings.caption), pool, settings, decider, on_progress=on_progress)
        counts = await flow.run(Worklist(store, inputs, options.shard), known)
        counts.requests_paid = cache.misses
        counts.pairing = paired.text()
        return counts
    finally:
        await pool.close()
        await cached.close()
        cache.close()


def finished(store: Store, settings: DatasetSettings, options: BuildOptions, counts: BuildCounts) -> BuildCounts:
    """Put small parts together, check the new captions and select; left to the user after one of several shards."""
    if options.shard is None and not counts.stopped:
        for table in TABLES:
            if len(store.parts(table)) > COMPACT_OVER_PARTS:
                store.compact(table)
        counts.checks = check_dataset(store)
        counts.selection = select(store, settings)
    return counts


def open_store(out: str | os.PathLike[str], settings: DatasetSettings, vlm: VLM) -> Store:
    """The data set in ``out``, made if it is not there. Raises SettingsError when it was built otherwise."""
    prompts = prompt_set(settings.caption.prompts)
    if not Store(out).exists():
        return Store.create(out, settings, vlm.identity, prompts.hash)
    store = Store.open(out)
    store.check_same(settings, vlm.identity, prompts.hash)
    store.update_settings(settings)
    return store
