"""``/v1/recaption``: a short prompt in, the dense one out, with what was kept of it and what was added."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ...t2v.encoders import DEFAULT, ENCODERS, count_tokens
from ...verify.rewriting import compared
from ..jobs.tasks import Recaption
from ..refusals import Refused
from ..server import Web, Worked
from ..shapes import RecaptionAsked, Recaptioned

router = APIRouter(prefix="/v1", tags=["recaption"])


@router.post("/recaption", response_model=Recaptioned)
async def recaption(wanted: RecaptionAsked, web: Web, _: Worked) -> dict[str, Any]:
    """Rewrite a text-to-video prompt in the style of the captions, and compare the two."""
    encoder = ENCODERS.get(wanted.encoder or DEFAULT)
    if encoder is None:
        raise Refused(422, f"no text encoder is called {wanted.encoder!r}; known are: {', '.join(ENCODERS)}")
    if not wanted.prompt.strip():
        raise Refused(422, "the prompt is empty; give a sentence such as 'a dog runs over a beach'")
    said = await web.ask(Recaption(wanted.prompt, web.model(wanted.model)))
    found = compared(wanted.prompt, said.data["text"])
    prompt, text = await asyncio.to_thread(
        lambda: [count_tokens(each, encoder) for each in (wanted.prompt, said.data["text"])]
    )
    tokens = {"encoder": encoder.name, "limit": encoder.limit_tokens, "prompt": prompt.tokens, "text": text.tokens}
    return {**said.data, **asdict(found), "tokens": tokens | {"estimated": text.estimated}}
