"""``sg4v caption``: describe videos, one after the other, and write what comes out."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import background
from . import options as o
from .console import FAILED, MARKED, exit_codes, need_stdout, say
from .inputs import Named, named_videos
from .settings import model_options

if TYPE_CHECKING:
    from ..vlm.base import VLM
    from .batch import Batch
    from .reading import Readers


def caption(
    videos: o.Videos,
    model: o.CaptionModel = None,
    model_option: o.ModelOption = None,
    changes: o.Sets = None,
    mode: o.Modes = None,
    prompts: o.Prompts = None,
    hints: o.Hints = None,
    verify: o.Verify = None,
    ocr: o.Ocr = None,
    start: o.Start = None,
    end: o.End = None,
    format: o.Formats = None,
    json: o.JsonFormat = False,
    out: o.Out = None,
    overwrite: o.Overwrite = False,
    jobs: o.Jobs = None,
    config: o.Config = None,
    quiet: o.Quiet = False,
    every: o.Every = None,
    encoder: o.Encoder = None,
    similarity: o.Similarity = None,
    max_gap: o.MaxGap = None,
) -> None:
    """Caption videos: what is seen, and what happens when.

    Steps are printed as they come. With --out, each video becomes a file; one that was captioned in the same way before
    is skipped, and formats it lacks are written from the stored caption. --json prints one document a line for several.
    """
    formats = _formats(format, json, out)
    how = {"mode": mode and mode.value, "prompts": prompts, "hints": hints, "verify": verify}
    how |= {"facts": {"ocr": ocr}, "keyframes": o.keyframe_options(every, encoder, similarity, max_gap)}
    with exit_codes(), nullcontext(named_videos(videos)) as named, _readers(named.videos, out) as readers:
        from .batch import Batch

        own, others = model_options(model_option, changes)
        settings = o.read_settings(config, others, start_seconds=start, end_seconds=end, **how)
        vlm = o.make_model(model or "embedded", settings, own)
        options = {"any_model": model is None and not own, "overwrite": overwrite, "quiet": quiet}
        _run(Batch(settings, vlm, formats, out, jobs=_jobs(jobs, out, vlm), readers=readers, **options), named)


@contextlib.contextmanager
def _readers(videos: Collection[str], out: Path | None) -> Iterator[Readers | None]:
    """For one video, a process that reads it, which starts up while this one is still importing; None for several."""
    from .reading import Readers

    if out is None:
        need_stdout()
    readers = Readers() if len(videos) == 1 else None
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


def _jobs(chosen: int | None, out: Path | None, vlm: VLM) -> int:
    """How many videos at the same time: on a terminal one, or the captions would be mixed."""
    from .batch import JOBS

    if out is None and chosen not in (None, 1):
        raise typer.BadParameter("several videos at the same time need --out", param_hint="--jobs")
    return chosen or (JOBS if out is not None and vlm.max_images > 0 else 1)


def _run(batch: Batch, named: Named) -> None:
    """Caption them all, say what became of them, and leave with the exit code that says it, too."""
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
