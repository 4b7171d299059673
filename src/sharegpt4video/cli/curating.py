"""``sg4v dataset check``, ``repair``, ``clips``, ``compact``: what is done with captions once they are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as o
from .building import DataSet, writing
from .console import FAILED, exit_codes, print_text, say
from .settings import model_options, only_model_options, split_off, values

if TYPE_CHECKING:
    from ..dataset.dataset import Dataset
    from ..vlm.base import VLM

Judge = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Also have a model judge the summaries: server:MODEL@URL.", show_default=False),
]
Language = Annotated[str, typer.Option(metavar="CODE", help="The language that captions should be in.")]
StepSets = Annotated[
    list[str] | None,
    o.set_option("Change a setting of this step; may be given several times. sg4v settings lists them all."),
]


def check(
    directory: DataSet,
    judge: Judge = None,
    model_option: o.ModelOption = None,
    changes: o.ModelSets = None,
    language: Language = "en",
) -> None:
    """Check captions: text, times, the summary against its steps, all against the measured facts.

    Only what was not checked before is looked at. Nothing is changed: see repair.
    """
    with exit_codes():
        ds = _dataset(directory)
        model = None if judge is None else _model(ds, judge, only_model_options(model_option, changes))
        print_text(ds.check(judge=model, language=language).text())


def repair(
    directory: DataSet,
    model: o.Model = "embedded",
    model_option: o.ModelOption = None,
    changes: o.ModelSets = None,
    checks: Annotated[
        list[str] | None, typer.Option("--check", metavar="NAME", help="Only findings of this check.")
    ] = None,
    language: Language = "en",
) -> None:
    """Ask the model again about captions with findings, telling it what was found; keep what is better."""
    with exit_codes():
        ds = _dataset(directory)
        vlm = _model(ds, model, only_model_options(model_option, changes))
        result = ds.repair(vlm, checks=checks, language=language)
        print_text(result.text())
        if result.failed:
            raise typer.Exit(FAILED)


def clips(
    directory: DataSet,
    model: o.Model = "embedded",
    model_option: o.ModelOption = None,
    changes: StepSets = None,
    cut: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also cut the media of every clip into this folder.", file_okay=False),
    ] = None,
    cut_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="The same as --set cut.NAME=VALUE, such as exact=false.", show_default=False
        ),
    ] = None,
) -> None:
    """Make clips of every contiguous run of steps, each with a caption of its own.

    Settings say how videos are divided (--set way=shots, or --set way=window --set frames=49), how clips are cut
    (--set cut.exact=false), and are passed to the model (--set model.max_images=1).
    """
    from ..dataset.clips.clips import ClipSettings
    from ..dataset.clips.media import CutOptions

    with exit_codes():
        own, others = model_options(model_option, changes)
        of_cutting, of_clips = split_off("cut.", others)
        settings, cutting = values(ClipSettings, of_clips), values(CutOptions, [*(cut_option or ()), *of_cutting])
        ds = _dataset(directory)
        result = ds.clips(settings, model=_model(ds, model, own), media=cut, cut=cutting)
        print_text(result.text())
        if result.media is not None and result.media.failed.total():
            raise typer.Exit(FAILED)


def compact(directory: DataSet) -> None:
    """Put many small parts together into larger ones, and remove what killed runs left behind."""
    from ..dataset.rows import TABLES

    with exit_codes(), writing(directory) as store:
        many = {table: parts for table in TABLES if (parts := len(store.parts(table))) > 1}
        for table, before in many.items():
            say(f"{table}: {before} parts before, {store.compact(table)} now")
        if not many:
            say("no table has more than one part")
        store.clean()


def _dataset(directory: str) -> Dataset:
    from ..dataset.dataset import open_dataset

    return open_dataset(directory)


def _model(ds: Dataset, name: str, options: dict[str, Any]) -> VLM:
    return o.make_checked_model(name, ds.settings.caption, options)
