"""Training runs: loss falls, a resumed run is the uninterrupted one bit for bit, nothing is lost or cut in silence."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file  # noqa: E402

from made_generators import changed, clips, settings  # noqa: E402
from sharegpt4video.errors import InputMissing, SettingsError, StorageError, VideoError  # noqa: E402
from sharegpt4video.learning.errors import TrainingError  # noqa: E402
from sharegpt4video.t2v.record import read_records, write_records  # noqa: E402
from sharegpt4video.t2v.train import train  # noqa: E402
from sharegpt4video.t2v.train.report import StepReport  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def whole(data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps."""
    out = tmp_path_factory.mktemp("whole")
    train(settings(), data, out)
    return out


def weights(out: Path) -> dict[str, Any]:
    found = {}
    for name in ("transformer/diffusion_pytorch_model", "generator", "text/text"):
        found |= {f"{name}:{key}": value for key, value in load_file(out / "model" / f"{name}.safetensors").items()}
    return found


def same(one: Path, two: Path) -> bool:
    first, second = weights(one), weights(two)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(whole: Path, data: str, tmp_path: Path) -> None:
    def stop(report: StepReport) -> None:
        if report.step in (1, 3):
            os.kill(os.getpid(), signal.SIGTERM)

    for done in (1, 3):
        result = train(settings(), data, tmp_path, on_step=stop)
        assert (result.steps, result.interrupted, result.model) == (done, True, None)
    result = train(settings(), data, tmp_path)
    assert (result.steps, result.resumed_from, result.interrupted) == (4, 3, False)
    assert same(whole, tmp_path)
    losses = [[json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]
              for run in (whole, tmp_path)]  # fmt: skip
    assert losses[0] == losses[1]


def test_a_run_with_constant_rates_can_be_made_longer(whole: Path, data: str, tmp_path: Path) -> None:
    train(settings(steps=2), data, tmp_path)
    train(settings(steps=4), data, tmp_path)
    assert same(whole, tmp_path)
    with pytest.raises(SettingsError, match=r"optimiser\.rate was 0\.001, is 0\.1"):
        train(settings(rate=0.1), data, tmp_path)
    falling = tmp_path / "falling"
    train(settings(schedule="cosine", steps=2), data, falling)
    with pytest.raises(SettingsError, match=r"optimiser\.steps"):
        train(settings(schedule="cosine", steps=3), data, falling)
    train(settings(schedule="cosine", steps=3), data, falling, resume=False)


def test_parts_of_a_batch_add_up_to_it(whole: Path, data: str, tmp_path: Path) -> None:
    train(settings(micro_batch=1), data, tmp_path)
    first, second = weights(whole), weights(tmp_path)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", ["wan", "latte"])
def test_loss_falls(family: str, data: str, tmp_path: Path) -> None:
    reports: list[StepReport] = []
    train(settings(family, steps=30, rate=3e-3), data, tmp_path, on_step=reports.append)
    losses = [report.loss for report in reports]
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])


def test_cut_captions_are_counted_and_told_of(data: str, tmp_path: Path) -> None:
    notes: list[str] = []
    short = changed(settings(steps=1), "text", max_tokens=20)
    result = train(short, data, tmp_path, on_note=notes.append)
    assert result.cut_captions == 6
    assert [note for note in notes if "6 of 6 captions (100%)" in note and "window of 20 tokens" in note]
    assert "6 captions were cut" in result.text()


def test_a_clip_that_cannot_be_read_is_left_out_and_named(data: str, tmp_path: Path) -> None:
    records = list(read_records(Path(data) / "records.jsonl"))
    shutil.copytree(Path(data) / "videos", tmp_path / "videos")
    (tmp_path / "videos" / "000001.mp4").write_bytes(b"no video")
    (tmp_path / "videos" / "000002.mp4").unlink()
    write_records(tmp_path / "records.jsonl", records)
    notes: list[str] = []
    result = train(settings(steps=1), str(tmp_path), tmp_path / "out", on_note=notes.append)
    assert (result.clips, result.left_out) == (4, 2)
    assert [note for note in notes if "2 of 6 clips are left out" in note]
    named = (tmp_path / "out" / "left-out.txt").read_text()
    assert "000001.mp4" in named
    assert "000002.mp4" in named
    long = changed(settings(), "data", frames=30)
    with pytest.raises(VideoError, match="none of the 6 clips"):
        train(long, str(tmp_path), tmp_path / "out2")


def test_wrong_data_is_refused(data: str, tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"records\.jsonl"):
        train(settings(), str(tmp_path / "nothing"), tmp_path / "out")
    with pytest.raises(SettingsError, match="did you mean 'dense'"):
        train(changed(settings(), "data", captions={"dens": 1.0}), data, tmp_path / "out")
    with pytest.raises(SettingsError, match="split val"):
        train(changed(settings(), "data", splits=("val",)), data, tmp_path / "out")
    with pytest.raises(SettingsError, match="width of 12"):
        train(changed(settings(), "text", width=12), data, tmp_path / "out")


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_learned_from(data: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"Lower optimiser\.rate"):
        train(settings(rate=9.0, max_grad_norm=0, steps=200, warmup_steps=0, weight_decay=999), data, tmp_path)


def test_damage_is_found(whole: Path, data: str, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    for folder in (tmp_path / "run" / "checkpoints").iterdir():
        (folder / "average.safetensors").write_bytes(b"")
    with pytest.raises(StorageError, match="missing or damaged"):
        train(settings(), data, tmp_path / "run")


def test_a_random_window_begins_anywhere_and_needs_pixels(data: str, tmp_path: Path) -> None:
    moving = changed(settings(steps=1), "data", window="random")
    train(moving, data, tmp_path)
    with pytest.raises(SettingsError, match="random needs pixels"):
        replace(moving, model=replace(moving.model, vae="somewhere"))
