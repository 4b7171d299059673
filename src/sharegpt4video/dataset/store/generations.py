"""Swapping several parts of a table for others as a whole, on storages that can only write one file at a time.

The new parts are written under names that mark them as part of a generation (``.gNUMBER.parquet``); they do not count
until a record ``_swap-NUMBER.json`` lists them. Of several records the newest counts. It also names the parts that it
took the place of; these are deleted afterwards. A run that is killed before the record is there leaves the old parts,
one that is killed after it the new ones, and ``leftovers`` are what it had no time to delete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StorageError
from ...given import from_json
from . import storage

STAMP = re.compile(r"\d{20}")
RECORD = re.compile(r"_swap-(\d{20})\.json")
OF_GENERATION = re.compile(r"\.g(\d{20})\.parquet$")


@dataclass(frozen=True)
class Contents:
    """What is in a table's folder: the names of the parts that count, oldest first, and of what does not."""

    live: tuple[str, ...]
    replaced: tuple[str, ...]  # by a finished swap: nobody needs them
    unfinished: tuple[str, ...]  # of a swap that was killed, or is under way
    newest: int  # the latest time (nanoseconds) in any name


def contents(fs: Any, folder: str) -> Contents:
    """Which parts of a table count."""
    for _ in range(5):  # a swap that ends while we look deletes the record that we were about to read
        found = storage.names(fs, folder)
        records = [name for name in found if RECORD.fullmatch(name)]
        data = storage.read(fs, f"{folder}/{records[-1]}") if records else b""
        if data is not None:
            return _contents(folder, found, records, data)
    raise StorageError(f"{folder}: is being replaced again and again; let one process at a time write into it")


def _contents(folder: str, found: Sequence[str], records: Sequence[str], data: bytes) -> Contents:
    names = [name for name in found if name.endswith(".parquet")]
    newest = max((int(stamp) for name in found for stamp in STAMP.findall(name)), default=0)
    if not records:
        plain = tuple(name for name in names if not OF_GENERATION.search(name))
        return Contents(plain, (), tuple(of_generations(names)), newest)
    number = int(STAMP.findall(records[-1])[0])
    try:
        told = from_json(data)
        listed, removed = set(told["parts"]), set(told["removed"])
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{folder}/{records[-1]}: is damaged ({error}); put it back from a copy") from error
    live: set[str] = listed - set(names)  # a lost part counts as well: reading it says that it is gone
    replaced, unfinished = [*records[:-1]], []
    for name in names:
        generation = OF_GENERATION.search(name)
        if name in listed or (generation is None and name not in removed):
            live.add(name)
        elif generation is None or int(generation[1]) <= number:
            replaced.append(name)
        else:
            unfinished.append(name)
    return Contents(tuple(sorted(live)), tuple(replaced), tuple(unfinished), newest)


def commit(fs: Any, folder: str, generation: int, parts: Iterable[str], removed: Iterable[str]) -> None:
    """Let ``parts`` (all of any generation that count from now on) take the place of ``removed``; then delete these."""
    # The record that is there names them as replaced; once it is gone, they would count again.
    storage.remove(fs, (f"{folder}/{name}" for name in contents(fs, folder).replaced))
    plain = {"parts": sorted(parts), "removed": sorted(removed)}
    storage.put(fs, f"{folder}/_swap-{generation:020d}.json", json.dumps(plain).encode())
    storage.remove(fs, (f"{folder}/{name}" for name in contents(fs, folder).replaced))


def of_generations(names: Iterable[str]) -> list[str]:
    """Those parts that only count because a record lists them."""
    return [name for name in names if OF_GENERATION.search(name)]
