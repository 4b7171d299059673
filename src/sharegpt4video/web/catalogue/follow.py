"""Keeping an index up to date: which parts are new, which are gone, and taking in their rows, part by part.

A part never changes, so its rows are read once. Of several rows with the same id the one in the last part counts, as in
``store``. A compacted table has other parts with the same rows: these are recognised by their texts, which then need
not be indexed again. Each batch is one transaction, the words before the rows that refer to them; whatever was not
committed when a process was killed is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import groupby, zip_longest
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...dataset.store import parts
from ...dataset.store.generations import contents
from ...dataset.store.store import Store
from ...errors import StorageError
from .columns import quoted
from .derive import Derived
from .index import PART_OF, SOURCES, STORED, Index, is_damage, reading_errors
from .reviewed import REVIEWS_TABLE, Reviewed

logger = logging.getLogger(__name__)

BATCH_ROWS = 2048
ORDER = ("captions", "surveys", "checks", "selection")


class Follower:
    """Takes the parts of a data set into an index; one thread.

    ``pause`` is called between batches and raises to stop, or waits while somebody asks.
    """

    def __init__(self, store: Store, index: Index, pause: Callable[[], None]) -> None:
        self._store, self._index, self._pause = store, index, pause
        self._db = index.cursor()
        self._gone: dict[str, list[str]] = {}
        self._derived = Derived(store, index)
        self._reviewed = Reviewed(store)
        self.known = self._derived.known
        self.version = 0

    def refresh(self) -> bool:
        """Take in what is new; returns whether anything was. Raises StorageError if the data set cannot be listed."""
        changed = False
        listed = {table: self._listed(table) for table in ORDER}
        self._index.show(selected=bool(listed["selection"]))
        known = {table: self._known_parts(table) for table in ORDER}
        fresh = {table: [name for name in names if name not in known[table]] for table, names in listed.items()}
        self._gone = {table: sorted(known[table].difference(names)) for table, names in listed.items()}
        self._count_waiting(fresh["captions"])
        # One part of each table after the other: what is known of a video comes at about the same time.
        for turn in zip_longest(*fresh.values()):
            for table, name in zip(fresh, turn, strict=True):
                if name is not None:
                    self._take(table, name)
                    changed = True
        for table in ORDER:
            changed |= self._drop(table, listed[table])
        changed |= self._take_reviews(self._listed(REVIEWS_TABLE))
        changed |= self._derived.refresh(listed)
        if changed:
            self.version += 1
        return changed

    def _listed(self, table: str) -> tuple[str, ...]:
        return contents(self._store.fs, f"{self._store.root}/{table}").live

    def _known_parts(self, table: str) -> set[str]:
        return {row[0] for row in self._db.execute("SELECT name FROM parts WHERE tab = ?", [table]).fetchall()}

    def _count_waiting(self, names: Sequence[str]) -> None:
        """How many captions are still to be taken in, by the footers alone; merged parts bring none."""
        gone = self._db.execute(
            "SELECT coalesce(sum(rows), 0) FROM parts WHERE tab = 'captions' AND list_contains(?::VARCHAR[], name)",
            [self._gone["captions"]],
        ).fetchall()
        rows = -int(gone[0][0])
        for name in names:
            try:
                with parts.opened(self._store.fs, self._path("captions", name), whole=False) as file:
                    rows += file.metadata.num_rows
            except StorageError:
                continue  # said when it is read
        self.known.waiting_rows = max(0, rows)

    def _path(self, table: str, name: str) -> str:
        return f"{self._store.root}/{table}/{name}"

    def _take(self, table: str, name: str) -> None:
        """Take in one part. One that is damaged or gone is noted and left out."""
        number = self._db.execute("SELECT nextval('part_number')").fetchall()[0][0]
        at = 0
        try:
            with parts.opened(self._store.fs, self._path(table, name), whole=False) as file:
                for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=self._read(table)):
                    self._pause()
                    rows = self._flattened(table, batch)
                    places = pa.array(np.arange(at, at + rows.num_rows), pa.int32())
                    came = batch.num_rows if table == "captions" else 0
                    self._take_rows(table, name, number, rows.append_column("part_row", places), came)
                    at += batch.num_rows
                problem = ""
        except reading_errors() as error:
            if is_damage(error):
                raise
            if name not in self._listed(table):
                return  # compacted or replaced meanwhile
            problem = str(error) if isinstance(error, StorageError) else f"{self._path(table, name)}: {error}"
            self.known.problems[f"{table}/{name}"] = problem
            logger.warning("%s; its rows are left out of the pages", problem)
        self._db.execute("DELETE FROM parts WHERE tab = ? AND name = ?", [table, name])
        self._db.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", [table, name, number, at, problem])

    def _read(self, table: str) -> list[str]:
        return self._reviewed.columns() if table == "captions" else _wanted(table)

    def _flattened(self, table: str, batch: pa.RecordBatch) -> pa.Table:
        return self._reviewed.flat(batch) if table == "captions" else _flattened(table, batch)

    def _take_rows(self, table: str, name: str, number: int, rows: pa.Table, came: int = 0) -> None:
        """Write some rows of a part, each with its place in it (``part_row``), as far as they count.

        ``came`` of them were waiting.
        """
        part = PART_OF[table]
        self._db.register("incoming", rows)
        try:
            # Of equal ids the last row counts, unless a later part that still counts has one.
            self._db.execute(
                f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT i.* REPLACE (i.id::UUID AS id), v.id IS NULL AS is_new,"
                f" v.c_part AS old_part, v.n AS old_n, v.doc AS old_doc, v.text_hash AS old_hash"
                f" FROM (SELECT * FROM incoming WHERE id <> ''"
                f" QUALIFY row_number() OVER (PARTITION BY id ORDER BY part_row DESC) = 1) i"
                f" LEFT JOIN videos v ON v.id = i.id::UUID LEFT JOIN parts p ON p.tab = ? AND p.number = v.{part}"
                f" WHERE v.{part} IS NULL OR p.name IS NULL OR p.name <= ? OR list_contains(?::VARCHAR[], p.name)",
                [table, name, self._gone.get(table, [])],
            )
        finally:
            self._db.unregister("incoming")
        if table == "captions":
            self._number_captions()
        if table == "surveys":
            self._add_pictures(rows)
        self._db.execute("BEGIN")
        try:
            self._merge(table, number)
            with self.known.counting:
                self._db.execute("COMMIT")
                self.known.waiting_rows = max(0, self.known.waiting_rows - came)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _number_captions(self) -> None:
        """Give each caption its document, and a place in the order if it is the first of its video."""
        first = self._db.execute("SELECT coalesce(max(n), 0) FROM videos").fetchall()[0][0]
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE numbered AS SELECT * EXCLUDE (body, seen, said, old_n, old_doc, old_hash),"
            " hash(body, seen, said) AS text_hash, old_doc, old_hash,"
            " CASE WHEN old_part IS NULL THEN ? + row_number() OVER (ORDER BY part_row) ELSE old_n END AS n"
            " FROM fresh",
            [first],
        )
        texts = self._db.execute(
            "SELECT f.id, f.body, f.seen, f.said FROM fresh f JOIN numbered USING (id)"
            " WHERE numbered.old_hash IS DISTINCT FROM numbered.text_hash ORDER BY f.part_row"
        ).fetchall()
        docs = np.empty(0, np.int64)
        if self._index.words is not None and texts:
            docs = self._index.words.add([(body or "", seen or "", said or "") for _, body, seen, said in texts])
            self._index.words.commit()
        given = pa.table(
            {"id": pa.array([str(row[0]) for row in texts[: len(docs)]], pa.string()), "doc": pa.array(docs)}
        )
        self._db.register("given", given)
        try:
            self._db.execute(
                "CREATE OR REPLACE TEMP TABLE fresh AS SELECT numbered.* EXCLUDE (old_doc, old_hash),"
                " coalesce(given.doc, old_doc) AS doc FROM numbered LEFT JOIN given ON given.id::UUID = numbered.id"
            )
        finally:
            self._db.unregister("given")

    def _add_pictures(self, rows: pa.Table) -> None:
        """Keep what the videos look like, of those of which it is not known yet: one content looks as it looks."""
        known = self._db.execute("SELECT f.id FROM fresh f JOIN videos v USING (id) WHERE v.picture IS NOT NULL")
        seen = {row[0].hex for row in known.fetchall()}
        wanted = pa.array([id not in seen and bool(id) for id in rows["id"].to_pylist()], pa.bool_())
        new = rows.filter(wanted).combine_chunks()
        if "embedding" in new.column_names and new.num_rows:
            numbers = self._index.pictures.add(pa.concat_arrays(new["embedding"].chunks))
            there = pa.array(numbers >= 0)
            given = pa.table({"id": new["id"], "picture": pa.array(numbers)}).filter(there)
        else:
            given = pa.table({"id": pa.array([], pa.string()), "picture": pa.array([], pa.int64())})
        self._db.register("given", given)
        try:
            self._db.execute(
                "CREATE OR REPLACE TEMP TABLE fresh AS SELECT f.*, coalesce(g.picture, v.picture) AS picture"
                " FROM fresh f LEFT JOIN given g ON g.id::UUID = f.id LEFT JOIN videos v ON v.id = f.id"
            )
        finally:
            self._db.unregister("given")

    def _merge(self, table: str, number: int) -> None:
        """Write the fresh rows over those of the same videos, and add the others."""
        part = PART_OF[table]
        values = {name: quoted(name) for name in _taken_columns(table)} | {part: str(int(number))}
        if table == "captions":
            values["c_at"] = "part_row"
        sets = ", ".join(f"{quoted(name)} = fresh.{value}" if value != values[part] else f"{part} = {value}"
                         for name, value in values.items())  # fmt: skip
        self._db.execute(f"UPDATE videos SET {sets} FROM fresh WHERE videos.id = fresh.id")
        names = ", ".join(map(quoted, values))
        chosen = ", ".join(values.values())
        self._db.execute(
            f"INSERT INTO videos (id, replaced, {names}) SELECT id, false, {chosen} FROM fresh WHERE is_new"
        )

    def _take_reviews(self, names: tuple[str, ...]) -> bool:
        """Read those captions again of which reviews have come, or gone."""
        known = self._known_parts(REVIEWS_TABLE)
        new, gone = [name for name in names if name not in known], sorted(known.difference(names))
        if not new and not gone:
            return False
        ids = self._reviewed.concerned([self._path(REVIEWS_TABLE, name) for name in new])
        if gone:  # merged into others, or lost
            rows = self._db.execute("SELECT id FROM shown WHERE edited OR verdict <> ''").fetchall()
            ids |= {row[0].hex for row in rows}
        self._take_again(ids)
        self._db.execute(
            "DELETE FROM parts WHERE tab = ? AND list_contains(?::VARCHAR[], name)", [REVIEWS_TABLE, [*gone, *new]]
        )
        for name in new:
            self._db.execute("INSERT INTO parts VALUES (?, ?, nextval('part_number'), 0, '')", [REVIEWS_TABLE, name])
        return True

    def _take_again(self, ids: set[str]) -> None:
        """Take the captions with these ids in once more, from where they lie."""
        self._db.register("wanted", pa.table({"id": pa.array(sorted(ids), pa.string())}))
        try:
            found = self._db.execute(
                "SELECT p.name, p.number, v.c_at FROM videos v JOIN wanted w ON v.id = w.id::UUID"
                " JOIN parts p ON p.tab = 'captions' AND p.number = v.c_part ORDER BY p.name, v.c_at"
            ).fetchall()
        finally:
            self._db.unregister("wanted")
        for (name, number), rows in groupby(found, key=itemgetter(0, 1)):
            places = np.array([row[2] for row in rows], np.int64)
            try:
                path, columns = self._path("captions", name), self._read("captions")
                for at, batch in parts.rows_at(self._store.fs, path, places, columns):
                    self._pause()
                    flat = self._flattened("captions", batch).append_column("part_row", pa.array(at, pa.int32()))
                    self._take_rows("captions", name, number, flat)
            except StorageError:
                continue  # compacted meanwhile: they come with the new part

    def _drop(self, table: str, names: tuple[str, ...]) -> bool:
        """Forget the parts that are gone. Rows that no other part has brought again are gone as well."""
        gone = self._gone[table]
        if not gone:
            return False
        part = PART_OF[table]
        for name in gone:
            self.known.problems.pop(f"{table}/{name}", None)
        marks = ", ".join("?" * len(gone))
        self._db.execute("BEGIN")
        self._db.execute(f"DELETE FROM parts WHERE tab = ? AND name IN ({marks})", [table, *gone])
        live = f"SELECT number FROM parts WHERE tab = '{table}'"
        lost = self._db.execute(
            f"SELECT count(*) FROM videos WHERE {part} IS NOT NULL AND {part} NOT IN ({live})"
        ).fetchall()[0][0]
        self._db.execute(
            f"UPDATE videos SET {part} = NULL, {_emptied(table)} WHERE {part} IS NOT NULL AND {part} NOT IN ({live})"
        )
        if lost:  # earlier rows of these videos, in parts that are still there, count again
            self._db.execute("DELETE FROM parts WHERE tab = ?", [table])
        self._db.execute("COMMIT")
        if lost:
            for name in names:
                self._take(table, name)
        return True


def _wanted(table: str) -> list[str]:
    if table == "checks":
        return ["id", "revision", "edit_key", "findings.list.element.check"]
    more = ("width", "height", "embedding") if table == "surveys" else ()
    return ["id", *(column.name for column in SOURCES[table]), *more]


def _taken_columns(table: str) -> list[str]:
    """The columns of the index that a table's rows fill."""
    names = [column.name for column in SOURCES[table]]
    if table == "captions":
        more = ["summary", "picture_seconds", "n", "doc", "text_hash"]
        return [*names, *more, "verdict", "edited", "edit_key"]
    return [*names, *{"checks": ["checked_revision", "checked_key"], "surveys": ["picture"]}.get(table, [])]


def _emptied(table: str) -> str:
    return ", ".join(f"{quoted(name)} = NULL" for name in _taken_columns(table) if name in STORED)


def _flattened(table: str, batch: pa.RecordBatch) -> pa.Table:
    if table == "checks":
        findings = batch["findings"]
        return pa.table(
            {
                "id": batch["id"],
                "checked_revision": batch["revision"],
                "checked_key": batch["edit_key"] if "edit_key" in batch.schema.names else [0] * batch.num_rows,
                "findings": pc.fill_null(pc.list_value_length(findings), 0),
                "check": pa.array(
                    [sorted({one["check"] for one in row or ()}) for row in findings.to_pylist()],
                    pa.list_(pa.string()),
                ),
            }
        )
    there = pa.Table.from_batches([batch])
    missing = [c.name for c in SOURCES[table] if c.name not in there.column_names]  # of an earlier version
    for name in missing:
        there = there.append_column(name, pa.nulls(batch.num_rows))
    return there
