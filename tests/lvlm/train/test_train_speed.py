"""The prepared measurement of a GPU, walked through with tiny models: its lines, its recipes, its clock."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sharegpt4video.config import load_yaml
from sharegpt4video.learning.configs import find_config
from sharegpt4video.lvlm.settings import TrainSettings

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "benchmarks" / "train_speed.py"


@pytest.fixture(scope="module")
def script() -> Any:
    found = importlib.util.spec_from_file_location("train_speed", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["train_speed"] = module
    found.loader.exec_module(module)
    yield module
    del sys.modules["train_speed"]


def test_every_kernel_is_a_line_and_the_second_model_follows(script: Any, tmp_path: Path) -> None:
    out = tmp_path / "figures.jsonl"
    script.main(["--tiny", "--kernels", "varlen,sdpa,dense", "--out", str(out)])
    machine, *lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert machine["torch"] == torch.__version__
    first, varlen, sdpa, dense, second, auto = lines
    assert (first["part"], second["part"]) == ("8b", "34b")
    assert first["learn"] < first["parameters"]
    assert (first["layers"], first["layers_of_the_model"]) == (4, 4)
    assert "it trains on a CUDA GPU alone" in varlen["skipped"]
    assert [one["attention"] for one in (sdpa, dense, auto)] == ["sdpa", "dense", "sdpa"]
    for one in (sdpa, dense, auto):
        assert one["steps"] == one["wanted_steps"] == 1
        assert one["tokens_per_second"] > 0
        assert one["peak_gb"] > 0
        assert one["samples_per_step"] >= 4, "rows are packed"
    # The same first batch through the same weights: only the kernel differs.
    assert dense["loss_first"] == pytest.approx(sdpa["loss_first"], abs=1e-3)


@pytest.mark.parametrize(("name", "config"), [("8b", "sharegpt4video-8b"), ("34b", "sharegpt4video-34b")])
def test_the_recipes_are_those_that_ship(script: Any, name: str, config: str) -> None:
    mine, shipped = script.RECIPES[name], load_yaml(find_config(config), TrainSettings)
    assert mine.tune == shipped.tune
    assert (mine.model.shape, mine.optimiser.micro_batch) == (shipped.model.shape, shipped.optimiser.micro_batch)
    for key in ("packing", "pack_tokens", "pack_images"):
        assert getattr(mine.data, key) == getattr(shipped.data, key)
    for key in ("precision", "checkpointing", "fused_loss", "compile"):
        assert getattr(mine.run, key) == getattr(shipped.run, key)


def test_pictures_are_as_many_tokens_as_those_of_the_recipe(script: Any) -> None:
    from sharegpt4video.lvlm.grid import visual_tokens
    from sharegpt4video.lvlm.model.shapes import shape

    config = shape("llava-next-llama3-8b").config()
    for width, height, wanted in ((1920, 1103, 1948), (1919, 1466, 2340), (1103, 1920, 1968)):  # the original's numbers
        assert script.visual_tokens((height, width), config) == wanted == visual_tokens(width, height)
    for pixels, size in script.grids(84, 0.25):
        assert pixels.shape == (5, 3, 84, 84)
        assert float(pixels.std()) > 0.1
        assert max(size) <= 480


def test_a_model_that_does_not_fit_keeps_the_layers_that_do(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    card = type("Card", (), {"total_memory": 80 * 10**9})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    part = script.Part(script.RECIPES["34b"], ("auto",), 5)
    config, needed = script.fitted(part, torch.device("cuda"))
    assert 30 < config.text_config.num_hidden_layers < 60
    assert needed.total <= 0.92 * 80e9
    whole, _ = script.fitted(script.Part(script.RECIPES["8b"], ("auto",), 20), torch.device("cuda"))
    assert whole.text_config.num_hidden_layers == 32


def test_the_clock_ends_what_cannot_be_asked_to_stop(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; sys.path.insert(0, sys.argv[1]); import train_speed as it\n"
        "it.threading.Timer.start = lambda self: None\n"  # it runs once all is written
        "lines = it.Lines(pathlib.Path(sys.argv[2])); clock = it.Clock(0.3, lines); clock.doing = 'compiling'\n"
        "lines.write({'part': 'before'}); it.threading.Thread.start(clock._timer); time.sleep(600)"
    )
    out = tmp_path / "figures.jsonl"
    ended = subprocess.run([sys.executable, "-c", code, str(SCRIPT.parent), str(out)], timeout=240, check=False)
    assert ended.returncode == 4
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [
        {"part": "before"}, {"stopped": "the time is up", "while": "compiling"},
    ]  # fmt: skip
