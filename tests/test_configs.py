"""Every shipped configuration is read strictly, built in full without weights, and planned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sharegpt4video.config import load_yaml
from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.settings import TrainSettings

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "src" / "sharegpt4video" / "configs"
CONFIGS = sorted(path.name for path in FOLDER.glob("*.yaml"))

# What each recipe says, from the authors' scripts: rates of language, projector and vision tower (None: frozen).
RATES = {
    "sharegpt4video-8b.yaml": (2e-4, 2e-5, None),
    "sharegpt4video-8b-181k.yaml": (2e-4, 2e-5, 2e-6),
    "sharegpt4video-34b.yaml": (2e-4, 2e-5, 2e-6),
}


def read(name: str) -> TrainSettings:
    return load_yaml(FOLDER / name, TrainSettings)


def without_weights(settings: TrainSettings) -> TrainSettings:
    return replace(settings, model=replace(settings.model, base="", random_weights=True))


def test_the_recipes_are_shipped() -> None:
    assert set(CONFIGS) >= {
        *RATES,
        "qwen3-vl-4b.yaml",
        "tiny.yaml",
        "captioner-qwen3-vl-4b.yaml",
        "captioner-tiny.yaml",
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_read_strictly(name: str, tmp_path: Path) -> None:
    settings = read(name)
    assert settings.name == name.removesuffix(".yaml")
    assert bool(settings.data.sources) != (settings.mixture is not None)
    assert (settings.mixture is not None) == name.startswith("captioner")
    spoiled = tmp_path / name
    spoiled.write_text((FOLDER / name).read_text(encoding="utf-8").replace("precision:", "precison:"), encoding="utf-8")
    with pytest.raises(SettingsError, match="precison"):
        load_yaml(spoiled, TrainSettings)


@pytest.mark.parametrize("name", RATES)
def test_the_recipes_are_those_of_the_authors(name: str) -> None:
    settings = read(name)
    tune, optimiser = settings.tune, settings.optimiser
    vision = tune.vision_rate if tune.vision == "full" else None
    assert (tune.language_rate, tune.projector_rate, vision) == RATES[name]
    assert (tune.language, tune.lora_rank, tune.lora_alpha, tune.lora_dropout) == ("lora", 128, 256, 0.05)
    assert (optimiser.global_batch, optimiser.warmup_share, optimiser.weight_decay) == (128, 0.03, 0.0)
    assert (settings.data.frames, settings.data.layout, settings.data.sampler) == (16, "grid", "sharegpt4video")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_builds_in_full_on_the_meta_device(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    from sharegpt4video.lvlm.model.build import build
    from sharegpt4video.lvlm.model.parts import parameter_groups, prepare, trainable_parameters
    from sharegpt4video.lvlm.model.shapes import SHAPES
    from sharegpt4video.lvlm.model.sizes import sizes

    settings = without_weights(read(name))
    model: Any = prepare(build(settings.model, device="meta"), settings.tune, settings.run)
    assert all(parameter.is_meta for parameter in model.parameters())
    assert trainable_parameters(model) == sizes(SHAPES[settings.model.shape]).trainable(settings.tune)
    groups = parameter_groups(model, settings.tune, settings.optimiser.weight_decay)
    assert sum(p.numel() for group in groups for p in group["params"]) == sum(trainable_parameters(model).values())


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_fits_the_cards_it_is_meant_for(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from sharegpt4video.lvlm.model.plan import plan

    settings = without_weights(read(name))
    found = plan(settings, gpus=8, gpu_kind="A100-80")
    assert found.fits(settings.run.sharding)
    row = settings.data.pack_tokens if settings.data.packing else settings.data.max_tokens
    assert found.sample.tokens <= settings.data.max_tokens <= row


def test_the_table_of_the_docs_is_what_a_plan_says() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from sharegpt4video.lvlm.model.plan import plan

    lines = (ROOT / "docs" / "training-plan.md").read_text(encoding="utf-8").splitlines()
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for line in lines if (cells := line.split("|"))[2:]
    }
    for at, name in enumerate(rows["configuration"]):
        settings = read(f"{name.strip('`')}.yaml")
        samples = int(rows["samples"][at].replace(",", ""))
        found = plan(settings, gpus=8, samples=samples)
        memories = [found.memories[kind].total / 1e9 for kind in ("none", "deepspeed", "fsdp2")]
        said = rows["memory of each of 8 GPUs: alone / ZeRO-2 / FSDP2"][at]
        assert said == " / ".join(f"{one:.0f}" for one in memories) + " GB", name
        assert rows["steps of 128"][at] == f"{found.steps:,}"
        assert rows["hours on 8 H100 at 40 % MFU"][at] == f"{found.hours:.2f}"
        assert rows["tokens/s on each"][at] == f"{found.tokens_per_second:,.0f}"
        on_a100 = plan(settings, gpus=32, gpu_kind="A100-80", samples=samples)
        assert rows["hours on 32 A100 at 40 % MFU"][at] == f"{on_a100.hours:.2f}"
