"""Checking settings: names against what there is, values against their types, with the likely meant one named."""

from __future__ import annotations

import difflib
import math
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeVar

from .errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """Between which numbers a setting lies, both included but for ``over`` (the least) and ``under`` (the most).

    It stands in the annotation, ``frames: Annotated[int, Limits(1, 100)] = 16``, and is checked by ``wrong_values``.
    Every number that a user can set has some: a limit that nobody reaches on purpose still catches a slip.
    """

    least: float
    most: float
    over: bool = False
    under: bool = False

    def hold(self, value: float) -> bool:
        above = self.least < value if self.over else self.least <= value
        return above and (value < self.most if self.under else value <= self.most)

    def __str__(self) -> str:
        least, most = "over" if self.over else "at least", "under" if self.under else "at most"
        return f"{least} {_number(self.least)} and {most} {_number(self.most)}"

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """For ``validated``: pydantic takes true and false, which YAML makes of yes and no, for 1 and 0."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(_not_a_bool, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], Any]) -> Any:
        bounds = {"exclusiveMinimum" if self.over else "minimum": self.least}
        bounds["exclusiveMaximum" if self.under else "maximum"] = self.most
        return {**handler(core), **bounds}


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.15g}"


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"a number is needed, not {value!r}")
    return value


Share = Annotated[float, Limits(0, 1)]
Cosine = Annotated[float, Limits(-1, 1)]
Seconds = Annotated[float, Limits(0, 1e9)]
Interval = Annotated[float, Limits(0.001, 1e9)]
"""Seconds from one thing to the next; hardly any camera takes more than 1,000 pictures a second."""
Rate = Annotated[float, Limits(0.001, 1000)]
"""Frames per second."""
Count = Annotated[int, Limits(1, 10**9)]
Seed = Annotated[int, Limits(-(2**63), 2**63 - 1)]
JpegQuality = Annotated[int, Limits(1, 100)]
SidePixels = Annotated[int, Limits(16, 16384)]
GridFrames = Annotated[int, Limits(1, 1024)]
"""In one grid; each is as small as a stamp then."""


def raise_for(problems: Iterable[str]) -> None:
    """Raises SettingsError with all problems in one message, if there are any."""
    if found := "; ".join(problems):
        raise SettingsError(found)


def out_of_range(name: str, value: Any, hint: Any) -> list[str]:
    """The problem with a number beyond the ``Limits`` of an annotation such as ``Interval``; empty if it keeps them."""
    limits = _broken(value, hint)
    return [f"{name} must be {limits}, not {value!r}"] if limits else []


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


def wrong_values(settings: Any, prefix: str = "") -> dict[str, str]:
    """What is wrong with the fields of a settings dataclass, by name: their types, which Python does not check, and
    numbers beyond their ``Limits``.
    """
    kind: type = type(settings)
    plain, limited = _hints(kind)
    found = {}
    for one in fields(kind):
        value, hint = getattr(settings, one.name), plain[one.name]
        if not _fits(value, hint):
            near = did_you_mean(value, typing.get_args(hint)) if typing.get_origin(hint) is typing.Literal else ""
            found[one.name] = f"{prefix}{one.name} is {_words(hint)}, not {value!r}{near}"
        elif beyond := out_of_range(f"{prefix}{one.name}", value, limited[one.name]):
            found[one.name] = beyond[0]
    return found


@cache
def _hints(settings_type: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The annotations without and with what is annotated to them."""
    return typing.get_type_hints(settings_type), typing.get_type_hints(settings_type, include_extras=True)


def _broken(value: Any, hint: Any) -> Limits | None:
    """The limits that a value of the right type does not keep."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        given = (one for one in arguments[1:] if isinstance(one, Limits))
        return next((one for one in given if not one.hold(value)), None)
    if origin in (typing.Union, types.UnionType):
        return next((_broken(value, inner) for inner in arguments if _fits(value, _plain(inner))), None)
    if origin is tuple:
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return next((found for one, each in zip(value, inner, strict=True) if (found := _broken(one, each))), None)
    return None


def _plain(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint


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


def first_problem(error: ValueError) -> str:
    """What is wrong with data in the first place, without the data and the links that pydantic adds."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    return _line(error.errors(include_url=False, include_input=False)[0])


def _line(problem: Any, settings_type: type | None = None) -> str:
    place = ".".join(map(str, problem["loc"]))
    message = problem["msg"].removeprefix("Value error, ")
    if settings_type and problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
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
        if not isinstance(value, (tuple, list)):
            return False
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(value) == len(inner) and all(map(_fits, value, inner))
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
