"""Stopped in any way and gone on with, a run ends with the very bits of one that was not stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.learning.checkpoints import newest
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.lvlm.train import StepReport, train
from sharegpt4video.lvlm.train.resume_check import check_same

Tiny = Callable[..., TrainSettings]

KILLED = """
import json, os, signal, sys, torch
from pathlib import Path
from pydantic import TypeAdapter
from sharegpt4video.lvlm.settings import TrainSettings
from sharegpt4video.lvlm.train import train
torch.set_num_threads(1)
settings = TypeAdapter(TrainSettings).validate_python(json.loads(sys.argv[1]))
def die(report):
    if report.step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
train(settings, Path(sys.argv[2]), on_step=die)
"""


def with_dropout(tiny: Tiny) -> TrainSettings:
    return tiny(tune__lora_dropout=0.3)


def losses(out: Path) -> list[tuple[int, float, float]]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(line["step"], line["loss"], line["gradient_norm"]) for line in lines]


def end_of(out: Path) -> tuple[bytes, bytes, list[tuple[int, float, float]]]:
    folder = out / "checkpoints" / "step-000006"
    return (folder / "weights.safetensors").read_bytes(), (folder / "optimiser.safetensors").read_bytes(), losses(out)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture(autouse=True)
def _undisturbed_run(tiny: Tiny, undisturbed: Path) -> None:
    if not (undisturbed / "log.jsonl").exists():
        train(with_dropout(tiny), undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step_and_it_goes_on_bit_for_bit(
    tiny: Tiny, tmp_path: Path, undisturbed: Path, number: signal.Signals
) -> None:
    def stop(report: StepReport) -> None:
        if report.step == 3:
            os.kill(os.getpid(), number)

    # The signal comes while step 3 is reported, so step 4 is the one that is finished.
    result = train(with_dropout(tiny), tmp_path, on_step=stop)
    assert (result.interrupted, result.steps) == (True, 4)
    assert "run the same command to resume" in result.text()
    again = train(with_dropout(tiny), tmp_path)
    assert (again.interrupted, again.resumed_from, again.steps) == (False, 4, 6)
    assert end_of(tmp_path) == end_of(undisturbed)


def test_a_killed_run_goes_on_bit_for_bit(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    command = [sys.executable, "-c", KILLED, json.dumps(asdict(with_dropout(tiny))), str(tmp_path), "5"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert shown.returncode == -signal.SIGKILL, shown.stderr
    assert [step for step, _, _ in losses(tmp_path)] == [1, 2, 3, 4, 5]
    result = train(with_dropout(tiny), tmp_path)
    assert result.resumed_from == 4
    assert end_of(tmp_path) == end_of(undisturbed)


def test_a_finished_run_has_nothing_left_to_do(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    result = train(with_dropout(tiny), tmp_path)
    assert (result.steps, result.resumed_from, result.loss) == (6, 6, None)
    assert end_of(tmp_path) == end_of(undisturbed)


def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(
    tiny: Tiny, tmp_path: Path, undisturbed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    damaged = tmp_path / "checkpoints" / "step-000006" / "weights.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-5] ^= 1
    damaged.write_bytes(content)
    result = train(with_dropout(tiny), tmp_path)
    assert result.resumed_from == 4
    assert "step-000006/weights.safetensors: is missing or damaged" in caplog.text
    assert end_of(tmp_path) == end_of(undisturbed)
    for folder in (tmp_path / "checkpoints").iterdir():
        (folder / "state.json").write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match=r"no checkpoint can be used .* --fresh"):
        train(with_dropout(tiny), tmp_path)


def test_the_newest_few_are_kept_and_nothing_half_written(undisturbed: Path) -> None:
    assert sorted(path.name for path in (undisturbed / "checkpoints").iterdir()) == ["step-000004", "step-000006"]


def test_what_a_kill_left_half_written_does_not_count(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoints" / "step-000006").rename(tmp_path / "checkpoints" / "unfinished-step-000006")
    assert train(with_dropout(tiny), tmp_path).resumed_from == 4
    assert end_of(tmp_path) == end_of(undisturbed)


def test_another_run_is_refused_with_every_change_named(tiny: Tiny, undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    other = tiny(tune__lora_dropout=0.1, tune__language_rate=3e-4, optimiser__seed=4)
    with pytest.raises(SettingsError, match=r"another run") as caught:
        train(other, tmp_path)
    for change in ("tune.lora_dropout was 0.3, is 0.1", "tune.language_rate", "optimiser.seed was 0, is 4"):
        assert change in str(caught.value)
    assert end_of(tmp_path) == end_of(undisturbed)


def test_other_contents_of_the_data_are_another_run(tiny: Tiny, conversations: Path, tmp_path: Path) -> None:
    data = tmp_path / "samples"
    shutil.copytree(conversations.parent, data)
    from sharegpt4video.lvlm.settings import DataSource

    settings = tiny(data__sources=(DataSource(str(data / "samples.json")),), optimiser__max_steps=1)
    train(settings, tmp_path / "out")
    text = (data / "samples.json").read_text(encoding="utf-8")
    (data / "samples.json").write_text(text.replace("square", "circle"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"samples.json has other contents now"):
        train(settings, tmp_path / "out")


def test_changes_that_cannot_matter_are_allowed_and_those_of_rounding_are_told(
    tiny: Tiny, tmp_path: Path, undisturbed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "checkpoints" / "step-000006")
    train(tiny(tune__lora_dropout=0.3, run__save_every_steps=3, data__workers=0, name="other"), tmp_path)
    assert "rounding" not in caplog.text
    assert end_of(tmp_path) == end_of(undisturbed)
    train(tiny(tune__lora_dropout=0.3, optimiser__micro_batch=1), tmp_path)
    assert "optimiser.micro_batch was 2, is 1" in caplog.text


def test_beginning_anew_forgets_what_was_there(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    result = train(tiny(optimiser__max_steps=1), tmp_path, resume=False)
    assert (result.resumed_from, result.steps) == (0, 1)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000001"]
    assert (tmp_path / "mine.txt").exists()


def test_random_states_are_put_back() -> None:
    import random

    import numpy as np

    from sharegpt4video.learning.randomness import random_states, restore_random_states, seed_everything

    seed_everything(5)
    states = random_states()
    first = (random.random(), np.random.rand(), torch.rand(3).tolist())
    restore_random_states(states)
    assert (random.random(), np.random.rand(), torch.rand(3).tolist()) == first


def test_a_damaged_checkpoint_takes_no_sound_ones_place(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoints" / "step-000006" / "weights.safetensors").write_bytes(b"damaged")

    def die(report: StepReport) -> None:
        if report.step == 6:
            raise RuntimeError("killed")

    settings = tiny(tune__lora_dropout=0.3, run__save_every_steps=1, run__keep_checkpoints=1)
    with pytest.raises(RuntimeError, match="killed"):
        train(settings, tmp_path, on_step=die)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-000005", "step-000006"]
    assert train(settings, tmp_path).resumed_from == 5
    assert end_of(tmp_path) == end_of(undisturbed)


def test_a_copy_that_somebody_made_is_left_alone(tiny: Tiny, tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "checkpoints"
    shutil.copytree(folder / "step-000004", folder / "step-000004-best")
    shutil.rmtree(folder / "step-000006")
    assert train(with_dropout(tiny), tmp_path).resumed_from == 4
    assert (folder / "step-000004-best" / "state.json").exists()


@pytest.mark.parametrize(("before", "now"), [("deepspeed", "none"), ("fsdp2", "deepspeed")])
def test_moments_in_another_form_are_not_forgotten(tiny: Tiny, undisturbed: Path, before: str, now: str) -> None:
    """A checkpoint of DeepSpeed has none that anybody else reads: AdamW would begin anew at the old step."""
    settings = with_dropout(tiny)
    found, _ = newest(undisturbed)
    assert found is not None
    plain = replace(settings, run=replace(settings.run, sharding=before)).to_plain()  # type: ignore[arg-type]
    changed = replace(settings, run=replace(settings.run, sharding=now))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="DeepSpeed keeps the optimiser's moments"):
        check_same(replace(found, settings=plain), changed, found.facts, 1)


def test_a_second_run_in_the_same_folder_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    seen: list[str] = []

    def second(_: StepReport) -> None:
        with pytest.raises(StorageError, match=r"another run is writing there") as caught:
            train(with_dropout(tiny), tmp_path)
        seen.append(str(caught.value))

    train(tiny(tune__lora_dropout=0.3, optimiser__max_steps=1), tmp_path, on_step=second)
    assert len(seen) == 1
    assert train(tiny(tune__lora_dropout=0.3, optimiser__max_steps=1), tmp_path).resumed_from == 1


@pytest.mark.parametrize("room", [4_000, 1_000_000])
def test_a_full_disk_is_told_and_the_run_goes_on_later(
    tiny: Tiny, tmp_path: Path, undisturbed: Path, room: int
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(report: StepReport) -> None:
        if report.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))

    try:
        with pytest.raises(StorageError, match=r"step-000004: the checkpoint cannot be written.*make room"):
            train(with_dropout(tiny), tmp_path, on_step=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000002"]
    assert train(with_dropout(tiny), tmp_path).resumed_from == 2
    assert end_of(tmp_path) == end_of(undisturbed)
