"""``sg4v models``: every name that --model takes, and what is in the way of using it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli import list_models
from sharegpt4video.cli.app import app
from sharegpt4video.vlm import BACKENDS, probing
from sharegpt4video.vlm.hub_models import HUB_MODELS
from sharegpt4video.vlm.probing import Probe
from sharegpt4video.vlm.providers import PROVIDERS


@pytest.fixture(autouse=True)
def _answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No extra but one is here, and one server answers."""
    found = {name: Probe("no key" if one.needs_key else "not running") for name, one in PROVIDERS.items()}
    found["ollama"] = Probe("ready", tuple(f"model-{number}:1b" for number in range(5)))

    async def probes() -> dict[str, Probe]:
        return found

    monkeypatch.setattr(probing, "probes", probes)
    monkeypatch.setattr(list_models, "_extra", lambda name: "" if name == "hf" else f"pip install 'it[{name}]'")
    monkeypatch.setenv("HF_HUB_CACHE", "/no/such/folder")


def rows(*arguments: str) -> dict[str, dict[str, Any]]:
    shown = CliRunner().invoke(app, ["models", "--json", *arguments])
    assert shown.exit_code == 0, shown.stderr
    return {row["name"].partition(":MODEL")[0]: row for row in json.loads(shown.stdout)}


def test_every_name_is_listed_with_what_is_in_the_way() -> None:
    found = rows()
    names = {row["name"].partition(":")[0] for row in found.values()}
    assert names == {*BACKENDS, *PROVIDERS}
    assert len(found) == len(BACKENDS) + len(PROVIDERS) + len(HUB_MODELS)
    states = {name: found[name]["now"] for name in ("embedded", "vllm:NAME_OR_FOLDER", "ollama", "lmstudio", "openai")}
    assert list(states.values()) == ["ready", "extra missing", "ready", "not running", "no key"]
    assert found["hf:smolvlm2-500m"]["now"] == "downloads 1.0 GB"
    assert found["vllm:NAME_OR_FOLDER"]["add"] == "pip install 'it[vllm]'"
    assert found["lmstudio"]["add"] == "lms server start, then lms get qwen/qwen3-vl-8b"
    assert found["openai"]["add"].startswith("set OPENAI_API_KEY (get a key at platform.openai.com")
    assert (found["ollama"]["add"], len(found["ollama"]["served"])) == ("", 5)
    assert (found["ollama"]["can"], found["vllm-server"]["can"]) == ("images", "images, video, sound")


def test_a_word_narrows_the_list_and_tells_more() -> None:
    text = " ".join(CliRunner().invoke(app, ["models", "ollama"]).stdout.split())
    assert "has model-0:1b, model-1:1b, model-2:1b, model-3:1b, model-4:1b" in text
    assert "ollama: it cuts off what its context does not hold" in text
    assert "gemini" not in text
    assert "GEMINI_API_KEY (get a key at aistudio" in CliRunner().invoke(app, ["models", "gemini"]).stdout
    assert "and 2 more" in " ".join(CliRunner().invoke(app, ["models"]).stdout.split())
    unknown = CliRunner().invoke(app, ["models", "no-such"])
    assert (unknown.exit_code, "no model has no-such in its name" in unknown.stderr) == (2, True)


def test_without_probes_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "probes", lambda: pytest.fail("asked"))
    assert {row["now"] for name, row in rows("--no-probe").items() if name in PROVIDERS} == {"not tried"}


def test_names_are_whole_wherever_they_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # tests that run side by side are given one
    piped = CliRunner().invoke(app, ["models"]).stdout
    assert "…" not in piped
    for model in HUB_MODELS.values():
        assert any(model.path in line and "extra missing" not in line for line in piped.splitlines()), model.path
    monkeypatch.setenv("COLUMNS", "80")
    narrow = CliRunner().invoke(app, ["models", "ollama"]).stdout
    assert "such as qwen3-vl:8b" in narrow
    assert "takes images" in narrow
    assert "…" not in narrow
