"""The options that several verbs take, and the settings they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..times import parse_time
from .console import FAILED, error

if TYPE_CHECKING:
    from ..config import CaptionSettings
    from ..vlm.base import VLM


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


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


Videos = Annotated[
    list[str],
    typer.Argument(
        metavar="VIDEO",
        help="Video files, URLs, folders, patterns, lists of names (.txt, .csv, .jsonl, .parquet), or - for names on "
        "stdin.",
        show_default=False,
    ),
]
Video = Annotated[str, typer.Argument(metavar="VIDEO", help="A video file or URL.", show_default=False)]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="The model: embedded (needs nothing else), ollama:MODEL, openai:MODEL, server:MODEL@URL, hf:NAME, ...; "
        "sg4v models lists them.",
    ),
]
CaptionModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="The model: embedded (the default, needs nothing else), ollama:MODEL, openai:MODEL, server:MODEL@URL, "
        "hf:NAME, ...; sg4v models lists them.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model-option",
        "-O",
        metavar="NAME=VALUE",
        help="An option of the model, such as max_images=1; may be given several times.",
        show_default=False,
    ),
]


def set_option(help: str, *more_names: str) -> Any:
    """``--set NAME=VALUE``; each verb says what it changes with it."""
    return typer.Option("--set", "-s", *more_names, metavar="NAME=VALUE", help=help, show_default=False)


Sets = Annotated[
    list[str] | None,
    set_option(
        "Change a setting, such as jpeg_quality=80, or an option of the model: model.max_images=1. May be given "
        "several times; sg4v settings lists them all."
    ),
]
ModelSets = Annotated[
    list[str] | None, set_option("Set an option of the model: model.max_images=1; may be given several times.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE.yaml", help="Read settings from this file; other options override them."
    ),
]
Prompts = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Prompt set: default, paper, sharecaptioner or brief.", show_default=False),
]
Start = Annotated[
    float | None,
    typer.Option(parser=_time, metavar="TIME", help="Begin here: 90, 1:30 or 0:01:30.5.", show_default=False),
]
End = Annotated[float | None, typer.Option(parser=_time, metavar="TIME", help="Stop before here.", show_default=False)]

Modes = Annotated[
    Mode | None,
    typer.Option(
        "--mode", help="Step by step (sliding), or one question with one picture grid (fast).", show_default=False
    ),
]
Hints = Annotated[
    bool | None,
    typer.Option(
        "--hints/--no-hints", help="Also give the measured facts to a model that sees the pictures.", show_default=False
    ),
]
Verify = Annotated[
    bool | None,
    typer.Option(
        "--verify/--no-verify",
        help="Hold each text against the measured facts and the texts before; ask once more for what they contradict.",
        show_default=False,
    ),
]
Formats = Annotated[
    list[Format] | None,
    typer.Option(
        "--format",
        "-f",
        help="text, json, srt, vtt or md; with --out, may be given several times.",
        metavar="NAME",
        show_default=False,
    ),
]
JsonFormat = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write files here (json by default).", file_okay=False)
]
NewFolder = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="New folder to write to (required).", show_default=False),
]
EarlierOut = Annotated[Path | None, typer.Argument(metavar="OUT", hidden=True)]
"""The output folder where earlier versions took it: as the last argument, without ``--out``."""
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Caption again what is finished already, and replace its files.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the requests that the model would be sent, and write their pictures and sound to --out (or "
        "sg4v-requests). Nobody is asked, and nothing is paid.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="With --out: number of videos to caption in parallel (4 for a model that looks at pictures, else 1).",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no steps on the terminal.")]

_KEYFRAMES = "Keyframes"
Every = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Look for a keyframe this often (2).", rich_help_panel=_KEYFRAMES, show_default=False
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What compares frames: embedded, or clip (extra hf).",
        rich_help_panel=_KEYFRAMES,
        show_default=False,
    ),
]
Similarity = Annotated[
    float | None,
    typer.Option(
        metavar="COSINE",
        help="Keep a frame when it is less like the last kept one than this (the encoder's own value).",
        rich_help_panel=_KEYFRAMES,
        show_default=False,
    ),
]
MaxGap = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Keep a frame at least this often (20).", rich_help_panel=_KEYFRAMES, show_default=False
    ),
]
Ocr = Annotated[
    bool | None,
    typer.Option("--ocr/--no-ocr", help="Read on-screen text, or leave it out.", show_default=False),
]
Listen = Annotated[
    bool | None,
    typer.Option(
        "--sound/--no-sound",
        help="Listen for silence, speech and music (extra sound), or leave it out.",
        show_default=False,
    ),
]
Speech = Annotated[
    bool | None,
    typer.Option(
        "--speech/--no-speech",
        help="Write speech down (extra speech, or a server), or leave it out.",
        show_default=False,
    ),
]


def existing(value: Any) -> Any:
    """For parameters that name one or several files to read: one that is not there ends the program, as failed."""
    for path in value if isinstance(value, list) else [value]:
        try:
            if path is not None:
                path.stat()
        except OSError as wrong:  # also a name that is too long, or in a folder that we may not enter
            why = "no such file or folder" if isinstance(wrong, FileNotFoundError) else wrong.strerror
            error(f"{path}: {why}")
            raise typer.Exit(FAILED) from None
    return value


def chosen_out(out: Path | None, earlier: Path | None) -> Path:
    """The folder to write to. Raises BadParameter if there is none, or if there are two."""
    if (out is None) == (earlier is None):
        problem = "name the folder to write to" if out is None else f"name one folder, not both {out} and {earlier}"
        raise typer.BadParameter(problem, param_hint="--out")
    return out or earlier or Path()


def make_checked_model(model: str, settings: CaptionSettings, options: dict[str, Any]) -> VLM:
    """As ``make_model``, for a verb that asks at once. Raises VLMError if it cannot answer (see ``VLM.check``)."""
    from .. import background

    vlm = make_model(model, settings, options)
    background.run(vlm.check())
    return vlm


def make_model(model: str, settings: CaptionSettings, options: dict[str, Any]) -> VLM:
    """The model of that name. Raises SettingsError for an unknown one, or an option that it does not take."""
    from ..prompts import prompt_set
    from ..vlm import open_model

    return open_model(model, prompts=prompt_set(settings.prompts), hints=settings.hints, **options)


def keyframe_options(
    every: float | None, encoder: str | None, similarity: float | None, max_gap: float | None
) -> dict[str, Any]:
    """The options of the panel Keyframes, under the names that the settings have for them."""
    chosen = {"every_seconds": every, "encoder": encoder, "similarity": similarity, "max_gap_seconds": max_gap}
    return {"keyframes": chosen}


def fact_options(ocr: bool | None, sound: bool | None, speech: bool | None) -> dict[str, Any]:
    """What is measured, under the names that the settings have for it."""
    return {"facts": {"ocr": ocr, "sound": sound, "speech": speech}}


def read_settings(
    config: Path | None, changes: Sequence[str] | None = None, *, model: str | None = None, **given: Any
) -> CaptionSettings:
    """The settings of the file, or the defaults, then ``--set``, with every option given (is not None) on top.

    A dict stands for a group of settings (``keyframes={"encoder": "clip"}``). Where none of them names a prompt set, it
    is the one that the model was trained with, if it says which. Raises SettingsError.
    """
    from .settings import caption_settings, names_prompts

    settings = caption_settings(config, changes)
    if model is not None and given.get("prompts") is None and not names_prompts(config, changes):
        from ..vlm import own_prompts

        given = {**given, "prompts": own_prompts(model) or None}
    options = {
        name: replace(getattr(settings, name), **_given(value)) if isinstance(value, dict) else value
        for name, value in _given(given).items()
    }
    return replace(settings, **options)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
