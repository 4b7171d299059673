"""``/v1/recaption``: a short prompt in, the dense one out, with what became of each fact, and what was added."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ...t2v.encoders import DEFAULT, ENCODERS
from ..jobs.tasks import Recaption
from ..refusals import Refused
from ..server import Web, Worked
from ..shapes import RecaptionAsked, Recaptioned

router = APIRouter(prefix="/v1", tags=["recaption"])


@router.post("/recaption", response_model=Recaptioned)
async def recaption(wanted: RecaptionAsked, web: Web, _: Worked) -> dict[str, Any]:
    """Rewrite a text-to-video prompt in the style of the captions, and check each fact of it.

    A model that drops a fact is told so once; after that the prompt's own words are put into sentences.
    """
    encoder = wanted.encoder or DEFAULT
    if encoder not in ENCODERS:
        raise Refused(422, f"no text encoder is called {encoder!r}; known are: {', '.join(ENCODERS)}")
    if not wanted.prompt.strip():
        raise Refused(422, "the prompt is empty; give a sentence such as 'a dog runs over a beach'")
    profile = web.profile.to_json() if web.profile else ""
    return dict((await web.ask(Recaption(wanted.prompt, web.model(wanted.model), encoder, profile))).data)
