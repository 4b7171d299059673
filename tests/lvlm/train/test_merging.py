"""A merged model is the trained one: the same scores without adapters, readable by transformers, equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForImageTextToText, AutoProcessor

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.lvlm.train import merge, train
from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader
from sharegpt4video.lvlm.train.merging import find, fold, load
from sharegpt4video.lvlm.train.processes import Processes

Tiny = Callable[..., TrainSettings]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def trained(tiny: Tiny, run: Path) -> TrainSettings:
    settings = tiny(tune__lora_dropout=0.1, optimiser__max_steps=2)
    if not (run / "log.jsonl").exists():
        train(settings, run)
    return settings


def inputs_of(settings: TrainSettings) -> dict[str, torch.Tensor]:
    step = next(iter(make_loader(settings, make_encoder(settings), Processes())))
    return {name: value for name, value in step.batches[0].inputs.items() if name != "labels"}


def scores(model: torch.nn.Module, settings: TrainSettings) -> torch.Tensor:
    with torch.no_grad():
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        return inner.eval()(**inputs_of(settings)).logits


def test_a_merged_model_scores_as_the_adapters_do(trained: TrainSettings, run: Path, tmp_path: Path) -> None:
    adapted = load(find(run), trained)
    with_adapters = scores(adapted, trained)
    for layer in adapted.modules():
        if hasattr(layer, "lora_A"):
            layer.enable_adapters(False)  # PEFT's own switch
    assert (scores(adapted, trained) - with_adapters).abs().max() > 1e-3  # they did learn something

    out = merge(run, tmp_path / "merged")
    read = AutoModelForImageTextToText.from_pretrained(out, dtype=torch.float32)
    assert not any("lora" in name for name, _ in read.named_parameters())
    assert (scores(read, trained) - with_adapters).abs().max() < 1e-5
    processor = AutoProcessor.from_pretrained(out, backend="pil")
    assert processor.tokenizer("red square").input_ids
    assert read.generation_config.eos_token_id == processor.tokenizer.convert_tokens_to_ids("<|eot_id|>")


def test_merging_as_peft_does(trained: TrainSettings, run: Path) -> None:
    theirs = dict(load(find(run), trained).merge_and_unload().named_parameters())
    for name, ours in fold(load(find(run), trained)).named_parameters():
        assert torch.allclose(ours, theirs[name], atol=1e-6), name


@pytest.mark.usefixtures("trained")
def test_merging_twice_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    folders = [merge(run, tmp_path / name) for name in ("one", "two")]
    digests = [{path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
               for folder in folders]  # fmt: skip
    assert digests[0] == digests[1]
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= digests[0].keys()


def test_what_was_merged_is_not_merged_again(trained: TrainSettings, run: Path) -> None:
    once = fold(load(find(run), trained))
    before = {name: tensor.clone() for name, tensor in once.state_dict().items()}
    after = fold(once).state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_card_says_what_and_how(trained: TrainSettings, run: Path, tmp_path: Path) -> None:
    text = (merge(run, tmp_path / "merged") / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---")[1])
    assert head["library_name"] == "transformers"
    assert "2 of 2 steps" in text
    assert "samples.json" in text
    shown = yaml.safe_load(text.split("```yaml")[1].split("```")[0])
    assert shown["tune"]["lora_rank"] == trained.tune.lora_rank


@pytest.mark.usefixtures("trained")
def test_what_cannot_be_merged_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no checkpoint"):
        merge(tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not empty"):
        merge(run, tmp_path / "full")


@pytest.mark.usefixtures("trained")
def test_another_base_is_refused(run: Path, tmp_path: Path) -> None:
    import json
    import shutil

    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    state = next(moved.glob("checkpoints/step-*/state.json"))
    plain = json.loads(state.read_text(encoding="utf-8"))
    plain["settings"]["optimiser"]["seed"] = 7  # the random base is made from it
    state.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(SettingsError, match="trained on other base weights"):
        merge(moved, tmp_path / "out")
