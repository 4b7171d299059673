"""Building models and processors: random weights by seed, folders there and back, bases that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.grid import visual_tokens
from sharegpt4video.lvlm.model.build import build, check_ends, configuration, processor, shape_of
from sharegpt4video.lvlm.model.shapes import SHAPES
from sharegpt4video.lvlm.model.tiny import SPECIAL_TOKENS, vocabulary
from sharegpt4video.lvlm.settings import ModelSettings

TINY = ModelSettings(shape="tiny", random_weights=True)


@pytest.fixture
def folder(tmp_path: Path, tiny: Any, tiny_processor: Any) -> Path:
    tiny.save_pretrained(tmp_path / "base")
    tiny_processor.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def test_a_seed_decides_the_weights_and_leaves_the_global_state_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same, other = (build(TINY, dtype=torch.float32, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    first = [torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True)]
    assert all(first)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)


def test_a_folder_gives_back_the_model_and_the_processor(folder: Path, tiny: Any, tiny_processor: Any) -> None:
    settings = ModelSettings(base=str(folder), shape="tiny")
    model = build(settings, dtype=torch.float32)
    theirs = dict(model.named_parameters())
    assert all(torch.equal(parameter, theirs[name]) for name, parameter in tiny.named_parameters())
    again = processor(settings)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 90, 3), dtype=np.uint8))
    text = "<image>\nHow does the red circle move? Zürich 2026"
    mine, read = (one(images=picture, text=text, return_tensors="pt") for one in (tiny_processor, again))
    assert all(torch.equal(mine[key], read[key]) for key in mine)
    assert again.tokenizer.get_chat_template() == tiny_processor.tokenizer.get_chat_template()


def test_without_shape_the_base_tells_it(folder: Path) -> None:
    found = shape_of(ModelSettings(base=str(folder)))
    assert found is not None
    assert found.name == "tiny"


def test_on_the_meta_device_no_weights_are_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    model = build(ModelSettings(base=str(folder)), device="meta")
    assert all(parameter.is_meta for parameter in model.parameters())


def test_a_base_of_another_shape_is_refused_with_the_numbers(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"text\.hidden_size: 192, not 4096"):
        build(ModelSettings(base=str(folder), shape="llava-next-llama3-8b"))


def test_the_original_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava_llama", "mm_vision_tower": "clip"}))
    with pytest.raises(SettingsError, match=r"sg4v convert"):
        build(ModelSettings(base=str(tmp_path)))


def test_a_folder_with_an_adapter_is_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "elsewhere"}')
    with pytest.raises(SettingsError, match=r"holds an adapter .* merge it into its base first"):
        build(ModelSettings(base=str(folder)))


def test_pickled_weights_are_refused(folder: Path, tiny: Any) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(tiny.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="safetensors"):
        build(ModelSettings(base=str(folder)))


NAME = "language_model.model.layers.1.self_attn.q_proj.weight"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda weights: weights.pop(NAME), r"model.language_model.layers.1.self_attn.q_proj.weight is missing"),
        (lambda weights: weights.update({NAME: weights[NAME][:-2].clone()}), r"q_proj.weight is \(190, 192\), not"),
    ],
)
def test_weights_that_do_not_fit_are_not_made_up(folder: Path, spoil: Callable[[Any], Any], said: str) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    spoil(weights)
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(SettingsError, match=said):
        build(ModelSettings(base=str(folder)))


def test_a_file_of_weights_that_was_cut_off_is_named(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(SettingsError, match=r"base cannot be read"):
        build(ModelSettings(base=str(folder)))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        build(ModelSettings(base=str(tmp_path / "nowhere")))


def test_a_model_of_text_alone_is_refused(tmp_path: Path) -> None:
    from transformers import LlamaConfig

    LlamaConfig().save_pretrained(tmp_path)
    with pytest.raises(SettingsError, match="is a llama; known are llava_next"):
        configuration(ModelSettings(base=str(tmp_path)))


def test_a_model_that_does_not_stop_at_its_end_of_turn_is_refused(folder: Path) -> None:
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": 2}))
    with pytest.raises(SettingsError, match=r"<\|eot_id\|>' \(5\)"):
        build(ModelSettings(base=str(folder)))
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": [2, 5]}))
    build(ModelSettings(base=str(folder)))


def test_a_tokenizer_without_the_end_of_turn_is_refused(tiny: Any, tiny_processor: Any) -> None:
    with pytest.raises(SettingsError, match=r"im_end"):
        check_ends(tiny, tiny_processor, SHAPES["llava-next-yi-34b"])


@pytest.mark.parametrize(
    ("wanted", "text", "vision"),
    [("auto", "sg4v_samples", "sdpa"), ("flex_attention", "sg4v_blocks", "sdpa"), ("eager", "eager", "eager")],
)
def test_the_chosen_kernel_is_for_the_language_model_alone(wanted: str, text: str, vision: str) -> None:
    config = build(ModelSettings(shape="tiny", random_weights=True, attention=wanted), device="meta").config
    assert config.text_config._attn_implementation == text
    assert config.vision_config._attn_implementation == vision


def test_there_is_no_made_up_processor_for_a_model_that_has_its_own() -> None:
    with pytest.raises(SettingsError, match="qwen3-vl-4b"):
        processor(ModelSettings(shape="qwen3-vl-4b", random_weights=True))


def test_random_weights_of_a_large_shape_know_the_built_in_tokens() -> None:
    settings = ModelSettings(shape="llava-next-llama3-8b", random_weights=True)
    made = processor(settings)
    config = configuration(settings)
    assert config.image_token_id == made.tokenizer.convert_tokens_to_ids("<image>")
    picture = Image.new("RGB", (1920, 1103))
    inputs = made(images=picture, text="<image>", return_tensors="pt")
    assert (inputs["input_ids"] == config.image_token_id).sum() == 1948  # the original's number for 16:9


def test_the_vocabulary_holds_each_token_once_and_fits_the_model() -> None:
    tokens = [token for token, _ in vocabulary()]
    assert len(tokens) == len(set(tokens)) <= SHAPES["tiny"].text["vocab_size"]
    assert tuple(tokens[: len(SPECIAL_TOKENS)]) == SPECIAL_TOKENS


@pytest.mark.parametrize(
    "text", ["A red circle moves left, then stops.", "Zürich — 漢字 🙂\n\ttabs  and   spaces ", "<|eot_id|><image>\n"]
)
def test_every_text_can_be_written_and_read_back(tiny_processor: Any, text: str) -> None:
    ids = tiny_processor.tokenizer(text, add_special_tokens=False).input_ids
    assert tiny_processor.tokenizer.decode(ids) == text


def test_a_closed_world_is_said_in_whole_words(tiny_processor: Any) -> None:
    text = "The camera pans left while a small blue triangle moves upward behind the green square, then disappears."
    ids = tiny_processor.tokenizer(text, add_special_tokens=False).input_ids
    assert len(ids) == len(text.split()) + 2  # and the two marks


def test_the_words_of_the_closed_world_are_tokens(tiny_processor: Any) -> None:
    from sharegpt4video.world.questions import vocabulary as words

    tokenizer = tiny_processor.tokenizer
    spelled = [word for word in words() if word.isalnum() and len(tokenizer.tokenize(f" {word}")) > 1]
    assert len(spelled) <= 0.02 * len(words()), f"add them to _WORDS in lvlm/model/tiny.py: {spelled}"


def test_the_template_marks_what_the_assistant_wrote(tiny_processor: Any) -> None:
    talk = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Is it red?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And blue?"},
        {"role": "assistant", "content": "No, never."},
    ]
    tokenizer = tiny_processor.tokenizer
    found = tokenizer.apply_chat_template(talk, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, own in zip(found["input_ids"], found["assistant_masks"], strict=True) if own]
    assert tokenizer.decode(marked) == "Yes.<|eot_id|>No, never.<|eot_id|>"
    begun = tokenizer.apply_chat_template(talk[:2], add_generation_prompt=True, tokenize=False)
    assert tokenizer.apply_chat_template(talk, tokenize=False).startswith(begun)


@pytest.mark.parametrize("size", [(96, 96), (1494, 900), (300, 900), (84, 84), (40, 30)])
def test_model_processor_and_grid_agree_on_the_number_of_visual_tokens(
    tiny: Any, tiny_processor: Any, size: tuple[int, int]
) -> None:
    inputs = tiny_processor(images=Image.new("RGB", size), text="<image>", return_tensors="pt")
    pinpoints = [(wide, high) for high, wide in tiny.config.image_grid_pinpoints]
    expected = visual_tokens(*size, pinpoints=pinpoints, tile=84, patch=14)
    assert (inputs["input_ids"] == tiny.config.image_token_id).sum() == expected
    with torch.no_grad():
        tiny(**inputs)  # raises where the features are more or fewer


def test_a_run_is_no_base_until_it_is_merged(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(SettingsError, match="merge it: sg4v train merge"):
        configuration(ModelSettings(base=str(tmp_path / "run")))
