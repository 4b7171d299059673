"""What learns and what does not, told by names and by gradients; checkpointing; groups of parameters."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.model.loss import loss_of
from sharegpt4video.lvlm.model.parts import (
    base_model,
    never_learning,
    parameter_groups,
    parts_of,
    plain_name,
    prepare,
    trainable_parameters,
)
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TuneSettings

EXACT = RunSettings(precision="fp32", checkpointing="none")
LORA = TuneSettings(lora_rank=4, lora_alpha=8, lora_dropout=0.0)
LORA_AND_VISION = TuneSettings(lora_rank=4, lora_alpha=8, lora_dropout=0.0, vision="full")
FULL = TuneSettings(language="full", vision="full")
PROJECTOR = TuneSettings(language="frozen")


def learning(model: Any) -> set[str]:
    return {plain_name(name) for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("tune", [LORA, LORA_AND_VISION])
def test_adapters_are_in_the_language_model_alone(tiny: Any, tune: TuneSettings) -> None:
    # The original code put adapters into CLIP too, whose layers have the same names, when the base said this.
    tiny.config.unfreeze_mm_vision_tower = True
    tiny.config.mm_tunable_parts = "mm_vision_tower"
    names = [plain_name(name) for name, _ in prepare(tiny, tune, EXACT).named_parameters()]
    adapters = [name for name in names if "lora_" in name]
    assert len(adapters) == 4 * 7 * 2  # layers, linear layers of each, A and B
    assert all(name.startswith("model.language_model.layers.") for name in adapters)
    assert any(name.startswith("model.vision_tower.") and "q_proj" in name for name in names)  # the trap is there


def test_the_frozen_vision_recipe_learns_adapters_and_projector_only(tiny: Any) -> None:
    found = learning(prepare(tiny, LORA, EXACT))
    rest = {name for name in found if "lora_" not in name}
    assert rest == {f"model.multi_modal_projector.linear_{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")}


def test_the_last_clip_layer_is_18_tensors_that_never_learn(tiny: Any) -> None:
    vision = [name for name, _ in tiny.named_parameters() if name.startswith("model.vision_tower.")]
    model = prepare(tiny, LORA_AND_VISION, EXACT)
    still = [name for name in vision if name not in learning(model)]
    assert len(still) == 18
    assert all(name.startswith(never_learning(base_model(model))) for name in still)


@pytest.mark.parametrize(
    ("layer", "first_unused"), [(-1, None), (-2, 3), (-3, 2), (1, 1), ([-2, 1], 3)], ids=["-1", "-2", "-3", "1", "two"]
)
def test_what_never_learns_follows_the_feature_layer(tiny: Any, layer: Any, first_unused: int | None) -> None:
    tiny.config.vision_feature_layer = layer
    unused = [name for name in never_learning(tiny) if "layers" in name]
    expected = [] if first_unused is None else list(range(first_unused, 4))
    assert unused == [f"model.vision_tower.encoder.layers.{index}." for index in expected]


@pytest.mark.parametrize("tune", [LORA, LORA_AND_VISION, FULL, PROJECTOR], ids=["lora", "vision", "full", "projector"])
def test_exactly_what_learns_gets_a_gradient(tiny: Any, example: Any, tune: TuneSettings) -> None:
    model = prepare(tiny, tune, EXACT)
    loss_of(model, example())[0].backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_what_learns_is_kept_in_32_bits_and_the_rest_in_16() -> None:
    model = build(ModelSettings(shape="tiny", random_weights=True), dtype=torch.bfloat16)
    model = prepare(model, LORA, RunSettings())
    kinds = {(parameter.requires_grad, parameter.dtype) for parameter in model.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


def test_in_16_bits_the_loss_is_near_that_in_32(example: Any) -> None:
    losses = []
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        model = build(ModelSettings(shape="tiny", random_weights=True), dtype=dtype, seed=3)
        torch.manual_seed(0)
        model = prepare(model, LORA_AND_VISION, RunSettings(precision=precision))  # type: ignore[arg-type]
        loss, _ = loss_of(model, example())
        loss.backward()
        losses.append(loss.item())
        assert loss.dtype == torch.float32
        assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters() if p.requires_grad)
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)


class Attention(TorchDispatchMode):
    """How often an attention kernel ran."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        self.times += "scaled_dot_product" in name and "backward" not in name
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("kind", "again"), [("none", 0), ("full", 4 + 3), ("selective", 0)])
def test_checkpointing_gives_the_same_gradients(tiny: Any, example: Any, kind: Any, again: int) -> None:
    plain = copy.deepcopy(tiny)
    inputs = example()
    torch.manual_seed(0)
    expected = prepare(plain, LORA_AND_VISION, EXACT)
    loss_of(expected, inputs)[0].backward()
    torch.manual_seed(0)
    model = prepare(tiny, LORA_AND_VISION, RunSettings(precision="fp32", checkpointing=kind))
    loss, _ = loss_of(model, inputs)
    with Attention() as ran:
        loss.backward()
    assert ran.times == again  # layers of the language model, and those of the tower that learn
    for (name, mine), (_, theirs) in zip(model.named_parameters(), expected.named_parameters(), strict=True):
        if mine.requires_grad:
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=0, msg=name)


