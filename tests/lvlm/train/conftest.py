"""Small runs: a few made pictures with a sentence each, and settings of the tiny model that learn them by heart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import torch

import made_trainings
from made_trainings import changed
from sharegpt4video.lvlm.settings import TrainSettings


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def conversations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight samples in the LLaVA layout: a picture of one colour with a bar at one side, and what it shows."""
    return made_trainings.conversations(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def tiny(conversations: Path) -> Callable[..., TrainSettings]:
    """Settings of a tiny run; ``tune__lora_rank=4`` changes a field of a group."""
    found = changed(made_trainings.settings(conversations), tune__vision="full", tune__vision_rate=1e-4)
    return lambda **changes: changed(found, **changes)
