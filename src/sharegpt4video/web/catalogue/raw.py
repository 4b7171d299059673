"""The first pages of a data set whose index is still being made: straight from Parquet, in the order of the parts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from ...dataset.store import parts
from ...dataset.store.generations import contents
from ...dataset.store.store import Store
from ...errors import SettingsError
from .pages import Item, Page

_COLUMNS = ["id", "video", "summary", "start_seconds", "end_seconds", "steps.list.element.start_seconds"]
PREFIX = "~"
"""How a place in the parts begins, which no place in the index does."""
SUMMARY_LETTERS = 300


def raw_page(store: Store, after: str, limit: int) -> Page:
    """One page without any filter. A caption that was made again may come twice: that is for the index to say.

    Raises SettingsError for a place that is none, StorageError if the data set cannot be read.
    """
    folder = f"{store.root}/captions"
    names = contents(store.fs, folder).live
    first, skipped = _read(after) if after else ("", 0)
    items: list[Item] = []
    for name in names:
        if name < first:
            continue
        at = skipped if name == first else 0
        for row, batch_row in _rows(store, f"{folder}/{name}", at, limit - len(items)):
            items.append(_item(row))
            at = batch_row + 1
        if len(items) == limit:
            return Page(tuple(items), _text(name, at), None)
    return Page(tuple(items), "", None)


def _rows(store: Store, path: str, first: int, most: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Rows of a part from one on, as their reviews have left them, reading the row groups that hold them."""
    overlay = store.overlay
    with parts.opened(store.fs, path, whole=False) as file:
        begin = 0
        for number in range(file.metadata.num_row_groups):
            end = begin + file.metadata.row_group(number).num_rows
            if end > first and most > 0:
                start = max(first - begin, 0)
                wanted = file.read_row_group(number, columns=overlay.columns(_COLUMNS)).slice(start, most)
                applied = (overlay.applied(batch, _COLUMNS) for batch in wanted.combine_chunks().to_batches())
                rows = [row for batch in applied for row in batch.to_pylist()]
                for at, row in enumerate(rows):
                    yield row, begin + start + at
                most -= len(rows)
            begin = end
            if most <= 0:
                return


def _item(row: dict[str, Any]) -> Item:
    seconds = float(row["end_seconds"] - row["start_seconds"])
    summary = row["summary"][:SUMMARY_LETTERS]
    return Item(row["id"], row["video"], summary, seconds, len(row["steps"] or ()), "", None, 0, "")


def _text(name: str, at: int) -> str:
    return PREFIX + base64.urlsafe_b64encode(json.dumps([name, at]).encode()).decode().rstrip("=")


def _read(text: str) -> tuple[str, int]:
    try:
        name, at = json.loads(base64.b64decode(text[1:].encode() + b"=" * (-len(text[1:]) % 4), b"-_", validate=True))
        if not isinstance(name, str) or type(at) is not int or at < 0:
            raise ValueError
    except (ValueError, TypeError, RecursionError) as error:
        raise SettingsError("'after' does not belong to this list; start again without it") from error
    return name, at
