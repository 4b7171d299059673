"""Requests and pictures made up for tests of models: well formed, and nothing in them is more than it seems."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import PIL.Image

from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import CameraMotion, Facts, Image, Look, PictureMotion, Step
from sharegpt4video.vlm.base import VLM, Reply, Request
from sharegpt4video.vlm.server import ServerVLM

PROMPTS = prompt_set("default")
KEY = "sk-very-secret-key"


def picture(seed: int, width: int = 64, height: int = 48) -> Image:
    """Noise, so that it is as heavy as a JPEG of its size gets."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG")
    return Image(buffer.getvalue(), width, height)


def facts(start_seconds: float, end_seconds: float) -> Facts:
    """A bright green picture that a camera pans over to the right."""
    return Facts(
        start_seconds,
        end_seconds,
        camera=CameraMotion(pan_widths=0.4, moves=("pan right",), confidence=0.9),
        motion=PictureMotion(score=0.0, area=0.0, centre=None),
        look=Look(brightness=0.7, contrast=0.2, sharpness=300.0, palette=(("green", 0.8), ("white", 0.2))),
    )


FIRST, SECOND = picture(1), picture(2)
STEPS = (
    Step("opening", 0.0, 0.0, "A green field in bright light.", 0, (0.0,), (facts(0.0, 0.0),)),
    Step("change", 0.0, 2.0, "The camera pans right.", 0, (0.0, 2.0), (facts(0.0, 2.0),)),
)
OPENING = Request("opening", images=(FIRST,), seconds=(0.0,), facts=(facts(0.0, 0.0),))
CHANGE = Request(
    "change",
    images=(FIRST, SECOND),
    seconds=(0.0, 2.0),
    facts=(facts(0.0, 0.0), facts(0.0, 2.0)),
    before="A green field in bright light.",
    end_seconds=2.0,
)
FAST = Request(
    "fast",
    images=(FIRST, SECOND),
    seconds=(0.0, 2.0),
    layout="grid",
    facts=(facts(0.0, 0.0), facts(0.0, 2.0)),
    end_seconds=2.0,
)
SUMMARY = Request("summary", steps=STEPS, end_seconds=2.0)
FOLD = Request("fold", steps=STEPS, end_seconds=2.0)
RECAPTION = Request("recaption", user_text="a green field, camera pans right")
JUDGE = Request("judge", user_text="Is a {red} field green? Answer yes or no.")
ASK = Request(
    "ask",
    images=(FIRST, SECOND),
    seconds=(0.0, 2.0),
    user_text="And what {colour} is it in the end?",
    system="Answer in one sentence.",
    earlier=(("What is seen?", "A field."),),
    prefill="In the end, ",
    max_tokens=200,
)
REQUESTS = (OPENING, CHANGE, FAST, SUMMARY, FOLD, RECAPTION, JUDGE, ASK)


def server_vlm(base_url: str, **options: Any) -> ServerVLM:
    """A server backend that asks again soon, but is patient with a machine that is slow."""
    quick: dict[str, Any] = {"retries": 2, "backoff_seconds": 0.005, "timeout_seconds": 300.0, "api_key": KEY}
    return ServerVLM("some/model:7b", base_url, prompts=PROMPTS, **{**quick, **options})


def ask(vlm: VLM, *requests: Request) -> list[Reply]:
    """Ask all at once, in an event loop of its own; then close the model."""

    async def all_at_once() -> list[Reply]:
        try:
            return await asyncio.gather(*map(vlm.generate, requests))
        finally:
            await vlm.close()

    return asyncio.run(all_at_once())
