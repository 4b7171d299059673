from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess as Process
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from sharegpt4video.errors import SettingsError, SG4VError  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder  # noqa: E402
from sharegpt4video.lvlm.data.loader import Step, StepLoader  # noqa: E402
from sharegpt4video.lvlm.data.samples import Sample, SampleError, Turn, read_samples  # noqa: E402
from sharegpt4video.lvlm.data.workers import Workers  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, DataSource, OptimiserSettings  # noqa: E402

SETTINGS = DataSettings(max_tokens=300, pack_tokens=400, workers=0)
OPTIMISER = OptimiserSettings(global_batch=6, micro_batch=1, epochs=2, seed=5)


def loader(processor: Any, path: Path, settings: DataSettings = SETTINGS, **options: Any) -> StepLoader:
    optimiser = options.pop("optimiser", OPTIMISER)
    return StepLoader([DataSource(str(path))], Encoder(processor, settings), settings, optimiser, **options)


def same(one: Step, two: Step) -> bool:
    if (one.number, one.samples, len(one.batches)) != (two.number, two.samples, len(two.batches)):
        return False
    return [str(e) for e in one.skipped] == [str(e) for e in two.skipped] and all(
        a.ids == b.ids
        and a.inputs.keys() == b.inputs.keys()
        and all(torch.equal(a.inputs[k], b.inputs[k]) for k in a.inputs)
        for a, b in zip(one.batches, two.batches, strict=True)
    )  # fmt: skip


def ids(steps: list[Step]) -> list[list[str]]:
    return [sorted(name for batch in step.batches for name in batch.ids) for step in steps]


def test_processes_change_nothing(processor: Any, conversations: Callable[..., Path]) -> None:
    path = conversations(13, at3={"image": "none.png"}, at7={"conversations": []})
    here = list(loader(processor, path))
    there = loader(processor, path, replace(SETTINGS, workers=2, ready_steps=2))
    elsewhere = list(there)
    assert len(here) == len(there) == 5  # 26 samples by 6
    assert all(map(same, here, elsewhere))
    skipped = [error for step in here for error in step.skipped]
    assert sorted(error.kind for error in skipped) == ["malformed"] * 2 + ["missing"] * 2
    assert there.counts.samples == sum(step.samples for step in here) == 22
    assert there.counts.skipped == {"malformed": 2, "missing": 2}
    assert "22 samples" in there.counts.text()
    assert "4 left out" in there.counts.text()
    assert [step.epoch for step in here] == pytest.approx([6 / 13, 12 / 13, 18 / 13, 24 / 13, 2.0])


def test_a_run_goes_on_where_it_stopped(processor: Any, conversations: Callable[..., Path]) -> None:
    path = conversations(13)
    whole = list(loader(processor, path))
    rest = list(loader(processor, path, start_step=3))
    assert all(map(same, whole[3:], rest))
    assert len(rest) == 2


def test_every_epoch_sees_every_sample(processor: Any, conversations: Callable[..., Path]) -> None:
    seen = [name for step in ids(list(loader(processor, conversations(12)))) for name in step]
    assert len(seen) == 24
    assert len(set(seen[:12])) == len(set(seen[12:])) == 12


@pytest.mark.parametrize("world", [2, 4])
def test_the_processes_of_a_run_share_each_step(processor: Any, conversations: Callable[..., Path], world: int) -> None:
    path = conversations(13, at3={"image": "none.png"}, at7={"conversations": []})
    alone = list(loader(processor, path))
    ranks = [list(loader(processor, path, rank=rank, world=world)) for rank in range(world)]
    for number, step in enumerate(alone):
        parts = [rank[number] for rank in ranks]
        assert sorted(name for part in parts for batch in part.batches for name in batch.ids) == ids(alone)[number]
        assert sum(part.loss_tokens for part in parts) == step.loss_tokens
        named = sorted(str(error) for part in parts for error in part.skipped)
        assert named == sorted(str(error) for error in step.skipped)


