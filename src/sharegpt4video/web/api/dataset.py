"""``/v1/dataset``: a data set to browse: what it is, pages of its captions, one of them, and how far a build is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from ...dataset.reviews.desk import Desk
from ...dataset.reviews.resolve import Conflict
from ...dataset.rows import CaptionRow
from ...errors import SettingsError
from ...records import Step
from ..catalogue.catalogue import Catalogue, NotReady
from ..catalogue.media import pictures_of
from ..catalogue.pages import MOST_ROWS, Item
from ..catalogue.pages import Query as Question
from ..jobs.job import plain_caption
from ..refusals import Refused
from ..server import Web
from ..streams import Event, EventStream
from .compare import router as compare_router
from .dataset_reviews import number_of, plain_review
from .dataset_reviews import router as reviews
from .dataset_set import RETRY_SECONDS, Index, Plain, Set, StoredSet
from .dataset_shapes import CaptionId, Dataset, Items, Whole

router = APIRouter(prefix="/v1/dataset", tags=["dataset"])
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The events"}}
STATUS_SECONDS = 1.0


def dataset_router(dataset: str, compare: tuple[str, str] | None, *, roots: tuple[Path, ...] = ()) -> StoredSet:
    """What ``make_app`` includes for a data set, two to compare, or both. Videos are served from ``roots`` alone.

    Raises SG4VError if a directory is not a data set.
    """
    del roots  # the library of the server knows them
    whole = APIRouter()
    whole.include_router(router)
    whole.include_router(reviews)
    whole.include_router(compare_router)
    return StoredSet(dataset, compare, whole)


@router.get("", response_model=Dataset)
def overview(catalogue: Index, stored: Set, web: Web) -> Plain:
    """What the data set is, how much there is of it, and by what it can be filtered."""
    told = _ready(catalogue.overview)
    columns = [
        {"name": one.name, "kind": one.kind, "min": one.least, "max": one.most, "values": list(one.values) or None}
        for one in told.described.columns
    ]
    return {
        "name": told.name,
        "counts": asdict(told.counts),
        "splits": told.described.splits,
        "building": told.building,
        "model": told.model,
        "columns": columns,
        "indexed_rows": told.indexed_rows,
        "problems": list(told.problems),
        "media_problem": stored.unseen(web),
    }


@router.get("/events", response_class=Response, responses=_EVENTS)
async def events(catalogue: Index) -> EventStream:
    """How far the data set is, whenever that changes (server-sent)."""
    return EventStream(live_events(catalogue))


async def live_events(catalogue: Catalogue) -> AsyncGenerator[Event, None]:
    before: Plain | None = None
    while True:
        try:
            live = await asyncio.to_thread(catalogue.live)
        except NotReady:
            await asyncio.sleep(STATUS_SECONDS)
            continue
        now = {
            "counts": asdict(live.counts),
            "building": live.building,
            "videos_per_second": live.videos_per_second,
            "failures": [dict(one) for one in live.failures],
        }
        if now != before:
            yield Event("status", now)
            before = now
        await asyncio.sleep(STATUS_SECONDS)


@router.get("/captions", response_model=Items)
def captions(
    catalogue: Index,
    stored: Set,
    web: Web,
    after: Annotated[str, Query(max_length=1000)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    q: Annotated[str, Query(max_length=500)] = "",
    like: Annotated[str, Query(max_length=500)] = "",
    order: Annotated[str, Query(max_length=20)] = "",
    where: Annotated[list[Annotated[str, Query(max_length=300)]], Query(max_length=20)] = [],  # noqa: B006
) -> Plain:
    """A page of captions.

    ``q`` are words to find; ``like`` is the id of a caption, or a description, to find similar ones. Each ``where`` is
    a condition, such as ``max_motion>0.3``, ``camera=pan left``, ``check=times`` or ``verdict=none``; all have to hold.
    ``order`` is ``id``, ``finding`` (the most findings first) or ``newest``; without it the best hits come first.
    """
    began = time.perf_counter()
    page = _ready(lambda: catalogue.page(Question.of(q, like, order, where), after, limit))
    shown = not stored.unseen(web)
    return {
        "items": [_item(one, shown=shown) for one in page.items],
        "next": page.next or None,
        "total": page.total,
        "took_ms": round(1000 * (time.perf_counter() - began), 1),
    }


@router.get("/captions/{id}", response_model=Whole)
async def caption(id: CaptionId, stored: Set, catalogue: Index, web: Web) -> JSONResponse:
    """One caption with its reviews applied, what was found about it, and its video if that is still the same file."""
    try:
        one = await asyncio.to_thread(Desk(catalogue.store).one, id)
    except SettingsError as error:
        raise Refused(404, str(error)) from error
    media, problem = await stored.media(one.original, web)
    plain, original = plain_caption(one.caption.caption), plain_caption(one.original.caption)
    return JSONResponse(
        {
            "id": id,
            "media": media.id if media else None,
            "media_problem": problem,
            "revision": one.original.revision,
            "caption": plain,
            "original": original,
            "verdict": one.verdict,
            "verdict_is_stale": one.verdict_is_stale,
            "findings": [
                {"check": finding.check, "step": number_of(finding.step), "reason": finding.reason}
                for finding in (one.checked.findings if one.checked else ())
            ],
            "selection": {name: value for name, value in asdict(one.selected).items() if name != "id"}
            if one.selected
            else None,
            "provenance": plain["provenance"],
            "keyframes": _keyframes(id, one.caption, plain["steps"], shown=media is not None),
            "reviews": [plain_review(review, counts=review.id in one.counting) for review in one.reviews],
            "conflicts": [_conflict(each) for each in one.conflicts],
        }
    )


def _keyframes(id: str, row: CaptionRow, steps: list[Plain], *, shown: bool) -> list[Plain]:
    """The frames that the steps refer to; with their pictures where the video can be shown."""
    return [
        {
            "number": number,
            "seconds": frame.seconds,
            "shot_index": frame.shot_index,
            "reason": "",
            "similarity": None,
            "picture": _picture(id, number) if shown else None,
            "facts": _facts(row.steps[frame.step], steps[frame.step], frame.seconds) if row.steps else None,
        }
        for number, frame in enumerate(pictures_of(row.steps, row.start_seconds))
    ]


def _conflict(one: Conflict) -> Plain:
    plain = {name: getattr(one, name) for name in ("base_text", "mine", "theirs", "author")}
    return {"step": number_of(one.step), "time": one.time_ns / 1e9, **plain}


def _facts(step: Step, plain: Plain, seconds: float) -> Plain | None:
    """The facts that were measured up to a frame."""
    at = next((at for at, fact in enumerate(step.facts) if fact.end_seconds == seconds), None)
    return None if at is None else plain["facts"][at]


def _item(one: Item, *, shown: bool) -> Plain:
    plain = asdict(one)
    message = plain.pop("failure_message")
    return {**plain, "message": message, "picture": _picture(one.id, 0) if one.steps and shown else None}


def _picture(id: str, number: int) -> str:
    return f"/v1/captions/{id}/keyframes/{number}"


def _ready(ask: Any) -> Any:
    """The answer of the catalogue. Raises Refused while its index is being rebuilt."""
    try:
        return ask()
    except NotReady as error:
        raise Refused(503, str(error), retry_seconds=RETRY_SECONDS) from error
