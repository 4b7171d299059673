"""Two real processes give what one gives, over gloo: gradients averaged (DDP), weights in pieces (FSDP2), DeepSpeed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sharegpt4video.lvlm.settings import DataSource, TrainSettings
from sharegpt4video.lvlm.train import train

Tiny = Callable[..., TrainSettings]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

# First a step after one that made the optimiser's moments, as the plan sees it and as it was. Then runs that are
# stopped by a signal in their second step, and gone on with by the same processes.
CHILD = """
import json, os, signal, sys, torch
from pathlib import Path
from pydantic import TypeAdapter
sys.path.insert(0, sys.argv[1])
from live_memory import LiveBytes
from sharegpt4video.lvlm.model.loss import learned_places
from sharegpt4video.lvlm.model.memory import CONTEXT_BYTES, Load, memory
from sharegpt4video.lvlm.model.sequences import Sequences
from sharegpt4video.lvlm.model.sizes import sizes
from sharegpt4video.lvlm.settings import ModelSettings, RunSettings, TrainSettings, TuneSettings
from sharegpt4video.lvlm.train import train
from sharegpt4video.lvlm.train.assemble import make_engine, make_model
from sharegpt4video.learning.processes import Processes, end_processes
torch.set_num_threads(1)
folder = Path(sys.argv[2])
wanted = json.loads((folder / "runs.json").read_text())

def measured(processes, language, vision):
    tune = TuneSettings(language=language, vision=vision, lora_rank=8, lora_dropout=0.0)
    run = RunSettings(sharding="fsdp2")
    settings = TrainSettings(model=ModelSettings(shape="tiny", random_weights=True), tune=tune, run=run)
    model, groups = make_model(settings, processes)
    engine = make_engine(settings, model, groups, processes)
    ids = torch.randint(10, 800, (1, 400), generator=torch.Generator().manual_seed(0))
    ids[0, 5:197] = model.config.image_token_id
    labels = torch.full_like(ids, -100)
    labels[:, -128:] = ids[:, -128:]
    inputs = {"input_ids": ids, "labels": labels, "pixel_values": torch.zeros(1, 5, 3, 84, 84),
              "image_sizes": [[96, 96]], "position_ids": torch.arange(400)[None],
              "learned": learned_places(labels), "sequences": Sequences(((400,),), torch.device("cpu"))}
    def step(*parts):
        for last in parts:
            engine.backward(inputs, 1 / 256, last=last)
        engine.update([1e-4] * len(groups))
    step(True)
    held = [*engine.module.parameters(), *engine.module.buffers()]
    held += [moment for state in engine.optimiser.state.values() for moment in state.values()]
    with LiveBytes(held) as live:
        step(False, True)
    load = Load(tokens=400, vision_tokens=5 * 37, patches=5 * 36, learned=128)
    plan = memory(sizes(model), tune, run, load, sharding="fsdp2", gpus=2)
    steady = plan.weights + plan.optimiser
    return {"language": language, "casts": live.casts, "start": live.start_bytes, "steady": steady,
            "peak": live.peak_bytes, "planned": plan.total - CONTEXT_BYTES}

def stop(report):
    if report.step == 1:
        os.kill(os.getpid(), signal.SIGTERM)

if wanted["measure"]:
    processes = Processes()
    found = [measured(processes, *tuned) for tuned in (("full", "full"), ("lora", "frozen"))]
    if processes.first:
        (folder / "measured.json").write_text(json.dumps(found))
for name, plain in wanted["runs"].items():
    settings = TypeAdapter(TrainSettings).validate_python(plain)
    first = train(settings, folder / name, on_step=stop)
    assert first.interrupted and first.steps == 2, (name, first)
    second = train(settings, folder / name)
    assert second.resumed_from == 2 and second.steps == 3, (name, second)
end_processes()
"""

# How gradients and weights are shared out, and what of the language model learns.
RUNS = [("none", "lora"), ("none", "full"), ("fsdp2", "lora"), ("fsdp2", "full")]


@pytest.fixture(scope="module")
def mixed(conversations: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples with and without pictures; batches of five do not go into two."""
    samples = json.loads(conversations.read_text(encoding="utf-8"))[:5]
    for number in (1, 2, 4):
        del samples[number]["image"]
        samples[number]["conversations"][0]["value"] = "Where does the object move, and how fast?"
    path = tmp_path_factory.mktemp("mixed") / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    return path


