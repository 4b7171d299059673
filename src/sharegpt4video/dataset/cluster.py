"""``sg4v dataset build --on ray``: the same build, spread over a cluster with Ray Data (extra ``ray``).

Reader actors decode and hand on JPEG bytes and facts; describer actors ask the model, in process or at an endpoint.
This process lists, decides and writes exactly as a local build does, so either can carry on what the other began. Ray
keeps what waits between the stages within the object store, and does again what a lost machine had in hand; replies
that were answered come from the cache, which an actor beside this process keeps.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, cast

from .. import background
from ..checking import Count, Limits, raise_for, wrong_values
from ..errors import MissingExtra, ModelDenied, SG4VError
from ..prompts import prompt_set
from ..records import VideoCaption
from .build import (
    BuildOptions,
    check_inputs,
    check_store,
    chosen_model,
    chosen_options,
    chosen_settings,
    finished,
    open_store,
    remove_leftovers,
)
from .decide.columns import Candidates
from .decide.decider import Decider
from .ledger import Ledger
from .rows import Failure, SourceVideo, Survey
from .settings import DatasetSettings
from .store.lock import lock
from .store.store import Store
from .work.actors import Describer, Keeper, Reader, Surveyor, packed, unpacked
from .work.models import ModelSpec
from .work.outcomes import GivenUp, Outcomes
from .work.progress import BuildCounts
from .work.replies import replies_folder, writer_name
from .work.worklist import Worklist

MOST_BLOCKS = 4096  # of a stage; few enough for Ray to keep track of
VIDEOS_PER_CALL = 8  # of a describer; several calls run at once, so its slots are never idle


@dataclass(frozen=True)
class ClusterOptions:
    """What of the cluster is used.

    address           of a running cluster ("auto", "ray://..."); None: the one of the environment, or one made here
    readers           actors that decode, one core each; None: three of four cores of the cluster
    describers        actors that ask the model; the model's slots are shared out among them when it is an endpoint
    gpus_each         GPUs of each describer, for a model in process
    """

    address: str | None = None
    readers: Count | None = None
    describers: Count = 1
    gpus_each: Annotated[float, Limits(0, 1024)] = 0.0

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def build_on_ray(
    inputs: Iterable[str],
    out: str | os.PathLike[str],
    *,
    model: str | ModelSpec | None = None,
    settings: DatasetSettings | None = None,
    options: BuildOptions | None = None,
    cluster: ClusterOptions | None = None,
    on_progress: Callable[[BuildCounts], None] = lambda _: None,
) -> BuildCounts:
    """As ``build.build``, on a Ray cluster; the two give equal data sets.

    The model is given by name: it is opened where it is used. Sources and ``out`` must be reachable from every
    machine. Raises what ``build`` raises, and MissingExtra without Ray.
    """
    ray = _ray()
    settings, options, cluster = chosen_settings(out, settings), chosen_options(options), cluster or ClusterOptions()
    chosen = chosen_model(out, model)
    spec = ModelSpec(chosen) if isinstance(chosen, str) else cast(ModelSpec, chosen)
    vlm = spec.open(settings)
    check_store(out, settings, vlm)
    inputs = check_inputs(out, inputs)
    with lock(out, shard=options.shard) as held:
        store = open_store(out, settings, vlm, spec)
        store.guard = held.check
        remove_leftovers(store, whole=options.shard is None)
        if not ray.is_initialized():
            ray.init(address=cluster.address, log_to_driver=False, include_dashboard=False)
        _quiet()
        run = _ClusterRun(store, spec, settings, options, cluster, on_progress)
        worklist = Worklist(store, inputs, options.shard)
        counts = background.run(run.run(worklist))
        return finished(store, settings, options, counts, worklist)


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else a cluster started here reports its use to Ray's makers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("building on a cluster", "ray") from error
    return ray


def _quiet() -> None:
    """Ray's own progress would be mixed with ours; its warnings stay."""
    import logging

    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)


