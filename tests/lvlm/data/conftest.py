"""Conversations and pictures by construction, and the small processor that encodes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def processor() -> Any:
    import tiny_models

    return tiny_models.llava_next_processor(tiny_models.byte_tokenizer())


@pytest.fixture
def conversations(tmp_path: Path) -> Callable[..., Path]:
    """Write a list of ``count`` samples, each with a picture of its own size and an answer of its own length."""

    def write(count: int, name: str = "train.json", *, lines: bool = False, **changes: Any) -> Path:
        random = np.random.default_rng(count)
        samples = []
        for number in range(count):
            pixels = random.integers(0, 255, (30 + 3 * number % 50, 40 + 7 * number % 60, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{name}-{number}.png")
            samples.append(sample(f"{name}-{number}", f"{name}-{number}.png", "word " * (1 + number % 5)))
        for number, change in changes.items():
            samples[int(number.removeprefix("at"))].update(change)
        path = tmp_path / name
        path.write_text("\n".join(map(json.dumps, samples)) if lines else json.dumps(samples, indent=1))
        return path

    return write


def sample(id: str, image: str, answer: str) -> dict[str, Any]:
    asked = {"from": "human", "value": f"<image>\nWhat is {id}?"}
    return {"id": id, "image": image, "conversations": [asked, {"from": "gpt", "value": answer + id}]}
