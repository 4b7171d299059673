"""``sg4v t2v lint``: what a trainer would do with a folder that its user does not expect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import SettingsError
from . import options as o
from .console import FAILED, exit_codes, print_json, print_text

Trainer = Annotated[
    str,
    typer.Option(
        "--for",
        metavar="TRAINER",
        help="Such as musubi-tuner, diffusion-pipe, ltx-2, finetrainers; what sg4v t2v export wrote says itself.",
        show_default=False,
    ),
]


def lint(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that the trainer is given.")],
    trainer: Trainer = "",
    frames: Annotated[
        int, typer.Option(metavar="N", help="Frames to train on, where the folder does not say.", show_default=False)
    ] = 0,
    fps: Annotated[float, typer.Option(metavar="X", help="Frame rate of the model.", show_default=False)] = 0.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size to train on.", show_default=False)] = "",
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Generator or text encoder, such as HunyuanVideo or T5-226.", show_default=False
        ),
    ] = None,
    files: Annotated[bool, typer.Option("--files/--no-files", help="Open the videos.")] = True,
    json: o.Json = False,
) -> None:
    """Say what a trainer would drop, mis-pair, cut off or mistake in a folder, without running it.

    The folder may be of any origin. Each finding says what this trainer does, what to do about it, and where that was
    read. Exits with 1 if there are errors.
    """
    from ..t2v.lint import LintSettings, lint

    with exit_codes():
        width, height = _size(size)
        settings = LintSettings(frames, fps, width, height, tuple(encoder or ()), files)
        report = lint(folder, trainer, settings)
        if json:
            print_json(report.to_plain())
        else:
            print_text(report.text())
        if report.errors:
            raise typer.Exit(FAILED)


def _size(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SettingsError(f"--size: {text!r} is not WIDTHxHEIGHT, such as 832x480")
    return int(width), int(height)
