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
    from ..config import load_yaml
    from ..dataset.settings import DatasetSettings

    if config is not None:
        settings = load_yaml(config, DatasetSettings)
    elif store is None:
        settings = DatasetSettings()
    elif not changes:
        return store.settings()
    else:  # stored settings may be wrong, which is what the changes mend
        plain = _with_defaults(DatasetSettings().to_plain(), store.description["settings"])
        return _changed(plain, changes)
    return _changed(settings.to_plain(), changes) if changes else settings


def _changed(plain: dict[str, Any], changes: Sequence[str]) -> DatasetSettings:
    from ..checking import validated
    from ..dataset.settings import DatasetSettings

    for change in changes:
        apply_change(plain, change)
    return validated(DatasetSettings, plain, "--set")


def _with_defaults(defaults: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Stored settings, with the defaults of those that an earlier version did not know."""
    merged = {**defaults, **stored}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(merged[name], dict):
            merged[name] = _with_defaults(value, merged[name])
    return merged


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
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsError(f"--set {change}: the value cannot be read: {error}") from error


def _names(plain: dict[str, Any], before: str = "") -> list[str]:
    names = []
    for name, value in plain.items():
        if isinstance(value, dict):
            names += _names(value, f"{before}{name}.")
        else:
            names.append(f"{before}{name}")
    return names
