"""``/v1/summaries``: one text for any part of a caption, from its steps."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ..jobs.tasks import Summarize
from ..refusals import Refused
from ..server import Web, Worked
from ..shapes import SummaryAsked, SummaryMade

router = APIRouter(prefix="/v1", tags=["summaries"])


@router.post("/summaries", response_model=SummaryMade)
async def summarize(wanted: SummaryAsked, web: Web, _: Worked) -> dict[str, Any]:
    """Tell ``[start_seconds, end_seconds)`` of a caption. The video is not opened."""
    caption, start, end = await web.caption(wanted.caption), wanted.start_seconds, wanted.end_seconds
    if start >= min(end, caption.end_seconds) or end <= caption.start_seconds:
        told = f"{caption.start_seconds:g} s to {caption.end_seconds:g} s"
        raise Refused(422, f"{start:g} s to {end:g} s is outside what was captioned, {told}")
    said = await web.ask(Summarize(caption.to_json(indent=None), web.model(wanted.model), start, end))
    return {**said.data, "start_seconds": start, "end_seconds": end}
