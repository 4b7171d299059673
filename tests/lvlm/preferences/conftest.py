"""Small runs over preferences: pictures of one colour with a bar, and two answers of which one is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import torch

from sharegpt4video.lvlm.preferences.settings import DpoSettings, GrpoSettings
from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220), "white": (240, 240, 240)}
QUESTION = "Where does the object move?"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _pictures(folder: Path) -> list[tuple[str, str, str]]:
    """Eight pictures: their names, and a right and a wrong sentence about each."""
    found = []
    for number in range(8):
        colour, move = list(COLOURS)[number % 4], ("left", "right")[number // 4]
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[:] = COLOURS[colour]
        pixels[:, (slice(0, 12) if move == "left" else slice(48, 60))] = 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        other = "right" if move == "left" else "left"
        found.append((f"{number}.png", f"The {colour} square moves {move}", f"The {colour} square moves {other}, left"))
    return found


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pairs, as ``sg4v dataset export --format preferences`` writes them."""
    folder = tmp_path_factory.mktemp("pairs")
    lines = [
        {
            "id": f"pair-{number}",
            "prompt": [{"role": "user", "content": QUESTION}],
            "chosen": [{"role": "assistant", "content": right}],
            "rejected": [{"role": "assistant", "content": wrong}],
            "images": [name],
        }
        for number, (name, right, wrong) in enumerate(_pictures(folder))
    ]
    path = folder / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight questions with their right answers, in LLaVA's layout."""
    folder = tmp_path_factory.mktemp("questions")
    samples = [
        {
            "id": f"question-{number}",
            "image": name,
            "conversations": [{"from": "human", "value": f"<image>\n{QUESTION}"}, {"from": "gpt", "value": right}],
        }
        for number, (name, right, _) in enumerate(_pictures(folder))
    ]
    path = folder / "train.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


Make = Callable[..., TrainSettings]


def changed(settings: TrainSettings, changes: dict[str, Any]) -> TrainSettings:
    """``tune__lora_rank=4`` changes a field of a group."""
    for name, value in changes.items():
        group, _, field = name.partition("__")
        settings = replace(settings, **{group: replace(getattr(settings, group), **{field: value})})
    return settings


def _tiny(source: Path, **groups: Any) -> TrainSettings:
    return TrainSettings(
        name="tiny",
        model=ModelSettings(shape="tiny", random_weights=True),
        tune=TuneSettings(
            language="lora", lora_rank=8, lora_alpha=16.0, lora_dropout=0.3, language_rate=1e-2, projector="frozen"
        ),
        data=DataSettings(
            sources=(DataSource(str(source)),), max_tokens=512, pack_tokens=1024, packing=False, workers=0
        ),
        optimiser=OptimiserSettings(global_batch=4, micro_batch=2, epochs=3, warmup_share=0.2),
        run=RunSettings(precision="fp32", checkpointing="none", save_every_steps=2, deterministic=True),
        **groups,
    )


@pytest.fixture(scope="session")
def dpo(pairs: Path) -> Make:
    """Settings of a tiny run over pairs, of adapters alone."""
    return lambda **changes: changed(_tiny(pairs, dpo=DpoSettings()), changes)


@pytest.fixture(scope="session")
def grpo(questions: Path) -> Make:
    """Settings of a tiny run over drawn answers."""
    found = _tiny(questions, grpo=GrpoSettings(judge=f"{Path(__file__).parent / 'judges.py'}:Length", answers=4,
                                               max_new_tokens=12))  # fmt: skip
    return lambda **changes: changed(found, changes)
