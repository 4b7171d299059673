"""JSON Schema (draft 2020-12) of the caption file and of each kind of settings, made from the types themselves.

A schema holds names, types, choices and the limits of numbers. What depends on other settings is checked when the
settings are loaded.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from .checking import one_of, raise_for

SCHEMAS = {
    "caption": "A caption file, as written by sg4v caption --format json",
    "settings": "Settings of a caption, as read by sg4v caption --config",
    "dataset": "Settings of a data set, as read by sg4v dataset build --config",
    "train": "Settings of a training run, as read by sg4v train lvlm",
    "t2v": "Settings of a training run of a video generator, as read by sg4v t2v train",
}
"""The schemas that exist, each with its title."""


def json_schema(name: str) -> dict[str, Any]:
    """The schema of ``caption``, ``settings``, ``dataset``, ``train`` or ``t2v`` as plain data.

    Raises SettingsError for another name.
    """
    from pydantic import TypeAdapter

    raise_for(one_of("the schema", name, SCHEMAS))
    root = _type(name)
    made = _without_noise(TypeAdapter(root).json_schema())
    classes = {one.__name__: one for one in _dataclasses(root)}
    for part, schema in ((root.__name__, made), *made.get("$defs", {}).items()):
        schema["description"] = _plain(inspect.getdoc(classes[part]) or "")
        for field, text in field_docs(classes[part]).items():
            schema["properties"][field]["description"] = _plain(text)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMAS[name]}
    return {**head, "description": made.pop("description"), **made}


def _type(name: str) -> type:
    if name == "caption":
        from .records import VideoCaption

        return VideoCaption
    if name == "settings":
        from .config import CaptionSettings

        return CaptionSettings
    if name == "dataset":
        from .dataset.settings import DatasetSettings

        return DatasetSettings
    if name == "t2v":
        from .t2v.settings import T2VSettings

        return T2VSettings
    from .lvlm.settings import TrainSettings

    return TrainSettings


def _without_noise(schema: Any) -> Any:
    """The schema without titles that only repeat a name, and without what differs between versions of pydantic."""
    if isinstance(schema, list):
        return [_without_noise(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):  # names of ours, not keywords
            kept[key] = {name: _without_noise(one) for name, one in value.items()}
        elif key in ("default", "enum", "const"):
            kept[key] = value
        elif key not in ("title", "description") and (key, value) != ("additionalProperties", True):
            kept[key] = _without_noise(value)
    return kept


def _dataclasses(hint: Any) -> Iterator[type]:
    """The dataclasses that a type is made of."""
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
        for inner in typing.get_type_hints(hint).values():
            yield from _dataclasses(inner)
    for inner in typing.get_args(hint):
        yield from _dataclasses(inner)


def field_docs(kind: type) -> dict[str, str]:
    """The line under each field of a dataclass, its own or one of a dataclass that it is based on."""
    found = {}
    for part in (one for one in reversed(kind.__mro__) if is_dataclass(one)):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
        for field, below in zip(body.body, body.body[1:], strict=False):  # type: ignore[attr-defined]  # it is a class
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            if isinstance(field, ast.AnnAssign) and isinstance(text, str):
                found[ast.unparse(field.target)] = inspect.cleandoc(text)
    return found


def _plain(text: str) -> str:
    """A docstring for a reader of JSON: paragraphs on one line each, no reStructuredText."""
    return "\n".join(" ".join(part.split()) for part in text.replace("``", "`").split("\n\n"))
