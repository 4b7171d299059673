"""``sg4v dataset build``, ``status`` and ``filter``: make a data set, see how far it is, change what is kept."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..foreign import terminal_line
from . import options as o
from .console import FAILED, MARKED, exit_codes, print_json, print_text, say
from .inputs import with_stdin
from .settings import dataset_settings, model_options, names_prompts

if TYPE_CHECKING:
    from ..dataset.build import BuildOptions
    from ..dataset.decide.waterfall import Waterfall
    from ..dataset.places.models import ModelSpec
    from ..dataset.rows import Failure
    from ..dataset.settings import DatasetSettings
    from ..dataset.status import Status
    from ..dataset.store.store import Store

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="VIDEO",
        help="Files, folders, globs, lists (.txt, .csv, .jsonl, .parquet), archives (.zip, .tar), s3:// addresses, "
        "or - for names on stdin. Without any, resumes with those it already knows.",
        show_default=False,
    ),
]
DataSet = Annotated[
    str, typer.Argument(metavar="DIR", help="The directory of the data set, or its address.", show_default=False)
]
Changes = Annotated[
    list[str] | None,
    o.set_option(
        "Change a setting, such as filters.max_seconds=120; may be given several times. sg4v settings lists them all."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE.yaml", help="Read settings from this file; --set overrides them."),
]
Processes = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes that decode (one for each core).", show_default=False),
]
Retry = Annotated[
    list[str] | None,
    typer.Option(
        "--retry-failed",
        metavar="KIND",
        help="Retry videos that failed as: all, unreadable, vanished, unsafe, crashed, stalled, model, unexpected.",
        show_default=False,
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Process only shard I of N (I from 0 to N-1); shards may run in parallel.",
        show_default=False,
    ),
]
BuildModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="The model: ollama:MODEL, openai:MODEL, server:MODEL@URL, hf:NAME, ...; sg4v models lists them. "
        "Without it, the model that the data set was built with; embedded for a new one.",
        show_default=False,
    ),
]
Replies = Annotated[
    Path | None,
    typer.Option("--replies", metavar="FOLDER", help="Folder of the reply cache, on a disk of this machine."),
]
Canary = Annotated[
    bool,
    typer.Option(
        "--canary",
        help="Mix up replies on purpose and report whether each mix-up was caught; keeps nothing.",
    ),
]


def build(
    videos: Inputs = None,
    out: Annotated[str | None, typer.Option("--out", "-o", metavar="DIR", help="The data set to make.")] = None,
    model: BuildModel = None,
    model_option: o.ModelOption = None,
    config: Config = None,
    changes: Changes = None,
    processes: Processes = None,
    retry_failed: Retry = None,
    shard: ShardOption = None,
    replies: Replies = None,
    on: Annotated[str, typer.Option(metavar="WHERE", help="Where to run: local, or ray (extra ray).")] = "local",
    canary: Canary = False,
    quiet: o.Quiet = False,
) -> None:
    """Caption every video that passes the filters into a data set.

    It may be killed at any moment: the same command carries on, and no answer
    is paid for twice.
    """
    from ..dataset.build import BuildOptions

    if out is None and not canary:
        raise typer.BadParameter("a data set needs a directory", param_hint="--out")
    if on not in ("local", "ray"):
        raise typer.BadParameter(f"{on!r} is neither local nor ray", param_hint="--on")
    with exit_codes():
        run = BuildOptions(processes, tuple(retry_failed or ()), _shard(shard), replies)
        videos = with_stdin(videos or [])
        own, others = model_options(model_option, changes)
        there = None if out is None else _there(out)
        spec = _model(model, own, out)
        settings = _settings(config, others, there, spec)
        if canary:
            raise typer.Exit(_canary(videos, spec, settings))
        raise typer.Exit(_build(videos, str(out), spec, settings, run, on, quiet=quiet))


def _build(
    videos: list[str],
    out: str,
    model: ModelSpec,
    settings: DatasetSettings,
    run: BuildOptions,
    where: str,
    *,
    quiet: bool,
) -> int:
    """Build, show how far it is, say what came of it; returns the exit code."""
    from .build_display import BuildDisplay

    with BuildDisplay(quiet=quiet) as display:
        if where == "ray":
            from ..dataset.cluster import build_on_ray

            result = build_on_ray(videos, out, model=model, settings=settings, options=run, on_progress=display.show)
        else:
            from ..dataset.build import build as build_here

            result = build_here(videos, out, model=model, settings=settings, options=run, on_progress=display.show)
    say(result.text())
    if not result.all_well:
        return FAILED
    return MARKED if result.marked else 0


def _canary(videos: list[str], model: ModelSpec, settings: DatasetSettings) -> int:
    from ..dataset.canary import canary

    result = canary(videos, model=model, settings=settings)
    say(result.text())
    return 0 if result.proved else FAILED


def status(
    directory: DataSet,
    failures: Annotated[
        bool, typer.Option("--failures", help="Also list what failed: each video, and what is wrong with it.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Show how far a data set is: done, failed by kind, left, rate and time left."""
    from ..dataset.status import status as status_of
    from ..dataset.store.store import Store

    with exit_codes():
        store = Store.open(directory)
        found, failed = status_of(store), _failures(store) if failures else []
        if json:
            print_json(_plain(found) | ({"failures": [asdict(one) for one in failed]} if failures else {}))
            return
        print_text(found.text())
        for one in failed:
            print_text(f"{one.kind}  {terminal_line(one.line())}")


