"""LoRA weights of the original training, merged while they stream, held against PEFT's own merge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from safetensors.torch import load_file, save_file  # noqa: E402

from made_checkpoints import CLIP, original_config, original_shapes, random_weights, save_original  # noqa: E402
from sharegpt4video.errors import SettingsError, StorageError  # noqa: E402
from sharegpt4video.lvlm.convert import convert  # noqa: E402
from sharegpt4video.lvlm.convert.names import to_transformers  # noqa: E402

torch.set_num_threads(1)
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def skeleton(weights: dict[str, Any]) -> Any:
    """Empty modules with the original's names around its linear layers, which is all that PEFT looks at."""
    root = torch.nn.Module()
    for name, weight in weights.items():
        *path, layer, kind = name.split(".")
        if kind != "weight" or weight.ndim != 2 or "proj" not in layer:
            continue
        node = root
        for part in path:
            if not hasattr(node, part):
                node.add_module(part, torch.nn.Module())
            node = getattr(node, part)
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        linear.weight.data = weight.clone()
        node.add_module(layer, linear)
    return root


def save_adapter(folder: Path, weights: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Train nothing, but give both factors random numbers; returns what PEFT merges them to, by original names."""
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=list(LINEARS), **options)
    model = peft.get_peft_model(skeleton(weights), config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
    model.save_pretrained(folder)
    merged = model.merge_and_unload()
    return {name: weight.detach() for name, weight in merged.named_parameters()}


def save_lora(
    folder: Path, base: Path, beside: dict[str, Any], weights: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """A folder as the original training leaves it: adapter, other trained weights, the model's configuration."""
    expected = save_adapter(folder, weights, **options)
    torch.save(
        {f"base_model.model.{name}": weight for name, weight in beside.items()}, folder / "non_lora_trainables.bin"
    )
    config = json.loads((base / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "mm_vision_tower": str(base / "tower")}))
    return {**weights, **expected, **beside}


def assert_equal(out: Path, expected: dict[str, Any]) -> None:
    made = load_file(out / "model.safetensors")
    for name, weight in expected.items():
        ours = made[to_transformers(name) or ""][: weight.shape[0]]
        assert torch.allclose(ours, weight, atol=1e-6), name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 5, "layers.1.mlp.up_proj": 3}},
        {"alpha_pattern": {"q_proj|layers.0.mlp.up_proj": 5}},
    ],
)
def test_merging_equals_pefts(tmp_path: Path, options: dict[str, Any]) -> None:
    base = save_original(tmp_path / "base")
    beside = {
        "model.mm_projector.0.weight": base["model.mm_projector.0.weight"] + 1,
        "model.image_newline": torch.ones(32),
    }
    expected = save_lora(tmp_path / "lora", tmp_path / "base", beside, base, **options)
    report = convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    leaked = [name for name in expected if CLIP in name and not expected[name].equal(base[name])]
    assert len(leaked) == 3 * 3  # the suffixes match q, k and v of the tower's three layers, too
    assert report.merged == 2 * 7 + 9
    assert_equal(tmp_path / "out", expected)
    assert not expected["model.layers.0.self_attn.q_proj.weight"].equal(base["model.layers.0.self_attn.q_proj.weight"])


