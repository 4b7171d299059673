"""Rows as Arrow: the schema of a row type, rows into tables and back. Nested values stay nested."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ...foreign import whole_characters

R = TypeVar("R")

SCHEMA_VERSION = 1
"""Raised whenever a stored field changes its meaning or goes away; a new field with a default needs no new version."""

VERSION_KEY = b"sg4v_schema_version"
PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), bytes: pa.binary()}


@cache
def arrow_schema(row_type: type) -> pa.Schema:
    """The Arrow schema of a row type, with the version of our schemas in its metadata."""
    columns = [pa.field(name, _arrow(hint)) for name, hint in _hints(row_type).items()]
    return pa.schema(columns, metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()})


def to_table(row_type: type, rows: Iterable[object]) -> pa.Table:
    """Rows of one type as an Arrow table. Halves of surrogate pairs, which no file can hold, become U+FFFD."""
    rows = list(rows)
    columns = [_array(hint, [getattr(row, name) for row in rows]) for name, hint in _hints(row_type).items()]
    return pa.Table.from_arrays(columns, schema=arrow_schema(row_type))


def to_rows(row_type: type[R], batch: pa.RecordBatch | pa.Table) -> list[R]:
    """Rows back out of Arrow; columns that are not there take their defaults.

    Raises pydantic's ValidationError (a ValueError) when a value does not fit its field.
    """
    batches = batch.to_batches() if isinstance(batch, pa.Table) else [batch]
    return [row for one in batches for row in _rows(row_type, one)]


def with_layout(row_type: type, batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """These columns of a batch, in this order and in today's layout.

    What an earlier version did not know inside nested values takes its defaults.
    """
    schema, hints = arrow_schema(row_type), _hints(row_type)
    columns = []
    for name in names:
        column = batch.column(name)
        if column.type != schema.field(name).type:
            adapter = _adapter(hints[name])
            plain = (adapter.validate_python(_unpacked(hints[name], value)) for value in column.to_pylist())
            column = _array(hints[name], list(plain))
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([schema.field(name) for name in names]))


def _rows(row_type: type[R], batch: pa.RecordBatch) -> list[R]:
    try:
        return _objects(row_type, dict(zip(batch.schema.names, batch.columns, strict=True)))
    except _Unusual:  # an older layout, or a value that does not fit: slower, and says what is wrong
        whole: Any = row_type
        known, adapter = _hints(whole), _adapter(whole)
        return [
            adapter.validate_python({name: _unpacked(known[name], row[name]) for name in row if name in known})
            for row in batch.to_pylist()
        ]


@cache
def _adapter(row_type: Any) -> TypeAdapter[Any]:
    return TypeAdapter(row_type)


def _hints(row_type: Any) -> dict[str, Any]:
    """The types of the fields of a dataclass."""
    return _looked_up(row_type)


@cache
def _looked_up(row_type: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(row_type)
    return {field.name: hints[field.name] for field in fields(row_type)}


@cache
def _arrow(hint: Any) -> pa.DataType:
    hint = _required(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return pa.struct([pa.field(name, _arrow(inner)) for name, inner in _hints(hint).items()])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return pa.string()
    if origin is dict:
        return pa.string()  # open-ended: kept as JSON text
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return pa.list_(_arrow(arguments[0]))
    if origin is tuple and len(set(arguments)) == 1:
        return pa.list_(_arrow(arguments[0]))
    if origin is tuple:
        return pa.struct([pa.field(f"item{number}", _arrow(inner)) for number, inner in enumerate(arguments)])
    raise TypeError(f"no Arrow type is known for {hint}")


@cache
def _required(hint: Any) -> Any:
    """The type of an optional value, without its None."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(inner for inner in typing.get_args(hint) if inner is not type(None))
    return hint


def _array(hint: Any, values: list[Any]) -> pa.Array:
    """Values of one type as an array: dataclasses and mixed tuples become structs, open-ended dicts JSON text.

    Column by column, all the way in: several times as fast as by way of a dict for each value.
    """
    optional, hint = _required(hint) != hint, _required(hint)  # an equal type may be another object
    kind = _arrow(hint)
    if pa.types.is_struct(kind):
        mask, present = _present(values) if optional else (None, values)
        inner = [_array(each, column) for each, column in _columns(hint, present)]
        if mask is None:
            return pa.StructArray.from_arrays(inner, fields=list(kind))
        places = pa.array(np.cumsum(~mask) - 1, pa.int64(), mask=mask)
        return pa.StructArray.from_arrays(inner, fields=list(kind)).take(places)
    if pa.types.is_list(kind):
        mask = np.array([value is None for value in values], bool) if optional else None
        ends = np.cumsum([0, *(len(value or ()) for value in values)]).astype(np.int32)
        items = [item for value in values if value for item in value]
        inner_hint = typing.get_args(hint)[0]
        return pa.ListArray.from_arrays(ends, _array(inner_hint, items), type=kind, mask=_mask(mask))
    if typing.get_origin(hint) is dict:
        values = [None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True) for value in values]
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([value and whole_characters(value) for value in values], kind)


