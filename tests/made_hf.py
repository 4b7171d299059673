"""Models of transformers for tests, opened as ours and alone: what transformers says to one request by itself."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
import transformers

from made_requests import ASK, CHANGE, JUDGE, OPENING, PROMPTS, RECAPTION, SUMMARY, ask, picture
from sharegpt4video.vlm.base import FREE_TASKS, Reply, Request
from sharegpt4video.vlm.hf import HfVLM
from sharegpt4video.vlm.render import render
from sharegpt4video.vlm.screen import screen

LIMIT = 20
WIDE = replace(OPENING, images=(picture(3, 120, 40),))
SEVERAL = (OPENING, WIDE, CHANGE, SUMMARY, RECAPTION, JUDGE, ASK, replace(ASK, images=(), seconds=()))


def vlm_of(folder: Path, **options: Any) -> HfVLM:
    return HfVLM(str(folder), prompts=PROMPTS, **{"max_tokens": LIMIT, **options})


@lru_cache(maxsize=2)
def opened(folder: Path) -> tuple[Any, Any]:
    return (
        transformers.AutoProcessor.from_pretrained(folder),
        transformers.AutoModelForImageTextToText.from_pretrained(folder),
    )


def alone(folder: Path, request: Request, limit: int = LIMIT) -> Reply:
    """What transformers says to one request, asked as its documentation does it."""
    processor, model = opened(folder)
    prompt = render(request, PROMPTS)
    turns = [text for pair in prompt.earlier for text in pair] + [prompt.text]
    roles = ["user", "assistant"] * len(turns)
    said: list[dict[str, Any]] = [
        {"role": role, "content": [{"type": "text", "text": text}]} for role, text in zip(roles, turns, strict=False)
    ]
    pictures = [PIL.Image.open(io.BytesIO(image.jpeg)).convert("RGB") for image in request.images]
    said[0]["content"] = [*({"type": "image", "image": shown} for shown in pictures), *said[0]["content"]]
    if prompt.system:
        said.insert(0, {"role": "system", "content": [{"type": "text", "text": prompt.system}]})
    text = processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True) + prompt.prefill
    inputs = processor(
        text=[text], images=[pictures] if pictures else None, return_tensors="pt", add_special_tokens=False
    )
    written = model.generate(**inputs, max_new_tokens=limit, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    said_text = processor.tokenizer.decode(written, skip_special_tokens=True)
    ended = int(written[-1]) in model.generation_config.eos_token_id
    caption = request.task not in FREE_TASKS
    screened = screen(said_text, "stop" if ended else "length", caption=caption, max_tokens=limit)
    counts = (int(inputs["input_ids"].shape[1]), len(written))
    name, hashed = f"hf:{folder}", PROMPTS.hash
    return Reply(screened.text, request.key(), name, hashed, *counts, screened.problem, screened.detail)


def prepared(folder: Path, requests: Sequence[Request], **options: Any) -> Any:
    """What the model is given, taken from the inside of a backend that does not generate."""
    seen: list[Any] = []

    class Looking(HfVLM):
        def prepare(self, loaded: Any, asked: Any) -> Any:
            seen.append(super().prepare(loaded, asked))
            return seen[-1]

    ask(Looking(str(folder), prompts=PROMPTS, max_tokens=1, **options), *requests)
    (inputs,) = seen
    return inputs


def run_with_room_for(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make every generation of more requests run out of memory; gives the sizes that were tried."""
    sizes: list[int] = []
    kind = transformers.LlavaNextForConditionalGeneration
    generate = kind.generate

    def limited(self: Any, **inputs: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return generate(self, **inputs)

    monkeypatch.setattr(kind, "generate", limited)
    return sizes
