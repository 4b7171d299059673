"""The engine for a model, which is given by its name or as an object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from .captioner.engine import Engine, Role
from .captioner.verified import OnRefused, verified
from .config import CaptionSettings, caption_settings
from .errors import SettingsError
from .prompts import prompt_set
from .video.compose import arrange
from .vlm import open_model, own_prompts
from .vlm.base import VLM, Request

T = TypeVar("T")


def open_engine(model: str | VLM, settings: CaptionSettings | None = None) -> Engine:
    """Open a model once for any number of ``acaption`` calls, which then share its request slots.

    Close it with ``await engine.vlm.close()``. Raises SettingsError for an unknown model or invalid options,
    MissingExtra if the model needs a package that is not installed.
    """
    settings = settings_for(model, settings)
    if isinstance(model, str):
        model = open_model(model, prompts=prompt_set(settings.prompts), hints=settings.hints)
    if not isinstance(model, VLM):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise SettingsError(f"model is a name such as 'embedded' or a VLM object, not {what}")
    vlm = model

    def prepare(request: Request, max_images: int) -> Request:
        return replace(request, images=arrange(request.images, request.layout, max_images, settings.jpeg_quality))

    return Engine(vlm, prepare=prepare)


def settings_for(model: str | VLM, given: CaptionSettings | None) -> CaptionSettings:
    """The settings, or the defaults with the prompt set that the model was trained with, where it says which.

    Raises SettingsError as ``caption_settings`` does.
    """
    own = own_prompts(model) if given is None else ""
    return CaptionSettings(prompts=own) if own else caption_settings(given)


@asynccontextmanager
async def engine_for(model: str | VLM, settings: CaptionSettings, given: Engine | None = None) -> AsyncIterator[Engine]:
    """The engine to use; one that is made here from a model's name is closed here, too."""
    engine = given or open_engine(model, settings)
    try:
        yield engine
    finally:
        if given is None and isinstance(model, str):
            await engine.vlm.close()


def check_facts(vlm: VLM, *, measured: bool) -> None:
    """Raises SettingsError for a model that answers from measured facts where none are measured."""
    if vlm.needs_facts and not measured:
        raise SettingsError(
            f"facts.measure: false is for models that look at the pictures alone; {vlm.name} answers from measured"
            " facts: leave facts.measure on, or choose another model"
        )


def held_to_facts(role: Role[T], settings: CaptionSettings, on_refused: OnRefused = lambda *_: None) -> Role[T]:
    """The role, with its answers held against the facts and the texts before, if the settings say ``verify``.

    ``on_refused`` is told of answers in the place of which a better one was kept.
    """
    if not settings.verify:
        return role
    from .verify.answers import contradictions  # a tenth of a second of patterns, for those who want it

    return verified(role, contradictions, on_refused)
