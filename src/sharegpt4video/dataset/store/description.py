"""What a data set was built with: the file ``dataset.json`` beside its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ... import __version__
from ...errors import SettingsError, StorageError
from ..settings import DatasetSettings
from . import storage
from .schema import SCHEMA_VERSION

FILE = "dataset.json"
FORMAT = "sharegpt4video data set"
FIXED = ("caption", "survey")
"""Settings that decide what is stored. The others are applied to what is stored, so they may change at any time."""


def describe(fs: Any, root: str, settings: DatasetSettings, model: str, prompt_hash: str) -> None:
    """Make a directory a data set. Raises StorageError if it is one already."""
    plain = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": model,
        "prompt_hash": prompt_hash,
        "settings": settings.to_plain(),
    }
    if not storage.create(fs, f"{root}/{FILE}", _text(plain)):
        raise StorageError(f"{root}: is a data set already; open it to go on with it, or choose another directory")


def is_described(fs: Any, root: str) -> bool:
    """Whether a directory is a data set."""
    return storage.read(fs, f"{root}/{FILE}") is not None


def description(fs: Any, root: str) -> dict[str, Any]:
    """What ``dataset.json`` says. Raises StorageError where there is none, or none that this version can read."""
    path = f"{root}/{FILE}"
    data = storage.read(fs, path)
    if data is None:
        raise StorageError(f"{root}: is no data set (no {FILE}); sg4v dataset build VIDEOS --out {root} makes one")
    try:
        plain = json.loads(data)
    except ValueError as error:
        raise StorageError(
            f"{path}: is damaged ({error}); put it back from a copy, or build into a new directory"
        ) from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise StorageError(f"{path}: was not written by this package; choose another directory")
    if plain["schema_version"] > SCHEMA_VERSION:
        raise StorageError(
            f"{path}: the data set has version {plain['schema_version']} of the table layout, this package knows"
            f" up to version {SCHEMA_VERSION}; upgrade it: pip install -U sharegpt4video"
        )
    return plain


def stored_settings(fs: Any, root: str) -> DatasetSettings:
    """The settings in ``dataset.json``. Raises SettingsError naming every one that does not fit."""
    plain = description(fs, root)["settings"]
    try:
        return TypeAdapter(DatasetSettings).validate_python(plain)
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{root}/{FILE}: {lines}") from error


def check_same(fs: Any, root: str, settings: DatasetSettings, model: str, prompt_hash: str) -> None:
    """Raises SettingsError listing what decides captions and differs from what the data set was built with."""
    told = description(fs, root)
    before = {"model": told["model"], "prompts (hash)": told["prompt_hash"]}
    now = {"model": model, "prompts (hash)": prompt_hash}
    old, new = stored_settings(fs, root).to_plain(), settings.to_plain()
    for name in FIXED:
        before |= _flat(name, old[name])
        now |= _flat(name, new[name])
    different = [f"{name} was {before[name]!r}, is {now[name]!r}" for name in now if before.get(name) != now[name]]
    if different:
        raise SettingsError(
            f"{root}: was built with other settings, captions of two kinds must not be mixed: {'; '.join(different)};"
            " use the former settings or another directory"
        )


def update_settings(fs: Any, root: str, settings: DatasetSettings) -> None:
    """Store the settings that may change at any time. Raises SettingsError if any other one differs."""
    told = description(fs, root)
    check_same(fs, root, settings, told["model"], told["prompt_hash"])
    storage.put(fs, f"{root}/{FILE}", _text({**told, "settings": settings.to_plain()}))


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {name: value}
    return {key: plain for inner, each in value.items() for key, plain in _flat(f"{name}.{inner}", each).items()}


def _text(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()
