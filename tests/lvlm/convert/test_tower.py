"""A vision tower that was trained: the original training saves it apart, in the folder ``vision_tower``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402

from made_checkpoints import CLIP, VISION, original_config, original_shapes, random_weights, save_original  # noqa: E402
from sharegpt4video.lvlm.convert import convert  # noqa: E402
from sharegpt4video.lvlm.convert.names import to_transformers  # noqa: E402

torch.set_num_threads(1)
WEIGHTS = random_weights(original_shapes(original_config(120)))
REST = {name: weight for name, weight in WEIGHTS.items() if not name.startswith(CLIP)}
TOWER = {name: weight for name, weight in WEIGHTS.items() if name.startswith(CLIP)}
SHORT = len("model.vision_tower.vision_tower.")


def save_tower(folder: Path, weights: dict[str, Any], config: dict[str, Any] = VISION) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    torch.save({name[SHORT:]: weight for name, weight in weights.items()}, folder / "pytorch_model.bin")


def test_the_trained_one_is_taken_before_the_one_that_training_began_with(tmp_path: Path) -> None:
    save_original(tmp_path / "model", REST, mm_vision_tower=str(tmp_path / "clip"))
    save_tower(tmp_path / "clip", TOWER)
    save_tower(tmp_path / "model" / "vision_tower", {name: weight + 1 for name, weight in TOWER.items()})
    report = convert(tmp_path / "model", tmp_path / "out")
    made = load_file(tmp_path / "out" / "model.safetensors")
    assert all(made[to_transformers(name) or ""].equal(weight + 1) for name, weight in TOWER.items())
    assert report.vision_from == "the checkpoint"
    assert not [warning for warning in report.warnings if "before training" in warning]


def test_the_base_of_lora_weights_may_have_its_tower_apart(tmp_path: Path) -> None:
    save_original(tmp_path / "base", REST, mm_vision_tower="gone")
    save_tower(tmp_path / "base" / "vision_tower", TOWER)
    save_lora(tmp_path / "lora", tmp_path / "base", ("model.layers.0.mlp.up_proj",))
    convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    made = load_file(tmp_path / "out" / "model.safetensors")
    assert all(made[to_transformers(name) or ""].equal(weight) for name, weight in TOWER.items())


def save_lora(folder: Path, base: Path, modules: tuple[str, ...]) -> None:
    """Factors of ones for some modules, in files as the original training and PEFT write them."""
    folder.mkdir()
    factors = {}
    for module in modules:
        rows, columns = WEIGHTS[f"{module}.weight"].shape
        factors[f"base_model.model.{module}.lora_A.weight"] = torch.ones(2, columns)
        factors[f"base_model.model.{module}.lora_B.weight"] = torch.ones(rows, 2)
    torch.save(factors, folder / "adapter_model.bin")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 2, "r": 2}))
    (folder / "config.json").write_text((base / "config.json").read_text())


def test_one_that_was_trained_under_factors_of_its_own_is_merged(tmp_path: Path) -> None:
    """The recipe with an unfrozen tower, on a base whose LoRA leaks into CLIP: PEFT wraps the layers it trains."""
    save_original(tmp_path / "base", WEIGHTS)
    leaked = f"{CLIP}encoder.layers.0.self_attn.q_proj"
    save_lora(tmp_path / "lora", tmp_path / "base", (leaked, "model.layers.0.mlp.up_proj"))
    trained = {name: weight + 1 for name, weight in TOWER.items()}
    wrapped = {name.replace(f"{leaked}.", f"{leaked}.base_layer."): weight for name, weight in trained.items()}
    beside = {f"base_model.model.{name}": weight for name, weight in wrapped.items()}
    torch.save(beside, tmp_path / "lora" / "non_lora_trainables.bin")
    factors = {
        f"{leaked}.lora_A.default.weight": torch.ones(2, 16),
        f"{leaked}.lora_B.default.weight": torch.ones(16, 2),
    }
    save_tower(tmp_path / "lora" / "vision_tower", {**wrapped, **factors})
    report = convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    assert report.merged == 2
    made = load_file(tmp_path / "out" / "model.safetensors")
    expected = {**trained, f"{leaked}.weight": trained[f"{leaked}.weight"] + 2}  # ones by ones, of rank two
    assert all(torch.allclose(made[to_transformers(name) or ""], weight) for name, weight in expected.items())


def test_its_configuration_may_leave_out_what_is_usual(tmp_path: Path) -> None:
    """transformers 4 wrote only what differs from its defaults; a picture of 224 pixels does not."""
    vision = {**VISION, "image_size": 224, "patch_size": 14}
    shapes = original_shapes(original_config(120), vision)
    save_original(tmp_path / "model", random_weights(shapes))
    short = {key: value for key, value in vision.items() if key != "image_size"}
    (tmp_path / "model" / "tower" / "config.json").write_text(json.dumps(short))
    convert(tmp_path / "model", tmp_path / "out")
    options = json.loads((tmp_path / "out" / "preprocessor_config.json").read_text())
    assert options["size"] == {"shortest_edge": 224}