def test_steps_end_where_the_settings_say(processor: Any, conversations: Callable[..., Path]) -> None:
    path = conversations(13)
    assert len(loader(processor, path, optimiser=replace(OPTIMISER, max_steps=3))) == 3
    assert len(loader(processor, path, optimiser=replace(OPTIMISER, max_steps=99))) == 5
    assert len(loader(processor, path, optimiser=replace(OPTIMISER, epochs=0.5))) == 1


def test_without_packing_rows_are_padded(processor: Any, conversations: Callable[..., Path]) -> None:
    settings = replace(SETTINGS, packing=False)
    path = conversations(12)
    steps = list(loader(processor, path, settings, optimiser=replace(OPTIMISER, micro_batch=4)))
    assert [[len(batch.inputs["input_ids"]) for batch in step.batches] for step in steps] == [[4, 2]] * 4
    assert ids(steps) == ids(list(loader(processor, path)))


def test_a_batch_of_texts_gets_a_grey_picture_to_look_at(processor: Any, conversations: Callable[..., Path]) -> None:
    asked = {"image": [], "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]}
    path = conversations(6, **{f"at{number}": asked for number in range(6)})
    plain = next(iter(loader(processor, path)))
    step = next(iter(loader(processor, path, blank_images=True)))
    assert [batch.media for batch in plain.batches] == [0]
    assert [batch.inputs["pixel_values"].shape[0] for batch in step.batches] == [1]
    assert (step.samples, step.loss_tokens) == (plain.samples, plain.loss_tokens)
    told = [(batch.tokens, batch.visual_tokens) for batch in step.batches]
    assert told == [(batch.tokens, batch.visual_tokens) for batch in plain.batches]  # as in a run of one process
    assert all(batch.tokens + batch.padding == batch.inputs["input_ids"].numel() for batch in step.batches)
    blank = loader(processor, path).blank()
    assert (blank.samples, blank.loss_tokens, blank.media) == (0, 0, 1)


def test_a_step_of_nothing_usable_is_an_error(processor: Any, conversations: Callable[..., Path]) -> None:
    path = conversations(6, **{f"at{number}": {"image": "none.png"} for number in range(6)})
    with pytest.raises(SG4VError, match=r"step 1: none of its samples.*none\.png"):
        next(iter(loader(processor, path)))


def test_settings_that_cannot_be_met_are_refused(processor: Any, conversations: Callable[..., Path]) -> None:
    with pytest.raises(SettingsError, match=r"data\.sources"):
        StepLoader([], Encoder(processor, SETTINGS), SETTINGS, OPTIMISER)
    path = conversations(3)
    with pytest.raises(SettingsError, match="no sample"):
        loader(processor, path, optimiser=replace(OPTIMISER, epochs=0.1))
    encoder = Encoder(processor, SETTINGS)
    encoder._visual.packable = False
    with pytest.raises(SettingsError, match="packing"):
        StepLoader([DataSource(str(path))], encoder, SETTINGS, OPTIMISER)


def test_the_fingerprint_tells_another_order(processor: Any, conversations: Callable[..., Path]) -> None:
    path, other = conversations(6), conversations(7, "other.json")
    known = loader(processor, path).fingerprint
    assert known == loader(processor, path, start_step=2, rank=1, world=2).fingerprint
    assert known != loader(processor, other).fingerprint
    assert known != loader(processor, path, optimiser=replace(OPTIMISER, seed=6)).fingerprint


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def opened_by_its_reader(pipe: Path) -> int:
    """Our end of a named pipe, open as soon as somebody is about to read from it."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe that never gives anything")
def test_a_process_that_dies_or_hangs_costs_one_sample(
    processor: Any, conversations: Callable[..., Path], tmp_path: Path
) -> None:
    good = read_samples(DataSource(str(conversations(2))))
    os.mkfifo(tmp_path / "stuck.png")
    stuck = Sample("stuck", (Turn("user", "a", 1), Turn("assistant", "b")), images=(str(tmp_path / "stuck.png"),))
    with Workers(Encoder(processor, SETTINGS), 1, stall_seconds=60.0) as workers:
        assert not isinstance(workers.submit(good[0]).result(240), SampleError)  # it runs
        (first,) = workers._running
        answers = [workers.submit(sample) for sample in (stuck, good[1])]
        pipe = opened_by_its_reader(tmp_path / "stuck.png")
        first._process.kill()
        lost = answers[0].result(240)
        os.close(pipe)
        assert isinstance(lost, SampleError)
        assert (lost.id, lost.kind) == ("stuck", "fatal to its process")
        assert "died (signal 9)" in lost.why
        assert not isinstance(answers[1].result(240), SampleError)  # by another process
        workers._stall_seconds = 2.0
        assert "nothing came for 2 s" in str(workers.submit(stuck).result(240))
        workers._stall_seconds = 60.0
        assert not isinstance(workers.submit(good[0]).result(240), SampleError)
        (last,) = workers._running
        pids = [first._process.pid, last._process.pid]
    deadline = time.monotonic() + 120
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_processes_that_cannot_be_started_end_the_run(
    processor: Any, conversations: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a package breaks on import, which ends the server that would have forked them."""
    monkeypatch.setattr(Process, "start", Mock(side_effect=EOFError()))
    (sample,) = read_samples(DataSource(str(conversations(1))))
    with (
        Workers(Encoder(processor, SETTINGS), 1) as workers,
        pytest.raises(SG4VError, match="the samples cannot be read"),
    ):
        workers.submit(sample).result(240)


def test_a_signal_for_the_whole_group_costs_no_sample(processor: Any, conversations: Callable[..., Path]) -> None:
    """timeout, Slurm and shells send SIGTERM to all processes; the step that is begun is to be finished."""
    good = read_samples(DataSource(str(conversations(2))))
    with Workers(Encoder(processor, SETTINGS), 1) as workers:
        workers.submit(good[0]).result(240)  # it runs
        (running,) = workers._running
        os.kill(running._process.pid, signal.SIGTERM)
        answer = workers.submit(good[1]).result(240)
        assert not isinstance(answer, SampleError), answer
        assert workers._running == {running}


def test_a_program_that_ends_without_leaving_the_loader_does_not_hang(
    processor: Any, conversations: Callable[..., Path], tmp_path: Path
) -> None:
    processor.save_pretrained(tmp_path / "processor")
    script = (
        "import sys\n"
        "from transformers import AutoProcessor\n"
        "from sharegpt4video.lvlm.data import Encoder, read_samples\n"
        "from sharegpt4video.lvlm.data.workers import Workers\n"
        "from sharegpt4video.lvlm.settings import DataSettings, DataSource\n"
        "workers = Workers(Encoder(AutoProcessor.from_pretrained(sys.argv[1], backend='pil'), DataSettings()), 1)\n"
        "print(workers.submit(read_samples(DataSource(sys.argv[2]))[0]).result().id)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "processor"), str(conversations(1))],
        capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "train.json" in ended.stdout


def test_leaving_early_ends_the_processes(processor: Any, conversations: Callable[..., Path]) -> None:
    steps = iter(loader(processor, conversations(12), replace(SETTINGS, workers=1)))
    next(steps)
    workers = steps.gi_frame.f_locals["workers"]
    (running,) = workers._running
    steps.close()
    assert not workers._running
    assert not alive(running._process.pid)


def test_what_is_no_fault_of_a_sample_ends_the_run(processor: Any, conversations: Callable[..., Path]) -> None:
    encoder = Encoder(processor, SETTINGS)
    encoder._masker = None  # a defect
    (sample,) = read_samples(DataSource(str(conversations(1))))
    with Workers(encoder, 1) as workers, pytest.raises(RuntimeError, match="not a fault of the sample"):
        workers.submit(sample).result(240)


def test_a_long_video_list_costs_little_to_enter(processor: Any, tmp_path: Path) -> None:
    """Resuming reads the samples of the next step, not those before it."""
    text = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]
    (tmp_path / "many.jsonl").write_text(
        "".join(json.dumps({"id": at, "conversations": text}) + "\n" for at in range(30_000))
    )
    begin = loader(processor, tmp_path / "many.jsonl", start_step=9_000)
    read = []
    original = begin._samples[0]

    class Counting:
        def __getitem__(self, index: int) -> Sample:
            read.append(index)
            return original[index]

    begin._samples[0] = Counting()
    step = next(iter(begin))
    assert (step.number, len(read)) == (9_000, 6)
