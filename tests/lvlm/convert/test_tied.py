"""Checkpoints whose head is their embeddings, weights of several types, and LoRA without what was trained beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from made_checkpoints import CLIP, direct_llava, original_config, original_shapes, random_weights, save_original  # noqa: E402
from sharegpt4video.errors import SettingsError, StorageError  # noqa: E402
from sharegpt4video.lvlm.convert import convert, to_original  # noqa: E402
from sharegpt4video.lvlm.convert.names import EMBEDDINGS, HEAD, to_transformers  # noqa: E402

torch.set_num_threads(1)
ROWS = 120
EMBED, OUT = "model.embed_tokens.weight", "lm_head.weight"
WEIGHTS = random_weights(original_shapes(original_config(ROWS)))
TIED = {name: weight for name, weight in WEIGHTS.items() if name != OUT}
PAIRS = {
    "embeddings alone": TIED,
    "head alone": {OUT if name == EMBED else name: weight for name, weight in TIED.items()},
    "both": {**TIED, OUT: WEIGHTS[EMBED].clone()},
}


def loaded(folder: Path) -> Any:
    model, info = transformers.LlavaNextForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    return model.eval()


def scores(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=torch.tensor([[1, 5, 9, 42, 7]])).logits


@pytest.mark.parametrize("kind", PAIRS)
def test_a_tied_checkpoint_gives_the_scores_of_one_filled_by_hand(kind: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    save_original(source, PAIRS[kind], tie_word_embeddings=True)
    report = convert(source, out)
    assert report.tied
    assert "the head is the embeddings" in report.text()
    assert not [warning for warning in report.warnings if "tie" in warning]
    expected = scores(direct_llava(source, {**TIED, OUT: WEIGHTS[EMBED]}, ROWS))
    model = loaded(out)
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert torch.allclose(scores(model)[..., :ROWS], expected[..., :ROWS], atol=1e-5)
    made = load_file(out / "model.safetensors")
    assert HEAD not in made
    # The row of <image> is a head's row, too: as the mean of the others it never wins.
    assert torch.allclose(made[EMBEDDINGS][ROWS], WEIGHTS[EMBED].mean(0), atol=1e-6)
    back = to_original(out, tmp_path / "back")
    again = load_file(tmp_path / "back" / "model.safetensors")
    assert back.tied
    assert again.keys() == TIED.keys()
    assert all(again[name].equal(weight) for name, weight in TIED.items())
    assert json.loads((tmp_path / "back" / "config.json").read_text())["tie_word_embeddings"] is True


def test_a_tied_model_trained_further_goes_back_tied(tmp_path: Path) -> None:
    save_original(tmp_path / "source", TIED, tie_word_embeddings=True)
    convert(tmp_path / "source", tmp_path / "out")
    loaded(tmp_path / "out").save_pretrained(tmp_path / "trained")  # no record of the source
    to_original(tmp_path / "trained", tmp_path / "back")
    assert load_file(tmp_path / "back" / "model.safetensors").keys() == TIED.keys()
    assert json.loads((tmp_path / "back" / "config.json").read_text())["tie_word_embeddings"] is True
    convert(tmp_path / "back", tmp_path / "again")
    assert torch.equal(scores(loaded(tmp_path / "again")), scores(loaded(tmp_path / "out")))


def test_a_head_that_differs_from_what_it_is_tied_to_is_told(tmp_path: Path) -> None:
    save_original(tmp_path / "source", WEIGHTS, tie_word_embeddings=True)
    report = convert(tmp_path / "source", tmp_path / "out")
    (told,) = [warning for warning in report.warnings if "tie_word_embeddings" in warning]
    assert told.startswith("lm_head.weight is not model.embed_tokens.weight")
    assert load_file(tmp_path / "out" / "model.safetensors")[EMBEDDINGS][:ROWS].equal(WEIGHTS[EMBED])


def test_a_head_that_lacks_and_is_not_tied_is_an_error_that_names_both_reasons(tmp_path: Path) -> None:
    save_original(tmp_path / "source", TIED)
    with pytest.raises(SettingsError, match=r"lm_head\.weight is not there.*lacks tie_word_embeddings"):
        convert(tmp_path / "source", tmp_path / "out")
    neither = {name: weight for name, weight in TIED.items() if name != EMBED}
    save_original(tmp_path / "neither", neither, tie_word_embeddings=True)
    with pytest.raises(SettingsError, match="neither embeddings nor head"):
        convert(tmp_path / "neither", tmp_path / "out")
    save_original(tmp_path / "whole", WEIGHTS)
    convert(tmp_path / "whole", tmp_path / "half")
    made = load_file(tmp_path / "half" / "model.safetensors")
    save_file({name: weight for name, weight in made.items() if name != HEAD}, tmp_path / "half" / "model.safetensors")
    with pytest.raises(SettingsError, match=r"lm_head\.weight is not there"):
        to_original(tmp_path / "half", tmp_path / "back")


def save_mixed(folder: Path) -> dict[str, Any]:
    """Three shards, each of its own type; most numbers are in 16 bits, most tensors in 32."""
    mixed = {}
    for name, weight in WEIGHTS.items():
        kind = torch.float32 if name.startswith(CLIP) or "norm" in name else torch.bfloat16
        mixed[name] = weight.to(torch.float16 if "mm_projector" in name else kind)
    assert sum(weight.dtype == torch.float32 for weight in mixed.values()) > len(mixed) / 2
    by_type = sorted(mixed, key=lambda name: str(mixed[name].dtype))
    save_original(folder, {name: mixed[name] for name in by_type}, shards=3, torch_dtype="bfloat16")
    return mixed


def test_weights_of_several_types_are_kept_and_told(tmp_path: Path) -> None:
    mixed = save_mixed(tmp_path / "source")
    report = convert(tmp_path / "source", tmp_path / "out")
    assert report.dtype == "bfloat16"
    (told,) = [warning for warning in report.warnings if "several types" in warning]
    assert "bfloat16 for" in told
    assert "float32 for" in told
    assert "float16 for" in told
    assert "as config.json says, bfloat16; --dtype makes them one" in told
    made = load_file(tmp_path / "out" / "model.safetensors")
    for name, weight in mixed.items():
        mine = made[to_transformers(name) or ""][: len(weight)]
        assert mine.dtype == weight.dtype
        assert torch.equal(mine, weight)
    back = to_original(tmp_path / "out", tmp_path / "back")
    assert [warning for warning in back.warnings if "several types" in warning]
    again = load_file(tmp_path / "back" / "model.safetensors")
    assert all(torch.equal(again[name], weight) for name, weight in mixed.items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_one_type_for_all_can_be_asked_for(dtype: str, tmp_path: Path) -> None:
    mixed = save_mixed(tmp_path / "source")
    report = convert(tmp_path / "source", tmp_path / "out", dtype=dtype)
    assert not [warning for warning in report.warnings if "several types" in warning]
    made = load_file(tmp_path / "out" / "model.safetensors")
    for name, weight in mixed.items():
        assert torch.equal(made[to_transformers(name) or ""][: len(weight)], weight.to(getattr(torch, dtype)))


def test_numbers_that_float16_does_not_hold_are_an_error(tmp_path: Path) -> None:
    large = {**WEIGHTS, "model.norm.weight": torch.full((32,), 1e5)}
    save_original(tmp_path / "source", large)
    with pytest.raises(StorageError, match=r"norm\.weight: holds 1e\+05, and float16 ends at 65504; take bfloat16"):
        convert(tmp_path / "source", tmp_path / "out", dtype="float16")
    assert not (tmp_path / "out").exists()
    endless = {**WEIGHTS, "model.norm.weight": torch.full((32,), float("inf"))}
    save_original(tmp_path / "endless", endless)
    convert(tmp_path / "endless", tmp_path / "same", dtype="float16")  # it was so before


def save_adapter(folder: Path, base: Path, *, config: bool = True) -> None:
    folder.mkdir()
    module = "model.layers.0.mlp.up_proj"
    rows, columns = WEIGHTS[f"{module}.weight"].shape
    factors = {"A": torch.ones(2, columns), "B": torch.ones(rows, 2)}
    save_file({f"base_model.model.{module}.lora_{one}.weight": factor for one, factor in factors.items()},
              folder / "adapter_model.safetensors")  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 2, "r": 2}))
    if config:
        (folder / "config.json").write_text((base / "config.json").read_text())


PROJECTOR = "model.mm_projector.0.weight"


@pytest.mark.parametrize("beside", [None, {}, {"base_model.model.model.image_newline": torch.ones(32)}])
def test_lora_without_the_projector_that_was_trained_beside_it_is_told(
    beside: dict[str, Any] | None, tmp_path: Path
) -> None:
    save_original(tmp_path / "base", WEIGHTS)
    save_adapter(tmp_path / "lora", tmp_path / "base")
    if beside is not None:
        torch.save(beside, tmp_path / "lora" / "non_lora_trainables.bin")
    report = convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    (told,) = [warning for warning in report.warnings if "projector" in warning]
    assert told.startswith("there is no non_lora_trainables.bin" if beside is None else "non_lora_trainables.bin holds")
    assert "the projector is the base's, as it was before training" in told
    made = load_file(tmp_path / "out" / "model.safetensors")
    assert made[to_transformers(PROJECTOR) or ""].equal(WEIGHTS[PROJECTOR])
    assert report.merged == 1


@pytest.mark.parametrize("ending", ["bin", "safetensors"])
def test_lora_with_its_projector_is_told_nothing(ending: str, tmp_path: Path) -> None:
    save_original(tmp_path / "base", WEIGHTS)
    save_adapter(tmp_path / "lora", tmp_path / "base", config=False)  # as PEFT saves it
    trained = {f"base_model.model.{name}": part + 1 for name, part in WEIGHTS.items() if "mm_projector" in name}
    write = torch.save if ending == "bin" else save_file
    write(trained, tmp_path / "lora" / f"non_lora_trainables.{ending}")
    report = convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    assert not [warning for warning in report.warnings if "projector" in warning]
    made = load_file(tmp_path / "out" / "model.safetensors")
    assert made[to_transformers(PROJECTOR) or ""].equal(WEIGHTS[PROJECTOR] + 1)


def test_lora_on_a_tied_base_of_several_types(tmp_path: Path) -> None:
    half = {name: weight.to(torch.float16) for name, weight in TIED.items()}
    save_original(tmp_path / "base", half, tie_word_embeddings=True, torch_dtype="float16")
    save_adapter(tmp_path / "lora", tmp_path / "base")
    torch.save(
        {f"base_model.model.{PROJECTOR}": WEIGHTS[PROJECTOR].bfloat16()}, tmp_path / "lora" / "non_lora_trainables.bin"
    )
    report = convert(tmp_path / "lora", tmp_path / "out", base=tmp_path / "base")
    assert report.tied
    assert [warning for warning in report.warnings if "several types (float16 for" in warning]
    changed = "model.layers.0.mlp.up_proj.weight"
    made = load_file(tmp_path / "out" / "model.safetensors")
    assert made[to_transformers(changed) or ""].equal((half[changed].float() + 2).half())  # ones by ones, of rank two
    loaded(tmp_path / "out")


def test_a_head_that_is_the_embeddings_in_a_narrower_type_is_the_same(tmp_path: Path) -> None:
    save_original(tmp_path / "source", {**TIED, OUT: WEIGHTS[EMBED].to(torch.bfloat16)}, tie_word_embeddings=True)
    report = convert(tmp_path / "source", tmp_path / "out")
    assert report.tied
    assert not [warning for warning in report.warnings if "tie" in warning]
