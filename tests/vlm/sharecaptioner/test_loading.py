"""Released files as they come: in shards or whole, by PyTorch or safetensors, damaged, of a relative, of nobody."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytest.importorskip("safetensors")

from made_sharecaptioner import FIXTURES, config, expected, weight  # noqa: E402
from saved_sharecaptioner import Weights, released_weights, save_released  # noqa: E402
from sharegpt4video.errors import VLMError  # noqa: E402
from sharegpt4video.tensors import Stored  # noqa: E402
from sharegpt4video.vlm.hf.loading import Source  # noqa: E402
from sharegpt4video.vlm.sharecaptioner import loading  # noqa: E402
from sharegpt4video.vlm.sharecaptioner import shape as shapes  # noqa: E402
from sharegpt4video.vlm.sharecaptioner.config import shape_of  # noqa: E402
from sharegpt4video.vlm.sharecaptioner.loading import load  # noqa: E402
from sharegpt4video.vlm.sharecaptioner.model import ShareCaptioner, configuration, renamed  # noqa: E402

torch.set_num_threads(1)

POST_NORM = "vit.vision_tower.vision_model.post_layernorm."
NORM = "model.layers.1.ffn_norm.weight"
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def source(folder: Path, dtype: str = "float32") -> Source:
    return Source(str(folder), None, "cpu", dtype, "auto", kind="sharecaptioner")


def weights_of(model: Any) -> Weights:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def refused(folder: Path) -> str:
    with pytest.raises(VLMError) as error:
        load(source(folder))
    return str(error.value)


def test_every_weight_of_the_full_size_model_has_its_place() -> None:
    """Names and shapes as public documents tell them (see docs/models.md); none was seen in the released index."""
    shape = shapes.RELEASED
    with torch.device("meta"):
        model = ShareCaptioner(configuration(shape), shape)
    placed = {}
    for name, sides in shapes.expected(shape).items():
        for ours, make in renamed(name, shape).items():
            assert ours not in placed
            placed[ours] = make(torch.empty(sides, device="meta")).shape
    assert placed == {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert len(shapes.expected(shape)) == 942
    assert sum(torch.Size(sides).numel() for sides in shapes.expected(shape).values()) == 8_597_501_952 - 2 * 1024


def test_the_tiny_models_names_are_those_of_the_original() -> None:
    names = {name: tuple(sides) for name, sides in expected("names").items()}
    shape = shape_of(json.loads((FIXTURES / "config.json").read_text()), names, "tiny")
    assert shapes.expected(shape) == {name: sides for name, sides in names.items() if not shapes.UNUSED.fullmatch(name)}


def test_files_of_all_kinds_give_the_same_model(tmp_path: Path, loaded: Any) -> None:
    weights = released_weights()
    without = {name: tensor for name, tensor in weights.items() if not name.startswith(POST_NORM)}
    old = {"vit.vision_tower.vision_model.embeddings.position_ids": torch.arange(577)[None]}
    old |= {"model.layers.0.attention.rotary_emb.inv_freq": torch.ones(8)}
    kinds: dict[str, Callable[[Path], Path]] = {
        "one": lambda at: save_released(at, weights | old),
        "safetensors": lambda at: save_released(at, weights, ending=".safetensors"),
        "shards": lambda at: save_released(at, without, ending=".safetensors", shards=3),
    }
    first = weights_of(loaded.model)
    for name, make in kinds.items():
        other = weights_of(load(source(make(tmp_path / name))).model)
        assert other.keys() == first.keys()
        assert all(torch.equal(first[each], other[each]) for each in first), name


def test_weights_come_in_the_type_that_is_asked_for(released: Path) -> None:
    model = load(source(released, "bfloat16")).model
    assert {tensor.dtype for tensor in model.parameters()} == {torch.bfloat16}
    assert model.model.rotary_emb.inv_freq.dtype == torch.float32


class Harm:
    """What a file of weights may hold: code that runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch harmed",)


def test_code_in_files_of_weights_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = save_released(tmp_path / "model", released_weights(), auto_map={"AutoModel": "harm.Harm"})
    (folder / "harm.py").write_text("open('harmed', 'w').close()\n")
    load(source(folder))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harm(), protocol=2))
    assert "cannot be read as weights" in refused(folder)
    assert not (tmp_path / "harmed").exists()


def test_weights_that_are_missing_surplus_or_of_another_shape_are_named(tmp_path: Path) -> None:
    weights = released_weights()
    weights["video_mem_proj.0.weight"] = torch.zeros(2, 2)
    weights["plora_sub_GN"] = torch.zeros(1, 1, 1, 64)
    del weights[NORM]
    said = refused(save_released(tmp_path, weights))
    assert f"{NORM} is missing" in said
    assert "video_mem_proj.0.weight is not of this model" in said
    assert "plora_sub_GN (1, 1, 1, 64), not (1, 1, 1, 96) is of another shape" in said
    assert "XComposer2-VL or 2.5" in said


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = save_released(tmp_path, released_weights(), shards=2)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    assert "pytorch_model-00002-of-00002.bin" in refused(folder)
    (folder / "pytorch_model.bin.index.json").unlink()
    assert "has pytorch_model-00001-of-00002.bin, but not pytorch_model-00002-of-00002.bin" in refused(folder)


