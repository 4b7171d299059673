"""Small runs of training: pictures of one colour with a bar at one side, what is asked and told of them, settings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

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
OPPOSITE = {"left": "right", "right": "left"}


def pictures(folder: Path) -> list[tuple[str, str, str]]:
    """Eight pictures in a folder: their names, and a right and a wrong sentence about each."""
    found = []
    for number in range(8):
        colour, move = list(COLOURS)[number % 4], list(OPPOSITE)[number // 4]
        pixels = np.zeros((40, 48, 3), np.uint8)
        pixels[:] = COLOURS[colour]
        pixels[:, (slice(0, 10) if move == "left" else slice(38, 48))] = 0
        Image.fromarray(pixels).save(folder / f"{number}.png")
        told = (f"The {colour} square moves {side}" for side in (move, f"{OPPOSITE[move]}, left"))
        found.append((f"{number}.png", *told))
    return found


def conversations(folder: Path) -> Path:
    """A question about each picture and the right answer, in LLaVA's layout."""
    samples = [
        {
            "id": f"sample-{number}",
            "image": name,
            "conversations": [{"from": "human", "value": f"<image>\n{QUESTION}"}, {"from": "gpt", "value": right}],
        }
        for number, (name, right, _) in enumerate(pictures(folder))
    ]
    path = folder / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


def pairs(folder: Path) -> Path:
    """A pair of answers to each question, as ``sg4v dataset export --format preferences`` writes them."""
    lines = [
        {
            "id": f"pair-{number}",
            "prompt": [{"role": "user", "content": QUESTION}],
            "chosen": [{"role": "assistant", "content": right}],
            "rejected": [{"role": "assistant", "content": wrong}],
            "images": [name],
        }
        for number, (name, right, wrong) in enumerate(pictures(folder))
    ]
    path = folder / "train.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def settings(source: Path, **groups: Any) -> TrainSettings:
    """A run of adapters on a file of samples, with the smallest model there is."""
    return TrainSettings(
        name="tiny",
        model=ModelSettings(shape="captioner-tiny", random_weights=True),
        tune=TuneSettings(
            language="lora", lora_rank=8, lora_alpha=16.0, lora_dropout=0.0, language_rate=1e-2, projector_rate=1e-3
        ),
        data=DataSettings(
            sources=(DataSource(str(source)),), max_tokens=512, pack_tokens=512, packing=False, workers=0
        ),
        optimiser=OptimiserSettings(global_batch=4, micro_batch=2, epochs=3, warmup_share=0.2),
        run=RunSettings(precision="fp32", checkpointing="none", save_every_steps=2, deterministic=True),
        **groups,
    )


def changed(found: TrainSettings, **changes: Any) -> TrainSettings:
    """``tune__lora_rank=4`` changes a field of a group, ``mixture=None`` a whole group."""
    for name, value in changes.items():
        group, _, field = name.partition("__")
        part = replace(getattr(found, group), **{field: value}) if field else value
        found = replace(found, **{group: part})
    return found
