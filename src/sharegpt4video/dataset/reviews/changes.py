"""The kinds of bulk changes: search and replace, and rejecting what a filter would drop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SettingsError
from ..decide.decider import decide_all
from ..decide.words import reason
from ..rows import Review
from ..settings import FilterSettings
from ..sources.listed import Listed
from ..store.ids import IdIndex, packed_ids, unpacked_id
from ..store.store import Store
from .resolve import SUMMARY
from .single import MOST_CHARACTERS
from .table import ACCEPTED, REJECTED, new_id

Part = Literal["all", "summary", "steps"]
_SPECIAL = re.compile(r"[!-/:-@\[-^`{-~]")
"""ASCII marks, each of which RE2 takes for itself behind a backslash."""
_MOST_BYTES = 64 << 20
"""So much the texts that are replaced at once may become."""
_COLUMNS = ("revision", "summary", "steps.list.element.text")


@dataclass(frozen=True)
class Chosen:
    """The captions that a change is made in. ``only``: these ids; None: all. ``skipped`` counts those that the change
    left out, by reason. ``going_on`` is called now and then; what it raises ends the change."""

    store: Store
    only: IdIndex | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    going_on: Callable[[], None] = lambda: None

    def captions(self, columns: tuple[str, ...] | None) -> Iterator[pa.RecordBatch]:
        """Those that count, with their reviews, some columns or all."""
        for batch in Listed(self.store).batches(self.store, "captions", columns, batch_rows=256):
            self.going_on()
            if self.only is not None:
                batch = batch.filter(pa.array(self.only.has(packed_ids(batch.column("id")))))
            if batch.num_rows:
                yield batch

    def count(self) -> int:
        """How many captions these are."""
        ids = Listed(self.store).ids_in(self.store, "captions")
        return len(ids) if self.only is None else int(np.count_nonzero(self.only.has(ids)))


@dataclass(frozen=True)
class Replace:
    """Search and replace in the texts of captions, every occurrence.

    find, put    what to look for, and what to put in its place; with ``regex`` as RE2 has it, ``\\1`` for a group
    ignore_case  ``Colour`` is found by ``colour`` as well
    part         which texts: all, only summaries, or only steps

    Raises SettingsError for a pattern that is none, or that matches the empty text.
    """

    asks_a_model: ClassVar[bool] = False
    find: str
    put: str
    regex: bool = False
    ignore_case: bool = False
    part: Part = "all"

    def __post_init__(self) -> None:
        if not self.find:
            raise SettingsError("the text to search for is empty")
        try:
            in_nothing = self.replaced(pa.array([""])).to_pylist() != [""]
            in_nothing = in_nothing or pc.match_substring_regex(pa.array([""]), self._pattern)[0].as_py()
        except pa.ArrowInvalid as error:
            told = str(error).removeprefix("Invalid regular expression: ")
            raise SettingsError(f"{self.find!r} with {self.put!r}: {told}") from error
        if in_nothing:
            raise SettingsError(f"{self.find!r} matches the empty text, so it would match everywhere")

    @property
    def _pattern(self) -> str:
        pattern = self.find if self.regex else _SPECIAL.sub(r"\\\g<0>", self.find)
        return f"(?i){pattern}" if self.ignore_case else pattern

    def replaced(self, texts: pa.Array) -> pa.Array:
        """The texts with everything replaced."""
        if not self.regex and not self.ignore_case:
            return pc.replace_substring(texts, self.find, self.put)
        put = self.put if self.regex else self.put.replace("\\", "\\\\")
        return pc.replace_substring_regex(texts, self._pattern, put)

    def told(self) -> dict[str, Any]:
        return {"kind": "replace", **asdict(self)}

    def reviews(self, chosen: Chosen) -> Generator[Review, None, None]:
        for batch in chosen.captions(_COLUMNS):
            steps = batch.column("steps")
            lengths = np.asarray(steps.value_lengths(), np.int64)
            texts = steps.flatten().field("text")
            summaries = batch.column("summary")
            first = np.cumsum([0, *lengths])
            changed: list[tuple[int, int, str, str]] = []
            if self.part != "steps":
                changed += [(row, SUMMARY, was, now) for row, was, now in self._changed(summaries, chosen)]
            if self.part != "summary":
                owners = np.repeat(np.arange(batch.num_rows), lengths)
                in_steps = self._changed(texts, chosen)
                changed += [(int(owners[at]), int(at - first[owners[at]]), was, now) for at, was, now in in_steps]
            ids, revisions = batch.column("id").to_pylist(), batch.column("revision").to_pylist()
            for row, step, was, now in sorted(changed):
                is_summary = lengths[row] == 1 and step == 0 and was == summaries[row].as_py()
                if not (is_summary and self.part == "all"):
                    yield edit(ids[row], revisions[row], step, was, now, "replace")

    def _changed(self, texts: pa.Array, chosen: Chosen) -> list[tuple[int, str, str]]:
        """The texts that change, some at a time: every letter may become as many as ``put`` has."""
        found: list[tuple[int, str, str]] = []
        at_once = max(_MOST_BYTES // max((len(self.put.encode()) + 1) * texts.nbytes // max(len(texts), 1), 1), 1)
        for first in range(0, len(texts), at_once):
            some = texts.slice(first, at_once)
            new = self.replaced(some)
            for at in np.flatnonzero(np.asarray(pc.not_equal(new, some))).tolist():
                if pc.utf8_length(new[at]).as_py() > MOST_CHARACTERS:
                    chosen.skipped[f"would have more than {MOST_CHARACTERS:,} characters"] += 1
                else:
                    found.append((first + at, some[at].as_py(), new[at].as_py()))
        return found


@dataclass(frozen=True)
class Filter:
    """Reject what these filters would drop, by the stored scores. What somebody accepted stays."""

    asks_a_model: ClassVar[bool] = False
    filters: FilterSettings

    def told(self) -> dict[str, Any]:
        usual, mine = asdict(FilterSettings()), asdict(self.filters)
        return {"kind": "filter", "filters": {name: value for name, value in mine.items() if value != usual[name]}}

    def reviews(self, chosen: Chosen) -> Generator[Review, None, None]:
        decisions = decide_all(chosen.store, self.filters)
        places = IdIndex(decisions.ids)
        reviews = chosen.store.overlay.reviews
        for batch in chosen.captions(("revision",)):
            packed = packed_ids(batch.column("id"))
            verdicts = reviews.verdicts(packed)
            for row, place in enumerate(places.places(packed).tolist()):
                if place < 0:
                    chosen.skipped["not surveyed"] += 1
                elif (decision := decisions[place]).kept or verdicts[row] == REJECTED:
                    continue
                elif verdicts[row] == ACCEPTED:
                    chosen.skipped["accepted by somebody"] += 1
                else:
                    revision = batch.column("revision")[row].as_py()
                    yield edit(unpacked_id(packed[row]), revision, SUMMARY, reason(decision), None, "filter")


def edit(id: str, revision: int, step: int, was: str, text: str | None, kind: Any, model: str = "") -> Review:
    """A row of a bulk change. Without a text it is a rejection, and ``was`` says why."""
    return Review(
        id=new_id(),
        caption_id=id,
        time_ns=0,
        author="",
        kind=kind,
        base_revision=revision,
        stored_revision=revision,
        step=step,
        was=was,
        text=text,
        verdict="reject" if text is None else None,
        model=model,
    )
