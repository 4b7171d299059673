"""Training from plain words; what a run does is tested in ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import sharegpt4video as sg4v
from sharegpt4video.errors import SettingsError


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"model": {}}, "TrainSettings"),
        ("tinny", "did you mean 'tiny'"),
        (Path("none.yaml"), "no such file"),
    ],
)
def test_what_is_no_settings(settings: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=problem):
        sg4v.train(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"optimiser": {"micro_batches": 2}}), encoding="utf-8")
    with pytest.raises(SettingsError, match="micro_batch"):
        sg4v.train(tmp_path / "own.yaml", tmp_path / "run")
