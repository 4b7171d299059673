"""TOML, as far as configurations of trainers need it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def toml_text(top: Mapping[str, Any], tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """Plain keys, then lists of tables: ``[[name]]``."""
    lines = [f"{key} = {_value(value)}" for key, value in top.items()]
    for name, items in tables.items():
        for item in items:
            lines += ["", f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in item.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def toml_table(name: str, item: Mapping[str, Any]) -> str:
    """One table, ``[name]``, with an empty line behind it."""
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in item.items()), "", ""])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):  # a string of JSON is one of TOML, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)  # 24.0 keeps its point: readers that want a float refuse 24


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a file. Raises SettingsError where it cannot be read."""
    try:
        return dict(tomllib.loads(read_text(path)))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # no UTF-8, too
        raise SettingsError(f"{path}: is not TOML ({error})") from None