def settings_of(tiny: Tiny, conversations: Path, mixed: Path, sharding: str, language: str = "lora") -> TrainSettings:
    source = DataSource(str(mixed), media=str(conversations.parent))
    return tiny(
        data__sources=(source,), optimiser__global_batch=5, optimiser__micro_batch=1, optimiser__epochs=3,
        run__sharding=sharding, run__save_every_steps=2,
        # Adam turns the rounding of a gradient that is nearly zero into a step of full length; both damp that.
        tune__language=language, tune__language_rate=1e-3, tune__projector_rate=1e-4, optimiser__epsilon=1e-6,
    )  # fmt: skip


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def largest_difference(one: Path, other: Path, name: str) -> float:
    a, b = load_file(one / name), load_file(other / name)
    assert a.keys() == b.keys()
    return max((a[key] - b[key]).abs().max().item() for key in a)


def in_two_processes(
    runs: dict[str, TrainSettings], folder: Path, *, measure: bool = False, **environment: str
) -> None:
    """Train each of ``runs`` in a folder of its name."""
    wanted = {"measure": measure, "runs": {name: asdict(settings) for name, settings in runs.items()}}
    (folder / "runs.json").write_text(json.dumps(wanted), encoding="utf-8")
    (folder / "child.py").write_text(CHILD, encoding="utf-8")
    shown = subprocess.run(
        [*TORCHRUN, str(folder / "child.py"), str(Path(__file__).parents[2]), str(folder)],
        capture_output=True, text=True, timeout=900, env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr[-3000:]


@pytest.fixture(scope="module")
def two(tiny: Tiny, conversations: Path, mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made and measured, all of it by the same two: to start them takes longer than their work."""
    folder = tmp_path_factory.mktemp("two")
    runs = {"-".join(each): settings_of(tiny, conversations, mixed, *each) for each in RUNS}
    in_two_processes(runs, folder, measure=True)
    return folder


@pytest.mark.parametrize(("sharding", "language"), RUNS)
def test_two_processes_learn_what_one_learns(
    tiny: Tiny, conversations: Path, mixed: Path, two: Path, tmp_path: Path, sharding: str, language: str
) -> None:
    settings = settings_of(tiny, conversations, mixed, sharding, language)
    train(settings, tmp_path / "one")
    shutil.copytree(two / f"{sharding}-{language}", tmp_path / "two")
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    ends = [tmp_path / name / "checkpoints" / "step-000003" for name in ("one", "two")]
    assert largest_difference(*ends, "weights.safetensors") < 1e-5
    assert largest_difference(*ends, "optimiser.safetensors") < 1e-5
    assert (ends[1] / "random-00001.pt").exists()

    # What two processes saved, one can go on with.
    shutil.rmtree(ends[1])
    (tmp_path / "two" / "log.jsonl").write_text("", encoding="utf-8")
    assert train(settings, tmp_path / "two").resumed_from == 2
    assert largest_difference(*ends, "weights.safetensors") < 1e-5


def test_a_plan_counts_what_two_processes_hold(two: Path) -> None:
    """Measured tensor by tensor. With autocast, whole copies of all that learns would be among them."""
    measured = json.loads((two / "measured.json").read_text(encoding="utf-8"))
    assert [found["language"] for found in measured] == ["full", "lora"]
    for found in measured:
        assert found["casts"] == 0, found
        assert found["start"] == pytest.approx(found["steady"], rel=0.02), found
        assert found["peak"] <= found["planned"] <= 1.2 * found["peak"], found


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_deepspeed_learns_what_one_process_learns(
    tiny: Tiny, conversations: Path, mixed: Path, tmp_path: Path, precision: str, tolerance: float
) -> None:
    """Also through a stop. Trained weights stay in 32 bits, or a step of 1e-3 would differ in its second digit."""
    if find_spec("deepspeed") is None:
        pytest.skip("needs DeepSpeed (pip install deepspeed)")
    settings = settings_of(tiny, conversations, mixed, "deepspeed")
    settings = replace(settings, run=replace(settings.run, precision=precision))  # type: ignore[arg-type]
    train(replace(settings, run=replace(settings.run, sharding="none")), tmp_path / "one")
    in_two_processes({"two": settings}, tmp_path, DS_ACCELERATOR="cpu")
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=tolerance)
    ends = [tmp_path / name / "checkpoints" / "step-000003" for name in ("one", "two")]
    assert largest_difference(*ends, "weights.safetensors") < tolerance