def test_checkpointing_repeats_the_dropout(tiny: Any, example: Any) -> None:
    tune = TuneSettings(lora_rank=4, lora_dropout=0.5)
    gradients = []
    for kind in ("none", "full", "selective"):
        torch.manual_seed(0)
        model = prepare(copy.deepcopy(tiny), tune, RunSettings(precision="fp32", checkpointing=kind))  # type: ignore[arg-type]
        torch.manual_seed(1)
        loss_of(model, example())[0].backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    for others in gradients[1:]:
        for mine, theirs in zip(gradients[0], others, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("tune", [LORA, LORA_AND_VISION, FULL, PROJECTOR], ids=["lora", "vision", "full", "projector"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_every_learning_parameter_is_in_one_group(tiny: Any, tune: TuneSettings, decay: float) -> None:
    model = prepare(tiny, tune, EXACT)
    groups = parameter_groups(model, tune, decay)
    ids = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    rates = {"language": tune.language_rate, "projector": tune.projector_rate, "vision": tune.vision_rate}
    for group in groups:
        assert group["lr"] == rates[group["name"].split(",")[0]]
        assert all((p.ndim > 1) == (group["weight_decay"] > 0) for p in group["params"]) or decay == 0
    torch.optim.AdamW(groups)


def test_full_language_learning_counts_every_parameter_of_the_language_model(tiny: Any) -> None:
    parts = parts_of(tiny)
    expected = sum(p.numel() for name, p in tiny.named_parameters() if parts.of(name) == "language")
    assert trainable_parameters(prepare(tiny, FULL, EXACT))["language"] == expected


def test_wrappers_do_not_change_names_or_groups(tiny: Any) -> None:
    model = prepare(tiny, LORA_AND_VISION, EXACT)
    names = [[p.shape for p in group["params"]] for group in parameter_groups(model, LORA_AND_VISION, 0.0)]
    wrapped = torch.nn.Module()
    wrapped.module = model  # as DDP and DeepSpeed do
    found = parameter_groups(wrapped, LORA_AND_VISION, 0.0)
    assert [[p.shape for p in group["params"]] for group in found] == names


def test_a_model_of_an_unknown_kind_is_refused() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, vocab_size=8,
                                         num_attention_heads=1))  # fmt: skip
    with pytest.raises(SettingsError, match="llama"):
        prepare(model, LORA, EXACT)  # type: ignore[arg-type]


@pytest.mark.parametrize("tune", [LORA, LORA_AND_VISION, FULL], ids=["lora", "vision", "full"])
def test_a_model_of_another_kind_learns_in_the_same_parts(
    small_qwen: Any, qwen_inputs: Any, tune: TuneSettings
) -> None:
    model = prepare(small_qwen, tune, RunSettings(precision="fp32", checkpointing="full"))
    loss, count = loss_of(model, qwen_inputs)
    loss.backward()
    assert count == 4
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    kinds = {plain_name(name).split(".")[1] for name in learning(model) if "lora_" not in name}
    assert kinds <= {"visual"} if tune.language == "lora" else "language_model" in kinds
    model.zero_grad()
    words = {"input_ids": torch.tensor([[1, 2, 3, 4]]), "labels": torch.tensor([[-100, 2, 3, 4]])}
    loss_of(model, words)[0].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("checkpointing", ["none", "full", "selective"])
def test_nothing_warns_of_what_is_ours_to_know(tiny: Any, checkpointing: str) -> None:
    prepare(tiny, LORA, RunSettings(precision="fp32", checkpointing=checkpointing))