def test_an_adapter_saved_by_torch_is_read_too(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    expected = save_lora(tmp_path / "lora", tmp_path / "base", {}, base)
    file = tmp_path / "lora" / "adapter_model.safetensors"
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()
    convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    assert_equal(tmp_path / "out", expected)


def test_sixteen_bits_are_merged_in_thirty_two(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    half = {name: weight.to(torch.bfloat16) for name, weight in base.items()}
    save_file(half, tmp_path / "base" / "model.safetensors")
    whole = {name: weight.float() for name, weight in half.items()}
    expected = save_lora(tmp_path / "lora", tmp_path / "base", {}, whole)
    convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    made = load_file(tmp_path / "out" / "model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    assert made[to_transformers(name) or ""].equal(expected[name].to(torch.bfloat16))


def test_an_adapter_without_its_base_says_so(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    save_lora(tmp_path / "lora", tmp_path / "base", {}, base)
    with pytest.raises(SettingsError, match="--base"):
        convert(tmp_path / "lora", tmp_path / "out")
    with pytest.raises(SettingsError, match="leave out the base"):
        convert(tmp_path / "base", tmp_path / "out", base=tmp_path / "base")


def test_weights_that_fit_nowhere_are_listed(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    save_lora(tmp_path / "lora", tmp_path / "base", {}, base)
    adapter = load_file(tmp_path / "lora" / "adapter_model.safetensors")
    strange = {**adapter, "base_model.model.model.layers.9.mlp.up_proj.lora_A.weight": torch.ones(4, 32)}
    save_file(strange, tmp_path / "lora" / "adapter_model.safetensors")
    with pytest.raises(SettingsError, match=r"layers\.9\.mlp\.up_proj\.lora_A, without the other"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    strange["base_model.model.model.layers.9.mlp.up_proj.lora_B.weight"] = torch.ones(64, 4)
    save_file(strange, tmp_path / "lora" / "adapter_model.safetensors")
    with pytest.raises(SettingsError, match=r"no weights for these LoRA ones: model\.layers\.9"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")


def test_kinds_that_need_more_than_a_product_are_refused(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    save_lora(tmp_path / "lora", tmp_path / "base", {}, base)
    path = tmp_path / "lora" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "use_dora": True, "bias": "all"}))
    with pytest.raises(SettingsError, match="use_dora, bias all"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")


@pytest.mark.parametrize("setting", ["alora_invocation_tokens", "use_qalora", "trainable_token_indices"])
def test_adapters_that_are_no_plain_product_are_refused(tmp_path: Path, setting: str) -> None:
    base = save_original(tmp_path / "base")
    save_lora(tmp_path / "lora", tmp_path / "base", {}, base)
    path = tmp_path / "lora" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), setting: [1]}))
    with pytest.raises(SettingsError, match=f"cannot be merged here .{setting}"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")


def test_a_projector_that_is_there_in_part_is_told(tmp_path: Path) -> None:
    base = save_original(tmp_path / "base")
    beside = {name: weight + 1 for name, weight in base.items() if "mm_projector" in name}
    save_lora(tmp_path / "lora", tmp_path / "base", beside, base)
    assert not [one for one in convert(tmp_path / "lora", tmp_path / "all", base=tmp_path / "base").warnings
                if "projector" in one]  # fmt: skip
    del beside["model.mm_projector.2.bias"]
    torch.save(beside, tmp_path / "lora" / "non_lora_trainables.bin")
    warnings = convert(tmp_path / "lora", tmp_path / "part", base=tmp_path / "base").warnings
    assert [one for one in warnings if "holds a projector without model.mm_projector.2.bias" in one]


def test_factors_that_belong_to_a_changed_base_are_refused(tmp_path: Path) -> None:
    """PEFT takes the first factors away from the base, again each time it loads them."""
    base = save_original(tmp_path / "base")
    save_lora(tmp_path / "lora", tmp_path / "base", {}, base, init_lora_weights="pissa")
    with pytest.raises(SettingsError, match="init_lora_weights pissa"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")


def small_adapter(folder: Path, base: Path, first: Any, second: Any, **changes: Any) -> None:
    folder.mkdir()
    at = "base_model.model.model.layers.0.mlp.up_proj.lora_"
    save_file({f"{at}A.weight": first, f"{at}B.weight": second}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 2, "r": 2, **changes}))
    config = json.loads((base / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "mm_vision_tower": str(base / "tower")}))


@pytest.mark.parametrize(
    ("first", "second", "changes", "message"),
    [
        (torch.ones(2, 33), torch.ones(64, 2), {}, r"do not fit .*up_proj\.weight of \(64, 32\) has A of \(2, 33"),
        (torch.ones(3, 32), torch.ones(64, 2), {}, r"do not fit the base: .*has A of \(3, 32\) and B of \(64, 2\)"),
        (torch.ones(2, 32).long(), torch.ones(64, 2), {}, r"do not fit the base: .*lora_A\.weight \(int64\)"),
        (torch.ones(0, 32), torch.ones(64, 0), {}, "the rank 0"),
        (torch.ones(2, 32), torch.ones(64, 2), {"lora_alpha": "abc"}, "lora_alpha is 'abc'"),
        (torch.ones(2, 32), torch.ones(64, 2), {"alpha_pattern": {"(": 1}}, "alpha_pattern is"),
        (torch.ones(2, 32), torch.ones(64, 2), {"alpha_pattern": [1]}, "alpha_pattern is"),
    ],
)  # fmt: skip
def test_factors_that_do_not_fit_are_told(
    tmp_path: Path, first: Any, second: Any, changes: dict[str, Any], message: str
) -> None:
    save_original(tmp_path / "base")
    small_adapter(tmp_path / "lora", tmp_path / "base", first, second, **changes)
    with pytest.raises(SettingsError, match=message):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")


def test_a_product_that_sixteen_bits_do_not_hold_is_told_and_a_wider_type_helps(tmp_path: Path) -> None:
    weights = random_weights(original_shapes(original_config(120)), dtype=torch.float16)
    save_original(tmp_path / "base", weights)
    small_adapter(tmp_path / "lora", tmp_path / "base", torch.full((2, 32), 300.0), torch.full((64, 2), 300.0))
    with pytest.raises(StorageError, match=r"up_proj\.weight: holds 1\.8e\+05, and float16 ends at 65504"):
        convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base", dtype="float32")
    merged = load_file(tmp_path / "out" / "model.safetensors")["language_model.model.layers.0.mlp.up_proj.weight"]
    assert torch.equal(merged, weights["model.layers.0.mlp.up_proj.weight"].float() + 2 * 300.0 * 300.0)
