"""Nested Arrow columns as flat arrays: what is inside the lists, and which row each item belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def flat(column: Any) -> tuple[Any, Ints]:
    """The items of a list column one after another, and the position of the row that each belongs to."""
    return column.flatten(), np.asarray(pc.list_parent_indices(column), np.int64)


def lengths(column: Any) -> Ints:
    """How many items each row's list has; 0 where there is no list."""
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)


def part(column: Any, *names: str) -> Any:
    """A field of a struct column, however deep."""
    return pc.struct_field(column, list(names))


def floats(column: Any) -> Floats:
    """Numbers with NaN where there is none."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")), np.float64)


def codes(column: Any) -> tuple[list[str], Ints]:
    """The distinct texts of a column, and for each row which of them it has (-1 for none)."""
    coded = column.dictionary_encode()
    return coded.dictionary.to_pylist(), np.asarray(pc.fill_null(coded.indices, -1), np.int64)


def counts(column: Any) -> tuple[list[str], list[int]]:
    """The distinct texts of a column, and how many rows have each."""
    found = pc.value_counts(column.drop_null())
    return found.field("values").to_pylist(), found.field("counts").to_pylist()


def distinct_pairs(rows: Ints, texts: Any) -> tuple[list[str], list[int]]:
    """The distinct texts, and in how many different rows each stands."""
    names, coded = codes(texts)
    if not names:
        return [], []
    pairs = np.unique(rows * len(names) + coded)
    return names, np.bincount(pairs % len(names), minlength=len(names)).tolist()
