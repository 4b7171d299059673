"""``/v1/dataset/reviews``, ``/bulk`` and ``/import``: captions edited, judged, changed many at a time, and undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from ...checking import validated
from ...dataset.reviews import bulk, importing
from ...dataset.reviews.another_model import Recaption
from ...dataset.reviews.changes import Filter, Replace
from ...dataset.reviews.desk import Desk
from ...dataset.reviews.single import StaleReview
from ...dataset.reviews.table import new_id
from ...dataset.rows import Review
from ...dataset.settings import FilterSettings
from ...dataset.store.ids import IdIndex
from ...errors import SettingsError
from ..catalogue.catalogue import Catalogue
from ..catalogue.pages import Query as Question
from ..refusals import Refused
from ..server import Web, Worked
from .dataset_set import Index, Plain, Set, StoredSet
from .dataset_shapes import (
    Batches,
    BulkAsked,
    BulkBegun,
    CaptionId,
    ImportAsked,
    Imported,
    Preview,
    Recaptioning,
    Replacing,
    ReviewAsked,
    Reviewed,
)

router = APIRouter(prefix="/v1/dataset", tags=["reviews"])


@router.post("/reviews", status_code=201, response_model=Reviewed)
def add(wanted: ReviewAsked, stored: Set, catalogue: Index, _: Worked) -> Plain:
    """Add a review. 409, with ``theirs``, where the text is not ``was`` any more: send it again, made from that."""
    if wanted.text is None and wanted.verdict is None:
        raise Refused(422, "a review gives a text, a verdict or both")
    with stored.one_at_a_time:  # of two who change the same text at once, the second is told
        try:
            review = Desk(catalogue.store).add(
                wanted.caption,
                wanted.text,
                step=wanted.step,
                was=wanted.was,
                verdict=wanted.verdict,
                author=wanted.author,
                base_revision=wanted.base_revision,
                model=wanted.model,
            )
        except StaleReview as stale:
            raise Refused(409, "somebody else has changed this text in the meantime", theirs=stale.theirs) from stale
    catalogue.refresh_soon()
    return {"review": plain_review(review, counts=True)}


@router.post("/reviews/{id}/undo", status_code=201, response_model=Reviewed)
def undo_review(id: CaptionId, stored: Set, catalogue: Index, _: Worked) -> Plain:
    """Take a single review back."""
    return {"review": plain_review(_undone(stored, catalogue, id), counts=True)}


@router.post("/bulk", response_model=Preview | BulkBegun, responses={202: {"model": BulkBegun}})
async def change(
    wanted: BulkAsked, response: Response, stored: Set, catalogue: Index, web: Web, client: Worked
) -> Plain:
    """Change many captions: with ``preview``, how many texts and ten of them; else it begins, as one batch."""
    del client
    made = await asyncio.to_thread(_change, wanted, web)
    only = await asyncio.to_thread(_only, wanted, catalogue)
    if wanted.preview:
        told = await asyncio.to_thread(bulk.preview, catalogue.store, made, only)
        examples = [
            {"id": one.id, "step": number_of(one.step), "before": one.before, "after": one.after}
            for one in told.examples
        ]
        return {"total": told.total, "examples": examples, "skipped": told.skipped}
    if any(run.is_running for run in stored.runs.values()):
        raise Refused(429, "another change is being made; wait until it is done", retry_seconds=5)
    id = new_id()

    def work(on_progress: Callable[[int], None]) -> None:
        bulk.apply(catalogue.store, made, only, author=wanted.author, batch=id, on_progress=on_progress)
        catalogue.refresh_soon()

    stored.begin(id, made.told(), wanted.author, work)
    response.status_code = 202
    return {"batch": id}


@router.get("/bulk", response_model=Batches)
def batches(stored: Set, catalogue: Index) -> Plain:
    """The bulk changes, the last one first."""
    runs = {id: run for id, run in stored.runs.items() if run.status != "done"}  # first: one may end meanwhile
    found = [
        {
            "id": one.id,
            "change": one.change,
            "rows": one.rows,
            "status": "done" if one.finished else "unfinished",
            "message": "; ".join(f"{count:,} left out: {why}" for why, count in one.skipped.items()),
            "undone": one.undone,
            "author": one.author,
            "time": one.time_ns / 1e9,
        }
        for one in bulk.batches(catalogue.store)
    ]
    mine = [run.plain() for run in reversed(runs.values())]
    return {"batches": [*mine, *(one for one in found if one["id"] not in runs)]}


@router.delete("/bulk/{batch}", status_code=204, response_class=Response)
def undo(batch: CaptionId, stored: Set, catalogue: Index, _: Worked) -> Response:
    """Undo a bulk change: every text is as it was before it."""
    _undone(stored, catalogue, batch)
    return Response(status_code=204)


@router.post("/import", response_model=Imported)
async def import_texts(wanted: ImportAsked, stored: Set, catalogue: Index, web: Web, _: Worked) -> Plain:
    """Make the plain ``.txt`` captions of a folder the summaries of their videos, as one batch that can be undone."""
    folder = _folder_in_roots(wanted.path, web)

    def work() -> importing.Imported:
        with stored.one_at_a_time:
            return Desk(catalogue.store).import_texts(folder, author=wanted.author)

    done = await asyncio.to_thread(work)
    catalogue.refresh_soon()
    return {
        "imported": done.imported,
        "unchanged": done.unchanged,
        "skipped": [{"file": file, "reason": why} for file, why in done.skipped],
        "batch": done.batch or None,
    }


def _folder_in_roots(given: str, web: Web) -> Path:
    """The folder that a path leads to, links followed. Raises Refused where it is not inside the given folders."""
    roots = [root.resolve() for root in web.settings.roots]
    try:
        asked = Path(given)
        tried = [asked.resolve()] if asked.is_absolute() else [(root / asked).resolve() for root in roots]
        found = [path for path in tried if any(path.is_relative_to(root) for root in roots) and path.is_dir()]
        links = (path.resolve() for path in (found[0].rglob("*.txt") if found else ()) if path.is_symlink())
        outside = any(not any(path.is_relative_to(root) for root in roots) for path in links)
    except (OSError, ValueError, RuntimeError):
        found, outside = [], False
    if not found:
        raise Refused(404, f"{given[:300]}: not a folder in those that may be opened here (sg4v web --root)")
    if outside:
        raise Refused(403, f"{given[:300]}: has links to files that may not be opened here; remove them")
    return found[0]


def _undone(stored: StoredSet, catalogue: Catalogue, id: str) -> Review:
    with stored.one_at_a_time:
        try:
            review = bulk.undo(catalogue.store, id)
        except SettingsError as error:
            raise Refused(404, str(error)) from error
    catalogue.refresh_soon()
    return review


def _change(wanted: BulkAsked, web: Web) -> bulk.Change:
    """Raises SettingsError, or Refused for a model that this server does not offer."""
    asked = wanted.change
    if isinstance(asked, Replacing):
        return Replace(asked.find, asked.with_, asked.regex)
    if isinstance(asked, Recaptioning):
        return Recaption(web.model(asked.model))
    return Filter(validated(FilterSettings, asked.filters, "filters"))


def _only(wanted: BulkAsked, catalogue: Catalogue) -> IdIndex | None:
    """The ids of the captions that are left by the filters; None for all."""
    if not (wanted.q or wanted.where):
        return None
    return IdIndex(catalogue.ids(Question.of(wanted.q, where=wanted.where)))


def number_of(step: int) -> int | None:
    """The number of a step as clients have it: null for the summary."""
    return None if step < 0 else step


def plain_review(row: Review, *, counts: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "step": number_of(row.step),
        "was": row.was,
        "text": row.text,
        "verdict": row.verdict,
        "author": row.author,
        "time": row.time_ns / 1e9,
        "kind": row.kind,
        "base_revision": row.base_revision,
        "batch": row.batch,
        "model": row.model,
        "counts": counts,
    }
