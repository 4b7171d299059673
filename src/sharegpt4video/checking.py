"""Checking settings: names against what there is, values against their types, with the likely meant one named."""

from __future__ import annotations

import difflib
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from .errors import SettingsError

T = TypeVar("T")


def raise_for(problems: Iterable[str]) -> None:
    """Raises SettingsError with all problems in one message, if there are any."""
    if found := "; ".join(problems):
        raise SettingsError(found)


LEAST_STEP_SECONDS = 0.001
"""Pictures of one video are never looked at more often: no camera but a scientist's has more of them."""


def too_often(name: str, every_seconds: float) -> list[str]:
    """The problem with looking at a video this often; empty if it makes sense."""
    if every_seconds >= LEAST_STEP_SECONDS:
        return []
    return [f"{name} must be at least {LEAST_STEP_SECONDS}, not {every_seconds}"]


def one_of(name: str, value: object, known: Iterable[str]) -> list[str]:
    """The problem with a name that is none of those that are known, with the nearest one; empty if it is."""
    names = list(known)
    if value in names:
        return []
    return [f"{name} is {_listed(map(repr, names))}, not {value!r}{did_you_mean(value, names)}"]


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """``; did you mean 'semantic'?``, or "" where nothing is near."""
    near = difflib.get_close_matches(str(value), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def expect(value: object, kind: type, name: str = "settings") -> None:
    """Raises SettingsError unless ``value`` is of this class of settings, or None."""
    if value is None or isinstance(value, kind):
        return
    advice = f"make one with {kind.__name__}(...)"
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        arguments = ", ".join(f"{key}={each!r}" for key, each in value.items())
        advice = f"write {kind.__name__}({arguments})"
    elif isinstance(value, str) or hasattr(value, "__fspath__"):
        advice = f"read a file with sharegpt4video.config.load_yaml(path, {kind.__name__})"
    raise SettingsError(f"{name} is a {kind.__name__}, not a {type(value).__name__}; {advice}")


def wrong_types(settings: Any, prefix: str = "") -> dict[str, str]:
    """What is wrong with the types of a settings dataclass, by field: Python checks none of them at construction."""
    hints = typing.get_type_hints(type(settings))
    found = {}
    for one in fields(settings):
        value, hint = getattr(settings, one.name), hints[one.name]
        if not _fits(value, hint):
            near = did_you_mean(value, typing.get_args(hint)) if typing.get_origin(hint) is typing.Literal else ""
            found[one.name] = f"{prefix}{one.name} is {_words(hint)}, not {value!r}{near}"
    return found


def wrong_numbers(factory: Callable[..., Any], arguments: Mapping[str, object]) -> list[str]:
    """The arguments that should be numbers and are not, by the annotations; a text may stand for other things."""
    callee = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]  # only its annotations
    try:
        hints = typing.get_type_hints(callee)
    except (NameError, TypeError):  # names that only a type checker imports
        return []
    found = []
    for name, value in arguments.items():
        hint = hints.get(name)
        if set(typing.get_args(hint) or (hint,)) <= {int, float, types.NoneType} and not _fits(value, hint):
            found.append(f"{name} is {_words(hint)}, not {value!r}")
    return found


def validated(settings_type: type[T], plain: object, where: str) -> T:
    """Settings out of plain data (a YAML file, a stored description), with numbers in texts read as such.

    Raises SettingsError naming ``where`` and everything that does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(settings_type).validate_python(plain)
    except ValidationError as error:
        lines = [_line(each, settings_type) for each in error.errors()]
        raise SettingsError(f"{where}: {'; '.join(lines)}") from error


def _line(problem: Any, settings_type: type) -> str:
    place = ".".join(map(str, problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        message += did_you_mean(place, _names(settings_type))
    ours = isinstance(problem.get("ctx", {}).get("error"), SettingsError)  # it names the setting itself
    return message if ours or not place else f"{place}: {message}"


def _names(settings_type: Any, prefix: str = "") -> list[str]:
    found = []
    for name, hint in typing.get_type_hints(settings_type).items():
        found += _names(hint, f"{prefix}{name}.") if is_dataclass(hint) else [f"{prefix}{name}"]
    return found


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, inner) for inner in arguments)
    if origin is typing.Literal:
        return value in arguments
    if hint in (int, float):
        number = numbers.Integral if hint is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool) and _is_finite(typing.cast(float, value))
    if origin is tuple:
        inner = arguments[0] if arguments[-1] is Ellipsis else None
        return isinstance(value, (tuple, list)) and (inner is None or all(_fits(one, inner) for one in value))
    kind = origin or hint
    return value is None if kind is type(None) else not isinstance(kind, type) or isinstance(value, kind)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _words(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _listed(map(_words, arguments))
    if origin is typing.Literal:
        return _listed(map(repr, arguments))
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "None"}
    if hint in plain:
        return plain[hint]
    return f"a {hint.__name__}" if is_dataclass(hint) and isinstance(hint, type) else str(hint)


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
