"""``sg4v train preferences``: what it refuses; what it trains is held in ``tests/lvlm/preferences``."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from sharegpt4video.cli.app import app
from sharegpt4video.cli.train import train_settings


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
