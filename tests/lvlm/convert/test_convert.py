"""Checkpoints made under the original's names become LlavaNext, and come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file  # noqa: E402

from made_checkpoints import (  # noqa: E402
    CLIP,
    chatml_tokenizer,
    direct_llava,
    llama3_tokenizer,
    original_config,
    original_shapes,
    random_weights,
    save_original,
    save_weights,
)
from sharegpt4video.errors import SettingsError, StorageError  # noqa: E402
from sharegpt4video.lvlm.convert import convert, is_original, to_original  # noqa: E402

torch.set_num_threads(1)
ROWS = 120


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("checkpoints") / "original"
    return folder, save_original(folder)


@pytest.fixture(scope="module")
def converted(source: tuple[Path, dict[str, Any]]) -> Path:
    out = source[0].parent / "converted"
    convert(source[0], out)
    return out


def loaded(folder: Path) -> Any:
    model, info = transformers.LlavaNextForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    return model.eval()


def all_weights(folder: Path) -> dict[str, Any]:
    return {name: weight for file in sorted(folder.glob("*.safetensors")) for name, weight in load_file(file).items()}


def outputs(model: Any, image_token: int) -> Any:
    """Scores for a made question with a made picture of 2 x 1 tiles and the overview."""
    generator = torch.Generator().manual_seed(5)
    pixels = torch.randn((1, 3, 3, 28, 28), generator=generator)
    places = 4 + 2 * (4 + 1)  # the overview, then two rows of four patches, each with an end of line
    ids = torch.tensor([[1, 5, *[image_token] * places, 7, 8, 9]])
    with torch.no_grad():
        return model(input_ids=ids, pixel_values=pixels, image_sizes=torch.tensor([[28, 56]])).logits


def test_the_forward_pass_equals_a_model_filled_by_hand(source: tuple[Path, dict[str, Any]], converted: Path) -> None:
    expected = outputs(direct_llava(*source, ROWS), ROWS)
    assert torch.allclose(outputs(loaded(converted), ROWS)[..., :ROWS], expected[..., :ROWS], atol=1e-6)


def test_the_report_tells_what_was_done(source: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = convert(source[0], tmp_path / "out", shard_bytes=40_000, on_shard=lambda *told: seen.append(told))
    files = sorted(path.name for path in (tmp_path / "out").glob("*.safetensors"))
    assert report.tensors == len(source[1])
    assert report.parameters == sum(weight.numel() for weight in source[1].values()) + 2 * 32  # the row of <image>
    assert (report.rows, report.image_token_id, report.shards) == (ROWS + 1, ROWS, len(files))
    assert seen == [(number, len(files)) for number in range(1, len(files) + 1)]
    assert files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    assert all(path.stat().st_size < 45_000 for path in (tmp_path / "out").glob("*.safetensors"))
    assert [warning for warning in report.warnings if "no tokenizer found" in warning]
    assert "vocabulary of 121 rows, <image> is 120" in report.text()
    loaded(tmp_path / "out")


def test_the_new_rows_can_not_win(converted: Path, source: tuple[Path, dict[str, Any]]) -> None:
    weights, old = all_weights(converted), source[1]
    embedded, head = weights["language_model.model.embed_tokens.weight"], weights["language_model.lm_head.weight"]
    assert embedded[:ROWS].equal(old["model.embed_tokens.weight"])
    assert not embedded[ROWS].any()
    assert torch.allclose(head[ROWS], old["lm_head.weight"].mean(0), atol=1e-6)
    generation = json.loads((converted / "generation_config.json").read_text())
    assert generation["suppress_tokens"] == [ROWS]
    assert generation["do_sample"] is False


def test_there_and_back_is_bit_equal(source: tuple[Path, dict[str, Any]], converted: Path, tmp_path: Path) -> None:
    to_original(converted, tmp_path / "back", shard_bytes=30_000)
    back = all_weights(tmp_path / "back")
    assert back.keys() == source[1].keys()
    assert all(back[name].equal(weight) for name, weight in source[1].items())
    assert json.loads((tmp_path / "back" / "config.json").read_text()) == json.loads(
        (source[0] / "config.json").read_text()
    )
    assert is_original(tmp_path / "back")


def test_back_from_what_transformers_saved_itself(
    source: tuple[Path, dict[str, Any]], converted: Path, tmp_path: Path
) -> None:
    """As after further training: other spellings of the names, and no record of the source."""
    loaded(converted).save_pretrained(tmp_path / "trained")
    report = to_original(tmp_path / "trained", tmp_path / "back")
    back = all_weights(tmp_path / "back")
    assert back.keys() == source[1].keys()
    assert all(back[name].equal(weight) for name, weight in source[1].items())
    old, new = (json.loads((folder / "config.json").read_text()) for folder in (source[0], tmp_path / "back"))
    for key in ("vocab_size", "rope_theta", "image_grid_pinpoints", "mm_projector_type", "num_key_value_heads",
                "mm_vision_select_layer", "mm_hidden_size", "rms_norm_eps", "model_type"):  # fmt: skip
        assert new[key] == old[key], key
    assert "not known" in report.warnings[0]
    convert(tmp_path / "back", tmp_path / "again")  # its tower is none that a name tells, so it comes along
    made, expected = all_weights(tmp_path / "again"), all_weights(converted)
    assert all(made[name].equal(weight) for name, weight in expected.items())


def test_back_from_a_configuration_that_leaves_out_what_is_usual(converted: Path, tmp_path: Path) -> None:
    """As on the Hub (llava-hf/llama3-llava-next-8b-hf): what is Llama's or CLIP's default is not in the file."""
    loaded(converted).save_pretrained(tmp_path / "short")
    config = json.loads((tmp_path / "short" / "config.json").read_text())
    for key in ("hidden_size", "num_hidden_layers", "num_attention_heads"):
        del config["text_config"][key]
    (tmp_path / "short" / "config.json").write_text(json.dumps(config))
    to_original(tmp_path / "short", tmp_path / "back")
    made = json.loads((tmp_path / "back" / "config.json").read_text())
    assert (made["hidden_size"], made["num_hidden_layers"], made["num_attention_heads"]) == (4096, 32, 32)


@pytest.mark.parametrize(("shards", "pickled"), [(3, False), (1, True), (4, True)])
def test_files_of_every_kind_are_read(tmp_path: Path, converted: Path, shards: int, pickled: bool) -> None:
    save_original(tmp_path / "original", shards=shards, pickled=pickled)
    convert(tmp_path / "original", tmp_path / "out")
    made, expected = all_weights(tmp_path / "out"), all_weights(converted)
    assert made.keys() == expected.keys()
    assert all(made[name].equal(weight) for name, weight in expected.items())


def test_sixteen_bits_stay_and_can_be_asked_for(tmp_path: Path, source: tuple[Path, dict[str, Any]]) -> None:
    half = {name: weight.to(torch.bfloat16) for name, weight in source[1].items()}
    save_original(tmp_path / "half", half, torch_dtype="bfloat16")
    assert convert(tmp_path / "half", tmp_path / "same").dtype == "bfloat16"
    assert {weight.dtype for weight in all_weights(tmp_path / "same").values()} == {torch.bfloat16}
    convert(source[0], tmp_path / "asked", dtype="bfloat16")
    to_original(tmp_path / "asked", tmp_path / "back")
    assert json.loads((tmp_path / "back" / "config.json").read_text())["torch_dtype"] == "bfloat16"
    same, asked = all_weights(tmp_path / "same"), all_weights(tmp_path / "asked")
    differ = [name for name in same if not same[name].equal(asked[name])]
    assert differ in ([], ["language_model.lm_head.weight"])  # its new row is a mean, of rounded numbers or not


def test_buffers_of_old_versions_are_left_out(tmp_path: Path, source: tuple[Path, dict[str, Any]]) -> None:
    old = {
        **source[1],
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
        f"{CLIP}embeddings.position_ids": torch.arange(5)[None],
    }
    save_original(tmp_path / "old", old)
    report = convert(tmp_path / "old", tmp_path / "out")
    assert len(report.dropped) == 2
    loaded(tmp_path / "out")


def test_weights_that_lack_or_are_too_many_are_listed(tmp_path: Path, source: tuple[Path, dict[str, Any]]) -> None:
    few = {name: weight for name, weight in source[1].items() if "layers.1.mlp" not in name or name.startswith(CLIP)}
    save_original(tmp_path / "few", few)
    with pytest.raises(SettingsError, match=r"missing weights: .*layers\.1\.mlp\.down_proj\.weight"):
        convert(tmp_path / "few", tmp_path / "out")
    save_original(tmp_path / "many", {**source[1], "model.video_head.weight": torch.ones(2)})
    with pytest.raises(SettingsError, match=r"model\.video_head\.weight"):
        convert(tmp_path / "many", tmp_path / "out")
    save_original(tmp_path / "deep", {**source[1], "model.layers.2.mlp.up_proj.weight": torch.ones(64, 32)})
    with pytest.raises(SettingsError, match=r"too many: language_model\.model\.layers\.2"):
        convert(tmp_path / "deep", tmp_path / "out")
    save_original(tmp_path / "wide", {**source[1], "model.norm.weight": torch.ones(33)})
    with pytest.raises(SettingsError, match=r"norm\.weight is \(33,\), not \(32,\)"):
        convert(tmp_path / "wide", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "few", "many", "wide"]  # no half folder


def test_rows_come_from_the_weights_not_from_the_configuration(tmp_path: Path) -> None:
    """A checkpoint that was trained with a token more than its configuration says."""
    weights = random_weights(original_shapes(original_config(125)))
    save_original(tmp_path / "original", weights, rows=120)
    report = convert(tmp_path / "original", tmp_path / "out")
    assert (report.rows, report.image_token_id) == (126, 125)
    assert loaded(tmp_path / "out").config.text_config.vocab_size == 126


def test_a_folder_that_is_there_is_not_touched(source: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(StorageError, match="is there already"):
        convert(source[0], tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]


def test_other_models_are_refused_with_the_reason(
    source: tuple[Path, dict[str, Any]], converted: Path, tmp_path: Path
) -> None:
    assert is_original(source[0])
    assert not is_original(converted)
    assert not is_original(tmp_path)
    with pytest.raises(SettingsError, match="model_type is 'llava_next'"):
        convert(converted, tmp_path / "out")
    with pytest.raises(SettingsError, match="nothing to convert back"):
        to_original(source[0], tmp_path / "out")
    save_original(tmp_path / "old", mm_projector_type="linear", image_aspect_ratio="pad")
    with pytest.raises(SettingsError, match=r"mm_projector_type is 'linear'.*image_aspect_ratio is 'pad'"):
        convert(tmp_path / "old", tmp_path / "out")


def test_a_missing_shard_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    save_original(tmp_path / "a", shards=3)
    (tmp_path / "a" / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(StorageError, match="model-00002-of-00003"):
        convert(tmp_path / "a", tmp_path / "out")
    save_original(tmp_path / "b")
    whole = (tmp_path / "b" / "model.safetensors").read_bytes()
    (tmp_path / "b" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StorageError, match=r"model\.safetensors: cannot be read"):
        convert(tmp_path / "b", tmp_path / "out")


def test_a_tower_beside_the_checkpoint_is_taken_only_if_it_brings_none(
    tmp_path: Path, source: tuple[Path, dict[str, Any]]
) -> None:
    without = {name: weight for name, weight in source[1].items() if not name.startswith(CLIP)}
    save_original(tmp_path / "original", without)
    with pytest.raises(SettingsError, match="--vision-tower"):
        convert(tmp_path / "original", tmp_path / "out")
    tower = {
        name.removeprefix("model.vision_tower.vision_tower."): weight + 1
        for name, weight in source[1].items()
        if name.startswith(CLIP)
    }
    save_weights(tmp_path / "original" / "tower", tower)
    report = convert(tmp_path / "original", tmp_path / "out")
    assert "as it was before training" in report.warnings[0]
    made = all_weights(tmp_path / "out")["vision_tower.vision_model.embeddings.class_embedding"]
    assert made.equal(source[1][f"{CLIP}embeddings.class_embedding"] + 1)


def test_a_tower_of_unknown_make_is_asked_for(tmp_path: Path) -> None:
    save_original(tmp_path / "original", mm_vision_tower="somebody/their-tower")
    with pytest.raises(SettingsError, match=r"somebody/their-tower.*--vision-tower"):
        convert(tmp_path / "original", tmp_path / "out")
    convert(tmp_path / "original", tmp_path / "out", vision_tower=tmp_path / "original" / "tower")


@pytest.mark.parametrize(
    ("make", "rows", "end", "expected"),
    [
        (
            llama3_tokenizer, 261, "<|eot_id|>",
            "<|begin_of_text|><|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nYou are a helpful language"
            " and vision assistant. You are able to understand the visual content that the user provides, and assist"
            " the user with a variety of tasks using natural language.<|eot_id|><|start_header_id|>user"
            "<|end_header_id|>\n\n<image>\n What? <|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
            "This.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|><|start_header_id|>assistant<|end_header_id|>"
            "\n\n",
        ),
        (
            chatml_tokenizer, 260, "<|im_end|>",
            "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\n<image>\n What? <|im_end|>"
            "<|im_start|>assistant\nThis.<|im_end|><|im_start|>user\nWhy?<|im_end|><|im_start|>assistant\n",
        ),
    ],
)  # fmt: skip
def test_tokenizer_and_template_come_along(tmp_path: Path, make: Any, rows: int, end: str, expected: str) -> None:
    """The texts are those of the original's conversations, written out by hand from its template code."""
    save_original(tmp_path / "original", tokenizer=make(), rows=rows)
    report = convert(tmp_path / "original", tmp_path / "out")
    processor = transformers.AutoProcessor.from_pretrained(tmp_path / "out")
    assert (
        processor.tokenizer.convert_tokens_to_ids("<image>")
        == processor.image_token_id
        == report.image_token_id
        == rows
    )
    said = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " What? "}]},
        {"role": "assistant", "content": [{"type": "text", "text": "This."}]},
        {"role": "user", "content": "Why?"},
    ]
    assert processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True) == expected
    asked = [{"role": "system", "content": "Look.\n"}, *said[:1]]
    assert "Look.\n" + end in processor.apply_chat_template(asked, tokenize=False)
    generation = transformers.GenerationConfig.from_pretrained(tmp_path / "out")
    assert generation.eos_token_id == [2, processor.tokenizer.convert_tokens_to_ids(end)]
    assert [warning for warning in report.warnings if end in warning]
    assert processor.image_processor.size["shortest_edge"] == 28
    assert processor.image_processor.image_grid_pinpoints[0] == [56, 28]  # (height, width), in the original's order

    to_original(tmp_path / "out", tmp_path / "back")
    back = transformers.AutoTokenizer.from_pretrained(tmp_path / "back")
    assert len(back) == rows
    assert back("Hi <image>")["input_ids"] == make()("Hi <image>")["input_ids"]