class _ClusterRun:
    """One run: list everything, survey what was not, decide in order, caption what passed."""

    def __init__(
        self,
        store: Store,
        spec: ModelSpec,
        settings: DatasetSettings,
        options: BuildOptions,
        cluster: ClusterOptions,
        on_progress: Callable[[BuildCounts], None],
    ) -> None:
        self._store, self._spec, self._settings = store, spec, settings
        self._options, self._cluster = options, cluster
        self._outcomes = Outcomes(store, on_progress)
        self._decider = Decider.of(settings, store.address)
        self._failed: set[str] = set()
        self._keeper = _keeper(store, options)

    async def run(self, worklist: Worklist) -> BuildCounts:
        import ray

        counts, outcomes = self._outcomes.counts, self._outcomes
        try:
            known = self._known()
            sources = [source async for source in self._listed(worklist, known)]
            await self._survey([source for source in sources if not known.surveyed(source.id)])
            outcomes.write_now()
            known = self._known()
            if self._decider.wants_text:
                await self._tell_in_short(self._without_text(sources, known))
                outcomes.write_now()
                known = self._known()
            await self._caption(self._passing(sources, known), known)
            await outcomes.finish()
        except (GivenUp, ModelDenied) as why:
            counts.stopped = str(why)
        finally:
            counts.requests_paid = ray.get(self._keeper.misses.remote())
            ray.kill(self._keeper)
            self._decider.flush()
            outcomes.close()
        return counts

    def _known(self) -> Ledger:
        filters = self._settings.filters
        return Ledger(self._store, retry=self._options.retry, with_hashes=filters.drop_near_duplicates)

    async def _listed(self, worklist: Worklist, known: Ledger) -> AsyncGenerator[SourceVideo, None]:
        """The sources in order, each content once, without those that failed before."""
        counts = self._outcomes.counts
        async for item, state in worklist.items():
            await self._outcomes.listed(item, state)
            if isinstance(item, Failure) or state == "again":
                continue
            if not known.first_time(item.id):
                counts.identical += 1
            elif known.failed(item.id):
                counts.failed_before[known.failed_kind(item.id)] += 1
            else:
                yield item
        await self._outcomes.all_listed(worklist)

    async def _survey(self, sources: Sequence[SourceVideo]) -> None:
        """Survey them on the readers' cores."""
        if not sources:
            return
        import ray

        found = _dataset(sources).map_batches(
            Surveyor,
            fn_constructor_args=(self._settings.survey,),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=self._readers(len(sources))),
        )
        async for source, result in _results(found):
            if isinstance(result, Failure):
                self._failed.add(source.id)
                await self._outcomes.failed(result)
            else:
                await self._outcomes.surveyed(result)
            self._outcomes.tell()

    def _without_text(self, sources: Sequence[SourceVideo], known: Ledger) -> list[SourceVideo]:
        """Those that pass the filters of one video and have no short caption yet."""
        use_given = self._settings.novelty.use_given
        return [
            source
            for source, survey in self._surveyed(sources, known)
            if self._decider.passes_alone(survey)
            and not (source.caption and use_given)
            and known.short_text(source.id) is None
        ]

    def _surveyed(self, sources: Sequence[SourceVideo], known: Ledger) -> Iterator[tuple[SourceVideo, Survey]]:
        for source in sources:
            survey = None if source.id in self._failed else known.survey(source.id)
            if survey is not None:
                yield source, survey

    def _passing(self, sources: Sequence[SourceVideo], known: Ledger) -> list[SourceVideo]:
        """Decide in order; those that pass and are not captioned yet."""
        counts, passing = self._outcomes.counts, []
        use_given = self._settings.novelty.use_given
        for source, survey in self._surveyed(sources, known):
            text = source.caption if source.caption and use_given else known.short_text(source.id)
            (decision,) = self._decider.decide(Candidates.of([survey], [text]))
            if not decision.kept:
                counts.dropped[decision.gate] += 1
            elif known.captioned(source.id):
                counts.known += 1
            else:
                passing.append(source)
        return passing

    async def _tell_in_short(self, sources: Sequence[SourceVideo]) -> None:
        async for source, result in self._described(sources, "survey", fast=True):
            if isinstance(result, Failure):
                self._failed.add(source.id)
                await self._outcomes.failed(result)
            else:
                await self._outcomes.told_in_short(source, result)

    async def _caption(self, sources: Sequence[SourceVideo], known: Ledger) -> None:
        async for source, result in self._described(sources, "caption", fast=False):
            if isinstance(result, Failure):
                await self._outcomes.failed(result)
            else:
                await self._outcomes.captioned(source, result, known.next_revision(source.id))
            self._outcomes.tell()

    async def _described(
        self, sources: Sequence[SourceVideo], stage: Literal["survey", "caption"], *, fast: bool
    ) -> AsyncGenerator[tuple[SourceVideo, VideoCaption | Failure], None]:
        """Read on the readers, describe on the describers; results come in any order."""
        if not sources:
            return
        import ray

        settings = replace(self._settings.caption, mode="fast") if fast else self._settings.caption
        vlm = self._spec.open(self._settings)
        slots = max(vlm.max_concurrent // self._cluster.describers, 1) if not self._cluster.gpus_each else None
        prompt_hash = prompt_set(settings.prompts).hash
        looks = vlm.max_images > 0
        read = _dataset(sources).map_batches(
            Reader,
            fn_constructor_args=(settings, looks, stage),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=self._readers(len(sources))),
        )
        told = read.map_batches(
            Describer,
            fn_constructor_args=(self._spec, self._settings, settings, slots, prompt_hash, self._keeper, stage),
            batch_size=VIDEOS_PER_CALL,
            num_cpus=0 if not self._cluster.gpus_each else 1,
            num_gpus=self._cluster.gpus_each or None,
            compute=Describer.pool(self._cluster.describers, slots),
        )
        async for item in _results(told):
            yield item

    def _readers(self, videos: int) -> int:
        import ray

        cores = int(ray.cluster_resources().get("CPU", 1))
        return max(min(self._cluster.readers or cores * 3 // 4, videos), 1)


def _keeper(store: Store, options: BuildOptions) -> Any:
    """The reply cache as an actor on this machine, where its disk is."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    folder = options.replies or replies_folder(store)
    actor = ray.remote(num_cpus=0, scheduling_strategy=here)(Keeper)
    return actor.remote(str(folder), writer_name(options.shard))


def _dataset(sources: Collection[SourceVideo]) -> Any:
    """Sources as a Ray data set, in blocks small enough that all readers have work."""
    import ray

    rows = [{"source": packed(source)} for source in sources]
    return ray.data.from_items(rows, override_num_blocks=min(len(rows), MOST_BLOCKS))


async def _results(dataset: Any) -> AsyncGenerator[tuple[SourceVideo, Any], None]:
    """The rows of a Ray data set as they are finished. Raises ours instead of Ray's errors where one is behind it."""
    import ray

    try:
        async with aclosing(background.in_thread(iter(dataset.iter_rows()))) as rows:
            async for row in rows:
                yield unpacked(row["source"]), unpacked(row["result"])
    except ray.exceptions.RayError as error:
        raise _ours(error) from error


def _ours(error: BaseException) -> SG4VError:
    """The error of ours that made Ray give up; for any other one that says so."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, SG4VError):
            return behind
        behind = getattr(behind, "cause", None) or behind.__cause__
    return GivenUp(f"Ray gave up: {str(error).strip().splitlines()[-1]}")
