"""Small runs: a few made pictures with a sentence each, and settings of the tiny model that learn them by heart."""

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
MOVES = ("left", "right")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight samples in the LLaVA layout: a picture of one colour with a bar at one side, and what it shows."""
    folder = tmp_path_factory.mktemp("samples")
    samples = []
    for number in range(8):
        colour, move = list(COLOURS)[number % 4], MOVES[number // 4]
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[:] = COLOURS[colour]
        pixels[:, (slice(0, 12) if move == "left" else slice(48, 60))] = 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        asked = {"from": "human", "value": "<image>\nWhere does the object move?"}
        told = {"from": "gpt", "value": f"The {colour} square moves {move}"}
        samples.append({"id": f"sample-{number}", "image": f"{number}.png", "conversations": [asked, told]})
    path = folder / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny(conversations: Path) -> Callable[..., TrainSettings]:
    """Settings of a tiny run; ``tune__lora_rank=4`` changes a field of a group."""

    def make(**changes: Any) -> TrainSettings:
        settings = TrainSettings(
            name="tiny",
            model=ModelSettings(shape="tiny", random_weights=True),
            tune=TuneSettings(
                language="lora", lora_rank=8, lora_alpha=16.0, lora_dropout=0.0, language_rate=1e-2,
                projector_rate=1e-3, vision="full", vision_rate=1e-4,
            ),
            data=DataSettings(
                sources=(DataSource(str(conversations)),), max_tokens=512, pack_tokens=512, packing=False, workers=0
            ),
            optimiser=OptimiserSettings(global_batch=4, micro_batch=2, epochs=3, warmup_share=0.2),
            run=RunSettings(precision="fp32", checkpointing="none", save_every_steps=2, deterministic=True),
        )  # fmt: skip
        for name, value in changes.items():
            group, _, field = name.partition("__")
            part = replace(getattr(settings, group), **{field: value}) if field else value
            settings = replace(settings, **{group: part})
        return settings

    return make
