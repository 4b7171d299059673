"""Pages of captions: what is asked for, one page of it, and where the next one begins.

A page is found by the values of the last row of the one before (keyset), not by counting rows: each row that was there
when paging began comes exactly once, whatever is added meanwhile, and a late page is as quick as the first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ...checking import one_of, raise_for
from ...dataset.store.ids import Ids, packed_ids
from ...errors import SettingsError
from .filters import Filter, parsed
from .index import Index
from .words import Docs, Field, expression

Order = Literal["", "id", "finding", "newest", "row", "rank"]

MOST_ROWS = 200
FEW_HITS = 1000
"""At most so many hits are ranked; more come in the order of the rows."""
KEPT_HITS = 8
_KEYS = {
    "id": (("id", "ASC"),),
    "row": (("n", "ASC"),),
    "newest": (("n", "DESC"),),
    "finding": (("findings", "DESC"), ("n", "ASC")),
    "rank": (("place", "ASC"),),
}
_FIELDS: dict[str, Field] = {"text": "seen", "speech": "said"}
_ITEM = "id, video, summary, seconds, steps, split, kept, findings, verdict, failure, failure_message"
COUNTED = "c_part IS NOT NULL AND NOT replaced"
"""The captions that count."""


@dataclass(frozen=True)
class Item:
    """One caption in a list. ``summary`` is cut; ``kept`` is None while nothing is decided."""

    id: str
    video: str
    summary: str
    seconds: float
    steps: int
    split: str
    kept: bool | None
    findings: int
    verdict: str
    failure: str = ""
    failure_message: str = ""


@dataclass(frozen=True)
class Query:
    """What is asked for. ``like`` is the id of a caption, or a description in words; order "" is what fits best."""

    q: str = ""
    like: str = ""
    order: str = ""
    where: tuple[Filter, ...] = ()

    @staticmethod
    def of(q: str = "", like: str = "", order: str = "", where: Sequence[str] = ()) -> Query:
        """Raises SettingsError for an order or a filter that makes no sense."""
        if order:
            raise_for(one_of("order", order, ("id", "finding", "newest", "row", "rank")))
        return Query(q.strip(), like.strip(), order, parsed(where))

    @property
    def mark(self) -> str:
        """Tells one question from others."""
        told = json.dumps([self.q, self.like, self.order, [str(one) for one in self.where]])
        return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Page:
    """Some items, where the next page begins ("" for the last), and how many there are in all (None: not counted)."""

    items: tuple[Item, ...]
    next: str
    total: int | None


@dataclass(frozen=True)
class Hits:
    """The rows that match, by their numbers ``n``, best first if ``ranked``. A row keeps its number when its caption is
    made again, so whoever pages on meets it once."""

    rows: Docs
    ranked: bool


Nearest = Callable[[str, Any], Docs]
"""Documents like a caption or a description, nearest first; the second is a connection to the index."""


class Pages:
    """Answers questions from an index; any number of threads may ask."""

    def __init__(self, index: Index, nearest: Nearest) -> None:
        self._index, self._nearest = index, nearest
        self._kept: OrderedDict[tuple[str, int], Hits] = OrderedDict()
        self._lock = Lock()

    def page(self, query: Query, after: str = "", limit: int = 50) -> Page:
        """One page. Raises SettingsError for a question or a place in it that cannot be understood."""
        if not 1 <= limit <= MOST_ROWS:
            raise SettingsError(f"a page has 1 to {MOST_ROWS} rows, not {limit}")
        place = _Place.read(after, query.mark) if after else None
        db = self._index.cursor()
        newest = place.newest if place else _newest(db)
        hits = self._hits(query, newest, db)
        order = query.order or (place.order if place else _order(hits))
        if order == "rank" and not (hits and hits.ranked):
            order = "row"
        condition, values = _condition(query)
        source = "shown"
        if hits is not None:
            db.register("hits", pa.table({"n": hits.rows, "place": np.arange(len(hits.rows))}))
            source = "shown JOIN hits USING (n)"
        keys = _KEYS[order]
        total = place.total if place else self._count(db, source, condition, values)
        behind, at = _behind(keys, place.keys) if place else ("true", [])
        by = ", ".join(f"{name} {way}" for name, way in keys)
        names = ", ".join(name for name, _ in keys)
        rows = db.execute(
            f"SELECT {_ITEM}, {names} FROM {source} WHERE {condition} AND {behind} ORDER BY {by} LIMIT ?",
            [*values, *at, limit + 1],
        ).fetchall()
        db.close()
        items = tuple(_item(row) for row in rows[:limit])
        following = ""
        if len(rows) > limit:
            last = [str(v) if isinstance(v, uuid.UUID) else v for v in rows[limit - 1][-len(keys) :]]
            following = _Place(query.mark, order, last, newest, total).text()
        return Page(items, following, total)

    def ids(self, query: Query) -> Ids:
        """The ids of all captions that a question leaves, in no order. Raises SettingsError as ``page``."""
        db = self._index.cursor()
        hits = self._hits(query, _newest(db), db)
        condition, values = _condition(query)
        source = "shown"
        if hits is not None:
            db.register("hits", pa.table({"n": hits.rows}))
            source = "shown JOIN hits USING (n)"
        sql = f"SELECT replace(id::VARCHAR, '-', '') AS id FROM {source} WHERE {condition}"
        found = packed_ids(pa.array(db.execute(sql, values).fetchnumpy()["id"], pa.string()))
        db.close()
        return found

    @staticmethod
    def _count(db: Any, source: str, condition: str, values: list[Any]) -> int:
        return int(db.execute(f"SELECT count(*) FROM {source} WHERE {condition}", values).fetchall()[0][0])

    def _hits(self, query: Query, newest: int, db: Any) -> Hits | None:
        """What the words and the likeness leave, up to the document that was the newest when paging began."""
        texts = [one for one in query.where if one.searches_text]
        if not (query.q or query.like or texts):
            return None
        key = (query.mark, newest)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._find(query, texts, newest, db)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_HITS:
                self._kept.popitem(last=False)
        return found

    def _find(self, query: Query, texts: list[Filter], newest: int, db: Any) -> Hits:
        asked = [expression(query.q)] if query.q else []
        asked += [expression(str(one.value), field=_FIELDS[one.column]) for one in texts]
        words = self._index.words
        if (asked or query.like) and words is None:
            raise SettingsError(
                "the SQLite of this Python has no FTS5, so texts cannot be searched; use another build of Python"
            )
        assert words is not None
        docs: Docs | None = None
        ranked = False
        if asked:
            whole = " AND ".join(f"({one})" for one in asked)
            ranked = words.is_few(whole, FEW_HITS)
            docs = words.ranked(whole, FEW_HITS)[0] if ranked else words.hits(whole)
        if query.like:
            near = self._nearest(query.like, db)
            docs, ranked = near if docs is None else near[np.isin(near, docs)], True
        assert docs is not None
        docs = docs[docs <= newest]
        db.register("docs", pa.table({"doc": docs, "place": np.arange(len(docs))}))
        numbers = db.execute("SELECT n FROM videos JOIN docs USING (doc) ORDER BY place").fetchnumpy()["n"]
        db.unregister("docs")
        return Hits(np.ascontiguousarray(numbers, np.int64), ranked)


@dataclass(frozen=True)
class _Place:
    """Where a page ends: of which question, in which order, the values of its last row."""

    mark: str
    order: str
    keys: list[Any]
    newest: int
    total: int | None

    def text(self) -> str:
        told = json.dumps([self.mark, self.order, self.keys, self.newest, self.total], separators=(",", ":"))
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @staticmethod
    def read(text: str, mark: str) -> _Place:
        """Raises SettingsError for one that was not given out, or for another question."""
        wrong = SettingsError("'after' does not belong to this search; start again without it")
        try:
            plain = json.loads(base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True))
            found = _Place(*plain)
            fits = found.mark == mark and found.order in _KEYS and type(found.newest) is int
            fits = fits and len(found.keys) == len(_KEYS[found.order]) and isinstance(found.total, (int, type(None)))
            if not fits:
                raise wrong
            for (name, _), value in zip(_KEYS[found.order], found.keys, strict=True):
                if name == "id":
                    if str(uuid.UUID(value)) != value:  # there are more ways to write one
                        raise wrong
                elif type(value) is not int or abs(value) >= 1 << 62:
                    raise wrong
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise wrong from error
        return found


def _newest(db: Any) -> int:
    """The newest document of a row. The texts may be a moment ahead of the rows."""
    return int(db.execute("SELECT coalesce(max(doc), 0) FROM videos").fetchall()[0][0])


def _order(hits: Hits | None) -> str:
    if hits is None:
        return "id"
    return "rank" if hits.ranked else "row"


def _condition(query: Query) -> tuple[str, list[Any]]:
    """The filters that columns answer. Videos that failed are listed only where failures are asked for."""
    of_failures = any(one.column == "failure" for one in query.where)
    conditions, values = ["NOT replaced" if of_failures else COUNTED], []
    for one in query.where:
        if not one.searches_text:
            sql, parameters = one.sql()
            conditions.append(f"({sql})")
            values += parameters
    return " AND ".join(conditions), values


def _behind(keys: tuple[tuple[str, str], ...], values: list[Any]) -> tuple[str, list[Any]]:
    """The rows that come after one with these values."""
    tests, parameters = [], []
    for at, (name, way) in enumerate(keys):
        equal = [f"{earlier} = ?" for earlier, _ in keys[:at]]
        kind = "::UUID" if name == "id" else ""
        tests.append(" AND ".join([*equal, f"{name} {'>' if way == 'ASC' else '<'} ?{kind}"]))
        parameters += [*values[:at], values[at]]
    return "(" + " OR ".join(f"({test})" for test in tests) + ")", parameters


def _item(row: tuple[Any, ...]) -> Item:
    id, video, summary, seconds, steps, split, kept, findings, verdict, failure, message = row[:11]
    return Item(
        id.hex, video, summary or "", float(seconds or 0.0), int(steps or 0), split, kept, int(findings), verdict,
        failure, message or "",
    )  # fmt: skip
