"""Changes of many captions at once: previewed, applied as one batch, and undone as one.

A batch begins with a row that says what it is. Its reviews count from the moment in which the row that ends it is
there, all at once: a change that was killed changes nothing. A row that withdraws the batch undoes it, and undoing that
row applies it again. Captions are streamed, so memory does not grow with their number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, Protocol

from ...display import Result
from ...errors import SettingsError
from ...wording import counted
from ..rows import Review
from ..store.ids import IdIndex
from ..store.store import Store
from .changes import Chosen
from .single import is_id
from .table import commit, new_id

PART_ROWS = 4096
"""Reviews that are written as one part; what is in memory at a time."""
EXAMPLES = 10


@dataclass(frozen=True)
class Example:
    """One text before and after. For a filter: the verdict, and the reason why it would be a rejection."""

    id: str
    step: int
    before: str
    after: str


@dataclass(frozen=True, repr=False)
class Preview(Result):
    """What a bulk change would do. ``total`` is the number of texts, of captions for another model or a filter."""

    change: dict[str, Any]
    total: int
    examples: tuple[Example, ...]
    skipped: dict[str, int]

    def text(self) -> str:
        """The number and the examples, for a terminal."""
        lines = [f"{self.total:,} would change"]
        for one in self.examples:
            where = "summary" if one.step < 0 else f"step {one.step}"
            lines += [f"{one.id} {where}", f"  - {one.before}", f"  + {one.after}"]
        return "\n".join([*lines, *(f"{count:,} left out: {why}" for why, count in self.skipped.items())])


@dataclass(frozen=True, repr=False)
class Batch(Result):
    """A bulk change that was applied. ``rows`` counts its reviews.

    finished  all of its reviews are stored; those of one that is not do not count
    undone    it was withdrawn
    """

    id: str
    change: dict[str, Any]
    author: str
    time_ns: int
    rows: int
    finished: bool
    undone: bool
    skipped: dict[str, int]

    def text(self) -> str:
        state = "undone" if self.undone else "applied" if self.finished else "not finished, does not count"
        told = ", ".join(f"{name} {value!r}" for name, value in self.change.items() if value not in ("", False, None))
        lines = [f"{self.id}  {counted(self.rows, 'review', number=f'{self.rows:,}')}  {state}  {told}"]
        return "\n".join([*lines, *(f"  {count:,} left out: {why}" for why, count in self.skipped.items())])


class Change(Protocol):
    """A kind of bulk change. ``asks_a_model``: making all of it to count it would cost too much."""

    asks_a_model: ClassVar[bool]

    def told(self) -> dict[str, Any]:
        """What it is, for the table and for people; ``kind`` is one of ``replace``, ``recaption``, ``filter``."""

    def reviews(self, chosen: Chosen) -> Generator[Review, None, None]:
        """The reviews it makes, without batch, author and time. Raises SettingsError where it makes no sense."""


def preview(store: Store, change: Change, only: IdIndex | None = None, *, examples: int = EXAMPLES) -> Preview:
    """How much a change would do, with some examples; nothing is written. ``only``: the ids of some captions."""
    chosen = Chosen(store, only)
    with closing(change.reviews(chosen)) as found:
        first = list(islice(found, examples))
        total = chosen.count() if change.asks_a_model else len(first) + sum(1 for _ in found)
    return Preview(change.told(), total, tuple(map(_example, first)), dict(chosen.skipped))


def _example(row: Review) -> Example:
    if row.text is None:
        return Example(row.caption_id, row.step, "", f"{row.verdict}: {row.was}" if row.was else str(row.verdict))
    return Example(row.caption_id, row.step, row.was, row.text)


def apply(
    store: Store,
    change: Change,
    only: IdIndex | None = None,
    *,
    author: str = "",
    batch: str = "",
    on_progress: Callable[[int], None] = lambda _: None,
) -> Batch:
    """Make a change as one batch. ``only``: the ids of some captions. ``on_progress`` gets the reviews so far, now
    and then and before each is made; what it raises ends the change, of which nothing counts then.

    ``batch`` is the id for it, if one was promised to somebody. Raises SettingsError for a change that makes no sense
    or changes nothing, and what the change raises; then nothing counts.
    """
    id = batch or new_id()
    chosen = Chosen(store, only, going_on=lambda: on_progress(count))
    about = Review(new_id(), "", 0, author, "begin", text=json.dumps(change.told(), ensure_ascii=False), batch=id)
    stored, count = 0, 0

    def made(found: Iterator[Review]) -> Iterator[Review]:
        nonlocal count
        for row in islice(found, PART_ROWS):
            count += 1
            on_progress(count)
            yield replace(row, author=author, batch=id)

    with closing(change.reviews(chosen)) as found:
        while part := list(made(found)):
            if not stored:
                commit(store, [about])
            commit(store, part)
            stored += len(part)
    if not count:
        raise SettingsError("the change would not change anything")
    told = json.dumps({"rows": count, "skipped": chosen.skipped}, ensure_ascii=False)
    (end,) = commit(store, [Review(new_id(), "", 0, author, "end", text=told, batch=id)])
    return Batch(id, change.told(), author, end.time_ns, count, True, False, dict(chosen.skipped))


def undo(store: Store, id: str, *, author: str = "") -> Review:
    """Withdraw a batch, a single review, or an earlier undo (which brings back what that had withdrawn).

    Raises SettingsError if there is none of that id, or it is withdrawn already.
    """
    reviews = store.overlay.reviews
    if id in reviews.withdrawn:
        raise SettingsError(f"{id}: is already undone")
    if not is_id(id) or not reviews.knows(id):
        raise SettingsError(f"{id}: is neither a batch nor a review; sg4v dataset review list {store.root} lists them")
    return commit(store, [Review(new_id(), "", 0, author, "undo", batch=id)])[0]


def batches(store: Store) -> list[Batch]:
    """All bulk changes, the last one first."""
    reviews = store.overlay.reviews
    rows = reviews.rows_by_batch() if reviews.about_batches else {}
    ends = {row.batch: json.loads(row.text or "{}") for row in reviews.about_batches if row.kind == "end"}
    return [
        Batch(
            row.batch,
            json.loads(row.text or "{}"),
            row.author,
            row.time_ns,
            rows.get(row.batch, 0),
            row.batch in ends,
            row.batch in reviews.withdrawn,
            ends.get(row.batch, {}).get("skipped", {}),
        )
        for row in reversed(reviews.about_batches)
        if row.kind == "begin"
    ]