def test_of_the_hub_come_weights_and_two_texts_and_no_code(
    tmp_path: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release has no safetensors, so PyTorch's files are asked for after those."""
    asked: list[list[str]] = []

    def download(_model: str, *, allow_patterns: list[str], **_: Any) -> str:
        asked.append(allow_patterns)
        for file in released.iterdir():
            if any(file.match(pattern) for pattern in allow_patterns):
                shutil.copy(file, tmp_path)
        return str(tmp_path)

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # the server is not looked for
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    load(replace(source(released), model="somebody/captioner"))
    assert asked == [
        ["config.json", "tokenizer.model", "*.safetensors", "*.safetensors.index.json"],
        ["config.json", "tokenizer.model", "pytorch_model*.bin", "pytorch_model*.bin.index.json"],
    ]


def no_room(*_: Any, **__: Any) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 112.00 MiB.")


@pytest.mark.parametrize("step", ["to", "from_pretrained"])
def test_without_room_for_the_weights_their_size_is_told(
    released: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(ShareCaptioner, step, no_room)
    assert "CUDA out of memory" in refused(released)
    monkeypatch.setattr(loading, "weight_bytes", lambda how, _shape, width=2: {"none": 8e9 * width}.get(how, 5e9))
    said = refused(released)
    assert "the weights take 32.0 GB, less with dtype=bfloat16 (16.0 GB), quantized=int8 (5.0 GB)" in said


def test_the_numbers_of_a_release_are_those_of_its_files() -> None:
    """A ``config.json`` may say 32 bits, those it was trained in, while the files hold 16."""
    shape = replace(shapes.RELEASED, dtype="float32")
    for stored, own in (("float16", "float16"), ("bfloat16", "bfloat16"), ("float32", "float32")):
        weights = {"output.weight": Stored(Path("x"), "output.weight", (2, 2), stored)}
        assert loading.own_dtype(shape, weights) == own


def test_biases_are_cut_as_the_rows_of_their_matrix(tmp_path: Path) -> None:
    """Two heads of keys, each with two of queries before it and one of values after, 16 numbers a head."""
    weights = released_weights()
    for layer in range(3):
        weights[f"model.layers.{layer}.attention.wqkv.bias"] = torch.arange(128.0)
        weights[f"model.layers.{layer}.attention.wo.bias"] = torch.arange(64.0)
    attention = load(source(save_released(tmp_path, weights, bias=True))).model.model.layers[1].self_attn
    parts = [getattr(attention, f"{name}_proj").base.bias.tolist() for name in "qkvo"]
    queries, keys, values = [*range(32), *range(64, 96)], [*range(32, 48), *range(96, 112)], [*range(48, 64)]
    assert parts == [queries, keys, [*values, *range(112, 128)], [*range(64)]]


def test_positions_are_divided_by_a_linear_factor(loaded: Any, tmp_path: Path) -> None:
    scaled = load(source(save_released(tmp_path, released_weights(), rope_scaling={"type": "linear", "factor": 2})))
    ids = torch.arange(3, 40)[None]
    places = torch.arange(ids.shape[1])[None]
    with torch.inference_mode():
        found = scaled.model(input_ids=ids, position_ids=2 * places).logits
        torch.testing.assert_close(found, loaded.model(input_ids=ids, position_ids=places).logits, atol=5e-4, rtol=1e-4)


def test_an_unknown_rank_is_not_guessed_at(tmp_path: Path) -> None:
    weights = released_weights()
    for layer in range(3):
        name = f"model.layers.{layer}.attention.wo.Plora_"
        weights |= {f"{name}A.weight": torch.zeros(16, 64), f"{name}B.weight": torch.zeros(64, 16)}
    assert "has rank 16; the original knows the ranks 8 and 256" in refused(save_released(tmp_path, weights))


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def fewer_words() -> Weights:
    weights = released_weights()
    return weights | {name: weights[name][:300].clone() for name in ("model.tok_embeddings.weight", "output.weight")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("{}"), "has no hidden_size, intermediate_size"),
        (lambda folder: (folder / "tokenizer.model").unlink(), "there is no tokenizer.model"),
        (lambda folder: (folder / "tokenizer.model").write_bytes(b"nothing"), "cannot be read as a SentencePiece"),
        (lambda folder: (folder / "tokenizer.model").write_text(LFS), "git lfs pull"),
        (lambda folder: (folder / "pytorch_model.bin").write_text(LFS), "git lfs pull"),
        pytest.param(
            lambda folder: pipe(folder / "pytorch_model.bin"),
            "it is a device or a pipe",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
        ),
        (lambda folder: [file.unlink() for file in folder.glob("*.bin*")], "there are no weights"),
        (lambda folder: shutil.rmtree(folder), "there is no such folder"),
        (lambda folder: save_released(folder, fewer_words(), vocab_size=300), "pieces and the weights rows for 300"),
        (lambda folder: save_released(folder, released_weights(), num_attention_heads=5), "no multiples of each other"),
        (lambda folder: save_released(folder, released_weights(), rope_scaling={"type": "yarn"}), "known are"),
        (lambda folder: save_released(folder, {"model.embed_tokens.weight": torch.zeros(4, 4)}), "take hf:"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_this_model_says_what_to_do(
    tmp_path: Path, change: Callable[[Path], Any], words: str
) -> None:
    folder = save_released(tmp_path / "model", released_weights())
    change(folder)
    assert words in refused(folder)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_hidden_layers", 10_000_000, "num_hidden_layers"),
        ("num_hidden_layers", 4000, "the weights have 3 layers"),
        ("num_key_value_heads", "2", "num_key_value_heads is"),
        ("max_position_embeddings", "many", "max_position_embeddings is"),
        ("rms_norm_eps", "x", "rms_norm_eps is"),
        ("rope_theta", 0, "rope_theta"),
        ("rope_scaling", {"type": "linear"}, "linear with a factor"),
        ("rope_scaling", {"type": "linear", "factor": float("inf")}, "linear with a factor"),
        ("torch_dtype", "banana", "torch_dtype is"),
        ("hidden_act", "gelu", "hidden_act is"),
        ("tie_word_embeddings", True, "a head of its own"),
        ("eos_token_id", "</s>", "a token is a number"),
        ("eos_token_id", [2, 10**30], "a number below vocab_size"),
        ("vision_config", [1], "it is an object"),
        ("vision_config", {"patch_size": 0}, "patch_size"),
        ("vision_config", {"hidden_size": "a"}, "hidden_size is"),
        ("vision_config", {"num_attention_heads": 5}, "both must go up evenly"),
        ("vision_config", {"hidden_act": "gelu"}, "hidden_act is"),
    ],
)
def test_a_configuration_that_makes_no_sense_or_other_arithmetic_is_refused(field: str, value: Any, words: str) -> None:
    names = {name: tuple(sides) for name, sides in expected("names").items()}
    with pytest.raises(VLMError) as error:
        shape_of(config() | {field: value}, names, "somewhere")
    assert words in str(error.value)


def test_what_a_configuration_leaves_out_or_has_as_null_is_the_releases() -> None:
    names = {name: tuple(sides) for name, sides in expected("names").items()}
    empty = dict.fromkeys(("max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling", "torch_dtype"))
    shape = shape_of(config() | empty, names, "somewhere")
    assert (shape.positions, shape.norm_epsilon, shape.rope_theta) == (32768, 1e-5, 1e6)
    assert shape_of(config() | {"eos_token_id": [7, 2]}, names, "somewhere").ends == (7, 2)
    assert type(shape_of(config() | {"rms_norm_eps": 1}, names, "somewhere").norm_epsilon) is float
    other = config() | {"vision_config": config()["vision_config"] | {"layer_norm_eps": 1e-3}}
    assert shape_of(other, names, "somewhere").tower.norm_epsilon == 1e-3


def test_weights_without_fractions_are_refused(tmp_path: Path) -> None:
    weights = released_weights()
    weights["output.weight"] = weights["output.weight"].to(torch.int64)
    assert "output.weight (int64) is in numbers without fractions" in refused(save_released(tmp_path, weights))


@pytest.mark.parametrize(("quantized", "alike"), [("int8", 0.98), ("int4", 0.85)])
def test_linear_layers_of_the_language_model_alone_are_quantized(tmp_path: Path, quantized: Any, alike: float) -> None:
    pytest.importorskip("bitsandbytes")
    pytest.importorskip("accelerate")
    names = {name: tuple(sides) for name, sides in expected("names").items()}
    # nf4 takes numbers in blocks of 64, which do not fit into the rows of the fixture.
    shape = replace(shape_of(config(), names, "tiny"), intermediate=192)
    weights = {name: torch.from_numpy(weight(name, sides)) for name, sides in shapes.expected(shape).items()}
    folder = save_released(tmp_path, weights, intermediate_size=192)
    model, whole = (load(source(folder, "auto"), how).model for how in (quantized, "none"))
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    found = {name for name, kind in kinds.items() if kind in ("Linear8bitLt", "Linear4bit")}
    assert found == {name for name in kinds if name.startswith("model.layers.") and name.endswith(".base")}
    assert len(found) == 3 * 7
    ids = torch.arange(3, 63)[None]
    mask = (ids > 10) & (ids < 40)
    with torch.inference_mode():
        scores = [each(input_ids=ids, picture_mask=mask).logits[0].float() for each in (model, whole)]
    assert torch.nn.functional.cosine_similarity(*scores).mean() > alike
