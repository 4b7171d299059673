"""The memory of a step: what autograd really keeps, measured tensor by tensor, and sums done by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.model.loss import loss_of
from sharegpt4video.lvlm.model.memory import CONTEXT_BYTES, Load, activations, memory
from sharegpt4video.lvlm.model.parts import prepare
from sharegpt4video.lvlm.model.shapes import shape
from sharegpt4video.lvlm.model.sizes import sizes
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TuneSettings


def kept(model: Any, inputs: dict[str, Any]) -> int:
    """Bytes of every tensor that the backward pass will need, weights apart, each counted once."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    held: dict[int, tuple[int, Any]] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            held[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss_of(model, inputs)
    return sum(size for size, _ in held.values())


def inputs_of(tokens: int) -> dict[str, Any]:
    ids = torch.randint(10, 800, (1, tokens), generator=torch.Generator().manual_seed(0))
    ids[0, 5:197] = 6  # the picture
    labels = torch.full_like(ids, -100)
    labels[:, -32:] = ids[:, -32:]
    return {"input_ids": ids, "labels": labels, "pixel_values": torch.zeros(5, 3, 84, 84),
            "image_sizes": torch.tensor([[96, 96]])}  # fmt: skip


@pytest.mark.parametrize("kind", ["none", "full"])
@pytest.mark.parametrize(
    "tune",
    [
        TuneSettings(lora_rank=8, lora_dropout=0.0),
        TuneSettings(lora_rank=8, lora_dropout=0.0, vision="full"),
        TuneSettings(language="full"),
    ],
    ids=["lora", "vision", "full"],
)
def test_what_more_tokens_keep_is_what_is_reckoned(tune: TuneSettings, kind: Any) -> None:
    # The difference of two lengths, so that copies of weights in 16 bits and the vision tower fall out of it.
    run = RunSettings(checkpointing=kind)
    model = build(ModelSettings(shape="tiny", random_weights=True))
    model = prepare(model, tune, run)
    size = sizes(model)
    measured = kept(model, inputs_of(1024)) - kept(model, inputs_of(512))
    loads = [Load(tokens, 5 * 37, 180, 32) for tokens in (512, 1024)]
    reckoned = activations(size, tune, run, loads[1]) - activations(size, tune, run, loads[0])
    if kind == "full":  # one layer at a time is calculated again later; a forward pass does not show it
        once = [activations(size, tune, RunSettings(checkpointing="none"), load) for load in loads]
        inner = [activations(size, tune, run, load) for load in loads]
        assert measured < reckoned < once[1] - once[0]
        entering = 4 * 2 * 192 * (2 if tune.language == "full" else 1)  # layers, bytes, width
        assert measured == pytest.approx(512 * (entering + 6 * 192), rel=0.2)
        assert inner[1] > inner[0]
    else:
        assert measured == pytest.approx(reckoned, rel=0.15)


def test_the_memory_of_the_8b_recipe_by_hand() -> None:
    size, tune = sizes(shape("llava-next-llama3-8b")), TuneSettings()
    run = RunSettings(checkpointing="full")
    load = Load(tokens=8192, vision_tokens=4 * 5 * 577, patches=4 * 5 * 576, learned=400)
    alone = memory(size, tune, run, load, sharding="none", gpus=8)
    frozen, adapters, projector = 8_030_789_632 + 303_507_456, 335_544_320, 20_979_712
    assert alone.weights == 2 * frozen + 4 * (adapters + projector)
    assert alone.gradients == 4 * (adapters + projector)
    assert alone.optimiser == 8 * (adapters + projector)
    assert (alone.gathered, alone.casts) == (0, 2 * (adapters + projector))
    assert alone.other == CONTEXT_BYTES
    # What enters each of 32 layers in 16 bits, at least; and no more than three times that.
    entering = 32 * 2 * 4096 * 8192
    assert entering < alone.activations < 3 * entering
    two = memory(size, tune, run, load, sharding="deepspeed", gpus=8)
    assert (two.weights, two.gradients, two.optimiser) == (alone.weights, alone.gradients / 8, alone.optimiser / 8)
    assert two.casts == alone.casts, "each process calculates with all weights"
    three = memory(size, tune, run, load, sharding="fsdp2", gpus=8)
    assert three.weights == alone.weights / 8
    layer = 2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + adapters / 32
    assert three.gathered == 2 * (2 * layer + 2 * 128320 * 4096)
    assert three.casts == 0
    assert three.total == sum((three.weights, three.gathered, three.casts, three.gradients, three.optimiser,
                               three.activations, three.scores, three.other))  # fmt: skip


def test_the_memory_of_full_tuning_in_pieces_by_hand() -> None:
    size, tune = sizes(shape("llava-next-llama3-8b")), TuneSettings(language="full")
    load = Load(tokens=8192, vision_tokens=4 * 5 * 577, patches=4 * 5 * 576, learned=400)
    found = memory(size, tune, RunSettings(), load, sharding="fsdp2", gpus=8)
    layer, head = 2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336, 128320 * 4096
    assert found.weights == (4 * (8_030_789_632 + 20_979_712) + 2 * 303_507_456) / 8
    # Two layers, embeddings and head in 16 bits; the gradient of the latter two in 16, and in 32 on its way.
    assert found.gathered == 2 * (2 * layer + 2 * head) + 6 * 2 * head
    assert found.casts == 0
    assert found.scores > 6 * head
    # What goes from layer to layer is in 16 bits here, in 32 where an embedding in 32 goes through autocast.
    whole = memory(size, tune, RunSettings(), load, sharding="none", gpus=8)
    assert whole.activations - found.activations == 32 * 2 * 4096 * 8192
    assert whole.casts == 2 * (8_030_789_632 + 20_979_712)


def test_scores_of_all_tokens_take_gigabytes_and_pieces_do_not() -> None:
    size, tune = sizes(shape("llava-next-llama3-8b")), TuneSettings()
    load = Load(tokens=8192, vision_tokens=0, patches=0, learned=8192)
    whole, pieces = (
        memory(size, tune, RunSettings(fused_loss=fused), load, sharding="none", gpus=1).scores
        for fused in (False, True)
    )
    assert whole > 8192 * 128320 * 4
    assert pieces <= 2**26 * 8
