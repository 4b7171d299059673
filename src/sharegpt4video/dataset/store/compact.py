"""Merging small parts: what a long run leaves as thousands of files becomes few, the same rows in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from . import generations, parts
from .schema import VERSION_KEY

if TYPE_CHECKING:
    from .store import Store


@dataclass(frozen=True)
class _Part:
    """What decides with which neighbours a part can be merged. ``memory_bytes`` is its size when unpacked."""

    path: str
    rows: int
    memory_bytes: int
    schema: pa.Schema
    made: str


def merge(store: Store, table: str, part_rows: int, part_bytes: int) -> int:
    """See ``Store.compact``. The merged parts count from the moment in which all of them are written."""
    folder = f"{store.root}/{table}"
    generation = store.next_stamp(table, afresh=True)
    kept: list[str] = []
    new: list[str] = []
    removed: list[str] = []
    for run in _runs(_described(store, table), part_rows, part_bytes):
        names = [part.path.rpartition("/")[2] for part in run]
        if len(run) == 1:
            kept += names
        else:
            new.append(_merged(store, table, run, generation))
            removed += names
    if new:
        store.check_guard()
        generations.commit(store.fs, folder, generation, [*generations.of_generations(kept), *new], removed)
    return len(kept) + len(new)


def _described(store: Store, table: str) -> Iterator[_Part]:
    for path in store.parts(table):
        with parts.opened(store.fs, path, whole=False) as file:
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            yield _Part(
                path,
                file.metadata.num_rows,
                sum(g.total_byte_size for g in groups),
                file.schema_arrow,
                parts.made(file),
            )


def _runs(found: Iterator[_Part], part_rows: int, part_bytes: int) -> Iterator[list[_Part]]:
    """Neighbours that fit into one part together: only these keep the order of the rows."""
    run: list[_Part] = []
    for part in found:
        rows = part.rows + sum(other.rows for other in run)
        memory = part.memory_bytes + sum(other.memory_bytes for other in run)
        if run and (rows > part_rows or memory > part_bytes or not _alike(run[0], part)):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _alike(one: _Part, other: _Part) -> bool:
    """Whether two parts have the same columns in the same version, one origin, and names that tell their order."""
    named = parts.stamp_of(one.path.rpartition("/")[2]) and parts.stamp_of(other.path.rpartition("/")[2])
    return (
        bool(named)
        and one.made == other.made
        and one.schema.equals(other.schema)
        and _version(one.schema) == _version(other.schema)
    )


def _version(schema: pa.Schema) -> bytes | None:
    version: bytes | None = (schema.metadata or {}).get(VERSION_KEY)
    return version


def _merged(store: Store, table: str, run: Sequence[_Part], generation: int) -> str:
    """Write the rows of a run as one part, which is sorted where the last of the run is; returns its name."""
    tables, written = [], []
    for part in run:
        with parts.opened(store.fs, part.path, whole=True) as file:
            tables.append(file.read().replace_schema_metadata({VERSION_KEY: _version(part.schema) or b"1"}))
            written += parts.written(file)
    last, last_made = run[-1].path.rpartition("/")[2], run[-1].made
    place = (parts.stamp_of(last), parts.token_of(last))
    return store.write(table, pa.concat_tables(tables), place, generation=generation, written=written, made=last_made)
