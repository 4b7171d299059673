"""The tiny captioner of the fixtures in a folder, as the release is, and one whose answer is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from made_sharecaptioner import FIXTURES, config, expected, weight
from tiny_models import last

Weights = dict[str, torch.Tensor]


def released_weights() -> Weights:
    """Every weight of the tiny model by its released name, in 16 bits."""
    return {name: torch.from_numpy(weight(name, tuple(shape))) for name, shape in expected("names").items()}


def save_released(folder: Path, weights: Weights, *, shards: int = 1, ending: str = ".bin", **changes: Any) -> Path:
    """Write configuration, SentencePiece model and weights, with an index where they are in several files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config() | changes))
    shutil.copy(FIXTURES / "tokenizer.model", folder)
    stem = "pytorch_model" if ending == ".bin" else "model"
    names, places = sorted(weights), dict[str, str]()
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


@contextmanager
def echoing_sharecaptioner(folder: Path, *, says: int = 60, delay_seconds: float = 0.0) -> Iterator[Path]:
    """A captioner that, as long as this lasts, says the question again instead of computing an answer."""
    from sharegpt4video.vlm.sharecaptioner import inputs, loading
    from sharegpt4video.vlm.sharecaptioner.model import ShareCaptioner
    from tiny_models import logits_of

    words = loading.Words(save_released(folder, released_weights()) / "tokenizer.model")
    turn, end, assistant = words.encode("[UNUSED_TOKEN_146]")[0], words.end_of_turn, words.encode("assistant\n")

    def next_token(tokens: list[int]) -> int:
        answer = last(tokens, turn)
        said = len(tokens) - 1 - answer - len(assistant)
        asked = tokens[last(tokens[:answer], turn) + 1 + len(words.encode("user\n")) : answer]
        asked = asked[: asked.index(end)]
        return asked[said] if said < min(len(asked), says) else end

    def forward(_self: Any, input_ids: torch.Tensor, attention_mask: Any = None, **_: Any) -> Any:  # noqa: ARG001 - transformers looks for the names
        return logits_of([next_token(tokens) for tokens in input_ids.tolist()], len(words), delay_seconds)

    def words_alone(*given: Any) -> Any:
        found = seen(*given)
        return {name: found[name] for name in ("input_ids", "attention_mask")}

    seen = inputs.inputs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShareCaptioner, "forward", forward)
        patch.setattr(inputs, "inputs", words_alone)
        yield folder
