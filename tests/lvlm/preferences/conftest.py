"""Small runs over preferences: pictures of one colour with a bar, and two answers of which one is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

import torch

import made_trainings
from made_trainings import changed
from sharegpt4video.lvlm.preferences.settings import DpoSettings, GrpoSettings
from sharegpt4video.lvlm.settings import TrainSettings

Make = Callable[..., TrainSettings]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pairs of answers."""
    return made_trainings.pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight questions with their right answers."""
    return made_trainings.conversations(tmp_path_factory.mktemp("questions"))


def settings(source: Path, **groups: Any) -> TrainSettings:
    """Adapters alone learn, with dropout, so that what is drawn anew would show."""
    more = {"tune__projector": "frozen", "tune__lora_dropout": 0.3, "data__pack_tokens": 1024, "optimiser__epochs": 2.0}
    return changed(made_trainings.settings(source, **groups), **more)


@pytest.fixture(scope="session")
def dpo(pairs: Path) -> Make:
    """Settings of a tiny run over pairs."""
    found = settings(pairs, dpo=DpoSettings())
    return lambda **changes: changed(found, **changes)


@pytest.fixture(scope="session")
def grpo(questions: Path) -> Make:
    """Settings of a tiny run over drawn answers."""
    judge = f"{Path(__file__).parent / 'judges.py'}:Length"
    found = settings(questions, grpo=GrpoSettings(judge=judge, answers=4, max_new_tokens=12))
    return lambda **changes: changed(found, **changes)
