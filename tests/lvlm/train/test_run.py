"""Whole runs of the tiny model: it learns, what is frozen stays, packing changes nothing, figures are written."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from sharegpt4video.errors import SettingsError, SG4VError
from sharegpt4video.learning.order import Order
from sharegpt4video.lvlm import launch
from sharegpt4video.lvlm.model.build import build
from sharegpt4video.lvlm.settings import DataSource, TrainSettings
from sharegpt4video.lvlm.train import StepReport, train

Tiny = Callable[..., TrainSettings]


def logged(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_eight_samples_are_learned_by_heart(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(
        tune__language="full", tune__language_rate=6e-3, tune__projector_rate=6e-3, tune__vision="frozen",
        data__system="Look.", optimiser__global_batch=8, optimiser__micro_batch=8, optimiser__epochs=50,
        optimiser__betas=(0.9, 0.95), run__save_every_steps=1000,
    )  # fmt: skip
    result = train(settings, tmp_path)
    assert result.steps == 50
    first = logged(tmp_path)[0]["loss"]
    # Before it has learned anything, every one of the vocabulary's words is about as likely.
    assert isinstance(first, float)
    assert first == pytest.approx(math.log(build(settings.model, device="meta").config.text_config.vocab_size), abs=0.8)
    assert result.loss is not None
    assert result.loss < 0.05


@pytest.mark.parametrize(
    ("language", "projector", "vision"),
    [("lora", "full", "frozen"), ("frozen", "full", "full"), ("full", "frozen", "frozen")],
)
def test_only_the_parts_that_are_to_learn_change(
    tiny: Tiny, tmp_path: Path, language: str, projector: str, vision: str
) -> None:
    from sharegpt4video.lvlm.train.merging import find, load

    settings = tiny(tune__language=language, tune__projector=projector, tune__vision=vision, optimiser__max_steps=1)
    train(settings, tmp_path)
    found = find(tmp_path)
    before = dict(build(settings.model, dtype=torch.float32, seed=settings.optimiser.seed).named_parameters())
    after = {name.replace("base_model.model.", "").replace(".base_layer", ""): p for name, p in
             load(found, settings).named_parameters()}  # fmt: skip
    changed = {name for name, p in before.items() if not torch.equal(p, after[name])}
    kinds = {"language": language, "projector": projector, "vision": vision}
    marks = {"language": ("language_model.", "lm_head.", "image_newline"), "projector": ("multi_modal_projector.",),
             "vision": ("vision_tower.",)}  # fmt: skip
    for part, kind in kinds.items():
        names = {name for name in before if any(mark in name for mark in marks[part])}
        assert bool(names & changed) == (kind == "full"), part
    adapters = [name for name in found.weights() if "lora_B" in name]
    assert bool(adapters) == (language == "lora")
    assert all(found.weights()[name].abs().sum() > 0 for name in adapters)


def test_packing_changes_nothing_but_rounding(tiny: Tiny, tmp_path: Path) -> None:
    runs = {"alone": {"data__packing": False, "optimiser__micro_batch": 1},
            "beside": {"data__packing": False, "optimiser__micro_batch": 4},
            "packed": {"data__packing": True, "optimiser__micro_batch": 1, "data__pack_tokens": 700}}  # fmt: skip
    losses = {}
    for name, changes in runs.items():
        train(tiny(optimiser__max_steps=3, **changes), tmp_path / name)
        losses[name] = [line["loss"] for line in logged(tmp_path / name)]
    assert losses["beside"] == pytest.approx(losses["alone"], abs=1e-4)
    assert losses["packed"] == pytest.approx(losses["alone"], abs=1e-4)


def test_figures_are_reported_logged_and_tracked(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen: list[StepReport] = []
    train(tiny(optimiser__max_steps=3, run__trackers=("tensorboard",)), tmp_path, on_step=seen.append)
    assert [report.step for report in seen] == [1, 2, 3]
    assert [report.to_plain() for report in seen] == logged(tmp_path)
    assert all(report.samples == 4 and report.mfu is None for report in seen)
    assert all(0 <= report.data_stall <= 1 and report.peak_memory_bytes > 1e8 for report in seen)
    assert seen[1].rates == pytest.approx({"language": 1e-2, "projector": 1e-3, "vision": 1e-4})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx([one.loss for one in seen])
    assert [event.step for event in events.Scalars("rate/language")] == [1, 2, 3]


def test_a_sample_that_cannot_be_read_is_left_out_and_named(tiny: Tiny, conversations: Path, tmp_path: Path) -> None:
    samples = json.loads(conversations.read_text(encoding="utf-8"))
    samples[3]["image"] = "nowhere.png"
    path = tmp_path / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    source = DataSource(str(path), media=str(conversations.parent))
    result = train(tiny(data__sources=(source,), optimiser__epochs=1), tmp_path / "out")
    assert (result.samples, result.skipped) == (8, {"missing": 1})
    assert sum(int(line["samples"]) for line in logged(tmp_path / "out")) == 7  # type: ignore[call-overload]
    assert "sample-3" in (tmp_path / "out" / "skipped.jsonl").read_text(encoding="utf-8")


def test_what_the_machine_cannot_do_is_said_before_anything_is_made(tiny: Tiny, tmp_path: Path) -> None:
    lost = DataSource(str(tmp_path / "nowhere.json"))
    with pytest.raises(SettingsError, match=r"there is no file .*nowhere.json"):
        train(tiny(data__sources=(lost,)), tmp_path / "out")
    with pytest.raises(SettingsError, match="deepspeed needs several processes"):
        train(tiny(run__sharding="deepspeed"), tmp_path / "out")
    with pytest.raises(SettingsError, match="no frame sampler is called 'unifrom'; known: sharegpt4video"):
        train(tiny(data__sampler="unifrom"), tmp_path / "out")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="flex_attention does not work here: it trains on a CUDA GPU alone"):
            train(tiny(model__attention="flex_attention"), tmp_path / "out")
        with pytest.raises(SettingsError, match="no GPU was found"):
            train(tiny(model__shape="llava-next-llama3-8b"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_are_kept_in_32_bits_though_the_arithmetic_is_in_16(tiny: Tiny, tmp_path: Path) -> None:
    result = train(tiny(run__precision="bf16", optimiser__max_steps=1), tmp_path)
    weights = load_file(result.checkpoint / "weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_sample_that_is_left_over_alone_does_not_keep_the_run_from_its_end(
    tiny: Tiny, conversations: Path, tmp_path: Path, workers: int
) -> None:
    samples = json.loads(conversations.read_text(encoding="utf-8"))[:5]
    ((_, last),) = Order([5], [1.0]).part(4, 5)
    samples[last]["image"] = "nowhere.png"
    path = tmp_path / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    settings = tiny(
        data__sources=(DataSource(str(path), media=str(conversations.parent)),), data__workers=workers,
        optimiser__epochs=1,
    )  # fmt: skip
    result = train(settings, tmp_path / "out")
    assert (result.steps, result.total_steps, result.loss, result.skipped) == (2, 2, None, {"missing": 1})
    assert [(line["samples"], line["loss"] is None) for line in logged(tmp_path / "out")] == [(4, False), (0, True)]
    assert f"sample-{last}" in (tmp_path / "out" / "skipped.jsonl").read_text(encoding="utf-8")
    assert (result.checkpoint / "state.json").exists()


def unusable(conversations: Path, folder: Path) -> Path:
    """Eight samples, of which five cannot be used, each for another reason."""
    samples = json.loads(conversations.read_text(encoding="utf-8"))
    for sample in samples:
        sample["image"] = str(conversations.parent / sample["image"])
    (folder / "damaged.png").write_bytes(b"PNG?")
    samples[0]["image"] = "nowhere.png"
    samples[1]["image"] = "damaged.png"
    samples[2]["conversations"][1]["value"] = " "
    samples[3]["conversations"][0]["value"] += " word" * 600
    samples[4]["conversations"].reverse()
    path = folder / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


KINDS = {"missing": 1, "undecodable": 1, "malformed": 2, "too long": 1}


def test_what_was_left_out_is_counted_over_the_whole_run_by_what_was_wrong(
    tiny: Tiny, conversations: Path, tmp_path: Path
) -> None:
    settings = tiny(
        data__sources=(DataSource(str(unusable(conversations, tmp_path))),), optimiser__epochs=3,
        optimiser__global_batch=8,
    )  # fmt: skip

    def stop(_: StepReport) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    notes: list[str] = []
    first = train(settings, tmp_path / "out", on_step=stop, on_note=notes.append)
    # Asked to stop after its first step, it ends with its second.
    assert (first.samples, first.interrupted) == (16, True)
    assert first.skipped == {kind: 2 * count for kind, count in KINDS.items()}
    assert notes[0].startswith("attention: sdpa (")
    assert "samples were left out; data.max_skipped_share allows 1.00%" in notes[1]
    assert len(notes) == 2
    second = train(settings, tmp_path / "out")
    assert (second.samples, second.resumed_from) == (24, 2)
    assert second.skipped == {kind: 3 * count for kind, count in KINDS.items()}
    assert second.too_many_skipped
    assert second.text().splitlines()[-1] == (
        "left out 15 of 24 samples (62.50%), more than data.max_skipped_share (0.01) allows: 6 malformed, 3 missing,"
        f" 3 too long, 3 undecodable; {tmp_path / 'out' / 'skipped.jsonl'} names each"
    )
    # Asked once more, it says so again; a larger share may be allowed afterwards.
    assert train(settings, tmp_path / "out").too_many_skipped
    allowed = replace(settings, data=replace(settings.data, max_skipped_share=0.7))
    assert not train(allowed, tmp_path / "out").too_many_skipped


def test_when_no_sample_at_all_can_be_used_the_run_says_so(tiny: Tiny, conversations: Path, tmp_path: Path) -> None:
    source = DataSource(str(conversations), media=str(tmp_path))
    with pytest.raises(SG4VError, match=r"step 1: none of its samples can be used; the first: .*there is no such file"):
        train(tiny(data__sources=(source,)), tmp_path / "out")


def test_figures_before_an_error_are_not_lost(tiny: Tiny, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def fail(report: StepReport) -> None:
        raise RuntimeError(f"after step {report.step}")

    with pytest.raises(RuntimeError, match="after step 1"):
        train(tiny(run__trackers=("tensorboard",)), tmp_path, on_step=fail)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == [1]


def test_a_path_may_begin_at_the_home_folder(
    tiny: Tiny, conversations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(conversations.parent))
    settings = tiny(data__sources=(DataSource("~/samples.json"),), optimiser__max_steps=1)
    result = train(settings, tmp_path)
    state = json.loads((result.checkpoint / "state.json").read_text(encoding="utf-8"))
    assert len(state["facts"]["sources"]["~/samples.json"]) == 64


def test_a_checkpoint_of_before_a_setting_came_is_gone_on_with(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(optimiser__epochs=2, optimiser__max_steps=3)

    def stop(_: StepReport) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    first = train(settings, tmp_path, on_step=stop)
    path = first.checkpoint / "state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    del state["settings"]["data"]["max_skipped_share"]
    path.write_text(json.dumps(state), encoding="utf-8")
    second = train(settings, tmp_path)
    assert (second.resumed_from, second.steps) == (2, 3)


def test_a_run_from_a_file_of_settings_is_the_same_run(tiny: Tiny, tmp_path: Path) -> None:
    settings = tiny(optimiser__epochs=1)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(settings.to_plain()))), encoding="utf-8")
    seen: list[StepReport] = []
    result = launch.train(tmp_path / "own.yaml", tmp_path / "run", on_step=seen.append)
    assert result.steps == len(seen) == train(settings, tmp_path / "other").steps
    assert [each["loss"] for each in logged(tmp_path / "run")] == [each["loss"] for each in logged(tmp_path / "other")]
    assert repr(result).startswith("TrainResult(steps=")
    assert str(result) == result.text()
