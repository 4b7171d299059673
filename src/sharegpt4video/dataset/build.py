"""``sg4v dataset build``: from a folder of videos to a data set. Killed at any moment, the same call carries on.

    from sharegpt4video.dataset.build import build
    counts = build(["videos/"], "my-set")

Reading order: here, then ``flow`` (what happens to each video), ``places`` (where), ``store`` (what is written).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, get_args

from .. import background
from ..checking import Limits, expect, one_of, raise_for, wrong_values
from ..cores import cores
from ..engines import check_facts, open_engine
from ..prompts import prompt_set
from ..vlm.base import VLM
from .checks.run import check_dataset
from .counts import BuildCounts
from .decide.decider import Decider
from .decide.select import select
from .flow import Flow
from .ledger import ALL_KINDS, Ledger
from .outcomes import Outcomes
from .places import trusted
from .places.base import Place
from .places.here import Here
from .places.jobs import READING
from .places.models import Model, ModelSpec, opened, settings_for_new, stored_spec
from .places.pairing import PairedVLM
from .places.pool import WorkerPool
from .places.replies import CachedVLM, ReplyCache, replies_folder, writer_name
from .rows import TABLES, FailureKind
from .settings import DatasetSettings
from .sources.named import checked_inputs, input_names
from .status import standing_failures
from .store.description import AlreadyDescribed, check_captions
from .store.lock import lock
from .store.store import Store
from .worklist import Shard, Worklist, no_videos

RETRY_KINDS = (ALL_KINDS, *get_args(FailureKind))
COMPACT_OVER_PARTS = 200  # small parts of one table; then they are put together at the end of a build


@dataclass(frozen=True)
class BuildOptions:
    """How a build runs; nothing here changes its result.

    processes  worker processes that decode; None: one per core
    retry      kinds of failures to retry, such as ``"crashed"``; ``"all"`` for every kind
    shard      (number, count): build only this share of the videos; numbers start at 0
    replies    folder of the reply cache; None: in the data set's directory, or in the user's cache folder if the data
               set is on remote storage
    """

    processes: Annotated[int, Limits(1, 4096)] | None = None
    retry: Collection[str] = field(default_factory=tuple)
    shard: Shard | None = None
    replies: Path | None = None

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        found = []
        if self.shard is not None and self.shard[0] >= self.shard[1]:
            found.append(f"shard is (number, count) with the number from 0 to count - 1, not {self.shard}")
        kinds = [self.retry] if isinstance(self.retry, str) else self.retry
        raise_for([*found, *(problem for kind in kinds for problem in one_of("retry", kind, RETRY_KINDS))])
        object.__setattr__(self, "retry", tuple(kinds))


def build(
    inputs: Iterable[str],
    out: str | os.PathLike[str],
    *,
    model: Model | None = None,
    settings: DatasetSettings | None = None,
    options: BuildOptions | None = None,
    on_progress: Callable[[BuildCounts], None] = lambda _: None,
) -> BuildCounts:
    """Caption every video named by ``inputs`` that passes the filters, then check the captions and select.

    Without inputs, resumes with those that ``out`` already knows; without a model or settings, with those of ``out``
    (for a new data set: ``embedded``, and the defaults with the prompts that the model was trained with).

    Raises SettingsError if there is nothing to do or ``out`` has captions made with other settings or another model,
    lock.Busy if another run writes to ``out``, StorageError if ``out`` cannot be written.
    """
    settings, options = chosen_settings(out, settings, model), chosen_options(options)
    model = chosen_model(out, model)
    vlm = opened(model, settings)
    check_store(out, settings, vlm)  # before a lock leaves its trace
    inputs = check_inputs(out, inputs)
    with lock(out, shard=options.shard) as held:
        store = open_store(out, settings, vlm, model)
        store.guard = held.check
        remove_leftovers(store, whole=options.shard is None)
        worklist = Worklist(store, inputs, options.shard)
        counts = background.run(_run(worklist, store, vlm, settings, options, on_progress))
        return finished(store, settings, options, counts, worklist)


async def _run(
    worklist: Worklist,
    store: Store,
    vlm: VLM,
    settings: DatasetSettings,
    options: BuildOptions,
    on_progress: Callable[[BuildCounts], None],
) -> BuildCounts:
    cache = ReplyCache(options.replies or replies_folder(store), writer_name(options.shard))
    paired = PairedVLM(vlm)
    cached = CachedVLM(paired, cache, prompt_set(settings.caption.prompts).hash)
    pool = WorkerPool(options.processes or cores(), preload=READING, forked=True)
    place = Here(open_engine(cached, settings.caption), pool)
    try:
        flow = new_flow(place, store, settings, options, on_progress)
        counts = await flow.run(worklist)
        counts.requests_paid = cache.misses
        counts.requests_at_once = vlm.requests_at_once
        counts.pairing = paired.text()
        return counts
    finally:
        await place.close()
        cache.close()


def new_flow(
    place: Place,
    store: Store,
    settings: DatasetSettings,
    options: BuildOptions,
    on_progress: Callable[[BuildCounts], None],
) -> Flow:
    """A flow that goes on from what is stored."""
    decider = Decider.of(settings, store.address)
    ledger = Ledger(store, retry=options.retry, with_hashes=settings.filters.drop_near_duplicates)
    return Flow(place, settings, decider, ledger, Outcomes(store, on_progress))


def finished(
    store: Store, settings: DatasetSettings, options: BuildOptions, counts: BuildCounts, worklist: Worklist
) -> BuildCounts:
    """Put small parts together, check the new captions and select; left to the user after one of several shards."""
    if options.shard is not None:
        return counts
    if counts.all_listed:
        _forget_listed(store, worklist)
    if not counts.stopped:
        for table in TABLES:
            if len(store.parts(table)) > COMPACT_OVER_PARTS:
                store.compact(table)
        counts.checks = check_dataset(store)
        counts.selection = select(store, settings)
    counts.standing = standing_failures(store).total()
    return counts


def _forget_listed(store: Store, worklist: Worklist) -> None:
    """Failures of names that have been listed since are over."""
    over = {failure.id for failure in store.rows("failures") if worklist.has_listed(failure)}
    if over:
        store.replace("failures", (failure for failure in store.rows("failures") if failure.id not in over))


def chosen_settings(
    out: str | os.PathLike[str], settings: DatasetSettings | None, model: Model | None = None
) -> DatasetSettings:
    """The settings given, else those of the data set in ``out``, else the defaults with the prompts of the model."""
    expect(settings, DatasetSettings)
    store = Store(out)
    if settings is None and store.exists():
        trusted.check_speech(store)
    return settings or (store.settings() if store.exists() else settings_for_new(model or ModelSpec()))


def chosen_options(options: BuildOptions | None) -> BuildOptions:
    expect(options, BuildOptions, "options")
    return options or BuildOptions()


def chosen_model(out: str | os.PathLike[str], model: Model | None) -> Model:
    """The model given, else the one that the data set in ``out`` was built with, else the embedded one.

    Raises SettingsError when the data set was built with a model of which only the name is known.
    """
    if model is not None:
        return model
    store = Store(out)
    if not store.exists():
        return ModelSpec()
    trusted.check_model(store)
    return stored_spec(store)


def check_store(out: str | os.PathLike[str], settings: DatasetSettings, vlm: VLM) -> None:
    """Raises SettingsError when captions in ``out`` were made otherwise, or the model needs facts and gets none.

    Nothing is written.
    """
    check_facts(vlm, measured=settings.caption.facts.measure)
    store, prompts = Store(out), prompt_set(settings.caption.prompts)
    if store.exists():
        store.check_same(settings, vlm.identity, prompts.hash)
    elif store.has_captions:
        check_captions(store, settings, vlm.name, prompts.hash)


def check_inputs(out: str | os.PathLike[str], inputs: Iterable[str]) -> list[str]:
    """The inputs as a list; those of a new data set are looked up.

    So a misspelt name leaves no empty data set, and a misspelt data set is not taken for a finished one. Raises
    SettingsError when a new data set would begin with nothing, or with a name that does not exist.
    """
    names, store = input_names(inputs), Store(out)
    if store.exists() or any(store.parts(table) for table in TABLES):
        return names
    if not names:
        raise no_videos(store)
    checked_inputs(names)
    return names


def open_store(out: str | os.PathLike[str], settings: DatasetSettings, vlm: VLM, model: Model | None = None) -> Store:
    """The data set in ``out``, made if it is not there. Raises SettingsError when its captions were made otherwise.

    ``model`` is stored, by its name, so that a later run need not name it.
    """
    prompts = prompt_set(settings.caption.prompts)
    spec = ModelSpec(model) if isinstance(model, str) else model
    told = spec.stored() if isinstance(spec, ModelSpec) else {}
    check_store(out, settings, vlm)
    store = Store(out)
    if not store.exists():
        with suppress(AlreadyDescribed):  # another shard was quicker
            Store.create(out, settings, vlm.identity, prompts.hash)
    surveyed_otherwise = store.description["settings"].get("survey") != asdict(settings.survey)
    store.update_settings(settings, model=vlm.identity, prompt_hash=prompts.hash, **told)
    if told:
        trusted.note(store)
    if surveyed_otherwise and store.parts("surveys"):  # there are no captions, or this would have been refused
        store.replace("surveys", [])
    return store


def remove_leftovers(store: Store, *, whole: bool) -> None:
    """Delete the files that killed runs left half-written; beside other shards only those that are an hour old."""
    store.clean(older_than_seconds=0.0 if whole else 3600.0)
