"""Settings of a data set from a file, from what a directory was built with, and from ``--set NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError

if TYPE_CHECKING:
    from ..dataset.settings import DatasetSettings
    from ..dataset.store.store import Store


def dataset_settings(config: Path | None, changes: Sequence[str] | None, store: Store | None = None) -> DatasetSettings:
    """The settings of the file, else those of the data set, else the defaults; ``changes`` come on top.

    A change is ``filters.max_seconds=120``; its value is read as YAML. Raises SettingsError naming what is wrong.
    """
    from pydantic import TypeAdapter, ValidationError

    from ..config import load_yaml
    from ..dataset.settings import DatasetSettings

    if config is not None:
        settings = load_yaml(config, DatasetSettings)
    else:
        settings = store.settings() if store is not None else DatasetSettings()
    if not changes:
        return settings
    plain = settings.to_plain()
    for change in changes:
        apply_change(plain, change)
    try:
        return TypeAdapter(DatasetSettings).validate_python(plain)
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"--set: {lines}") from error


def apply_change(plain: dict[str, Any], change: str) -> None:
    import difflib

    import yaml

    name, equals, value = change.partition("=")
    if not equals:
        raise SettingsError(f"--set {change}: write NAME=VALUE, such as filters.max_seconds=120")
    *groups, last = name.strip().split(".")
    inside: Any = plain
    for group in groups:
        inside = inside.get(group) if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or last not in inside:
        near = difflib.get_close_matches(name, list(_names(plain)), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(f"--set {change}: there is no setting {name!r}{hint}")
    try:
        inside[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"--set {change}: the value cannot be read: {error}") from error


def _names(plain: dict[str, Any], before: str = "") -> list[str]:
    names = []
    for name, value in plain.items():
        if isinstance(value, dict):
            names += _names(value, f"{before}{name}.")
        else:
            names.append(f"{before}{name}")
    return names
