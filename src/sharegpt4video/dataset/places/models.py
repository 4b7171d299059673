"""A model by name and options: what can be sent to another machine and opened there, and stored with a data set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import SettingsError
from ...prompts import prompt_set
from ...vlm import open_model, own_prompts
from ...vlm.base import VLM
from ..settings import DatasetSettings
from ..store.store import Store

_SECRET = re.compile(
    r"api_?key|secret|passw|credential|cookie|authori[sz]ation|bearer|(^|_)(access|auth|hf)?_?token$", re.I
)
_IN_ADDRESS = re.compile(r"(https?://)[^/\s]*@|(?<=[?&])[^=&]*(?:key|token|sig|secret)[^=&]*=[^&]*&?", re.I)
NAME, OPTIONS, WITHHELD = "model_name", "model_options", "model_secrets"
"""Fields of ``dataset.json``: the model as it was named, its options, and the names of those that are not stored."""


@dataclass(frozen=True)
class ModelSpec:
    """A model by name (``embedded``, ``server:MODEL@URL``, a plug-in) with its options, to be opened where it runs."""

    name: str = "embedded"
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, settings: DatasetSettings) -> VLM:
        """The model, with the prompts and hints of the settings. Raises SettingsError for an unknown one."""
        prompts = prompt_set(settings.caption.prompts)
        return open_model(self.name, prompts=prompts, hints=settings.caption.hints, **self.options)

    def stored(self) -> dict[str, Any]:
        """The fields of ``dataset.json`` that let a later run go on with this model, without keys or passwords."""
        name = _IN_ADDRESS.sub(lambda found: found[1] or "", self.name)
        options, secrets = _without_secrets(self.options)
        return {NAME: name, OPTIONS: options, WITHHELD: ["in the address"] * (name != self.name) + secrets}


Model = str | ModelSpec | VLM


def settings_for_new(model: Model, settings: DatasetSettings | None = None) -> DatasetSettings:
    """The settings for a new data set, or the defaults, with the prompts that the model was trained with, if any."""
    settings = settings or DatasetSettings()
    own = own_prompts(model.name if isinstance(model, ModelSpec) else model)
    return replace(settings, caption=replace(settings.caption, prompts=own)) if own else settings


def opened(model: Model, settings: DatasetSettings) -> VLM:
    """The model itself, opened if it is a name. Raises SettingsError for anything that is not a model."""
    if isinstance(model, str):
        model = ModelSpec(model)
    if isinstance(model, ModelSpec):
        return model.open(settings)
    if not isinstance(model, VLM):
        raise SettingsError(f"model is a name such as 'embedded', a ModelSpec or a VLM, not {model!r}")
    return model


def stored_spec(store: Store, more: Mapping[str, Any] | None = None) -> ModelSpec:
    """The model that a data set was built with, with ``more`` options on top.

    Raises SettingsError where it is not stored how to open it: data sets of earlier versions, or built in Python with
    a model that was open already.
    """
    told = store.description
    if NAME in told:
        return ModelSpec(told[NAME], {**told[OPTIONS], **(more or {})})
    name = told["model"].split(" ")[0]
    if name.startswith("embedded@"):
        return ModelSpec("embedded", dict(more or {}))
    shape = f"{name}@URL" if name.startswith("server:") else name
    raise SettingsError(
        f"{store.root}: was built with {name}, and it is not stored how to open that; name it again: --model {shape}"
    )


def _without_secrets(options: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Options that may be stored, and the names of the others."""
    kept: dict[str, Any] = {}
    withheld = []
    for name, value in options.items():
        if _SECRET.search(name):
            withheld.append(name)
        elif isinstance(value, Mapping):
            kept[name], inner = _without_secrets(value)
            withheld += [f"{name}.{each}" for each in inner]
        else:
            kept[name] = value
    return kept, withheld