def _present(values: list[Any]) -> tuple[NDArray[np.bool_] | None, list[Any]]:
    """Where values are missing (None for nowhere), and those that are there."""
    mask = np.array([value is None for value in values], bool)
    return (mask, [value for value in values if value is not None]) if mask.any() else (None, values)


def _mask(mask: NDArray[np.bool_] | None) -> pa.Array | None:
    return None if mask is None or not mask.any() else pa.array(mask)


def _columns(hint: Any, values: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """The fields of dataclasses, or the places of mixed tuples, one after the other, with their types."""
    if is_dataclass(hint):
        for name, inner in _hints(hint).items():
            yield inner, list(map(attrgetter(name), values))
    else:
        for number, inner in enumerate(typing.get_args(hint)):
            yield inner, list(map(itemgetter(number), values))


class _Unusual(Exception):
    """An array is not exactly what its type is stored as."""


def _values(hint: Any, array: pa.Array) -> list[Any]:
    """The values of an array, the way back from ``_array``. Raises _Unusual for all that is not just so."""
    optional, hint = _required(hint) != hint, _required(hint)  # an equal type may be another object
    if array.null_count:
        if not optional:
            raise _Unusual
        there = iter(_values(hint, array.drop_null()))
        return [next(there) if valid else None for valid in array.is_valid().to_pylist()]
    origin = typing.get_origin(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _objects(hint, _children(array))
    if origin is tuple:
        return _tuples(hint, array)
    if array.type != _arrow(hint):
        raise _Unusual
    found: list[Any] = array.to_pylist()
    if origin is typing.Literal and not set(found) <= set(typing.get_args(hint)):
        raise _Unusual
    if origin is dict:
        found = [json.loads(text) for text in found]
        if typing.get_args(hint)[1] is str and any(type(v) is not str for one in found for v in one.values()):
            raise _Unusual
    return found


def _objects(row_type: type[R], columns: Mapping[str, pa.Array]) -> list[R]:
    hints = _hints(row_type)
    if not columns.keys() >= hints.keys():
        raise _Unusual
    return list(map(row_type, *(_values(hint, columns[name]) for name, hint in hints.items())))


def _children(array: pa.Array) -> dict[str, pa.Array]:
    if not pa.types.is_struct(array.type):
        raise _Unusual
    return {field.name: inner for field, inner in zip(array.type, array.flatten(), strict=True)}


def _tuples(hint: Any, array: pa.Array) -> list[Any]:
    arguments = typing.get_args(hint)
    if pa.types.is_struct(_arrow(hint)):
        places = _children(array)
        if list(places) != [f"item{number}" for number in range(len(arguments))]:
            raise _Unusual
        return list(zip(*(_values(each, places[f"item{n}"]) for n, each in enumerate(arguments)), strict=True))
    if not pa.types.is_list(array.type):
        raise _Unusual
    items = _values(arguments[0], array.flatten())
    ends = np.cumsum(array.value_lengths().to_numpy(zero_copy_only=False)).tolist()
    if arguments[-1] is not Ellipsis and any(end - start != len(arguments) for start, end in pairwise([0, *ends])):
        raise _Unusual
    return [tuple(items[start:end]) for start, end in pairwise([0, *ends])]


def _unpacked(hint: Any, value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bytes)):
        return json.loads(value) if typing.get_origin(_required(hint)) is dict and isinstance(value, str) else value
    hint = _required(hint)
    if is_dataclass(hint):
        known = _hints(hint)
        return {name: _unpacked(known[name], inner) for name, inner in value.items() if name in known}
    inner = typing.get_args(hint)
    if isinstance(value, dict):
        return tuple(_unpacked(each, value[f"item{number}"]) for number, each in enumerate(inner))
    return tuple(_unpacked(inner[0], item) for item in value)
