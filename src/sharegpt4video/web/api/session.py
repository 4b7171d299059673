"""``/v1/session``: what this server offers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ... import __version__
from ...t2v.encoders import ENCODERS
from ..server import Web
from ..shapes import Session

router = APIRouter(prefix="/v1", tags=["session"])


@router.get("/session", response_model=Session)
async def session(web: Web) -> dict[str, Any]:
    """What this server offers: models, folders, a data set, and the limits of an upload."""
    settings, stored = web.settings, web.stored
    sample = await web.opened_sample()
    models = await web.described_models()
    return {
        "version": __version__,
        "models": [model | {"default": number == 0} for number, model in enumerate(models)],
        "roots": [{"name": root.resolve().name or str(root)} for root in settings.roots],
        "sample": {"id": sample.id, "name": sample.name} if sample else None,
        "dataset": {"name": stored.name} if stored and stored.name else None,
        "compare": {"a": stored.compare[0], "b": stored.compare[1]} if stored and stored.compare else None,
        "encoders": [
            {"name": one.name, "limit_tokens": one.limit_tokens, "used_by": one.used_by} for one in ENCODERS.values()
        ],
        "profile": {"source": web.profile.source, "captions": web.profile.captions} if web.profile else None,
        "limits": {"upload_bytes": settings.limits.upload_bytes, "max_seconds": settings.limits.max_seconds},
        "fetch_urls": settings.allow_urls,
    }
