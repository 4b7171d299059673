"""``sg4v caption``: describe videos, one after the other, and write what comes out."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .console import FAILED, MARKED, exit_codes, say
from .files import check_names
from .options import (
    Config,
    Encoder,
    End,
    Every,
    MaxGap,
    Model,
    ModelOption,
    Ocr,
    Prompts,
    Similarity,
    Start,
    make_model,
    read_model_options,
    read_settings,
)


class Format(str, Enum):
    """What a caption can be written as."""

    text = "text"
    json = "json"
    srt = "srt"
    vtt = "vtt"
    md = "md"


class Mode(str, Enum):
    """How a video is described."""

    sliding = "sliding"
    fast = "fast"


def caption(
    videos: Annotated[list[str], typer.Argument(metavar="VIDEO", help="Video files or URLs.", show_default=False)],
    model: Model = "embedded",
    model_option: ModelOption = None,
    mode: Annotated[
        Mode | None,
        typer.Option(help="Step by step (sliding), or one question with one picture grid (fast).", show_default=False),
    ] = None,
    prompts: Prompts = None,
    hints: Annotated[
        bool | None,
        typer.Option(
            "--hints/--no-hints",
            help="Give a model that sees the pictures the measured facts, too.",
            show_default=False,
        ),
    ] = None,
    ocr: Ocr = None,
    start: Start = None,
    end: End = None,
    format: Annotated[  # the option's name
        list[Format] | None,
        typer.Option(
            "--format", "-f", help="What to write; with --out, may be given several times.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write files here (json by default).", file_okay=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make files again that are there already.")] = False,
    config: Config = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no steps on the terminal.")] = False,
    every: Every = None,
    encoder: Encoder = None,
    similarity: Similarity = None,
    max_gap: MaxGap = None,
) -> None:
    """Caption videos: what is seen, and what happens when.

    Steps are printed as they come, with their true times. With --out, each
    video becomes a file. Videos whose files are there already are skipped, so a
    run that was stopped can be started again. Without --out, --json prints one
    document for one video, and one document a line for several.
    """
    from .batch import Batch

    formats = list(dict.fromkeys([*(each.value for each in format or ()), *(["json"] if json else ())]))
    formats = formats or ["json" if out else "text"]
    if out is None and len(formats) > 1:
        raise typer.BadParameter("several formats need --out", param_hint="--format")
    with exit_codes():
        if out is not None:
            check_names(videos)
        settings = read_settings(
            config,
            mode=mode.value if mode else None,
            prompts=prompts,
            hints=hints,
            start_seconds=start,
            end_seconds=end,
            facts__ocr=ocr,
            keyframes__every_seconds=every,
            keyframes__encoder=encoder,
            keyframes__similarity=similarity,
            keyframes__max_gap_seconds=max_gap,
        )
        vlm = make_model(model, settings, read_model_options(model_option))
        batch = Batch(settings, vlm, formats, out, overwrite=overwrite, quiet=quiet)
        batch.run(videos)
    if len(videos) > 1 or out is not None:
        say(batch.counts())
    if batch.failed or batch.marked:
        raise typer.Exit(FAILED if batch.failed else MARKED)
