"""Collects finished rows and writes them as parts, in the background, often enough that a kill costs little."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack

from ..background import whole
from .store.store import Store

PART_ROWS = 128
PART_SECONDS = 30.0


class Writer:
    """Rows by table, written as a part when there are ``part_rows`` of them or the oldest has waited long enough.

    What was added and not written when the process is killed is done again from the reply cache.
    """

    def __init__(self, store: Store, *, part_rows: int = PART_ROWS, part_seconds: float = PART_SECONDS) -> None:
        self._store, self._part_rows, self._part_seconds = store, part_rows, part_seconds
        self._rows: defaultdict[str, list[object]] = defaultdict(list)
        self._oldest: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def add(self, table: str, row: object) -> None:
        """Raises StorageError when a part cannot be written."""
        self._rows[table].append(row)
        began = self._oldest.setdefault(table, time.monotonic())
        if len(self._rows[table]) >= self._part_rows or time.monotonic() - began >= self._part_seconds:
            await self.flush(table)

    async def flush(self, *tables: str) -> None:
        """Write what there is of these tables, of all tables if none is named. What cannot be written is kept."""
        async with self._lock:  # one part at a time: parts of a table keep the order of their rows
            for table in tables or tuple(self._rows):
                if rows := self._take(table):
                    try:
                        await whole(self._store.append, table, rows)
                    except Exception:
                        self._rows[table][:0] = rows
                        raise

    def flush_now(self) -> None:
        """As ``flush``, where no event loop can be waited for: at the end of a run that was stopped.

        Raises after all tables have been tried.
        """
        with ExitStack() as writes:  # each is done, also after one that fails
            for table in reversed(tuple(self._rows)):
                writes.callback(self._store.append, table, self._take(table))

    def _take(self, table: str) -> list[object]:
        self._oldest.pop(table, None)
        return self._rows.pop(table, [])
