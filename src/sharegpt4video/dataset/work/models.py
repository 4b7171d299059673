"""A model by name and options: what can be sent to another machine and opened there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...prompts import prompt_set
from ...vlm import open_model
from ...vlm.base import VLM
from ..settings import DatasetSettings


@dataclass(frozen=True)
class ModelSpec:
    """What ``vlm.open_model`` takes: ``embedded``, ``server:MODEL@URL``, a plug-in; with the model's options."""

    name: str = "embedded"
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, settings: DatasetSettings) -> VLM:
        """The model, with the prompts and hints of the settings. Raises SettingsError for an unknown one."""
        prompts = prompt_set(settings.caption.prompts)
        return open_model(self.name, prompts=prompts, hints=settings.caption.hints, **self.options)


Model = str | ModelSpec | VLM


def opened(model: Model, settings: DatasetSettings) -> VLM:
    """The model itself, opened if it is a name."""
    if isinstance(model, str):
        model = ModelSpec(model)
    return model.open(settings) if isinstance(model, ModelSpec) else model
