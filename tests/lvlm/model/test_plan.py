"""The plan of a run, held against the same arithmetic done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.model.flops import training_flops
from sharegpt4video.lvlm.model.gpus import gpu_by_device_name
from sharegpt4video.lvlm.model.plan import plan
from sharegpt4video.lvlm.model.shapes import shape
from sharegpt4video.lvlm.settings import (
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)


def settings(name: str, **more: object) -> TrainSettings:
    return TrainSettings(model=ModelSettings(shape=name, random_weights=True), **more)  # type: ignore[arg-type]


RECIPE = settings("llava-next-llama3-8b", tune=TuneSettings(vision="full"))


def test_steps_and_tokens_are_those_of_the_recipes() -> None:
    found = plan(RECIPE, samples=153_000)
    assert (found.steps, found.samples_seen) == (1196, 153_000)  # the original's 1,196 and 1,415 steps
    assert plan(RECIPE, samples=181_000).steps == 1415
    assert found.sample.tokens == 1948 + 200  # visual tokens of a 16:9 grid, and text
    assert found.sample.tiles == 5


def test_max_steps_and_epochs_decide_what_is_seen() -> None:
    short = replace(RECIPE, optimiser=OptimiserSettings(max_steps=10))
    assert plan(short, samples=153_000).samples_seen == 1280
    twice = replace(RECIPE, optimiser=OptimiserSettings(epochs=2))
    assert plan(twice, samples=1000).samples_seen == 2000


def test_hours_are_operations_over_what_the_gpus_do() -> None:
    found = plan(RECIPE, gpus=32, gpu_kind="A100-80", mfu=0.386, samples=181_000, tokens_per_sample=2100)
    one = training_flops(shape("llava-next-llama3-8b"), RECIPE.tune, tokens=2100, visual_tiles=5, loss_tokens=100)
    assert found.flops.model == pytest.approx(181_000 * one.model)
    assert found.hours == pytest.approx(181_000 * one.model / (32 * 312e12 * 0.386) / 3600)
    # 39 % with scores of all tokens is one hour; this counts those of the answer alone.
    assert found.hours == pytest.approx(1.0, abs=0.08)
    assert found.tokens_per_second == pytest.approx(181_000 * 2100 / (found.hours * 3600 * 32))


def test_34b_needs_its_weights_shared() -> None:
    found = plan(settings("llava-next-yi-34b"), gpus=8, gpu_kind="A100-80")
    assert [found.fits(kind) for kind in ("none", "fsdp2", "deepspeed")] == [False, True, False]
    assert found.memories["none"].weights > 2 * 34.7e9
    # 70 GB and what learns fit the larger card without that.
    assert plan(settings("llava-next-yi-34b"), gpus=8, gpu_kind="H200").fits("deepspeed")


def test_8b_fits_one_card_and_not_a_small_one() -> None:
    small_rows = replace(RECIPE, data=DataSettings(packing=False))
    assert plan(small_rows, gpus=1, gpu_kind="A100-80").fits("none")
    assert not plan(replace(RECIPE, run=RunSettings(checkpointing="none")), gpus=1, gpu_kind="A100-80").fits("none")


def test_the_text_holds_what_was_reckoned_and_the_papers_hours() -> None:
    found = plan(RECIPE, gpus=32, gpu_kind="A100-80", samples=181_000)
    text = found.text()
    for wanted in ("335.54 M", "290.91 M", "12.60 M of the vision tower never get a gradient", "1,415 of 128",
                   '"1 hour (8B) and 5 hours (34B) on 32 A100"', "Estimates", f"{found.hours:.2f} hours"):  # fmt: skip
        assert wanted in text, wanted
    assert "paper" not in plan(settings("qwen3-vl-4b", data=DataSettings(layout="video"))).text()


def test_a_video_of_the_modern_model_is_counted_in_pairs_of_frames() -> None:
    found = plan(settings("qwen3-vl-4b", data=DataSettings(layout="video", frames=16)))
    assert found.sample.tiles == 8
    assert found.sample.patches == 40 * 22  # 640 x 352 in patches of 16
    assert found.sample.tokens == 8 * 20 * 11 + 200


def test_with_a_shape_the_base_is_not_read() -> None:
    named = replace(RECIPE, model=ModelSettings(base="nobody/nothing", shape="llava-next-llama3-8b"))
    assert plan(named).memories == plan(RECIPE).memories


def test_on_one_gpu_nothing_is_shared_and_nothing_gathered() -> None:
    """``fsdp2`` is then what ``none`` is, as in the training itself."""
    found = plan(RECIPE, gpus=1).memories
    assert found["fsdp2"] == found["none"]


@pytest.mark.parametrize("wrong", [{"gpus": 0}, {"mfu": 1.4}, {"samples": 0}, {"gpu_kind": "H1"}])
def test_a_plan_for_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        plan(RECIPE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80"),
        ("NVIDIA A100-SXM4-40GB", "A100-40"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA H200 NVL", None),
        ("NVIDIA GB200", None),
        ("NVIDIA B200", "B200"),
        ("NVIDIA GH200 480GB", None),
        ("NVIDIA RTX A1000", None),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", None),
        ("NVIDIA GeForce RTX 3060", None),
    ],
)
def test_a_driver_s_name_finds_the_card(name: str, expected: str | None) -> None:
    found = gpu_by_device_name(name)
    assert (found.name if found else None) == expected
