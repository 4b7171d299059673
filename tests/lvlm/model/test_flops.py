"""Operations of training, against torch's own counter, and against the table they were first reckoned in by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.model.flops import training_flops
from sharegpt4video.lvlm.model.loss import loss_of
from sharegpt4video.lvlm.model.parts import prepare
from sharegpt4video.lvlm.model.shapes import shape
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TuneSettings

TUNES = {
    "lora": TuneSettings(lora_rank=8, lora_dropout=0.0),
    "lora and vision": TuneSettings(lora_rank=8, lora_dropout=0.0, vision="full"),
    "lora alone": TuneSettings(lora_rank=8, lora_dropout=0.0, projector="frozen"),
    "full": TuneSettings(language="full", vision="full"),
    "language in full": TuneSettings(language="full"),
    "projector": TuneSettings(language="frozen"),
    "vision": TuneSettings(language="frozen", projector="frozen", vision="full"),
}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", TUNES)
def test_forward_and_backward_are_what_torch_counts(example: Any, name: str, fused: bool) -> None:
    # With the attention written out, torch counts whole squares, so twice the tokens squared are told here.
    model = build(ModelSettings(shape="tiny", random_weights=True, attention="eager"), dtype=torch.float32)
    model = prepare(model, TUNES[name], RunSettings(precision="fp32", checkpointing="none", fused_loss=fused))
    inputs = example()
    tokens = inputs["input_ids"].shape[1]
    with FlopCounterMode(display=False) as counter:
        loss, learned = loss_of(model, inputs)
        forward = counter.get_total_flops()
        loss.backward()
    counted = counter.get_total_flops()
    mine = training_flops(
        model,
        TUNES[name],
        tokens=tokens,
        visual_tiles=len(inputs["pixel_values"]),
        attended=2 * tokens**2,
        loss_tokens=learned if fused else tokens,
    )
    assert mine.again == 0
    assert counted == pytest.approx(mine.hardware, rel=2e-3)
    # With the loss in pieces, its gradient is calculated in the forward pass already.
    early = 2 * 192 * 1024 * learned * (2 if "full" in name else 1) if fused and name != "projector" else 0
    if name not in ("projector", "vision"):
        assert forward == pytest.approx(mine.forward + mine.thrown_away + early, rel=2e-3)


@pytest.mark.parametrize("kind", ["full", "selective"])  # with the attention written out, both are the same
def test_what_is_calculated_again_is_at_most_what_is_said(example: Any, kind: Any) -> None:
    tune = TUNES["lora and vision"]
    counts = []
    for checkpointing in ("none", kind):
        model = build(ModelSettings(shape="tiny", random_weights=True, attention="eager"), dtype=torch.float32)
        model = prepare(model, tune, RunSettings(precision="fp32", checkpointing=checkpointing))
        inputs = example()
        with FlopCounterMode(display=False) as counter:
            loss_of(model, inputs)[0].backward()
        counts.append(counter.get_total_flops())
    tokens = inputs["input_ids"].shape[1]
    said = training_flops(model, tune, tokens=tokens, visual_tiles=5, attended=2 * tokens**2, loss_tokens=5,
                          checkpointing="full").again  # fmt: skip
    # Torch stops as soon as it has what it needs: the last matrix of each layer is not multiplied again.
    assert 0.7 * said < counts[1] - counts[0] <= said * 1.002


@pytest.mark.parametrize("vision", ["frozen", "full"])
def test_a_model_of_another_kind_is_what_torch_counts(small_qwen: Any, qwen_inputs: Any, vision: Any) -> None:
    tune = TuneSettings(lora_rank=8, lora_dropout=0.0, vision=vision)
    model = prepare(small_qwen, tune, RunSettings(precision="fp32", checkpointing="none"))
    with FlopCounterMode(display=False) as counter:
        loss, learned = loss_of(model, qwen_inputs)
        loss.backward()
    mine = training_flops(
        model, tune, tokens=qwen_inputs["input_ids"].shape[1], visual_tiles=2, patches=64, loss_tokens=learned,
        attended=2 * qwen_inputs["input_ids"].shape[1] ** 2,
    )  # fmt: skip
    assert counter.get_total_flops() == pytest.approx(mine.hardware, rel=1e-2)


PEAK = 312e12  # of an A100

# Model, vision, samples, hours, GPUs, tokens -> MFU, HFU and the 6 N D convention, in percent: the reckoning that the
# training plan started from. Its HFU counted the whole forward pass twice, the scores as well.
TABLE = [
    ("llava-next-llama3-8b", "full", 181e3, 1, 32, 2100, 39, 57, 48),
    ("llava-next-llama3-8b", "full", 181e3, 1, 32, 2500, 46, 67, 57),
    ("llava-next-llama3-8b", "full", 181e3, 1, 32, 3000, 55, 81, 68),
    ("llava-next-llama3-8b", "frozen", 153e3, 1, 32, 2100, 31, 46, 40),
    ("llava-next-llama3-8b", "frozen", 153e3, 1, 32, 2500, 37, 55, 48),
    ("llava-next-llama3-8b", "frozen", 153e3, 1, 32, 3000, 45, 67, 58),
    ("llava-next-llama3-8b", "full", 181e3, 5, 8, 2150, 32, 47, 39),
    ("llava-next-yi-34b", "full", 181e3, 5, 32, 2100, 32, 47, 43),
    ("llava-next-yi-34b", "full", 181e3, 5, 32, 2500, 38, 56, 51),
    ("llava-next-yi-34b", "full", 181e3, 5, 32, 3000, 46, 68, 62),
]


@pytest.mark.parametrize(("name", "vision", "samples", "hours", "gpus", "tokens", "mfu", "hfu", "simple"), TABLE)
def test_the_published_hours_mean_these_shares_of_the_peak(
    name: str, vision: Any, samples: float, hours: float, gpus: int, tokens: int, mfu: int, hfu: int, simple: int
) -> None:
    found = training_flops(shape(name), TuneSettings(vision=vision), tokens=tokens, visual_tiles=5)
    share = samples / (hours * 3600 * gpus) / PEAK
    assert 100 * share * found.model == pytest.approx(mfu, abs=0.6)
    assert 100 * share * (found.model + found.forward) == pytest.approx(hfu, abs=0.6)
    weights = {"llava-next-llama3-8b": 6.98e9 + 0.525e9, "llava-next-yi-34b": 33.47e9 + 0.459e9}[name]
    assert 100 * share * 6 * weights * tokens == pytest.approx(simple, abs=0.6)


def test_lora_needs_no_weight_gradient_of_frozen_layers() -> None:
    told = {"tokens": 2000, "visual_tiles": 5}
    lora = training_flops(shape("llava-next-llama3-8b"), TuneSettings(), **told)  # type: ignore[arg-type]
    full = training_flops(shape("llava-next-llama3-8b"), TuneSettings(language="full"), **told)  # type: ignore[arg-type]
    adapters, projector = 2 * 335_544_320 * 2000, 2 * (1024 * 4096 + 4096 * 4096) * 576 * 5
    assert lora.weight_gradient == adapters + projector
    assert full.weight_gradient == 2 * (32 * 218_103_808 + 4096 * 128320) * 2000 + projector


def test_examples_in_one_row_attend_to_less() -> None:
    told = {"model": shape("llava-next-llama3-8b"), "tune": TuneSettings(), "visual_tiles": 0}
    row = training_flops(tokens=8000, attended=4 * 2000**2, **told)  # type: ignore[arg-type]
    apart = training_flops(tokens=2000, **told) * 4  # type: ignore[arg-type]
    assert row.model == pytest.approx(apart.model, rel=1e-12)
    assert training_flops(tokens=8000, **told).model > row.model  # type: ignore[arg-type]


def test_selective_checkpointing_spares_the_attention() -> None:
    found = {
        kind: training_flops(shape("llava-next-llama3-8b"), TuneSettings(), tokens=2000, visual_tiles=0,
                             checkpointing=kind).again
        for kind in ("none", "selective", "full")
    }  # fmt: skip
    assert found["none"] == 0
    assert found["full"] - found["selective"] == 4 * 4096 * 32 * 2000**2 / 2
