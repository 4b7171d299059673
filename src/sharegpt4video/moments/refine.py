"""A model looks at the best moments and says how well each fits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from typing import BinaryIO

from .. import background
from ..captioner.engine import Engine, Role
from ..config import CaptionSettings
from ..engines import engine_for
from ..errors import SettingsError, SG4VError
from ..records import Image
from ..video.compose import encode_jpeg
from ..video.reader import VideoReader
from ..vlm.base import VLM, Reply, Request
from .corpus import Captioned
from .found import Moment

Told = tuple[Moment, Captioned]
Opens = Callable[[Captioned], AbstractContextManager[str | BinaryIO]]

PICTURES = 4
SIDE_PIXELS = 640
JPEG_QUALITY = 90
MOST_POINTS = 10
ANSWER_TOKENS = 16
QUESTION = (
    "These are {count} pictures from one moment of a video, in order. How well do they show this: {query}\n"
    "Answer with one number from 0 (not at all) to 10 (exactly this), and nothing else."
)
_OUT_OF = re.compile(rf"(?<=\d)\s*(?:/|out of)\s*{MOST_POINTS}\b")
_POINTS = re.compile(r"(?<![\w.,-])(10|\d)(?:[.,](\d+))?(?![\w]|[.,]\d)")


def refine(found: Sequence[Told], query: str, model: str | VLM, opens: Opens) -> list[Moment]:
    """The moments with the model's score, best first; those that could not be judged come last and say why.

    Raises SettingsError for a model that looks at no pictures, VLMError if it can answer nothing.
    """
    return background.run(_refine(found, query, model, opens))


async def _refine(found: Sequence[Told], query: str, model: str | VLM, opens: Opens) -> list[Moment]:
    async with engine_for(model, CaptionSettings()) as engine:
        vlm = engine.vlm
        if vlm.max_images < 1:
            raise SettingsError(
                f"the model {vlm.name!r} looks at no pictures, so it cannot judge moments; name one that does, such as"
                " hf:NAME or server:MODEL@URL"
            )
        await vlm.check()
        judged = [moment async for moment in _judged(engine, found, query, opens)]
    return sorted(judged, key=lambda one: (one.model_score is None, -(one.model_score or 0.0), -one.score))


async def _judged(engine: Engine, found: Sequence[Told], query: str, opens: Opens) -> AsyncIterator[Moment]:
    async def judge(one: Told) -> Moment:
        moment, captioned = one
        try:
            pictures = await asyncio.to_thread(
                _pictures, moment, opens(captioned), min(PICTURES, engine.vlm.max_images)
            )
        except (SG4VError, OSError) as error:
            return replace(moment, problem=str(error))
        return await engine.run(judgement(moment, query, pictures))

    async with aclosing(background.mapped(found, judge, at_once=engine.slots + 1, in_order=True)) as done:
        async for _, moment in done:
            yield moment


def judgement(moment: Moment, query: str, pictures: dict[float, Image]) -> Role[Moment]:
    """Ask how well the pictures of a moment fit the query."""
    reply: Reply = yield Request(
        "ask",
        video=moment.video,
        images=tuple(pictures.values()),
        seconds=tuple(pictures),
        start_seconds=moment.start_seconds,
        end_seconds=moment.end_seconds,
        user_text=QUESTION.format(count=len(pictures), query=query),
        max_tokens=ANSWER_TOKENS,
    )
    points = None if reply.problem else points_of(reply.text)
    if points is None:
        why = reply.problem or f"the model answered {reply.text[:60]!r}, not a number from 0 to {MOST_POINTS}"
        return replace(moment, problem=why)
    return replace(moment, model_score=points / MOST_POINTS)


def points_of(answer: str) -> float | None:
    """The number from 0 to 10 in an answer ("7", "**7/10**", "Score: 7.5"); None if there is none, or several."""
    found = {
        float(f"{whole}.{rest or 0}")
        for whole, rest in _POINTS.findall(re.sub(r"(?<=\d)\s*(?:/|out of)\s*10\b", "", answer))
    }
    points = found.pop() if len(found) == 1 else None
    return points if points is not None and points <= MOST_POINTS else None


def _pictures(moment: Moment, video: AbstractContextManager[str | BinaryIO], count: int) -> dict[float, Image]:
    length = moment.end_seconds - moment.start_seconds
    times = [moment.start_seconds + length * (number + 0.5) / count for number in range(count)]
    with video as opened, VideoReader(opened) as reader:
        frames = reader.frames(at_seconds=times, side_pixels=SIDE_PIXELS)
        return {frame.seconds: encode_jpeg(frame.pixels, JPEG_QUALITY) for frame in frames}
