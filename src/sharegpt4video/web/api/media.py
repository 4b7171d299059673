"""``/v1/media``: videos uploaded or opened, then asked for by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from ..fetching import fetch
from ..media import Media
from ..refusals import Refused
from ..server import Server, Web, Worked
from ..shapes import MediaInfo, Opening
from ..uploads import shown_name

router = APIRouter(prefix="/v1/media", tags=["media"])
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_UPLOAD = {"requestBody": {"required": True, "content": _BYTES}}
_VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/mp4": {}, "video/webm": {}}, "description": "The video"},
    206: {"content": {"video/mp4": {}, "video/webm": {}}, "description": "A part of it"},
}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "The frame"}}


def _info(media: Media) -> dict[str, Any]:
    plain = {name: getattr(media, name) for name in MediaInfo.model_fields if name != "preview"}
    return plain | {"preview": not media.playable}


@router.post("", status_code=201, response_model=MediaInfo, openapi_extra=_UPLOAD)
async def upload(
    request: Request, web: Web, _: Worked, name: Annotated[str, Query(max_length=1000)] = "video"
) -> dict[str, Any]:
    """Upload a video: the bytes are the body."""
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else None
    most = web.settings.limits.upload_bytes
    web.library.make_room(min(most if size is None else size, most), web.queue.media_in_use())
    return await _opened(web, await web.uploads.save(request.stream(), size), name)


async def _opened(web: Server, path: Path, name: str) -> dict[str, Any]:
    try:
        return _info(await web.library.open_file(path, name=shown_name(name), uploaded=True))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@router.post("/open", status_code=201, response_model=MediaInfo)
async def open_video(wanted: Opening, web: Web, _: Worked) -> dict[str, Any]:
    """Open a video that the server can reach: a path in its folders, or an address where that is allowed."""
    if (wanted.path is None) == (wanted.url is None):
        raise Refused(422, "give a path or an address (url), one of the two")
    if wanted.path is not None:
        return _info(await web.library.open(wanted.path))
    if not web.settings.allow_urls:
        raise Refused(403, "addresses are not opened here; start sg4v web with --allow-urls, or upload the file")
    web.library.make_room(web.settings.limits.upload_bytes, web.queue.media_in_use())
    path, name = await fetch(wanted.url or "", web.uploads, web.settings.limits.job_seconds)
    return await _opened(web, path, name)


@router.get("/{id}/info", response_model=MediaInfo)
async def info(id: str, web: Web) -> dict[str, Any]:
    """What is known of a video."""
    return _info(web.library.get(id))


@router.get("/{id}", response_class=Response, responses=_VIDEO)
async def video(id: str, web: Web) -> FileResponse:
    """The video, or the copy of it that browsers can play. Parts of it by range requests."""
    path, media_type = await web.library.file_of(web.library.get(id))
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


@router.get("/{id}/frame", response_class=Response, responses=_JPEG)
async def frame(
    id: str,
    web: Web,
    _: Worked,
    seconds: Annotated[float, Query(ge=0, le=1e7, allow_inf_nan=False)] = 0.0,
    side: Annotated[int, Query(ge=16, le=1920)] = 320,
) -> Response:
    """The frame on screen at a time, as JPEG; the last one for a time after the end."""
    jpeg = await web.library.picture(web.library.get(id), seconds, side)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
