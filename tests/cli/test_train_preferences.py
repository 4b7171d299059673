"""``sg4v train preferences``: what it refuses; what it trains is held in ``tests/lvlm/preferences``."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli.app import app
from sharegpt4video.cli.train import train_settings
from sharegpt4video.errors import SettingsError
from sharegpt4video.learning.configs import find_config
from sharegpt4video.lvlm.preferences.judging import OURS

OUR_JUDGE = "sharegpt4video.world.chain.reward:Facts"


def test_a_configuration_without_preferences_is_refused(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["train", "preferences", "tiny", "--out", str(tmp_path / "run")])
    assert ended.exit_code == 2
    assert "has neither dpo nor grpo" in " ".join(ended.output.split())


def test_settings_of_preferences_can_be_changed_and_added() -> None:
    changed = train_settings(Path("preferences-qwen3-vl-4b"), ["dpo.beta=0.3"])
    assert changed.dpo is not None
    assert (changed.dpo.beta, changed.dpo.sft_weight, changed.grpo) == (0.3, 0.1, None)
    added = train_settings(Path("tiny"), ["dpo.beta=0.2"])
    assert added.dpo is not None
    assert (added.dpo.beta, added.mixture) == (0.2, None)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("grpo: {judge: 'CODE:Judge'}", "grpo.judge=CODE:Judge"),
        ("grpo: {judge: 'os:system', judge_options: {command: 'touch MARK'}}", "grpo.judge=os:system"),
        ("grpo: {judge: 'sharegpt4video.files:write_whole'}", "grpo.judge=sharegpt4video.files:write_whole"),
        ("model: {base: x, trust_remote_code: true}", "model.trust_remote_code=true"),
        ("model: {base: x, trust_remote_code: 1}", "model.trust_remote_code=true"),
    ],
)
def test_a_file_alone_starts_no_code(tmp_path: Path, said: str, named: str) -> None:
    code, mark, config = tmp_path / "judge.py", tmp_path / "mark", tmp_path / "run.yaml"
    code.write_text(f"open({str(mark)!r}, 'w')\n")
    named, text = named.replace("CODE", str(code)), said.replace("CODE", str(code)).replace("MARK", str(mark))
    config.write_text(text)
    ended = CliRunner().invoke(app, ["train", "preferences", str(config), "--out", str(tmp_path / "run")])
    assert ended.exit_code == 2
    assert f"say so: --set {named}" in "".join(ended.output.split("\n"))
    assert not mark.exists()
    with pytest.raises(SettingsError, match="which a file alone cannot start"):
        train_settings(config, ["optimiser.seed=3"])


def test_a_judge_that_a_user_names_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(find_config("preferences-tiny").read_text().replace(OUR_JUDGE, "mine:Judge"))
    found = train_settings(tmp_path / "run.yaml", ["grpo.judge=mine:Judge"])
    assert found.grpo is not None
    assert found.grpo.judge == "mine:Judge"
    assert train_settings(Path("preferences-tiny"), None).grpo is not None


def test_every_judge_of_ours_is_there() -> None:
    for place in OURS:
        module, _, name = place.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
