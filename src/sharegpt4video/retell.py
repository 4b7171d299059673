"""Texts made from texts: a summary of any part of a captioned video, a long caption from a short prompt."""

from __future__ import annotations

from typing import TypeVar

from . import background
from .captioner.engine import Role
from .captioner.outcome import Summary
from .captioner.recaption import recaption as recaption_role
from .captioner.summary import summary as summary_role
from .checking import check_text
from .config import CaptionSettings
from .engines import engine_for, held_to_facts, settings_for
from .records import VideoCaption
from .vlm.base import VLM

T = TypeVar("T")


def summarize(
    captioned: VideoCaption,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
) -> Summary:
    """Write a caption for ``[start_seconds, end_seconds)`` of a captioned video, without opening the video.

    It is made from the stored steps. Times default to the start and end of the caption. If no step has a usable
    description, ``Summary.text`` is empty and ``Summary.problem`` says why.

    Raises SettingsError for invalid settings, VLMError if the model cannot answer. ``asummarize`` is for code that runs
    in an event loop.
    """
    return background.run(asummarize(captioned, start_seconds, end_seconds, model=model, settings=settings))


async def asummarize(
    captioned: VideoCaption,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
) -> Summary:
    """As ``summarize``, inside an event loop."""
    settings = settings_for(model, settings)
    role = summary_role(
        captioned.steps,
        video=captioned.video,
        start_seconds=captioned.start_seconds if start_seconds is None else start_seconds,
        end_seconds=captioned.end_seconds if end_seconds is None else end_seconds,
        fold_steps=settings.fold_steps,
        cast=settings.cast,
    )
    return await _run_role(role, model, settings)


def recaption(prompt: str, *, model: str | VLM = "embedded", settings: CaptionSettings | None = None) -> Summary:
    """Rewrite a short text-to-video prompt in the style of the captions, adding nothing that was not in it.

    Raises SettingsError for invalid settings, VLMError if the model cannot answer. ``arecaption`` is for code that runs
    in an event loop.
    """
    return background.run(arecaption(prompt, model=model, settings=settings))


async def arecaption(prompt: str, *, model: str | VLM = "embedded", settings: CaptionSettings | None = None) -> Summary:
    """As ``recaption``, inside an event loop."""
    check_text(prompt, "the prompt to re-caption")
    return await _run_role(recaption_role(prompt), model, settings_for(model, settings))


async def _run_role(role: Role[T], model: str | VLM, settings: CaptionSettings) -> T:
    async with engine_for(model, settings) as engine:
        return await engine.run(held_to_facts(role, settings))
