"""``sg4v dataset build --on ray``: the same build, its videos surveyed and captioned on a Ray cluster (extra ``ray``).

Readers decode, describers ask the model, in process or at an endpoint; a describer takes what a reader reads piece by
piece, through Ray's object store. This process lists, decides and writes exactly as a local build does, so either can
carry on what the other began. Machines may join and leave: readers are started wherever there is room for one, and
others redo the videos of a lost machine. No answer is paid for twice: an actor beside this process keeps them all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, cast

from .. import background
from ..checking import Count, Limits, raise_for, wrong_values
from ..errors import MissingExtra
from .build import (
    BuildOptions,
    check_inputs,
    check_store,
    chosen_model,
    chosen_options,
    chosen_settings,
    finished,
    new_flow,
    open_store,
    remove_leftovers,
)
from .counts import BuildCounts
from .places.models import ModelSpec
from .settings import DatasetSettings
from .store.lock import lock
from .store.store import Store
from .worklist import Worklist


@dataclass(frozen=True)
class ClusterOptions:
    """Which Ray cluster a build uses, and how much of it.

    address     of a running cluster (``"auto"``, ``"ray://..."``); None: the environment's, or a new local one
    readers     actors that decode, one core each; None: three quarters of the cluster's cores, as it grows and shrinks
    describers  actors that ask the model; if the model is an endpoint, they share its request slots
    gpus_each   GPUs for each describer, for a model that runs in process
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
    """Like ``build``, on a Ray cluster; both give equal data sets.

    Give the model by name or as a ``ModelSpec``: each machine opens it. Sources and ``out`` must be reachable from
    every machine. Raises what ``build`` raises, and MissingExtra without Ray.
    """
    ray = _ray()
    settings, options = chosen_settings(out, settings, model), chosen_options(options)
    cluster = cluster or ClusterOptions()
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
        worklist = Worklist(store, inputs, options.shard)
        counts = background.run(_run(worklist, store, spec, settings, options, cluster, on_progress))
        return finished(store, settings, options, counts, worklist)


async def _run(
    worklist: Worklist,
    store: Store,
    spec: ModelSpec,
    settings: DatasetSettings,
    options: BuildOptions,
    cluster: ClusterOptions,
    on_progress: Callable[[BuildCounts], None],
) -> BuildCounts:
    from .places.ray import OnRay

    place = OnRay(store, spec, settings, options, cluster)
    try:
        counts = await new_flow(place, store, settings, options, on_progress).run(worklist)
        counts.requests_paid, counts.mixed_up = await place.paid(), await place.count_mixed_up()
        return counts
    finally:
        await place.close()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else a cluster started here reports its use to Ray's makers
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("building on a cluster", "ray") from error
    return ray
