"""What an index says about a data set as a whole: how many there are of what, and what can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .columns import Column, quoted
from .derive import Known
from .pages import COUNTED

MOST_VALUES = 100


@dataclass(frozen=True)
class Counts:
    """``videos`` are listed, ``captions`` written (those not yet in the index included), ``failures`` stand;
    ``kept`` and ``dropped`` are of all videos that the filters decided about."""

    videos: int
    captions: int
    failures: int
    kept: int
    dropped: int
    reviewed: int


@dataclass(frozen=True)
class Shape:
    """One column to filter by, with its range or its most frequent words."""

    name: str
    kind: str
    least: float | None = None
    most: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """The columns of a data set, and how many captions each split has."""

    columns: tuple[Shape, ...]
    splits: dict[str, int]


def counts_of(db: Any, known: Known) -> tuple[Counts, int]:
    """Count what the index has; beside it how many captions are in the index itself."""
    with known.counting:
        captions, failures, kept, dropped, reviewed = db.execute(
            f"SELECT count(*) FILTER ({COUNTED}), count(*) FILTER (failure <> ''),"
            " count(*) FILTER (kept AND NOT replaced),"
            " count(*) FILTER (NOT kept AND x_part IS NOT NULL AND NOT replaced),"
            f" count(*) FILTER ({COUNTED} AND (verdict <> '' OR edited)) FROM shown"
        ).fetchall()[0]
        written = captions + known.waiting_rows
    return Counts(max(known.videos, written), written, failures, kept, dropped, reviewed), captions


def described(db: Any, columns: Mapping[str, Column]) -> Described:
    """The ranges of numbers and the words that are there. Columns that are empty throughout are left out."""
    numbers = [column.name for column in columns.values() if column.kind == "number"]
    ranges = ", ".join(f"min({quoted(name)}), max({quoted(name)})" for name in numbers)
    found = db.execute(f"SELECT {ranges} FROM shown WHERE {COUNTED}").fetchall()[0]
    shapes = []
    for at, name in enumerate(numbers):
        least, most = found[2 * at : 2 * at + 2]
        if least is not None:
            shapes.append(Shape(name, "number", float(least), float(most)))
    for column in columns.values():
        if column.kind in ("word", "words") and column.name not in ("video", "location", "user_id"):
            values = _values(db, column)
            if values:
                shapes.append(Shape(column.name, "word", values=values))
        elif column.kind == "flag":
            shapes.append(Shape(column.name, "flag"))
        elif column.kind in ("text", "word"):
            shapes.append(Shape(column.name, "word"))
    splits = db.execute(
        f"SELECT split, count(*) FROM shown WHERE {COUNTED} AND kept AND split <> '' GROUP BY split ORDER BY split"
    ).fetchall()
    return Described(tuple(shapes), dict(splits))


def _values(db: Any, column: Column) -> tuple[str, ...]:
    each = f"unnest({quoted(column.name)})" if column.kind == "words" else quoted(column.name)
    rows = db.execute(
        f"SELECT value FROM (SELECT {each} AS value FROM shown WHERE NOT replaced) WHERE value <> ''"
        " GROUP BY value ORDER BY count(*) DESC, value LIMIT ?",
        [MOST_VALUES],
    ).fetchall()
    return tuple(row[0] for row in rows)
