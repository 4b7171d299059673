"""Writes tiny ONNX files without the package ``onnx``: just enough of the format for networks of a few nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOAT, INT64 = 1, 7
_KINDS = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value & (1 << 64) - 1)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def tensor(name: str, values: object, kind: type = np.float32) -> bytes:
    """A constant of the graph."""
    array = np.asarray(values, kind)
    dims = b"".join(_field(1, length) for length in array.shape)
    return dims + _field(2, _KINDS[array.dtype]) + _field(8, name) + _field(9, array.tobytes())


def node(operation: str, inputs: Sequence[str], output: str, **attributes: int) -> bytes:
    """A step of the graph; attributes are whole numbers."""
    given = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, operation)
    for name, value in attributes.items():
        given += _field(5, _field(1, name) + _field(3, value) + _field(20, 2))
    return given


def value(name: str, kind: int, shape: Sequence[int]) -> bytes:
    """An input or output of the graph."""
    dims = b"".join(_field(1, _field(1, length)) for length in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, dims)))


def model(
    nodes: Sequence[bytes], constants: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """The bytes of an ONNX file (opset 13)."""
    graph = b"".join(_field(1, one) for one in nodes) + _field(2, "tiny")
    graph += b"".join(_field(5, one) for one in constants)
    graph += b"".join(_field(11, one) for one in inputs) + b"".join(_field(12, one) for one in outputs)
    return _field(1, 8) + _field(8, _field(1, "") + _field(2, 13)) + _field(7, graph)