def test_the_beginning_is_doubled_as_the_original_doubles_it(tmp_path: Path) -> None:
    save_original(tmp_path / "original", tokenizer=llama3_tokenizer(), rows=261)
    convert(tmp_path / "original", tmp_path / "out")
    processor = transformers.AutoProcessor.from_pretrained(tmp_path / "out")
    said = [{"role": "user", "content": "Hi"}]
    theirs = llama3_tokenizer()("<|begin_of_text|><|start_header_id|>system")["input_ids"]
    assert theirs[:2] == [256, 256]
    ids = processor.apply_chat_template(said, tokenize=True, return_dict=True)["input_ids"][0]
    assert ids[: len(theirs)] == theirs


def test_rows_without_a_token_are_named_to_reach_the_last(tmp_path: Path) -> None:
    save_original(tmp_path / "original", tokenizer=llama3_tokenizer(), rows=264)
    report = convert(tmp_path / "original", tmp_path / "out")
    assert report.image_token_id == 264
    assert [warning for warning in report.warnings if "3 rows" in warning]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.convert_tokens_to_ids("<image>") == 264


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    save_original(tmp_path / "original", tokenizer=llama3_tokenizer(), rows=5000)
    with pytest.raises(SettingsError, match="261 tokens, but the model 5000 rows"):
        convert(tmp_path / "original", tmp_path / "out")
