"""One caption at a time: what the desk shows of it, and adding a review."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from ...checking import one_of, raise_for
from ...errors import SettingsError, StorageError
from ..report.samples import find_rows
from ..rows import CaptionRow, Checked, Review, ReviewVerdict, Selected
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


class Desk:
    """The reviews of a data set, for one person or a server of many. Takes no lock; thread-safe."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def one(self, caption_id: str) -> Reviewed:
        """The caption with this id. Raises SettingsError if there is none."""
        original = self._stored(caption_id)
        overlay = self.store.overlay
        reviews = overlay.reviews.of(caption_id, all_of_them=True)
        counting = [row for row in reviews if overlay.reviews.counts(row)]
        resolved = overlay.resolved(original, counting)
        caption = as_reviewed(original, resolved)
        judged = next((row for row in reversed(counting) if row.verdict is not None), None)
        checked = find_rows(self.store, "checks", [caption_id]).get(caption_id)
        return Reviewed(
            caption,
            original,
            tuple(reviews),
            frozenset(row.id for row in counting),
            resolved.conflicts,
            "" if judged is None or judged.verdict is None else judged.verdict,
            judged is not None and bool(judged.verdict) and bool(judged.seen) and judged.seen != seen(caption),
            checked if checked is not None and checked.is_of(caption) else None,
            find_rows(self.store, "selection", [caption_id]).get(caption_id),
        )

    def add(
        self,
        caption_id: str,
        *,
        step: int | None = None,
        was: str = "",
        text: str | None = None,
        verdict: ReviewVerdict | None = None,
        author: str = "",
        base_revision: int | None = None,
        stale: Stale = "refuse",
    ) -> Review:
        """Store a new text for a step (None: the summary), a verdict on the caption, or both; it counts at once.

        was            the text that the editor saw; needed with ``text``
        base_revision  the revision that the editor saw; None: the one that is stored
        stale          what to do if the text is not ``was`` any more: refuse, or keep both as a conflict

        Raises StaleReview, SettingsError for a caption or step that is not there or a review of nothing, StorageError
        when it cannot be written.
        """
        number = SUMMARY if step is None else step
        if text is None and verdict is None:
            raise SettingsError("a review gives a text, a verdict or both")
        if text is not None and len(text) > MOST_CHARACTERS:
            raise SettingsError(f"a text has at most {MOST_CHARACTERS:,} characters, not {len(text):,}")
        if verdict is not None:
            raise_for(one_of("verdict", verdict, ("", "accept", "reject")))
        original = self._stored(caption_id)
        caption = as_reviewed(original, self.store.overlay.resolved(original))
        now = text_of(caption, number)
        if text is not None and was != now and text != now and stale == "refuse":
            where = "the summary" if number == SUMMARY else f"step {number}"
            raise StaleReview(f"{caption_id}: {where} was changed meanwhile", now, original.revision)
        row = Review(
            new_id(),
            caption_id,
            0,
            author,
            "edit",
            original.revision if base_revision is None else base_revision,
            original.revision,
            number,
            was if text is not None else "",
            text,
            verdict,
            "" if verdict is None else seen(caption if text is None else with_text(caption, number, text)),
        )
        return commit(self.store, [row])[0]

    def _stored(self, caption_id: str) -> CaptionRow:
        if len(caption_id) != 32 or set(caption_id) - set("0123456789abcdef"):
            raise SettingsError(f"a caption is named by the 32 hex digits of its id, not by {caption_id!r}")
        row: CaptionRow | None = find_rows(self.store, "captions", [caption_id], original=True).get(caption_id)
        if row is None:
            raise SettingsError(f"{self.store.root}: has no caption with the id {caption_id}")
        return row


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
