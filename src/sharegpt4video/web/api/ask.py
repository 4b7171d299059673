"""``/v1/ask``: a question about a video, answered as it is written."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response

from ...errors import SG4VError
from ..jobs.tasks import Ask
from ..refusals import Refused
from ..server import Server, Web, Worked
from ..shapes import Question
from ..streams import Event, EventStream

router = APIRouter(prefix="/v1", tags=["ask"])
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The answer"}}


@router.post("/ask", response_class=Response, responses=_EVENTS)
async def ask(wanted: Question, web: Web, _: Worked) -> EventStream:
    """Ask a model that sees: the frames it is shown, then its answer piece by piece (server-sent)."""
    media = web.library.get(wanted.media)
    model, start, end = web.model(wanted.model), wanted.start_seconds, wanted.end_seconds
    if start is not None and end is not None and end <= start:
        raise Refused(422, f"the part ends ({end:g} s) before it begins ({start:g} s); swap the two")
    task = Ask(
        path=str(media.path),
        name=media.name,
        model=model,
        question=wanted.question,
        history=[(turn.question, turn.answer) for turn in wanted.history],
        start_seconds=start,
        end_seconds=end,
    )
    return EventStream(_answer(web, task, media.id))


async def _answer(web: Server, task: Ask, media: str) -> AsyncGenerator[Event, None]:
    """A model or a file that fails is an event: the answer has begun when that is known."""
    picture = f"/v1/media/{quote(media)}/frame?side=320&seconds="
    try:
        async with aclosing(web.stream(task)) as said_all:
            async for said in said_all:
                if said.kind == "frames":
                    frames = [{"seconds": seconds, "picture": f"{picture}{seconds:.6f}"} for seconds in said.data]
                    yield Event("frames", {"frames": frames})
                else:
                    yield Event(said.kind, {said.kind if said.kind == "delta" else "text": said.data})
    except SG4VError as error:
        yield Event("failed", {"message": str(error)})
