"""``sg4v summarize`` and ``sg4v recaption``: new texts from texts, without touching a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import SettingsError
from ..times import show_span, show_time
from .console import MARKED, error, exit_codes, print_json, print_text
from .options import (
    Config,
    End,
    Json,
    Model,
    ModelOption,
    Prompts,
    Sets,
    Start,
    make_checked_model,
    read_settings,
)
from .settings import model_options
from .t2v_prompts import ProfileOption, make_rewriter

if TYPE_CHECKING:
    from ..records import VideoCaption


def summarize(
    caption: Annotated[
        Path, typer.Argument(metavar="CAPTION.json", help="What sg4v caption --json wrote.", show_default=False)
    ],
    start: Start = None,
    end: End = None,
    model: Model = "embedded",
    model_option: ModelOption = None,
    changes: Sets = None,
    prompts: Prompts = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Write one caption for a captioned video, or any part of it, from its steps alone."""
    from .. import pipeline

    with exit_codes():
        options, others = model_options(model_option, changes)
        settings = read_settings(config, others, model=model, prompts=prompts)
        captioned = pipeline.read_caption(caption)
        first = captioned.start_seconds if start is None else start
        last = captioned.end_seconds if end is None else end
        _check_part(captioned, first, last)
        vlm = make_checked_model(model, settings, options)
        summary = pipeline.summarize(captioned, first, last, model=vlm, settings=settings)
        if json:
            plain = {"video": captioned.video, "start_seconds": first, "end_seconds": last}
            print_json({**plain, "text": summary.text, "problem": summary.problem})
        else:
            print_text(summary.text)
    _mark(summary.problem)


MaybeEncoder = Annotated[
    str | None,
    typer.Option("--encoder", "-e", metavar="NAME", help="The text encoder that reads it.", show_default=False),
]


def recaption(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="A short text-to-video prompt.", show_default=False)],
    model: Model = "embedded",
    model_option: ModelOption = None,
    changes: Sets = None,
    prompts: Prompts = None,
    profile: ProfileOption = None,
    encoder: MaybeEncoder = None,
    json: Json = False,
    config: Config = None,
) -> None:
    """Rewrite a short prompt in the style of dense captions, adding nothing that was not in it.

    With --profile or --encoder, as sg4v t2v rewrite does it: each fact of the prompt is checked. Embedded adds no
    detail: it puts the words of the prompt into sentences.
    """
    from .. import pipeline

    with exit_codes():
        options, others = model_options(model_option, changes)
        settings = read_settings(config, others, model=model, prompts=prompts)
        vlm = make_checked_model(model, settings, options)
        if profile is not None or encoder is not None:
            from .t2v_rewriting import rewrite_one

            done = rewrite_one(prompt, make_rewriter(profile, encoder or "T5-226"), vlm, settings)
            text, plain, problem = done.text, done.plain(), done.problem
        else:
            summary = pipeline.recaption(prompt, model=vlm, settings=settings)
            text, problem = summary.text, summary.problem
            plain = {"prompt": prompt, "text": text, "problem": problem}
        if json:
            print_json(plain)
        else:
            print_text(text)
    _mark(problem)


def _check_part(captioned: VideoCaption, start_seconds: float, end_seconds: float) -> None:
    if captioned.start_seconds <= end_seconds <= start_seconds < captioned.end_seconds:
        raise SettingsError(f"--start {show_time(start_seconds)} must be before --end {show_time(end_seconds)}")
    if start_seconds >= min(end_seconds, captioned.end_seconds) or end_seconds <= captioned.start_seconds:
        first, last = show_time(start_seconds), show_time(end_seconds)
        span = show_span(captioned.start_seconds, captioned.end_seconds)
        raise SettingsError(f"{first} to {last} is outside what was captioned, {span}")


def _mark(problem: str) -> None:
    if problem:
        error(f"the text has a problem: {problem}")
        raise typer.Exit(MARKED)
