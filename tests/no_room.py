"""A disk that is full for a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import StorageError


@contextmanager
def no_room_once(store: Store, table: str) -> Iterator[None]:
    """The first rows of a table cannot be written, later ones can."""
    append, refused = store.append, False

    def full(name: str, rows: Sequence[object]) -> str:
        nonlocal refused
        if name == table and rows and not refused:
            refused = True
            raise StorageError("no room")
        return append(name, rows)

    with mock.patch.object(store, "append", full):
        yield
