"""The tiny captioner of the fixtures: its folder in the released format, and the model loaded from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from made_sharecaptioner import FIXTURES, config, expected, weight

WEIGHTS = dict[str, Any]


def released_weights() -> WEIGHTS:
    """Every weight of the tiny model by its released name, as torch has it, in 16 bits."""
    import torch

    return {name: torch.from_numpy(weight(name, tuple(shape))) for name, shape in expected("names").items()}


def save_released(folder: Path, weights: WEIGHTS, *, shards: int = 1, ending: str = ".bin", **changes: Any) -> Path:
    """Write a folder as the release is: configuration, SentencePiece model, weights with an index where there are several."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config() | changes))
    shutil.copy(FIXTURES / "tokenizer.model", folder)
    stem = "pytorch_model" if ending == ".bin" else "model"
    names = sorted(weights)
    places = {}
    for number in range(shards):
        name = f"{stem}{ending}" if shards == 1 else f"{stem}-{number + 1:05d}-of-{shards:05d}{ending}"
        held = {each: weights[each] for each in names[number::shards]}
        places |= dict.fromkeys(held, name)
        if ending == ".bin":
            torch.save(held, folder / name)
        else:
            save_file(held, folder / name)
    if shards > 1:
        (folder / f"{stem}{ending}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny captioner, with two shards of PyTorch's own files."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    return save_released(tmp_path_factory.mktemp("sharecaptioner"), released_weights(), shards=2)


@pytest.fixture(scope="session")
def loaded(released: Path) -> Any:
    """The tiny captioner, loaded as a user's is, in 32 bits."""
    pytest.importorskip("transformers")
    pytest.importorskip("sentencepiece")
    from sharegpt4video.vlm.hf.loading import Source
    from sharegpt4video.vlm.sharecaptioner.loading import load

    return load(Source(str(released), None, "cpu", "float32", "auto", kind="sharecaptioner"))
