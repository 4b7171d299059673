"""The desk: everything people do with the captions of a data set. What ``Dataset.reviews`` is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...checking import expect
from ...errors import SG4VError
from ..places.models import Model
from ..rows import Review, ReviewVerdict
from ..settings import FilterSettings
from ..store.ids import IdIndex, packed_all
from ..store.store import Store
from . import bulk
from .another_model import Recaption
from .bulk import Batch, Change, Preview
from .changes import Filter, Part, Replace
from .importing import Imported, import_texts
from .overlay import TEXT_COLUMNS, texts_at
from .resolve import SUMMARY, Conflict, resolved
from .single import Proposal, Reviewed, Stale, add_all, one_caption


@dataclass(frozen=True)
class Counts:
    """How many captions were edited, accepted and rejected."""

    edited: int
    accepted: int
    rejected: int


class Desk:
    """Reviews of a data set: for one person, or for a server of many. Takes no lock; thread-safe.

    Every method raises StorageError if the storage cannot be read or written.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def one(self, caption_id: str) -> Reviewed:
        """Return a caption as it reads now, with the model's own, its reviews, conflicts and findings.

        Raises SettingsError for an unknown id.
        """
        return one_caption(self.store, caption_id)

    def add(
        self,
        caption_id: str,
        text: str | None = None,
        *,
        step: int | None = None,
        was: str | None = None,
        verdict: ReviewVerdict | None = None,
        author: str = "",
        base_revision: int | None = None,
        model: str = "",
        stale: Stale = "refuse",
    ) -> Review:
        """Store a new text, a verdict, or both; it counts at once.

        text           for a step; None: only a verdict
        step           the number of the step; None: the summary
        was            the text it was made from; None: the one that is there now
        verdict        ``accept``, ``reject`` (exports leave the caption out), or "" (takes the last one back)
        base_revision  the revision that the editor saw; None: the one that is stored
        model          the model that wrote the text, if a person took it over as it was; "" for a person's own
        stale          if the text is not ``was`` any more: ``refuse``, or ``keep`` both as a conflict

        Raises StaleReview if the text was changed meanwhile; SettingsError for an unknown caption or step, or a review
        of nothing.
        """
        number = SUMMARY if step is None else step
        told = Proposal(caption_id, number, text, was, verdict, author, base_revision, model=model)
        (found,) = add_all(self.store, [told], stale=stale)
        if isinstance(found, SG4VError):
            raise found
        return found

    def every(self) -> Iterator[tuple[Review, bool]]:
        """All reviews of captions in the order of time, each with whether it counts: undone ones do not."""
        reviews = self.store.overlay.reviews
        return ((row, reviews.counts(row)) for row in reviews.every())

    def counts(self) -> Counts:
        """How many captions are edited, accepted, rejected."""
        reviews = self.store.overlay.reviews
        return Counts(len(reviews.edited), *reviews.judged())

    def conflicts(self) -> Iterator[tuple[str, Conflict]]:
        """The conflicts of all captions, each with the id of its caption. Reads the captions that were edited."""
        overlay = self.store.overlay
        for batch in self.store.find("captions", overlay.reviews.edited, TEXT_COLUMNS, original=True):
            for place, id in enumerate(batch.column("id").to_pylist()):
                for one in resolved(texts_at(batch, place), overlay.reviews.of(id)).conflicts:
                    yield id, one

    def replace(self, find: str, put: str, *, regex: bool = False, ignore_case: bool = False, part: Part = "all",
                **more: Any) -> Preview | Batch:  # fmt: skip
        """Search and replace in all texts, or those of ``ids``. See ``Replace`` for the pattern, ``change`` for more.

        ds.reviews.replace("colour", "color", dry_run=True)
        """
        return self.change(Replace(find, put, regex, ignore_case, part), **more)

    def recaption(self, model: Model, **more: Any) -> Preview | Batch:
        """Have another model tell all captions, or those of ``ids``, again; see ``change``. A preview asks for ten."""
        return self.change(Recaption(model), **more)

    def reject(self, filters: FilterSettings, **more: Any) -> Preview | Batch:
        """Reject what these filters would drop, of all captions or those of ``ids``; see ``change``."""
        expect(filters, FilterSettings, "filters")
        return self.change(Filter(filters), **more)

    def change(
        self,
        change: Change,
        *,
        ids: Iterable[str] | None = None,
        author: str = "",
        dry_run: bool = False,
        batch: str = "",
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Preview | Batch:
        """Make a bulk change, as one batch that can be undone.

        ids      of the captions to change; None: all
        dry_run  only tell how much would change, with ten examples
        batch    the id for the batch, if one was promised

        Raises SettingsError for a change that makes no sense or changes nothing; VLMError if the model is gone. Then
        nothing is changed.
        """
        only = None if ids is None else IdIndex(packed_all(ids))
        if dry_run:
            return bulk.preview(self.store, change, only)
        return bulk.apply(self.store, change, only, author=author, batch=batch, on_progress=on_progress)

    def import_texts(self, folder: str | os.PathLike[str], *, author: str = "") -> Imported:
        """Make the ``.txt`` files of a folder the summaries of their videos, as one batch; see ``importing``.

        Raises SettingsError if the folder has none.
        """
        return import_texts(self.store, folder, author=author)

    def batches(self) -> list[Batch]:
        """The bulk changes, the last one first."""
        return bulk.batches(self.store)

    def undo(self, id: str, *, author: str = "") -> Review:
        """Withdraw a batch or a single review; undoing the review that this returns brings it back.

        Raises SettingsError if there is none of that id, or it is undone already.
        """
        return bulk.undo(self.store, id, author=author)

    def add_all(self, proposals: Sequence[Proposal], *, stale: Stale = "refuse") -> list[Review | SG4VError]:
        """Store some thousand reviews at once; for each what was stored, or why it was not."""
        return add_all(self.store, proposals, stale=stale)
