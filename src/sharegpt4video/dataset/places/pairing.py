"""Control questions for servers that do not send the id of a request back with its answer.

Without ids an answer that a server or a proxy gives to the wrong request looks like any other. So a build asks for
made-up codes, many at once, and checks whose code comes back. Every other question carries a picture, as those
about videos do, because some servers queue these separately. That is a sample: it soon shows a server that often mixes
answers up, and says nothing about a single slip.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from functools import cache

import numpy as np

from ...errors import ModelDenied
from ...records import Image
from ...video.compose import encode_jpeg
from ...vlm.base import VLM, Reply, Request
from ...vlm.forwarding import ForwardingVLM
from ...wording import counted

QUESTIONS = 16
EVERY = 500
"""Answers without an id between two rounds of questions; the first round comes before the first answer is used."""

PICTURE_SIDE_PIXELS = 224  # smaller ones are refused by some models

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXY346789"  # none that is easily read as another
_CODE = re.compile(rf"SG[{_LETTERS}]{{8}}")
_ALL_WAIT = 1_000_000  # so these come before the requests that wait for a place
_ASK = "Reply with this code and nothing else: {code}"


@cache
def _grey() -> Image:
    """A picture of nothing."""
    return encode_jpeg(np.full((PICTURE_SIDE_PIXELS, PICTURE_SIDE_PIXELS, 3), 128, np.uint8), 90)


@dataclass
class Controls:
    """What the control questions have shown. ``silent`` ones came back without a code and show nothing."""

    asked: int = 0
    right: int = 0
    wrong: int = 0

    @property
    def silent(self) -> int:
        return self.asked - self.right - self.wrong


class PairedVLM(ForwardingVLM):
    """A model whose answers are compared with their requests, as far as that is possible without ids.

    ``controls`` counts, ``without_id`` is the number of answers that carried no id. Raises ModelDenied, from
    ``generate``, when an answer is proved to be another request's: no answer that comes after that can be trusted.
    """

    def __init__(self, vlm: VLM, *, questions: int = QUESTIONS, every: int = EVERY) -> None:
        super().__init__(vlm)
        self.controls = Controls()
        self.without_id = 0
        self._questions, self._every = min(questions, vlm.max_concurrent), every
        self._next = 1
        self._proof = ""
        self._codes: set[str] = set()
        self._lock = asyncio.Lock()

    async def generate(self, request: Request) -> Reply:
        reply = await self.vlm.generate(request)
        if reply.has_id is False and not reply.problem:
            if reply.request_key == request.key() and self._codes_in(reply):
                raise self._mixed_up("an answer about a video is one to a control question")
            self.without_id += 1
            if self._questions > 1:
                await self._control()
        return reply

    async def _control(self) -> None:
        """Ask a round of control questions if it is time. Nobody gets an answer before the first round is over."""
        if self.without_id < self._next:
            return
        async with self._lock:
            if self._proof:  # found while this one waited
                raise self._mixed_up(self._proof)
            if self.without_id < self._next:
                return
            await self._ask_round()
            self._next = self.without_id + self._every

    async def _ask_round(self) -> None:
        codes = ["SG" + "".join(secrets.choice(_LETTERS) for _ in range(8)) for _ in range(self._questions)]
        self._codes.update(codes)
        pictures = ((_grey(),), ()) if self.max_images else ((), ())
        requests = [
            Request(
                "ask", images=pictures[number % 2], user_text=_ASK.format(code=code), max_tokens=64, remaining=_ALL_WAIT
            )
            for number, code in enumerate(codes)
        ]
        replies = await asyncio.gather(*map(self.vlm.generate, requests))
        wrong = 0
        for code, request, reply in zip(codes, requests, replies, strict=True):
            found = self._codes_in(reply) if reply.request_key == request.key() else set()
            self.controls.asked += 1
            self.controls.right += found == {code}
            wrong += bool(found - {code})
        self.controls.wrong += wrong
        if wrong:
            self._proof = f"{wrong} of {len(codes)} control questions got the answer to another one"
            raise self._mixed_up(self._proof)

    def _codes_in(self, reply: Reply) -> set[str]:
        return self._codes.intersection(_CODE.findall(reply.text.upper()))

    def _mixed_up(self, how: str) -> ModelDenied:
        since = (
            f"; of the captions, those since the last good round are in doubt, at most {self._every} answers"
            if self._next > 1
            else ""
        )
        return ModelDenied(
            f"{self.name}: this server mixes up its answers: {how}. It sends no request ids back, so wrong captions"
            f" cannot be detected. Ask one at a time (max_concurrent=1), or serve with ids, as vLLM does{since}"
        )

    def text(self) -> str:
        """One line for a run of which answers came without ids; "" for any other."""
        if not self.without_id:
            return ""
        asked = self.controls.asked
        shown = (
            f"{self.controls.right} of {asked} control questions came back right" if asked else "asked one at a time"
        )
        if self.controls.wrong:
            shown += f", {self.controls.wrong} as the answer to another"
        elif asked and self.controls.right < asked / 2:
            shown += ", too few to tell"
        return f"{counted(self.without_id, 'answer')} came without a request id: {shown}"
