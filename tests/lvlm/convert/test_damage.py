"""Files that cannot be converted, and places that cannot be written to: each says what it is and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from made_checkpoints import (  # noqa: E402
    llama3_tokenizer,
    original_config,
    original_shapes,
    random_weights,
    save_original,
)
from sharegpt4video.errors import SettingsError, StorageError  # noqa: E402
from sharegpt4video.lvlm.convert import convert, to_original  # noqa: E402

torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_pointer_of_git_lfs_is_told_from_weights(tmp_path: Path, name: str) -> None:
    save_original(tmp_path / "a", pickled=name.endswith("bin"))
    (tmp_path / "a" / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(StorageError, match=r"pointer of Git LFS.*git lfs pull"):
        convert(tmp_path / "a", tmp_path / "out")


def test_a_damaged_pickle_is_not_said_to_be_loaded_unsafely(tmp_path: Path) -> None:
    save_original(tmp_path / "a", pickled=True)
    (tmp_path / "a" / "pytorch_model.bin").write_bytes(b"not weights at all")
    with pytest.raises(StorageError, match=r"cannot be read as weights .*download it again") as caught:
        convert(tmp_path / "a", tmp_path / "out")
    assert "weights_only" not in str(caught.value)


def with_q_as(folder: Path, dtype: Any) -> None:
    made = random_weights(original_shapes(original_config(120)))
    save_original(
        folder, {name: part.to(dtype) if "layers.0.self_attn.q_proj" in name else part for name, part in made.items()}
    )


def test_quantized_weights_are_refused(tmp_path: Path) -> None:
    with_q_as(tmp_path / "a", torch.float8_e4m3fn)
    with pytest.raises(StorageError, match=r"q_proj\.weight is stored as F8_E4M3.* not quantized"):
        convert(tmp_path / "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_inside_of_something_else_are_refused(tmp_path: Path) -> None:
    save_original(tmp_path / "a", pickled=True)
    file = tmp_path / "a" / "pytorch_model.bin"
    torch.save({"state_dict": torch.load(file, weights_only=True)}, file)
    with pytest.raises(StorageError, match="state_dict alone"):
        convert(tmp_path / "a", tmp_path / "out")


def test_a_name_on_the_hub_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"sharegpt4video-8b: no such folder.*hf download"):
        convert("Lin-Chen/sharegpt4video-8b", tmp_path / "out")


def test_a_full_disk_says_how_much_is_needed_and_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    save_original(tmp_path / "a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(StorageError, match=r"model\.safetensors: cannot be written .* GiB are needed"):
            convert(tmp_path / "a", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path) -> None:
    save_original(tmp_path / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="name another one"):
        convert(tmp_path / "a", tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("num_attention_heads", 3, "not a multiple of the number of attention heads"),
        ("hidden_act", "foo", "KeyError: 'foo'"),
        ("num_hidden_layers", "two", "num_hidden_layers"),
        ("rms_norm_eps", None, "rms_norm_eps"),
        ("image_grid_pinpoints", [[28]], r"image_grid_pinpoints is \[\[28\]\], not a list"),
        ("image_grid_pinpoints", [28, 56], "not a list"),
        ("image_grid_pinpoints", "[(28, 56)]", "is a text"),
        ("image_grid_pinpoints", [[-28, 28]], "sides are at least 1 pixel"),
        ("mm_use_im_start_end", True, "mm_use_im_start_end is True"),
        ("mm_vision_select_layer", [-2], r"mm_vision_select_layer is \[-2\]"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_named(tmp_path: Path, key: str, value: Any, message: str) -> None:
    save_original(tmp_path / "a")
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    (tmp_path / "a" / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(SettingsError, match=rf"config\.json: .*{message}"):
        convert(tmp_path / "a", tmp_path / "out")


def test_a_tokenizer_configuration_that_is_none_is_named(tmp_path: Path) -> None:
    save_original(tmp_path / "a", tokenizer=llama3_tokenizer(), rows=261)
    (tmp_path / "a" / "tokenizer_config.json").write_text("[]")
    with pytest.raises(SettingsError, match="the tokenizer cannot be loaded"):
        convert(tmp_path / "a", tmp_path / "out")


NORM = "model.norm.weight"


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_weights_without_fractions_are_refused_there_and_back(tmp_path: Path, dtype: Any) -> None:
    made = random_weights(original_shapes(original_config(120)))
    save_original(tmp_path / "a", {**made, NORM: torch.ones(32).to(dtype)})
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(SettingsError, match=rf"not floating-point numbers: language_model\.{NORM} \({kind}\)"):
        convert(tmp_path / "a", tmp_path / "out")
    save_original(tmp_path / "b", made)
    convert(tmp_path / "b", tmp_path / "good")
    file = tmp_path / "good" / "model.safetensors"
    save_file({**load_file(file), f"language_model.{NORM}": torch.ones(32).to(dtype)}, file)
    with pytest.raises(SettingsError, match=r"not floating-point numbers: language_model"):
        to_original(tmp_path / "good", tmp_path / "back")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_weights_with_nan_or_infinity_are_kept_and_told(tmp_path: Path, value: str, dtype: str | None) -> None:
    made = random_weights(original_shapes(original_config(120)))
    made[NORM][3] = float(value)
    save_original(tmp_path / "a", made)
    warnings = convert(tmp_path / "a", tmp_path / "out", dtype=dtype).warnings
    assert [one for one in warnings if one.startswith(f"NaN or infinity in language_model.{NORM}, kept")]
    kept = load_file(tmp_path / "out" / "model.safetensors")[f"language_model.{NORM}"][3]
    assert str(float(kept)) == value


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [("bfloat16", 1e5, "float16"), ("bfloat16", -1e5, "float16"), ("float64", 1e300, "float32"),
     ("float32", 3.4e38, "bfloat16")],
)  # fmt: skip
def test_numbers_that_a_type_does_not_hold_are_an_error(tmp_path: Path, before: str, value: float, after: str) -> None:
    made = random_weights(original_shapes(original_config(120)), dtype=getattr(torch, before))
    made[NORM][3] = value
    save_original(tmp_path / "a", made)
    with pytest.raises(StorageError, match=rf"{NORM}: holds .*, and {after} ends at .* instead \(--dtype\)"):
        convert(tmp_path / "a", tmp_path / "out", dtype=after)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("index", "message"), [("[]", "not an object"), ('{"weight_map": []}', "no weight_map"),
                           ('{"weight_map": {"a": 3}}', "no weight_map")]
)  # fmt: skip
def test_an_index_that_is_none_is_named(tmp_path: Path, index: str, message: str) -> None:
    save_original(tmp_path / "a", shards=2)
    (tmp_path / "a" / "model.safetensors.index.json").write_text(index)
    with pytest.raises(StorageError, match=message):
        convert(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize("kind", ["sparse", "meta"])
def test_weights_that_are_not_there_as_plain_numbers_are_refused(tmp_path: Path, kind: str) -> None:
    made = random_weights(original_shapes(original_config(120)))
    odd = made[NORM].to_sparse() if kind == "sparse" else made[NORM].to("meta")
    save_original(tmp_path / "a", {**made, NORM: odd}, pickled=True)
    with pytest.raises(StorageError, match=rf"{NORM} .*dense weights"):
        convert(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize(("scale", "told"), [(1.0, False), (1e-3, False), (1e-9, True), (1e-7, True)])
def test_weights_that_a_narrower_type_makes_zero_or_coarse_are_told(tmp_path: Path, scale: float, told: bool) -> None:
    made = random_weights(original_shapes(original_config(120)))
    name = "model.layers.0.self_attn.q_proj.weight"
    save_original(tmp_path / "a", {**made, name: made[name] * scale})
    warnings = convert(tmp_path / "a", tmp_path / "out", dtype="float16").warnings
    assert any(f"became zero or coarse: language_model.{name}" in one for one in warnings) == told
    warnings = convert(tmp_path / "a", tmp_path / "wide", dtype="bfloat16").warnings
    assert not [one for one in warnings if "coarse" in one]


def test_an_index_that_names_what_no_shard_holds_is_told(tmp_path: Path) -> None:
    save_original(tmp_path / "a", shards=2)
    index = tmp_path / "a" / "model.safetensors.index.json"
    plain = json.loads(index.read_text())
    plain["weight_map"]["model.layers.0.self_attn.q_proj.bias"] = "model-00001-of-00002.safetensors"
    index.write_text(json.dumps(plain))
    warnings = convert(tmp_path / "a", tmp_path / "out").warnings
    assert [one for one in warnings if "names weights that no file there holds: model.layers.0.self_attn.q_proj" in one]


@pytest.mark.parametrize("elsewhere", ["../a.safetensors", "/etc/hostname"])
def test_an_index_names_files_of_its_own_folder_alone(tmp_path: Path, elsewhere: str) -> None:
    save_original(tmp_path / "a", shards=2)
    index = tmp_path / "a" / "model.safetensors.index.json"
    plain = json.loads(index.read_text())
    plain["weight_map"][NORM] = elsewhere
    index.write_text(json.dumps(plain))
    with pytest.raises(StorageError, match=f"named by {index.name} are missing: {elsewhere}"):
        convert(tmp_path / "a", tmp_path / "out")
