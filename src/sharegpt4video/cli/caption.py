"""``sg4v caption``: describe videos, one after the other, and write what comes out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .. import background
from . import options as o
from .console import FAILED, MARKED, error, exit_codes, need_stdout, say
from .inputs import Named, named_videos
from .settings import model_options

if TYPE_CHECKING:
    from ..config import CaptionSettings
    from ..vlm.base import VLM
    from .reading import Readers


def caption(
    videos: o.Videos,
    model: o.CaptionModel = None, model_option: o.ModelOption = None, changes: o.Sets = None,
    mode: o.Modes = None, prompts: o.Prompts = None, hints: o.Hints = None, verify: o.Verify = None,
    ocr: o.Ocr = None, sound: o.Listen = None, speech: o.Speech = None,
    start: o.Start = None, end: o.End = None,
    format: o.Formats = None, json: o.JsonFormat = False, out: o.Out = None, overwrite: o.Overwrite = False,
    dry_run: o.DryRun = False, jobs: o.Jobs = None, config: o.Config = None, quiet: o.Quiet = False,
    every: o.Every = None, encoder: o.Encoder = None, similarity: o.Similarity = None, max_gap: o.MaxGap = None,
) -> None:  # fmt: skip
    """Caption videos: what is seen, and what happens when.

    Steps are printed as they come. With --out, each video becomes a file; captions that are there already are kept.
    """
    formats = _formats(format, json, None if dry_run else out)
    how = {"mode": mode and mode.value, "prompts": prompts, "hints": hints, "verify": verify}
    how |= o.fact_options(ocr, sound, speech) | o.keyframe_options(every, encoder, similarity, max_gap)
    with exit_codes(), nullcontext(named_videos(videos)) as named, _readers(named, out, dry_run) as readers:
        own, others = model_options(model_option, changes)
        settings = o.read_settings(config, others, model=model, start_seconds=start, end_seconds=end, **how)
        vlm = o.make_model(model or "embedded", settings, own)
        if dry_run:
            return _show_requests(named, vlm, settings, formats, out)
        options = {"any_model": model is None and not own, "overwrite": overwrite, "quiet": quiet, "readers": readers}
        return _run(named, settings, vlm, formats, out, jobs=_jobs(jobs, out, vlm), **options)


@contextlib.contextmanager
def _readers(named: Named, out: Path | None, dry_run: bool) -> Iterator[Readers | None]:
    """For one video, a process that reads it, which starts up while this one is still importing; None for several."""
    from .reading import Readers

    if out is None:
        need_stdout()
    readers = Readers() if len(named.videos) == 1 and not dry_run else None
    try:
        if readers is not None:
            readers.begin()
        yield readers
    finally:
        if readers is not None:
            readers.end()


def _formats(chosen: list[o.Format] | None, json: bool, out: Path | None) -> list[str]:
    formats = list(dict.fromkeys([*(each.value for each in chosen or ()), *(["json"] if json else ())]))
    if out is None and len(formats) > 1:
        raise typer.BadParameter("several formats need --out", param_hint="--format")
    return formats or ["json" if out else "text"]


def _show_requests(named: Named, vlm: VLM, settings: CaptionSettings, formats: list[str], out: Path | None) -> None:
    from .dry_run import dry_run

    if formats not in (["text"], ["json"]):
        raise typer.BadParameter("--dry-run prints text or JSON", param_hint="--format")
    for reason in named.unusable:
        error(reason)
    dry_run(named.videos, vlm, settings, out, json=formats == ["json"])
    if named.unusable:
        raise typer.Exit(FAILED)


def _jobs(chosen: int | None, out: Path | None, vlm: VLM) -> int:
    """How many videos at the same time: on a terminal one, or the captions would be mixed."""
    from .batch import JOBS

    if out is None and chosen not in (None, 1):
        raise typer.BadParameter("several videos at the same time need --out", param_hint="--jobs")
    return chosen or (JOBS if out is not None and vlm.max_images > 0 else 1)


def _run(named: Named, *what: Any, **options: Any) -> None:
    """Caption them all, say what became of them, and leave with the exit code that says it, too."""
    from .batch import Batch

    batch = Batch(*what, **options)
    if batch.outputs is not None and (lines := batch.outputs.record.unreadable):
        say(f"{batch.outputs.record.path}: {lines} unreadable lines are ignored")
    if not batch.quiet and (left_out := named.left_out()):
        say(left_out)
    for reason in named.unusable:
        batch.refuse(reason)
    jobs = batch.plan(named.videos)
    asked = [job for job in jobs if job.asks]
    if asked:
        background.run(batch.model.check())
    if not batch.quiet and (cost := batch.expected_cost(asked)):
        say(cost)
    if asked and (others := batch.other_models()):
        say(f"no --model given: {batch.model.name} captions the new videos (the captions already here are by {others})")
    try:
        batch.run(jobs)
    finally:
        if len(jobs) > 1 or named.unusable or batch.outputs is not None:
            say(batch.counts())
        if batch.pairing:
            say(batch.pairing)
    if batch.failed or batch.marked:
        raise typer.Exit(FAILED if batch.failed else MARKED)
