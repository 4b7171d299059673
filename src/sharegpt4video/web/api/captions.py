"""``/v1/captions``: captions being made, followed, edited, searched and taken along."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import FileResponse, JSONResponse, Response

from ...foreign import spelled_out
from ...formats import FORMATS
from ...moments.search import find as find_moments
from ..jobs.job import plain_caption
from ..jobs.tasks import Caption
from ..refusals import Refused
from ..server import Web, Worked
from ..shapes import CaptionAsked, CaptionBegun, CaptionState, Edit, Edited, Line, Moments
from ..streams import EventStream

router = APIRouter(prefix="/v1/captions", tags=["captions"])
_TYPES = {"json": "application/json", "srt": "application/x-subrip", "vtt": "text/vtt", "md": "text/markdown"}
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The events"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {} for kind in _TYPES.values()}
        | {_TYPES["json"]: {"schema": {"$ref": "#/components/schemas/VideoCaption"}}},
        "description": "The caption as a file",
    }
}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "The keyframe"}}
_MOST_MOMENTS = 20


@router.post("", status_code=202, response_model=CaptionBegun)
async def begin(wanted: CaptionAsked, web: Web, client: Worked) -> dict[str, Any]:
    """Caption a video, or the part ``[start_seconds, end_seconds)`` of it; follow its events.

    It ends when nobody follows it, or asks about it, any more.
    """
    media, limits = web.library.get(wanted.media), web.settings.limits
    start, end = wanted.start_seconds or 0.0, wanted.end_seconds or media.seconds or 0.0
    if wanted.end_seconds is not None and wanted.end_seconds <= start:
        raise Refused(422, f"the part ends ({wanted.end_seconds:g} s) before it begins ({start:g} s); swap the two")
    if end - start > limits.max_seconds:
        minutes = math.floor(limits.max_seconds / 60)
        raise Refused(413, f"at most {minutes} minutes are captioned at once; choose a part of this video")
    task = Caption(
        path=str(media.path),
        name=media.name,
        model=web.model(wanted.model),
        mode=wanted.mode,
        start_seconds=wanted.start_seconds,
        end_seconds=wanted.end_seconds,
        max_seconds=limits.max_seconds,
    )
    job = web.queue.add(media, task, client)
    return {"id": job.id, "media": media.id, "status": job.status}


@router.get("/{id}", response_model=CaptionState)
async def state(id: str, web: Web) -> JSONResponse:
    """How far a caption is, and what there is of it."""
    job = web.queue.find(id)
    if job is None:
        stored = plain_caption(await web.caption(id))
        whole: dict[str, Any] = {
            "id": id,
            "media": None,
            "status": "done",
            "message": "",
            "caption": stored,
            "keyframes": [],
        }
        return JSONResponse(whole)
    job.asked_about(web.settings.limits.unwatched_seconds)
    drawn = job.drawn()
    return JSONResponse(
        {
            "id": job.id,
            "media": job.media.id,
            "status": job.status,
            "message": job.message,
            "caption": plain_caption(drawn) if drawn else None,
            "keyframes": [job.keyframes[number] for number in sorted(job.keyframes)],
        }
    )


@router.delete("/{id}", status_code=204, response_class=Response)
async def cancel(id: str, web: Web) -> Response:
    """Cancel it; its processes are gone when this answers. Nothing happens to one that is finished."""
    await web.queue.cancel(web.queue.get(id))
    return Response(status_code=204)


@router.get("/{id}/events", response_class=Response, responses=_EVENTS)
async def events(
    id: str,
    web: Web,
    after: Annotated[int, Query(ge=-1, le=10**9)] = -1,
    last_event_id: Annotated[str, Header()] = "",
) -> EventStream:
    """Its events as they happen (server-sent), from the first or, with ``Last-Event-ID``, the next one."""
    job = web.queue.get(id)
    if last_event_id.isascii() and last_event_id.isdigit():
        after = max(after, int(last_event_id[:10]))
    return EventStream(job.follow(after, web.settings.limits.linger_seconds))


@router.patch("/{id}", response_model=Edited)
async def edit(id: str, change: Edit, web: Web) -> JSONResponse:
    """Replace the text of a step, or of the summary. 409, with ``theirs``, where it is not ``was`` any more."""
    edited = web.queue.get(id).edit(change.step, change.text, change.was, change.model)
    return JSONResponse({"caption": plain_caption(edited)})


@router.get("/{id}/keyframes/{number}", response_class=Response, responses=_JPEG)
async def keyframe(id: str, number: int, web: Web) -> Response:
    """A keyframe as JPEG."""
    job, headers = web.queue.find(id), {"Cache-Control": "private, max-age=3600"}
    if job is not None and (path := job.picture(number)):
        return FileResponse(path, media_type="image/jpeg", headers=headers)
    if job is None and web.stored and (jpeg := await web.stored.picture(id, number)):
        return Response(jpeg, media_type="image/jpeg", headers=headers)
    raise Refused(404, f"there is no keyframe {number} of this caption")


@router.get("/{id}/download", response_class=Response, responses=_FILE)
async def download(
    id: str, web: Web, format: Annotated[Literal["json", "srt", "vtt", "md"], Query()] = "json"
) -> Response:
    """The caption as a file: JSON, SubRip, WebVTT or Markdown."""
    caption = await web.caption(id)
    stem = caption.video.rpartition(".")[0] or caption.video
    name = "".join(each if each.isascii() and (each.isalnum() or each in "-_. ") else "_" for each in stem)[:80]
    headers = {"Content-Disposition": f'attachment; filename="{name.strip(" .") or "caption"}.{format}"'}
    text = spelled_out(FORMATS[format](caption))
    return Response(text.encode(), media_type=_TYPES[format], headers=headers)


@router.get("/{id}/find", response_model=Moments)
async def find(id: str, web: Web, _: Worked, q: Annotated[Line, Query()]) -> dict[str, Any]:
    """The moments that a few words describe, best first."""
    found = await asyncio.to_thread(find_moments, q, await web.caption(id), most=_MOST_MOMENTS, encoder=None)
    wanted = ("start_seconds", "end_seconds", "text", "score")
    return {"moments": [{name: getattr(moment, name) for name in wanted} for moment in found.moments]}
