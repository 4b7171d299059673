"""Single captions: what the desk shows of one, and adding reviews to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...checking import one_of, raise_for
from ...errors import SettingsError, SG4VError, StorageError
from ..report.samples import find_rows
from ..rows import CaptionRow, Checked, Review, ReviewKind, ReviewVerdict, Selected
from ..store.store import Store
from .overlay import as_reviewed
from .resolve import SUMMARY, Conflict
from .table import commit, new_id

Stale = Literal["refuse", "keep"]
MOST_CHARACTERS = 100_000
"""Of a text; more is no caption."""


class StaleReview(StorageError):
    """The text is not the one that the editor saw. ``theirs`` is what it is now, in revision ``revision``."""

    def __init__(self, message: str, theirs: str, revision: int) -> None:
        super().__init__(message)
        self.theirs, self.revision = theirs, revision


@dataclass(frozen=True)
class Reviewed:
    """A caption on the desk.

    caption     as it reads now, reviews applied
    original    as it was written by the model, or by the last repair
    reviews     all of them in the order of time; ``counting`` are the ids of those that count (not undone)
    conflicts   texts that contradict the one that counts, see ``resolve``
    verdict     the last one: "accept", "reject" or "" for none; ``verdict_is_stale``: the texts were changed since
    checked     the findings; None if the caption was not checked as it reads now
    selected    what the filters decided; None if they have not yet
    """

    caption: CaptionRow
    original: CaptionRow
    reviews: tuple[Review, ...]
    counting: frozenset[str]
    conflicts: tuple[Conflict, ...]
    verdict: ReviewVerdict
    verdict_is_stale: bool
    checked: Checked | None
    selected: Selected | None


@dataclass(frozen=True)
class Proposal:
    """A review that somebody wants to add; see ``Desk.add``."""

    caption_id: str
    step: int = SUMMARY
    text: str | None = None
    was: str | None = None
    verdict: ReviewVerdict | None = None
    author: str = ""
    base_revision: int | None = None
    kind: ReviewKind = "edit"
    model: str = ""


def add_all(
    store: Store,
    proposals: Sequence[Proposal],
    *,
    stale: Stale = "refuse",
    batch: str = "",
    begin: Review | None = None,
) -> list[Review | SG4VError]:
    """Store some thousand reviews at once; for each what was stored, or why it was not.

    ``batch`` they belong to, ``begin`` is the row that begins it. Of a batch, a text that is there already is not
    stored.

    Raises StorageError when they cannot be written; then none of them is.
    """
    ids = {one.caption_id for one in proposals if is_id(one.caption_id)}
    originals: dict[str, CaptionRow] = find_rows(store, "captions", sorted(ids), original=True)
    overlay = store.overlay
    now = {id: as_reviewed(row, overlay.resolved(row)) for id, row in originals.items()}
    found: list[Review | SG4VError] = []
    for one in proposals:
        try:
            row = _review(store, one, now.get(one.caption_id), stale)
        except SG4VError as error:
            found.append(error)
            continue
        if row.text is not None:
            now[row.caption_id] = with_text(now[row.caption_id], row.step, row.text)
        found.append(row)
    new = [row for row in found if isinstance(row, Review) and not (batch and row.text == row.was)]
    rows = [replace(row, batch=batch) for row in new]
    stored = {row.id: row for row in commit(store, [*([begin] if begin and rows else ()), *rows])}
    return [stored.get(row.id, row) if isinstance(row, Review) else row for row in found]


def _review(store: Store, one: Proposal, now: CaptionRow | None, stale: Stale) -> Review:
    """The row of a proposal for a caption that reads so now. Raises as ``Desk.add``."""
    _require_sense(one)
    if now is None:
        raise SettingsError(f"{store.root}: has no caption with the id {one.caption_id}")
    there = text_of(now, one.step)
    was = there if one.was is None else one.was
    if one.text is not None and there not in (was, one.text) and stale == "refuse":
        where = "the summary" if one.step == SUMMARY else f"step {one.step}"
        raise StaleReview(f"{one.caption_id}: {where} was changed meanwhile", there, now.revision)
    judged = now if one.text is None else with_text(now, one.step, one.text)
    return Review(
        id=new_id(),
        caption_id=one.caption_id,
        time_ns=0,
        author=one.author,
        kind=one.kind,
        base_revision=now.revision if one.base_revision is None else one.base_revision,
        stored_revision=now.revision,
        step=one.step,
        was="" if one.text is None else was,
        text=one.text,
        verdict=one.verdict,
        seen="" if one.verdict is None else seen(judged),
        model=one.model,
    )


def _require_sense(one: Proposal) -> None:
    if not is_id(one.caption_id):
        raise SettingsError(f"a caption is named by the 32 hex digits of its id, not by {one.caption_id!r}")
    if one.text is None and one.verdict is None:
        raise SettingsError("a review gives a text, a verdict or both")
    if one.text is not None and len(one.text) > MOST_CHARACTERS:
        raise SettingsError(f"a text has at most {MOST_CHARACTERS:,} characters, not {len(one.text):,}")
    if one.verdict is not None:
        raise_for(one_of("verdict", one.verdict, ("", "accept", "reject")))


def one_caption(store: Store, caption_id: str) -> Reviewed:
    """See ``Desk.one``."""
    if not is_id(caption_id):
        raise SettingsError(f"a caption is named by the 32 hex digits of its id, not by {caption_id!r}")
    original: CaptionRow | None = find_rows(store, "captions", [caption_id], original=True).get(caption_id)
    if original is None:
        raise SettingsError(f"{store.root}: has no caption with the id {caption_id}")
    overlay = store.overlay
    reviews = overlay.reviews.of(caption_id, all_of_them=True)
    counting = [row for row in reviews if overlay.reviews.counts(row)]
    resolved = overlay.resolved(original, counting)
    caption = as_reviewed(original, resolved)
    judged = next((row for row in reversed(counting) if row.verdict is not None), None)
    checked = find_rows(store, "checks", [caption_id]).get(caption_id)
    return Reviewed(
        caption,
        original,
        tuple(reviews),
        frozenset(row.id for row in counting),
        resolved.conflicts,
        "" if judged is None or judged.verdict is None else judged.verdict,
        judged is not None and bool(judged.verdict) and bool(judged.seen) and judged.seen != seen(caption),
        checked if checked is not None and checked.is_of(caption) else None,
        find_rows(store, "selection", [caption_id]).get(caption_id),
    )


def is_id(id: str) -> bool:
    return len(id) == 32 and not set(id) - set("0123456789abcdef")


def text_of(row: CaptionRow, step: int) -> str:
    """The text of a step, or of the summary (-1). Raises SettingsError for a step that is not there."""
    if not SUMMARY <= step < len(row.steps):
        raise SettingsError(f"{row.id}: has steps 0 to {len(row.steps) - 1}, not {step}")
    return row.summary if step == SUMMARY else row.steps[step].text


def with_text(row: CaptionRow, step: int, text: str) -> CaptionRow:
    if step == SUMMARY:
        return replace(row, summary=text)
    steps = (replace(one, text=text) if number == step else one for number, one in enumerate(row.steps))
    return replace(row, steps=tuple(steps))


def seen(row: CaptionRow) -> str:
    """A short hash of all texts of a caption."""
    told = repr((row.summary, *(step.text for step in row.steps)))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
