"""``sg4v train`` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sharegpt4video.cli.train import progress, train, train_settings
from sharegpt4video.errors import SettingsError

torch = pytest.importorskip("torch")
for package in ("transformers", "peft", "accelerate"):
    pytest.importorskip(package)

CONFIG = """
model: {{shape: tiny, random_weights: true}}
tune: {{lora_rank: 4, lora_alpha: 8.0, language_rate: 1.0e-3}}
data: {{sources: [{{path: {path}}}], max_tokens: 512, packing: false, workers: 0}}
optimiser: {{global_batch: 2, micro_batch: 2}}
run: {{precision: fp32, checkpointing: none}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    torch.set_num_threads(1)
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    asked = {"from": "human", "value": "<image>\nWhich colour?"}
    told = {"from": "gpt", "value": "The background is grey"}
    samples = [{"id": str(number), "image": "grey.png", "conversations": [asked, told]} for number in range(4)]
    (tmp_path / "samples.json").write_text(json.dumps(samples), encoding="utf-8")
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(path=tmp_path / "samples.json"), encoding="utf-8")
    return path


def run(*words: object) -> tuple[int, str, str]:
    shown = CliRunner().invoke(train, [str(word) for word in words])
    return shown.exit_code, shown.stdout, shown.stderr


def test_train_go_on_and_merge(config: Path, tmp_path: Path) -> None:
    out, merged = tmp_path / "run", tmp_path / "merged"
    code, said, told = run("lvlm", config, "--out", out, "--set", "optimiser.max_steps=1")
    assert (code, told.count("loss")) == (0, 1), told
    assert "1 of 1 steps" in said
    code, _, told = run("lvlm", config, "--out", out)
    assert code == 2
    assert "optimiser.max_steps was 1, is None" in told
    assert "--fresh" in told
    code, said, _ = run("lvlm", config, "--out", out, "--fresh")
    assert (code, "2 of 2 steps" in said) == (0, True)
    code, said, told = run("merge", out, merged)
    assert (code, (merged / "model.safetensors").is_file()) == (0, True), told
    code, _, told = run("merge", out, merged)
    assert (code, "is not empty" in told) == (2, True)


def test_samples_that_were_left_out_are_told_last_and_exit_with_3(config: Path, tmp_path: Path) -> None:
    samples = json.loads((tmp_path / "samples.json").read_text(encoding="utf-8"))
    samples[1]["image"] = samples[2]["image"] = "nowhere.png"
    (tmp_path / "samples.json").write_text(json.dumps(samples), encoding="utf-8")
    command = ("lvlm", config, "--out", tmp_path / "run", "--set", "optimiser.global_batch=4")
    code, said, told = run(*command)
    assert code == 3
    assert said.splitlines()[-1].startswith("left out 2 of 4 samples (50.00%), more than data.max_skipped_share")
    assert told.startswith("attention: sdpa (")
    code, said, _ = run(*command, "--set", "data.max_skipped_share=0.5")
    assert (code, said.splitlines()[-1][:24]) == (0, "left out 2 of 4 samples ")


def test_a_plan_needs_no_data_and_no_folder(config: Path) -> None:
    code, said, told = run("lvlm", config, "--plan", "--gpus", 2, "--gpu", "A100-80", "--samples", 1000)
    assert code == 0, told
    assert "A100-80" in said
    code, _, told = run("lvlm", config, "--plan", "--gpu", "Z80")
    assert (code, "Z80" in told) == (2, True)


def test_what_is_missing_is_said(config: Path, tmp_path: Path) -> None:
    code, _, told = run("lvlm", config)
    assert (code, "--out DIR is missing" in told) == (2, True)
    lost = ["--set", "data.sources=[{path: nowhere.json}]"]
    code, _, told = run("lvlm", config, "--out", tmp_path / "run", *lost)
    assert (code, "there is no file nowhere.json" in told) == (2, True)
    code, _, told = run("merge", tmp_path / "nothing", tmp_path / "merged")
    assert (code, "holds no checkpoint" in told) == (1, True)


def test_settings_are_changed_before_they_are_checked(config: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.yaml"
    bare.write_text("tune: {lora_rank: 4}", encoding="utf-8")
    settings = train_settings(bare, ["model.shape=tiny", "model.random_weights=true", "run.trackers=[tensorboard]"])
    assert (settings.model.shape, settings.tune.lora_rank, settings.run.trackers) == ("tiny", 4, ("tensorboard",))
    with pytest.raises(SettingsError, match=r"tune.lora_rnk.*did you mean tune.lora_rank"):
        train_settings(config, ["tune.lora_rnk=8"])
    with pytest.raises(SettingsError, match=r"with --set: optimiser.micro_batch must be at least 1"):
        train_settings(config, ["optimiser.micro_batch=0"])
    bare.write_text("data:\ntune: {lora_rank: 4}\nname: {x: 1}", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"name: text is needed, not a mapping; data: a mapping"):
        train_settings(bare, ["model.shape=tiny"])
    with pytest.raises(SettingsError, match=r"with --set: tune.lora_rank"):
        train_settings(config, ["tune.lora_rank=many"])


def test_without_the_extra_the_plan_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"  # as if it were not installed
        "from sharegpt4video.cli import main\n"
        "sys.argv = ['sg4v', 'train', 'lvlm', 'configs/tiny.yaml', '--plan']; main()"
    )
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.strip().endswith("pip install 'sharegpt4video[train]'")
    assert "Traceback" not in said.stderr


def test_only_the_first_process_draws_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """torchrun gives all of them the same terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, as far as rich knows
    shown = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with progress():
            pass
        shown.append(capsys.readouterr().err)
    assert "step" in shown[0]
    assert not shown[1]
