"""A data set on disk: one folder of Parquet parts per table, local or on any storage that fsspec reaches.

A part is written completely or not at all and never changed afterwards. Of several rows with the same id the one in the
last part counts, so a later result replaces an earlier one without touching it. Rows with an empty id all count.
``storage`` says how S3-like storage is configured, ``lock`` who may write, ``parts`` how damage is found.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from ...errors import SettingsError, StorageError
from ..rows import TABLES
from ..settings import DatasetSettings
from . import description, generations, parts, storage
from .ids import IdIndex, Ids, LatestRows, distinct, packed_ids, unpacked_id
from .parts import ROW_GROUP_ROWS, DamagedPart, Written
from .schema import arrow_schema, to_rows, to_table

if TYPE_CHECKING:
    from ..reviews.overlay import Overlay

__all__ = ["DamagedPart", "Ids", "Store", "completed", "packed_ids", "unpacked_id"]

R = TypeVar("R")

COMPACT_ROWS = 8192
COMPACT_BYTES = 128 << 20
UNLOCKED = ("reviews",)
"""Tables that are written without the lock."""
UNLOCKED_SECONDS = 3600.0
"""What is half-written there is left behind only after this long."""


class Store:
    """The tables of one data set directory (see ``rows.TABLES``).

    ``guard``, if given, is called before each write: what it raises keeps a run that has lost its lock from writing.
    Raises SettingsError if ``root`` is empty or not a path. Methods raise StorageError for storage that cannot be read
    or written, and ``parts.DamagedPart`` (one of these) for a part that is not as it was written.
    """

    def __init__(self, root: str | os.PathLike[str], *, guard: Callable[[], None] | None = None) -> None:
        if not isinstance(root, (str, os.PathLike)) or not str(root).strip():  # "" would be the working directory
            raise SettingsError(f"a data set is named by its directory or address, not by {root!r}")
        self.fs, self.root = storage.open_storage(root)
        self.guard = guard
        self._newest: dict[str, int] = {}
        self._ids: dict[str, Ids] = {}
        self._made: str | None = None
        self._overlay: Overlay | None = None

    @staticmethod
    def create(root: str | os.PathLike[str], settings: DatasetSettings, model: str, prompt_hash: str) -> Store:
        """Make a directory (new or not) a data set. Raises SG4VError if it is one already."""
        store = Store(root)
        description.describe(store.fs, store.root, settings, model, prompt_hash)
        return store

    @staticmethod
    def open(root: str | os.PathLike[str]) -> Store:
        """The data set in a directory. Raises SG4VError if there is none, or one of a newer version."""
        store = Store(root)
        description.description(store.fs, store.root)
        return store

    def exists(self) -> bool:
        """Whether the directory is a data set, that is, whether ``create`` was called on it."""
        return description.is_described(self.fs, self.root)

    @property
    def address(self) -> str:
        """The directory as it can be opened anywhere: ``file:///...``, ``s3://...``."""
        return str(self.fs.unstrip_protocol(self.root))

    @property
    def description(self) -> dict[str, Any]:
        """What ``dataset.json`` says: model, prompt_hash, settings, versions, when it was created."""
        return description.description(self.fs, self.root)

    def settings(self) -> DatasetSettings:
        """The settings as stored. Raises SettingsError for settings that this version does not know."""
        return description.stored_settings(self.fs, self.root)

    def check_same(self, settings: DatasetSettings, model: str, prompt_hash: str) -> None:
        """Raises SettingsError listing what decides captions and differs from what the captions were made with.

        Filters, novelty and splits may differ: they are applied to what is stored. So may everything while there is no
        caption.
        """
        description.check_same(self.fs, self.root, settings, model, prompt_hash, bound=self.has_captions)

    @property
    def has_captions(self) -> bool:
        """Whether a model has described anything: then its settings stay."""
        return any(self.parts(table) for table in ("captions", "shorts"))

    def update_settings(self, settings: DatasetSettings, **told: Any) -> None:
        """Store other filters, novelty settings and splits; while there is no caption, any others.

        ``told`` are further fields of ``description`` to store. Raises SettingsError if anything else differs.
        """
        self.check_guard()
        description.update_settings(self.fs, self.root, settings, told, bound=self.has_captions)
        self._made = None

    def append(self, table: str, rows: Sequence[object]) -> str:
        """Write rows as one new part; returns its path. Nothing is written for no rows ("")."""
        if not rows:
            return ""
        return self.append_arrow(table, _to_table(table, rows))

    def append_arrow(self, table: str, data: pa.Table) -> str:
        """As ``append``, for rows that are an Arrow table of the table's schema already."""
        return f"{self._folder(table)}/{self.write(table, data, (self.next_stamp(table), ''))}"

    def append_at(self, table: str, rows: Sequence[object], stamp: int) -> str:
        """As ``append``, at a time from ``next_stamp``."""
        return f"{self._folder(table)}/{self.write(table, _to_table(table, rows), (stamp, ''))}"

    def parts(self, table: str) -> list[str]:
        """The paths of the parts that count, oldest first."""
        folder = self._folder(table)
        return [f"{folder}/{name}" for name in generations.contents(self.fs, folder).live]

    @property
    def overlay(self) -> Overlay:
        """What reviews have changed in the captions, as it is now. Raises StorageError when it cannot be read."""
        from ..reviews.overlay import Overlay

        if self._overlay is None:
            self._overlay = Overlay(self)
        self._overlay.refresh()
        return self._overlay

    def batches(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        *,
        batch_rows: int = ROW_GROUP_ROWS,
        superseded: bool = False,
        original: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The rows that count, part by part, with only these columns (``id`` always), in bounded memory.

        A column can be a path into nested ones (``provenance.input_tokens``). A column that an older part lacks holds
        its default. Captions come with their reviews applied; ``original`` gives them as they were written.
        ``superseded`` gives the rows that no longer count as well, all as they were written.
        """
        paths = self.parts(table)
        live = None if superseded else self._live(paths)
        wanted = None if columns is None else list(dict.fromkeys(["id", *columns]))
        overlay = None if table != "captions" or superseded or original else self.overlay
        for number, path in enumerate(paths):
            offset = 0
            over = overlay if overlay is not None and overlay.touches(self.ids_of(path)) else None
            read = wanted if over is None else over.columns(wanted)
            with parts.opened(self.fs, path, whole=read is None) as file:
                for batch in file.iter_batches(batch_size=batch_rows, columns=read):
                    keep = live.mask(number, offset, batch.num_rows) if live else None
                    offset += batch.num_rows
                    kept = batch if keep is None else batch.filter(pa.array(keep))
                    if kept.num_rows:
                        whole = completed(table, kept, read)
                        yield whole if over is None else over.applied(whole, wanted)

    def find(
        self,
        table: str,
        ids: Ids | IdIndex,
        columns: Sequence[str] | None = None,
        *,
        batch_rows: int = ROW_GROUP_ROWS,
        superseded: bool = False,
        original: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of these ids, as ``batches`` gives them. Nothing is read for no ids."""
        wanted = ids if isinstance(ids, IdIndex) else IdIndex(ids)
        if not len(wanted):
            return
        for batch in self.batches(table, columns, batch_rows=batch_rows, superseded=superseded, original=original):
            here = batch.filter(pa.array(wanted.has(packed_ids(batch.column("id")))))
            if here.num_rows:
                yield here

    def rows(self, table: str, *, batch_rows: int = 64) -> Iterator[Any]:
        """The rows that count, as values of the table's row type, in the order they were written."""
        for batch in self.batches(table, batch_rows=batch_rows):
            yield from to_rows(TABLES[table], batch)

    def column(self, table: str, name: str) -> pa.ChunkedArray:
        """One column of the rows that count."""
        chunks = [batch.column(name) for batch in self.batches(table, [name], batch_rows=1 << 16)]
        return pa.chunked_array(chunks, arrow_schema(TABLES[table]).field(name).type)

    def ids(self, table: str) -> Ids:
        """The ids of a table, sorted, each once; 16 bytes of memory each."""
        return distinct(self._all_ids(self.parts(table))[0])

    def written(self, table: str) -> list[Written]:
        """When how many rows were written, oldest first, from the footers of the parts alone."""
        found: list[Written] = []
        for path in self.parts(table):
            with parts.opened(self.fs, path, whole=False) as file:
                found += parts.written(file)
        return sorted(found, key=lambda one: one.seconds)

    def replace(self, table: str, rows: Iterable[object], *, part_rows: int = COMPACT_ROWS) -> int:
        """Make these the only rows of a table; returns how many there are. The old ones count until all are written.

        One process at a time may do this (see ``lock``); rows that others append meanwhile are kept.
        """
        folder, generation = self._folder(table), self.next_stamp(table, afresh=True)
        before = generations.contents(self.fs, folder).live
        names, count, rest = [], 0, iter(rows)
        while chunk := list(islice(rest, part_rows)):
            place = (self.next_stamp(table), "")
            names.append(self.write(table, _to_table(table, chunk), place, generation=generation))
            count += len(chunk)
        self.check_guard()
        generations.commit(self.fs, folder, generation, names, before)
        return count

    def compact(self, table: str, *, part_rows: int = COMPACT_ROWS, part_bytes: int = COMPACT_BYTES) -> int:
        """Merge runs of small parts into larger ones; returns how many parts there are afterwards.

        All rows stay, in their order. ``part_bytes`` is the most that the parts merged into one have
        together, unpacked.
        One process at a time may do this (see ``lock``).
        """
        from .compact import merge

        return merge(self, table, part_rows, part_bytes)

    def clean(self, *, older_than_seconds: float = 3600.0) -> int:
        """Delete what killed runs left behind: files half-written, parts that never counted or no longer do.

        Whoever holds the lock on the whole data set may clean up what is 0 seconds old; what others may be writing just
        now, without the lock, is left alone for an hour all the same. Returns how many files went.
        """
        self.check_guard()
        count = 0
        before = time.time_ns() - int(older_than_seconds * 1e9)
        for table in TABLES:
            folder = self._folder(table)
            found = generations.contents(self.fs, folder)
            gone = [*found.replaced, *(name for name in found.unfinished if parts.stamp_of(name) <= before)]
            storage.remove(self.fs, (f"{folder}/{name}" for name in gone))
            age = max(older_than_seconds, UNLOCKED_SECONDS) if table in UNLOCKED else older_than_seconds
            count += len(gone) + storage.remove_unfinished(self.fs, folder, age)
        return count + storage.remove_unfinished(self.fs, self.root, older_than_seconds)

    def verify(self) -> list[tuple[str, str]]:
        """Read every part completely; returns the path of each that is not as it was written, and what is wrong."""
        found = []
        for table in TABLES:
            for path in self.parts(table):
                problem = parts.problem_of(self.fs, path)
                if problem:
                    found.append((path, problem))
        return found

    def set_aside(self, part: str) -> str:
        """Move a part into the folder ``damaged``, so that its rows count as not done; returns its new path.

        A part that is gone altogether is no longer asked for.
        """
        self.check_guard()
        folder, _, name = part.rpartition("/")
        table = folder.rpartition("/")[2]
        if folder != self._folder(table):
            raise StorageError(f"{part}: is no part of {self.root}; its parts lie in {self.root}/TABLE")
        target = f"{self.root}/damaged/{table}-{name}"
        storage.move(self.fs, part, target)
        live = generations.contents(self.fs, folder).live
        if name in live:  # a record asks for it
            rest = [other for other in live if other != name]
            generations.commit(
                self.fs, folder, self.next_stamp(table, afresh=True), generations.of_generations(rest), ()
            )
        return target

    def _folder(self, table: str) -> str:
        return f"{self.root}/{table}"

    def check_guard(self) -> None:
        """Called before each write; see ``guard``."""
        if self.guard is not None:
            self.guard()

    def next_stamp(self, table: str, *, afresh: bool = False) -> int:
        """A time for the next part: after that of every part that is there, even where clocks differ."""
        if afresh or table not in self._newest:
            self._newest[table] = generations.contents(self.fs, self._folder(table)).newest
        self._newest[table] = max(time.time_ns(), self._newest[table] + 1)
        return self._newest[table]

    def write(
        self,
        table: str,
        data: pa.Table,
        place: tuple[int, str],
        *,
        generation: int | None = None,
        written: Sequence[Written] = (),
        made: str | None = None,
    ) -> str:
        """Write one part; returns its name. ``place`` (stamp, token) is where it is sorted, see ``parts.new_name``."""
        if made is None and self._made is None:
            self._made = description.made_with(self.fs, self.root)
        encoded = parts.encode(data, written, (self._made or "") if made is None else made)
        name = parts.new_name(encoded, *place, generation=generation)
        self.check_guard()
        storage.put(self.fs, f"{self._folder(table)}/{name}", encoded)
        return name

    def _live(self, paths: Sequence[str]) -> LatestRows:
        return LatestRows(*self._all_ids(paths))

    def _all_ids(self, paths: Sequence[str]) -> tuple[Ids, Any]:
        """The ids of all parts, one after the other, and where each part begins."""
        chunks = [self.ids_of(path) for path in paths]
        starts = np.cumsum([0, *map(len, chunks)])[:-1]
        return (np.concatenate(chunks) if chunks else np.empty(0, "S16")), starts

    def ids_of(self, path: str) -> Ids:
        """The ids of a part; read once, since parts never change."""
        if path not in self._ids:
            with parts.opened(self.fs, path, whole=False) as file:
                try:
                    self._ids[path] = packed_ids(file.read(columns=["id"]).column("id"))
                except (KeyError, ValueError) as error:
                    raise DamagedPart(path, f"has no usable ids ({error})") from error
        return self._ids[path]


def _to_table(table: str, rows: Sequence[object]) -> pa.Table:
    try:
        return to_table(TABLES[table], rows)
    except (OverflowError, pa.ArrowException) as error:
        for row in rows:  # which one is it?
            try:
                to_table(TABLES[table], [row])
            except (OverflowError, pa.ArrowException) as inner:
                raise StorageError(f"{table}, id {getattr(row, 'id', '')}: cannot be stored: {inner}") from inner
        raise StorageError(f"{table}: {len(rows)} rows cannot be stored: {error}") from error


def completed(table: str, batch: pa.RecordBatch, wanted: Sequence[str] | None = None) -> pa.RecordBatch:
    """The batch with the columns that its part lacks, holding their defaults; all of them, or only these."""
    row_type = TABLES[table]
    if (at := batch.schema.get_field_index("edits")) >= 0 and table == "captions":
        edits = arrow_schema(row_type).field("edits")  # none are stored, but older parts say how they would be
        if not batch.schema.field(at).type.equals(edits.type):
            batch = batch.set_column(at, edits, pa.array([[]] * batch.num_rows, edits.type))
    there = set(batch.schema.names)
    missing = [
        field for field in fields(row_type) if field.name not in there and (wanted is None or field.name in wanted)
    ]
    if not missing:
        return batch
    schema = arrow_schema(row_type)
    columns, named = list(batch.columns), list(batch.schema)
    for field in missing:
        value = field.default if field.default_factory is MISSING else field.default_factory()
        if value is MISSING:
            continue  # to_rows says that it is needed
        arrow_field = schema.field(field.name)
        plain = "{}" if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value
        columns.append(pa.array([plain] * batch.num_rows, arrow_field.type))
        named.append(arrow_field)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(named, metadata=batch.schema.metadata))