def _failures(store: Store) -> list[Failure]:
    """The failures that stand."""
    from ..dataset.lookup import table
    from ..dataset.rows import Failure
    from ..dataset.store.schema import to_rows

    return [row for batch in table(store, "failures") for row in to_rows(Failure, batch)]


def _plain(found: Status) -> dict[str, Any]:
    failed = [{"kind": kind, "stage": stage, "videos": count} for (kind, stage), count in sorted(found.failed.items())]
    return {**asdict(found), "failed": failed}


def filter(
    directory: DataSet,
    changes: Changes = None,
    config: Config = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what these thresholds would remove; change nothing.")
    ] = False,
    thresholds: Annotated[
        bool, typer.Option("--thresholds", help="Also show how many videos other thresholds would drop.")
    ] = False,
) -> None:
    """Apply filters, near-duplicate groups and splits to what is stored; nothing is run again.

    Prints what each filter removed; the last line says what is kept.
    """
    from ..dataset.decide.select import select
    from ..dataset.decide.waterfall import measure
    from ..dataset.store.store import Store

    with exit_codes():
        settings = dataset_settings(config, changes, Store.open(directory))
        if dry_run:
            _print_filtered(measure(Store.open(directory), settings.filters), "", thresholds=thresholds)
            return
        with writing(directory) as store:
            selected = select(store, settings)
        if selected.waterfall is not None:
            _print_filtered(selected.waterfall, selected.line(), thresholds=thresholds)


def _print_filtered(found: Waterfall, last: str, *, thresholds: bool) -> None:
    if thresholds and (table := found.thresholds()):
        print_text(f"{table}\n")
    print_text(f"{found.text()}\n{last}".rstrip())


def _settings(config: Path | None, changes: list[str], there: Store | None, spec: ModelSpec) -> DatasetSettings:
    """What a build is asked for; a new data set has the prompts of its model where nothing names others."""
    from ..dataset.places.models import settings_for_new
    from ..dataset.places.trusted import check_speech

    settings = dataset_settings(config, changes, there)
    if there is None and not names_prompts(config, changes, "caption"):
        return settings_for_new(spec, settings)
    if config is None and there is not None and not any("speech_model" in each for each in changes):
        check_speech(there)
    return settings


def _model(name: str | None, options: dict[str, Any], out: str | None) -> ModelSpec:
    """The model named, else the one that the data set was built with; options come on top of its own."""
    from ..dataset.places.models import ModelSpec, stored_spec
    from ..dataset.places.trusted import check_model

    store = _there(out) if name is None and out is not None else None
    if store is None:
        return ModelSpec(name or "embedded", options)
    check_model(store)
    return stored_spec(store, options)


def _there(out: str) -> Store | None:
    """The data set in a directory, if there is one."""
    from ..dataset.store.store import Store

    return Store.open(out) if Store(out).exists() else None


def writing(directory: str) -> AbstractContextManager[Store]:
    """The data set of a directory, which nobody else may write meanwhile."""
    from ..dataset.store.locked import writing as locked

    return locked(directory)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and int(number) < int(count)):
        raise typer.BadParameter(f"{text!r} is not of the form I/N with I from 0 to N-1", param_hint="--shard")
    return int(number), int(count)
