"""The tiny captioner of the fixtures: its folder in the released format, and the model loaded from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny captioner, with two shards of PyTorch's own files."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    pytest.importorskip("transformers")
    from saved_sharecaptioner import released_weights, save_released

    return save_released(tmp_path_factory.mktemp("sharecaptioner"), released_weights(), shards=2)


@pytest.fixture(scope="session")
def loaded(released: Path) -> Any:
    """The tiny captioner, loaded as a user's is, in 32 bits and with plain attention, as the original has it."""
    pytest.importorskip("sentencepiece")
    from sharegpt4video.vlm.hf.loading import Source
    from sharegpt4video.vlm.sharecaptioner.loading import load

    return load(Source(str(released), None, "cpu", "float32", "eager", kind="sharecaptioner"))
