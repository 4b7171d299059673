"""``--set NAME=VALUE``: the one way to give settings, whichever verb takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import SettingsError
from ..given import read_text

if TYPE_CHECKING:
    from ..config import CaptionSettings
    from ..dataset.settings import DatasetSettings
    from ..dataset.store.store import Store

T = TypeVar("T")

MODEL = "model."
"""Names with this prefix are options of the model: ``--set model.max_images=1`` is ``--model-option max_images=1``."""


def read_pairs(given: Sequence[str] | None, option: str = "--set") -> dict[str, Any]:
    """``NAME=VALUE`` pairs as a dict; a value is read as YAML, so numbers are numbers.

    Raises SettingsError for anything else.
    """
    return dict(_pair(each, option) for each in given or ())


def split_off(prefix: str, changes: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The changes whose names begin with ``prefix``, without it, and the others."""
    given = list(changes or ())
    own = [each.lstrip().removeprefix(prefix) for each in given if each.lstrip().startswith(prefix)]
    return own, [each for each in given if not each.lstrip().startswith(prefix)]


def model_options(options: Sequence[str] | None, changes: Sequence[str] | None) -> tuple[dict[str, Any], list[str]]:
    """The options of the model, from ``--model-option`` and ``--set model.NAME=VALUE``, and the other changes.

    Raises SettingsError.
    """
    own, others = split_off(MODEL, changes)
    found = {**read_pairs(options, "--model-option"), **read_pairs(own)}
    if taken := sorted(found.keys() & {"prompts", "hints"}):
        raise SettingsError(
            f"{taken[0]} is a setting of captions, not an option of the model; see sg4v settings {taken[0]}"
        )
    return found, others


def only_model_options(options: Sequence[str] | None, changes: Sequence[str] | None) -> dict[str, Any]:
    """As ``model_options``, for a verb without settings of its own. Raises SettingsError for any other change."""
    found, others = model_options(options, changes)
    if others:
        raise SettingsError(f"--set {others[0]}: only options of the model can be set here: model.NAME=VALUE")
    return found


def caption_settings(config: Path | None, changes: Sequence[str] | None) -> CaptionSettings:
    """The settings of the file, or the defaults, with the changes on top. Raises SettingsError."""
    from ..config import CaptionSettings, load_yaml

    settings = load_yaml(config, CaptionSettings) if config else CaptionSettings()
    return _changed(settings.to_plain(), changes, CaptionSettings) if changes else settings


def names_prompts(config: Path | None, changes: Sequence[str] | None, within: str = "") -> bool:
    """Whether the file or a change, which both have been read before, says what the prompt set is.

    ``within``: the group of settings that has it.
    """
    import yaml

    plain = yaml.safe_load(read_text(config)) if config else None
    if within:
        plain = plain.get(within) if isinstance(plain, dict) else None
    named = f"{within}.prompts" if within else "prompts"
    return named in read_pairs(changes) or (isinstance(plain, dict) and "prompts" in plain)


def dataset_settings(config: Path | None, changes: Sequence[str] | None, store: Store | None = None) -> DatasetSettings:
    """The settings of the file, else those of the data set, else the defaults; ``changes`` come on top.

    Raises SettingsError naming what is wrong.
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
        return _changed(plain, changes, DatasetSettings)
    return _changed(settings.to_plain(), changes, DatasetSettings) if changes else settings


def _changed(plain: dict[str, Any], changes: Sequence[str] | None, kind: type[T]) -> T:
    from ..checking import validated

    for change in changes or ():
        apply_change(plain, change)
    return validated(kind, plain, "--set")


def _with_defaults(defaults: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Stored settings, with the defaults of those that an earlier version did not know."""
    merged = {**defaults, **stored}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(merged[name], dict):
            merged[name] = _with_defaults(value, merged[name])
    return merged


def values(kind: type[T], given: Sequence[str] | None, more: Mapping[str, Any] | None = None) -> T:
    """A settings dataclass from ``NAME=VALUE`` pairs, with ``more`` on top. Raises SettingsError."""
    from ..checking import validated

    return validated(kind, {**read_pairs(given), **(more or {})}, "--set")


def apply_change(plain: dict[str, Any], change: str) -> None:
    """Change plain settings in place: ``filters.max_seconds=120``. Raises SettingsError for an unknown name."""
    import difflib

    name, value = _pair(change, "--set")
    *groups, last = name.split(".")
    inside: Any = plain
    for group in groups:
        inside = inside.get(group) if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or last not in inside:
        known = list(_names(plain))
        same = [one for one in known if one.rpartition(".")[2] == last]  # the group is missing, or wrong
        near = same or difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; sg4v settings lists them"
        raise SettingsError(f"--set {change}: there is no setting {name!r}{hint}")
    inside[last] = value


def _pair(change: str, option: str) -> tuple[str, Any]:
    import yaml

    from ..config import yaml_problem

    name, equals, value = change.partition("=")
    name = name.strip()
    if not equals or not all(part.isidentifier() for part in name.split(".")):
        raise SettingsError(f"{option} {change}: write NAME=VALUE, such as max_seconds=120")
    try:
        return name, yaml.safe_load(value)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsError(f"{option} {change}: the value cannot be read: {yaml_problem(error)}") from error


def _names(plain: dict[str, Any], before: str = "") -> list[str]:
    names = []
    for name, value in plain.items():
        if isinstance(value, dict):
            names += _names(value, f"{before}{name}.")
        else:
            names.append(f"{before}{name}")
    return names
