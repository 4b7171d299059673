"""A merged model is the trained one: the same scores without adapters, readable by transformers, equal bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.learning.processes import Processes
from sharegpt4video.lvlm.model.build import build, processor
from sharegpt4video.lvlm.settings import ModelSettings, TrainSettings
from sharegpt4video.lvlm.train import merge, train
from sharegpt4video.lvlm.train.assemble import make_encoder, make_loader
from sharegpt4video.lvlm.train.card import card
from sharegpt4video.lvlm.train.merging import find, fold, load
from sharegpt4video.lvlm.train.streamed import base_files, write_streamed

Tiny = Callable[..., TrainSettings]
INDEX = "model.safetensors.index.json"


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


def test_only_a_base_on_the_hub_is_linked(
    trained: TrainSettings, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub refuses a card whose base is a path of this machine."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "base").mkdir(parents=True)
    for base, linked in (
        ("llava-hf/a-base_1.5", True),
        ("models/base", False),
        ("a/b/c", False),
        (str(tmp_path), False),
    ):
        settings = replace(trained, model=ModelSettings(base=base))
        head = yaml.safe_load(card(find(run), settings).split("---")[1])
        assert ("base_model" in head) == linked, base


@pytest.mark.usefixtures("trained")
def test_what_cannot_be_merged_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no checkpoint"):
        merge(tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not empty"):
        merge(run, tmp_path / "full")


@pytest.mark.usefixtures("trained")
def test_a_folder_that_cannot_be_taken_is_said(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="is a file; give a new folder"):
        merge(run, tmp_path / "file")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(SettingsError, match="give the name of a new folder"):
        merge(run, ".")


@pytest.mark.usefixtures("trained")
def test_a_full_disk_is_told_and_nothing_stays(run: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        with pytest.raises(StorageError, match=r"merged: was not written: .*make room"):
            merge(run, tmp_path / "merged")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("trained")
def test_another_base_is_refused(run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    state = next(moved.glob("checkpoints/step-*/state.json"))
    plain = json.loads(state.read_text(encoding="utf-8"))
    plain["settings"]["optimiser"]["seed"] = 7  # the random base is made from it
    state.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(SettingsError, match="trained on other base weights"):
        merge(moved, tmp_path / "out")


def save_base(folder: Path, dtype: torch.dtype = torch.float32, *, usual: bool = True) -> ModelSettings:
    """A base of random weights in several files, with the names of the llava-hf repositories or transformers' own."""
    random = ModelSettings(shape="tiny", random_weights=True)
    made = build(random, dtype=dtype, seed=5)
    made.save_pretrained(folder, max_shard_size="2MB", save_original_format=usual)
    processor(random).save_pretrained(folder)
    names = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].keys()
    assert ("language_model.lm_head.weight" in names) == usual
    assert ("lm_head.weight" in names) != usual
    return ModelSettings(base=str(folder))


def save_tied_base(folder: Path) -> ModelSettings:
    """A base whose head is its embedding, in several files."""
    random = ModelSettings(shape="tiny", random_weights=True)
    made = build(random, dtype=torch.float32, seed=5)
    made.config.tie_word_embeddings = made.config.text_config.tie_word_embeddings = True
    made.tie_weights()
    made.save_pretrained(folder, max_shard_size="2MB")
    processor(random).save_pretrained(folder)
    return ModelSettings(base=str(folder))


def all_weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}


@pytest.mark.parametrize(
    ("stored", "usual", "changes"),
    [
        (torch.float32, True, {}),
        (torch.float32, False, {}),
        (torch.float16, False, {"run__precision": "bf16"}),
        (torch.float32, True, {"tune__language": "full", "tune__vision": "frozen", "run__precision": "bf16"}),
        (torch.bfloat16, False, {"tune__language": "full"}),
    ],
)
def test_from_files_to_files_gives_the_bytes_of_the_whole_model(
    tiny: Tiny, tmp_path: Path, *, stored: torch.dtype, usual: bool, changes: dict[str, str]
) -> None:
    base = save_base(tmp_path / "base", stored, usual=usual)
    settings = tiny(model=base, optimiser__max_steps=1, optimiser__warmup_share=0.0, **changes)
    train(settings, tmp_path / "run")
    found = find(tmp_path / "run")
    files = base_files(base)
    assert len(files) > 1

    streamed, whole = tmp_path / "streamed", tmp_path / "whole"
    streamed.mkdir()
    write_streamed(files, found, settings, streamed, 1 << 20)
    fold(load(found, settings)).save_pretrained(whole)
    ours, wanted = all_weights(streamed), all_weights(whole)
    before = all_weights(tmp_path / "base")
    assert ours.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert ours[name].dtype == tensor.dtype, name
        assert torch.equal(ours[name].view(torch.uint8), tensor.view(torch.uint8)), name
    changed = [name for name in ours if not torch.equal(ours[name], before[name].to(ours[name].dtype))]
    assert any("mlp.up_proj" in name for name in changed)
    assert any("projector" in name for name in changed)
    for name in ("config.json", "generation_config.json"):
        assert (streamed / name).read_bytes() == (whole / name).read_bytes()
    places = json.loads((streamed / INDEX).read_text(encoding="utf-8"))["weight_map"]
    assert places.keys() == ours.keys()
    assert len(set(places.values())) == len(list(streamed.glob("*.safetensors"))) > 1


