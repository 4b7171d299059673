"""Checking settings: names against what there is, values against their types, with the likely meant one named."""

from __future__ import annotations

import difflib
import math
import numbers
import re
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
"""Seconds from one thing to the next; hardly any camera records more than 1,000 frames per second."""
Rate = Annotated[float, Limits(0.001, 1000)]
"""Frames per second."""
Count = Annotated[int, Limits(1, 10**9)]
Seed = Annotated[int, Limits(-(2**63), 2**63 - 1)]
JpegQuality = Annotated[int, Limits(1, 100)]
SidePixels = Annotated[int, Limits(16, 16384)]
ShownPixels = Annotated[int, Limits(0, 16384)]
"""The longer side of a picture that somebody may want to see; 0: nobody does."""
GridFrames = Annotated[int, Limits(1, 1024)]
"""In one grid; each is as small as a stamp then."""


def raise_for(problems: Iterable[str]) -> None:
    """Raises SettingsError with all problems in one message, if there are any."""
    if found := "; ".join(problems):
        raise SettingsError(found)


def out_of_range(name: str, value: Any, hint: Any) -> list[str]:
    """The problem with a number outside the ``Limits`` of an annotation such as ``Interval``; empty if none."""
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


def wrong_arguments(factory: Callable[..., Any], arguments: Mapping[str, object]) -> list[str]:
    """The arguments that should be numbers, texts or mappings and are not, by the annotations."""
    callee = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]  # only its annotations
    try:
        hints = typing.get_type_hints(callee)
    except (NameError, TypeError):  # names that only a type checker imports
        return []
    found = []
    for name, value in arguments.items():
        choices = _choices(hints.get(name, Any))
        plain = [choice for choice in choices if _is_plain(choice)]
        if any(_fits(value, choice) for choice in plain):
            continue
        if len(plain) == len(choices):
            found.append(f"{name} is {_words(hints[name])}, not {_shown(value)}")
        elif isinstance(value, str | int | float) and all(map(_is_code, set(choices) - set(plain))):
            also = f"{_listed(map(_words, plain))}, or " if plain else ""
            found.append(f"{name} is {also}something that can only be given in Python, not {_shown(value)}")
    return found


def _choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _is_plain(hint: Any) -> bool:
    """Whether values of this type can be given on a command line."""
    return hint in (int, float, bool, str, types.NoneType) or typing.get_origin(hint) is Mapping


def _is_code(hint: Any) -> bool:
    return typing.get_origin(hint) in (Callable, Iterable)


_NEEDED = {
    "dataclass": "a mapping (NAME: VALUE)",
    "model_type": "a mapping (NAME: VALUE)",
    "int_": "a whole number",
    "float_": "a number",
    "finite_number": "a finite number",
    "bool_": "true or false",
    "string_": "text",
    "list_": "a list",
    "tuple_": "a list",
    "dict_": "a mapping (NAME: VALUE)",
    "mapping_": "a mapping (NAME: VALUE)",
    "none_required": "null",
    "invalid_key": "text as the name of a setting",
}
"""What is needed, by how pydantic's name for an error begins. Its own messages name Python classes."""
_QUOTED = re.compile(r"'([^']*)'")
_SHOWN_CHARACTERS = 60


def check_text(text: str, what: str) -> None:
    """Raise SettingsError, naming ``what``, for a text that UTF-8 cannot hold: no model, file or server takes it.

    Bytes of a command line that are not UTF-8 come as lone surrogates; JSON and YAML can spell them, too.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        half, at = text[error.start], error.start + 1
        if "\udc80" <= half <= "\udcff":  # as os.fsdecode gives what it cannot decode
            raise SettingsError(f"{what} has bytes that are not UTF-8 text, at character {at}") from None
        raise SettingsError(
            f"{what} has half of a character ({half!a}), at character {at}; was it cut within an emoji?"
        ) from None


def check_texts(plain: object, place: str) -> None:
    """``check_text`` for every text in plain data, with its place in the message after ``place``."""
    if isinstance(plain, str):
        check_text(plain, place)
    elif isinstance(plain, Mapping):
        for name, value in plain.items():
            check_texts(value, f"{place}{'.' if place[-1:] not in ' ' else ''}{name}")
    elif isinstance(plain, list | tuple):
        for value in plain:
            check_texts(value, place)


def validated(settings_type: type[T], plain: object, where: str) -> T:
    """Settings out of plain data (a YAML file, a stored description), with numbers in texts read as such.

    Raises SettingsError naming ``where`` and everything that does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    check_texts(plain, f"{where}: ")
    try:
        return TypeAdapter(settings_type).validate_python(plain)
    except ValidationError as error:
        lines = [_line(each, settings_type) for each in error.errors()]
        raise SettingsError(f"{where}: {'; '.join(lines)}") from error


def first_problem(error: ValueError) -> str:
    """The first problem with some data, without the input and the links that pydantic adds."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    return _line(error.errors(include_url=False, include_input=False)[0])


def _line(problem: Any, settings_type: type | None = None) -> str:
    """One of pydantic's errors in a line of our words: which field, and what is wrong with it."""
    place = ".".join(map(str, problem["loc"]))
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        near = did_you_mean(place, _names(settings_type)) if settings_type else ""
        return f"{place}: there is no such setting{near}"
    if kind in ("missing", "missing_argument"):
        return f"{place}: missing"
    needed = next((words for start, words in _NEEDED.items() if kind.startswith(start)), "")
    if kind == "literal_error":
        needed = context["expected"]
    if not needed:
        message: str = problem["msg"].removeprefix("Value error, ")
        ours = isinstance(context.get("error"), SettingsError)  # it names the setting itself
        return message if ours or not place else f"{place}: {message}"
    near = did_you_mean(problem.get("input"), _QUOTED.findall(needed)) if kind == "literal_error" else ""
    given = f", not {_shown(problem['input'])}" if "input" in problem else ""
    return f"{f'{place}: ' if place else ''}{needed} is needed{given}{near}"


def _shown(value: object) -> str:
    """A given value, shortened to fit into a message."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


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
    if origin in (list, tuple):
        return f"a list ({_words(arguments[0])} each)" if arguments else "a list"
    plain = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "None"}
    if hint in plain:
        return plain[hint]
    if origin is Mapping:
        return "a mapping ({NAME: VALUE})"
    return f"a {hint.__name__}" if is_dataclass(hint) and isinstance(hint, type) else str(hint)


def words_of(hint: Any) -> str:
    """What a value of that type is called in messages and lists: ``a number or None``."""
    return _words(hint)


def limits_of(hint: Any) -> str:
    """The ``Limits`` of an annotation in words; "" for one without."""
    if typing.get_origin(hint) is Annotated:
        return next((str(one) for one in typing.get_args(hint)[1:] if isinstance(one, Limits)), "")
    return next(filter(None, map(limits_of, typing.get_args(hint))), "")


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
