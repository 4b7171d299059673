"""Filters as they are typed, such as ``max_motion>0.3`` or ``camera=pan left``, read into parameterised SQL.

What a user types ends up in parameters only. The SQL is put together from the names of known columns and from the
comparisons below.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...checking import did_you_mean
from ...errors import SettingsError
from .columns import COLUMNS, Column, quoted

MOST_FILTERS = 20
MOST_LETTERS = 300
NONE, ANY = "none", "any"
_FILTER = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9]*)\s*(<=|>=|!=|=|<|>|~)\s*(.*?)\s*", re.S)
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SQL = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class Filter:
    """One condition. ``value`` has the type of the column; ``operator`` is one of ``= != < <= > >= ~``."""

    column: str
    operator: str
    value: str | float | bool

    def __str__(self) -> str:
        value = str(self.value).lower() if isinstance(self.value, bool) else self.value
        return f"{self.column}{self.operator}{value}"

    @property
    def searches_text(self) -> bool:
        """Whether it is answered by the texts and not by a column."""
        return COLUMNS[self.column].kind == "text"

    def sql(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        kind, name = COLUMNS[self.column].kind, quoted(self.column)
        if kind in ("number", "flag"):
            return f"{name} {_SQL[self.operator]} ?", [self.value]
        if self.operator == "~":
            return f"contains(lower({name}), lower(?))", [self.value]
        negated = (self.operator == "!=") != (self.value == NONE)
        if self.value in (NONE, ANY):
            there = f"len({name}) > 0" if kind == "words" else f"{name} <> ''"
            return (f"NOT ({there})" if negated else there), []
        if kind == "words":
            return f"{'NOT ' if negated else ''}list_contains({name}, ?)", [self.value]
        return f"{name} {'<>' if negated else '='} ?", [self.value]


def parsed(texts: Sequence[str]) -> tuple[Filter, ...]:
    """Read filters. Raises SettingsError for an unknown column, a wrong value, or a comparison that makes no sense."""
    if len(texts) > MOST_FILTERS:
        raise SettingsError(f"give at most {MOST_FILTERS} filters at a time, not {len(texts)}")
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> Filter:
    if len(text) > MOST_LETTERS:
        raise SettingsError(f"a filter has at most {MOST_LETTERS} characters")
    match = _FILTER.fullmatch(text)
    if match is None:
        raise SettingsError(f"{text!r} is not a filter; write for example max_motion>0.3, camera=static or kept=true")
    name, operator, value = match[1].lower(), match[2], match[3]
    column = COLUMNS.get(name)
    if column is None:
        raise SettingsError(f"there is no filter called {name!r}{did_you_mean(name, COLUMNS)}")
    if not value:
        raise SettingsError(f"{text!r}: a value is missing after {operator}")
    return Filter(name, operator, _value(column, operator, value))


def _value(column: Column, operator: str, value: str) -> str | float | bool:
    allowed = {"number": "= != < <= > >=", "flag": "= !=", "word": "= != ~", "words": "= !=", "text": "="}[column.kind]
    if operator not in allowed.split():
        raise SettingsError(f"{column.name} is compared by {' or '.join(allowed.split())}, not by {operator}")
    if column.kind == "number":
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise SettingsError(f"{column.name} is compared with a number, not with {value!r}")
        return number
    if column.kind == "flag":
        if value.lower() not in _FLAGS:
            raise SettingsError(f"{column.name} is true or false, not {value!r}")
        return _FLAGS[value.lower()]
    return value.encode("utf-8", "replace").decode()