@pytest.mark.parametrize("language", ["lora", "full"])
def test_a_head_that_is_the_embedding_is_merged_from_files(tiny: Tiny, tmp_path: Path, language: str) -> None:
    base = save_tied_base(tmp_path / "base")
    assert len(base_files(base)) > 1
    settings = tiny(model=base, tune__language=language, optimiser__max_steps=1, optimiser__warmup_share=0.0)
    train(settings, tmp_path / "run")
    fold(load(find(tmp_path / "run"), settings)).save_pretrained(tmp_path / "whole")
    out = merge(tmp_path / "run", tmp_path / "merged")
    ours, wanted = all_weights(out), all_weights(tmp_path / "whole")
    assert ours.keys() == wanted.keys()
    assert not any("lm_head" in name for name in ours)
    assert all(torch.equal(ours[name], wanted[name]) for name in wanted)
    read = AutoModelForImageTextToText.from_pretrained(out, dtype=torch.float32)
    assert read.lm_head.weight is read.get_input_embeddings().weight


@pytest.fixture(scope="module")
def base_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("on a base")


@pytest.fixture
def on_base(tiny: Tiny, base_run: Path) -> TrainSettings:
    settings = tiny(model=ModelSettings(base=str(base_run / "base")), optimiser__max_steps=2)
    if not (base_run / "base").exists():
        save_base(base_run / "base", usual=False)
        train(settings, base_run / "run")
    return settings


def test_what_was_merged_from_files_scores_as_the_adapters_do(
    on_base: TrainSettings, base_run: Path, tmp_path: Path
) -> None:
    with_adapters = scores(load(find(base_run / "run"), on_base), on_base)
    out = merge(base_run / "run", tmp_path / "merged")
    read = AutoModelForImageTextToText.from_pretrained(out, dtype=torch.float32)
    assert (scores(read, on_base) - with_adapters).abs().max() < 1e-5
    before = AutoModelForImageTextToText.from_pretrained(on_base.model.base, dtype=torch.float32)
    assert (scores(before, on_base) - with_adapters).abs().max() > 1e-3
    assert AutoProcessor.from_pretrained(out, backend="pil").tokenizer("red square").input_ids
    assert (out / "README.md").is_file()


@pytest.mark.usefixtures("on_base")
def test_a_base_of_other_weights_is_refused_and_nothing_stays(base_run: Path, tmp_path: Path) -> None:
    shutil.copytree(base_run / "base", tmp_path / "base")
    file = next(path for path in (tmp_path / "base").glob("model-*") if "lm_head.weight" in load_file(path))
    kept = load_file(file)

    def merged_with(weights: dict[str, torch.Tensor], told: str) -> None:
        save_file(weights, file, {"format": "pt"})
        with pytest.raises(SettingsError, match=told):
            merge(base_run / "run", tmp_path / "out", base=str(tmp_path / "base"))
        assert {path.name for path in tmp_path.iterdir()} == {"base"}

    without = {name: tensor for name, tensor in kept.items() if name != "lm_head.weight"}
    merged_with({**kept, "lm_head.weight": kept["lm_head.weight"] + 1}, "trained on other base weights")
    merged_with(without, "lm_head.weight is missing")
    merged_with({**kept, "lm_head.bias": torch.ones(3)}, "lm_head.bias belongs to no part")
    merged_with({**kept, "language_model.lm_head.weight": kept["lm_head.weight"].clone()}, "once more")
    merged_with({**kept, "lm_head.weight": kept["lm_head.weight"][1:].clone()}, r"lm_head.weight is \(1023, 192\)")


@pytest.mark.usefixtures("on_base")
def test_what_is_read_from_files(base_run: Path, tmp_path: Path) -> None:
    base = base_run / "base"
    assert {path.parent for path in base_files(ModelSettings(base=str(base)))} == {base}
    assert base_files(ModelSettings(shape="tiny", random_weights=True)) == []
    assert base_files(ModelSettings(base=str(base), trust_remote_code=True)) == []
    shutil.copytree(base, tmp_path / "base")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    for changed in ({"tie_word_embeddings": True}, {"quantization_config": {"quant_method": "fp8"}}):
        (tmp_path / "base" / "config.json").write_text(json.dumps(config | changed), encoding="utf-8")
        assert base_files(ModelSettings(base=str(tmp_path / "base"))) == []
    shutil.copy(base / "config.json", tmp_path / "base" / "config.json")
    (tmp_path / "base" / INDEX).unlink()
    assert base_files(ModelSettings(base=str(tmp_path / "base"))) == []


@pytest.mark.usefixtures("on_base")
def test_a_base_of_the_hub_is_read_where_it_was_fetched(
    base_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    fetched = tmp_path / "models--someone--tiny" / "snapshots" / ("a" * 40)
    shutil.copytree(base_run / "base", fetched)
    (fetched.parents[1] / "refs").mkdir()
    (fetched.parents[1] / "refs" / "main").write_text("a" * 40)
    found = base_files(ModelSettings(base="someone/tiny"))
    assert len(found) > 1
    assert {path.parent for path in found} == {fetched}
