"""Shapes: built in full on the meta device, and counted against arithmetic done here from the published numbers."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.model.parts import parts_of, prepare, trainable_parameters
from sharegpt4video.lvlm.model.shapes import PARTS, SHAPES, shape
from sharegpt4video.lvlm.model.sizes import sizes
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TuneSettings

# CLIP-L/14-336: patches, class embedding, 577 positions, two norms, and 24 layers of 4 square matrices and two wide
# ones with biases and two norms (the tower of openai/clip-vit-large-patch14-336).
CLIP_LAYER = 4 * (1024 * 1024 + 1024) + (1024 * 4096 + 4096) + (4096 * 1024 + 1024) + 2 * 2 * 1024
CLIP = 3 * 14 * 14 * 1024 + 1024 + 577 * 1024 + 2 * 2 * 1024 + 24 * CLIP_LAYER


def llama(hidden: int, inner: int, layers: int, kv: int, rows: int) -> int:
    layer = 2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * inner + 2 * hidden
    return layers * layer + hidden + 2 * rows * hidden


def projector(hidden: int) -> int:
    return 1024 * hidden + hidden + hidden * hidden + hidden


QWEN_LAYER = 2560 * 4096 * 2 + 2560 * 1024 * 2 + 3 * 2560 * 9728 + 2 * 2560 + 2 * 128
QWEN_MERGER = 4096 * 4096 + 4096 + 4096 * 2560 + 2560

COUNTS = {
    "llava-next-llama3-8b": {
        "language": llama(4096, 14336, 32, 1024, 128320) + 4096,  # and image_newline
        "projector": projector(4096),
        "vision": CLIP,
    },
    "llava-next-yi-34b": {
        "language": llama(7168, 20480, 60, 1024, 64064) + 7168,
        "projector": projector(7168),
        "vision": CLIP,
    },
    "qwen3-vl-4b": {
        "language": 36 * QWEN_LAYER + 2560 + 151936 * 2560,  # the head is the embedding
        "projector": 4 * QWEN_MERGER + 2 * 1024 + 3 * 2 * 4096,
        "vision": (3 * 2 * 16 * 16 + 1) * 1024 + 2304 * 1024 + 24 * CLIP_LAYER,
    },
}


def counted(model: Any) -> dict[str, int]:
    parts, counts = parts_of(model), {}
    for name, parameter in model.named_parameters():
        counts[parts.of(name)] = counts.get(parts.of(name), 0) + parameter.numel()
    return counts


def full(name: str) -> Any:
    return build(ModelSettings(shape=name, random_weights=True), device="meta")


@pytest.mark.parametrize("name", COUNTS)
def test_a_full_model_has_the_parameters_that_arithmetic_gives(name: str) -> None:
    model = full(name)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert counted(model) == COUNTS[name]


def test_the_8b_model_is_llama_3_8b_with_64_more_rows() -> None:
    # 8,030,261,248 is the number of parameters that Meta-Llama-3-8B has with its 128,256 rows.
    assert COUNTS["llava-next-llama3-8b"]["language"] == 8_030_261_248 + 2 * 64 * 4096 + 4096


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_from_the_configuration_equal_the_built_model(name: str) -> None:
    assert sizes(shape(name)).parameters == counted(full(name))


@pytest.mark.parametrize(
    ("name", "adapters"),
    [
        # rank x (in + out) of q, k, v, o, gate, up, down, for every layer
        ("llava-next-llama3-8b", 32 * 128 * (8192 + 5120 + 5120 + 8192 + 3 * (4096 + 14336))),
        ("llava-next-yi-34b", 60 * 128 * (14336 + 8192 + 8192 + 14336 + 3 * (7168 + 20480))),
        ("qwen3-vl-4b", 36 * 128 * (6656 + 3584 + 3584 + 6656 + 3 * (2560 + 9728))),
    ],
)
def test_what_learns_of_a_full_model(name: str, adapters: int) -> None:
    expected = {"language": adapters, "projector": COUNTS[name]["projector"]}
    tune = TuneSettings()
    assert trainable_parameters(prepare(full(name), tune, RunSettings())) == expected
    assert sizes(shape(name)).trainable(tune) == expected
    unused = CLIP_LAYER + 2 * 1024 if "llava" in name else 0
    expected["vision"] = COUNTS[name]["vision"] - unused
    tune = TuneSettings(vision="full")
    assert trainable_parameters(prepare(full(name), tune, RunSettings())) == expected
    assert sizes(shape(name)).trainable(tune) == expected


@pytest.mark.parametrize("name", SHAPES)
def test_lora_fits_the_linear_layers_of_the_language_model_and_nothing_else(name: str) -> None:
    model = full(name)
    pattern = re.compile(PARTS[SHAPES[name].model_type].lora_targets)
    found = [name for name, module in model.named_modules() if pattern.fullmatch(name)]
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and "language_model" in name
    ]
    assert found == linear
    assert len(found) == 7 * model.config.text_config.num_hidden_layers


def test_a_shape_tells_what_differs() -> None:
    config = shape("llava-next-llama3-8b").config()
    assert shape("llava-next-llama3-8b").differences(config) == []
    config.text_config.num_key_value_heads = 32
    config.vision_config.image_size = 224
    config.image_grid_pinpoints = [[336, 672]]
    found = "; ".join(shape("llava-next-llama3-8b").differences(config))
    assert "text.num_key_value_heads: 32, not 8" in found
    assert "vision.image_size: 224, not 336" in found
    assert "image_grid_pinpoints" in found
    assert shape("qwen3-vl-4b").differences(config) == ["model_type: llava_next, not qwen3_vl"]


def test_added_vocabulary_and_the_order_of_pinpoints_are_no_difference() -> None:
    config = shape("llava-next-llama3-8b").config()
    config.text_config.vocab_size = 128257
    config.image_grid_pinpoints = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    assert shape("llava-next-llama3-8b").differences(config) == []


def test_an_unknown_shape_is_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'big'.*tiny"):
        shape("big")


def test_a_parameter_of_no_part_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"model\.audio\.weight"):
        PARTS["llava_next"].of("model.audio.weight")
