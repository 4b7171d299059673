"""Short names of models on the Hub."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.vlm.hub_models import HUB_MODELS, hub_path


def test_a_short_name_stands_for_a_whole_one() -> None:
    assert hub_path("qwen3-vl-2b", "hf") == hub_path("Qwen3-VL-2B", "hf") == "Qwen/Qwen3-VL-2B-Instruct"
    for name, model in HUB_MODELS.items():
        assert name == name.lower()
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.path)
        size = re.search(r"(\d+(?:\.\d+)?)(m|b)\Z", name)
        assert size is not None
        billions = float(size[1]) / (1000 if size[2] == "m" else 1)
        assert billions <= model.billions * 1.2 <= 2.2 * billions, "the name tells the size"


def test_folders_and_whole_names_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "qwen3-vl-2b").mkdir()
    for name in ("mine", "qwen3-vl-2b", "./gone", "org/model:7b", str(tmp_path), "~/models/x"):
        assert hub_path(name, "hf") == name


def test_a_name_that_is_none_gets_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"vllm: there is no folder 'qwen3-vl-3b' here \(did you mean vllm:qwen3"):
        hub_path("qwen3-vl-3b", "vllm")
    with pytest.raises(SettingsError, match="ORGANIZATION/NAME, and short names are: smolvlm2-256m, "):
        hub_path("zzz", "hf")
