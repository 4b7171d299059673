"""Two real processes learn what one learns, over gloo, from the first step, after a stop, and with parts of batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import load_file

from made_generators import changed, clips, settings
from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.settings import T2VSettings
from sharegpt4video.t2v.train import train

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

# The first run is stopped by a signal to one process in its second step, and gone on with.
CHILD = """
import json, os, signal, sys, torch
from pathlib import Path
from pydantic import TypeAdapter
from sharegpt4video.errors import SettingsError
from sharegpt4video.learning.processes import end_processes
from sharegpt4video.t2v.settings import T2VSettings
from sharegpt4video.t2v.train import train
torch.set_num_threads(1)
data, folder, plain = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
settings = {name: TypeAdapter(T2VSettings).validate_python(one) for name, one in plain.items()}

def stop(report):
    if report.step == 2:
        os.kill(os.getpid(), signal.SIGTERM)

first = train(settings["wan"], data, folder / "wan", on_step=stop)
assert (first.steps, first.interrupted) == (2, True), first
assert train(settings["wan"], data, folder / "wan").resumed_from == 2
train(settings["latte"], data, folder / "latte")
try:
    train(settings["odd"], data, folder / "odd")
except SettingsError as error:
    assert "is no multiple of the 2 processes" in str(error)
else:
    raise AssertionError("a batch that does not divide is refused")
end_processes()
"""

# Of four clips a step, each process has two, one at a time for Latte; captions are left out of some. Adam turns the
# rounding of a gradient that is nearly zero into a step of full length; a larger epsilon damps that.
HOW = {"epsilon": 1e-5, "steps": 4}
RUNS: dict[str, T2VSettings] = {
    "wan": changed(settings(**HOW), "text", drop=0.4),
    "latte": changed(settings("latte", **HOW, micro_batch=1), "text", drop=0.4),
    "odd": settings(batch=3, micro_batch=3),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def two(data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs by the same two processes: to start them takes longer than their work."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "child.py").write_text(CHILD, encoding="utf-8")
    plain = json.dumps({name: asdict(one) for name, one in RUNS.items()})
    shown = subprocess.run(
        [*TORCHRUN, str(folder / "child.py"), data, str(folder), plain],
        capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr[-3000:]
    return folder


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.parametrize("name", ["wan", "latte"])
def test_two_processes_learn_what_one_learns(name: str, two: Path, data: str, tmp_path: Path) -> None:
    train(RUNS[name], data, tmp_path)
    runs = tmp_path, two / name
    one, other = ([json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in runs)
    for a, b in zip(one, other, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
        assert b["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=1e-3)
    for file in ("weights.safetensors", "average.safetensors"):
        first, second = (load_file(run / "checkpoints" / "step-000004" / file) for run in runs)
        begun = load_file(two / name / "checkpoints" / "step-000002" / file)
        assert first.keys() == second.keys() == begun.keys()
        assert largest_difference(first, second) < 2e-5
        assert largest_difference(begun, second) > 2e-4  # it did learn
    assert len(list((two / name / "cache").glob("clips-*"))) == 1


def test_a_checkpoint_of_two_processes_is_gone_on_with_by_one(two: Path, data: str) -> None:
    """It was finished; one process may make it longer, and nothing of the two is needed."""
    longer = changed(RUNS["wan"], "optimiser", steps=5)
    assert train(longer, data, two / "wan").resumed_from == 4
    with pytest.raises(SettingsError, match="another run"):
        train(changed(longer, "optimiser", rate=0.1), data, two / "wan")
