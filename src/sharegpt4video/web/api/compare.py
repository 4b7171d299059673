"""``/v1/compare``: the same videos captioned twice, as a whole and one by one."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, Response

from ...dataset.compare import ComparedCaption, Comparison
from ...dataset.compare.comparison import told_setting
from ...errors import SettingsError
from ..catalogue.media import pictures_of
from ..jobs.job import plain_caption
from ..refusals import Refused
from ..server import Web
from .dataset_reviews import number_of
from .dataset_set import Plain, Set, StoredSet
from .dataset_shapes import CaptionId

router = APIRouter(prefix="/v1/compare", tags=["compare"])
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "The keyframe"}}


@router.get("")
async def totals(stored: Set, web: Web) -> Plain:
    """Both data sets, and what differs over all videos that both have: means per video, claims and findings."""
    found = await _ready(stored)
    told = found.totals
    return {
        "a": _side(found, 0),
        "b": _side(found, 1),
        "videos": told.videos,
        "differs": [
            {"name": name, "a": told_setting(a), "b": told_setting(b)} for name, (a, b) in found.differs.items()
        ],
        "measures": [
            {"name": name, "a": pair.first, "b": pair.second, "difference": pair.difference, "interval": pair.interval}
            for name, pair in told.measures.items()
            if pair.videos
        ],
        "claims": [
            {"kind": kind, "only_a": row[0], "both": row[1], "only_b": row[2]} for kind, row in told.claims.items()
        ],
        "findings": [
            {"check": name, "a": a, "b": b, "per_video": told.per_video(name).interval}
            for name, (a, b) in sorted(told.findings.items())
        ],
        "media_problem": await asyncio.to_thread(stored.unseen, web, found.stores[0]),
    }


@router.get("/videos")
async def videos(
    stored: Set,
    web: Web,
    after: Annotated[int, Query(ge=0, le=1 << 60)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    only: Annotated[str, Query(max_length=20)] = "",
    order: Annotated[str, Query(max_length=20)] = "listed",
) -> Plain:
    """The videos in the order of the first data set, or the most ``different`` first.

    ``only``: first, second, differ, contradicted, findings or uneven (other findings on one side than on the other).
    """
    whole = await _ready(stored)
    found = await asyncio.to_thread(whole.videos, after=after, limit=limit + 1, only=only, order=order)  # type: ignore[arg-type]
    shown = not await asyncio.to_thread(stored.unseen, web, whole.stores[0])
    items = [
        {"number": number, **asdict(one), "picture": f"/v1/compare/videos/{one.id}/keyframes/0" if shown else None}
        for number, one in found[:limit]
    ]
    return {"items": items, "next": found[limit - 1][0] if len(found) > limit else None}


@router.get("/videos/{id}")
async def video(id: CaptionId, stored: Set, web: Web) -> JSONResponse:
    """Both captions of a video, with marks on what only one of them says."""
    whole = await _ready(stored)
    try:
        found = await asyncio.to_thread(whole.one, id)
    except SettingsError as error:
        raise Refused(404, str(error)) from error
    media, problem = await stored.media(found.first.row, web, whole.stores[0])
    sides = {"a": _caption(found.first), "b": _caption(found.second)}
    row = found.first.row
    keyframes = [
        {
            "number": number,
            "seconds": frame.seconds,
            "reason": "",
            "picture": f"/v1/compare/videos/{id}/keyframes/{number}",
        }
        for number, frame in enumerate(pictures_of(row.steps, row.start_seconds) if media else ())
    ]
    told = {"id": id, "media": media.id if media else None, "media_problem": problem, "keyframes": keyframes}
    return JSONResponse(told | sides)


@router.get("/videos/{id}/keyframes/{number}", response_class=Response, responses=_JPEG)
async def keyframe(id: CaptionId, number: Annotated[int, Path(ge=0, le=1_000_000)], stored: Set) -> Response:
    """A keyframe of the first caption as JPEG."""
    jpeg = await stored.picture(id, number, (await _ready(stored)).stores[0])
    if jpeg is None:
        raise Refused(404, f"there is no keyframe {number} of this video")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


async def _ready(stored: StoredSet) -> Comparison:
    """Raises Refused; see ``StoredSet.comparison``."""
    return await asyncio.to_thread(stored.comparison)


def _side(found: Comparison, number: int) -> dict[str, Any]:
    measures = found.totals.measures

    def total(name: str) -> float:
        pair = measures[name]
        return (pair.second if number else pair.first) * pair.videos

    return {
        "name": PurePath(found.names[number]).name,
        "model": found.models[number],
        "tokens": round(total("input tokens") + total("output tokens")),
        "cost": total("cost, US dollars") if measures["cost, US dollars"].videos else None,
        "alone": found.totals.alone[number],
        "with_facts": found.totals.with_facts[number],
    }


def _caption(side: ComparedCaption) -> dict[str, Any]:
    return {
        "caption": plain_caption(side.row.caption),
        "texts": [{**asdict(text), "step": number_of(text.step)} for text in side.texts],
        "findings": [{**asdict(one), "step": number_of(one.step)} for one in side.findings],
        "contradicted": [{**asdict(one), "step": number_of(one.step)} for one in side.contradicted],
    }
