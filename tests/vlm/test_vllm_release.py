"""Which releases of vLLM are taken, and the one error for the others."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from fake_vllm import install
from made_requests import OPENING, PROMPTS, ask
from sharegpt4video.errors import VLMError
from sharegpt4video.vlm.vllm import VllmVLM
from sharegpt4video.vlm.vllm_release import READ, release


@pytest.mark.parametrize("version", ["0.33.0", "0.33.1rc1", "0.41.2", "1.0.0", "0.1.dev8123+g3f2a1b0.cu130", ""])
def test_the_release_that_was_read_newer_ones_and_unknown_builds_are_tried(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    monkeypatch.setattr(sys.modules["vllm"], "__version__", version)
    assert release("vllm:m").version == version


@pytest.mark.parametrize("version", ["0.22.0", "0.32.4", "0.11.0+cu126", "0.9.1"])
def test_an_older_release_is_one_error_that_says_what_to_do(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    monkeypatch.setattr(sys.modules["vllm"], "__version__", version)
    with pytest.raises(VLMError) as caught:
        ask(VllmVLM("some/model", prompts=PROMPTS), OPENING)
    assert str(caught.value) == (
        f"vllm:some/model: vLLM {version} is older; this backend was written for 0.33: pip install 'vllm>=0.33', or"
        " start vLLM as a server and name it with --model server:MODEL@URL"
    )
    assert not engines, "no engine is started for nothing"


@pytest.mark.parametrize(("module", "name"), [("vllm.renderers", "ChatParams"), ("vllm", "AsyncLLMEngine")])
def test_a_newer_release_that_changed_is_told_by_what_it_lacks(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)
    monkeypatch.setattr(sys.modules["vllm"], "__version__", "0.60.0")
    monkeypatch.delattr(sys.modules[module], name)
    with pytest.raises(VLMError, match=rf"vLLM 0\.60\.0 has another interface \(.*{name}"):
        release("vllm:m")


def test_a_release_without_a_module_is_told_too_and_a_broken_library_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    monkeypatch.setitem(sys.modules, "vllm.renderers", None)
    with pytest.raises(VLMError, match="has another interface"):
        release("vllm:m")

    class Broken(types.ModuleType):
        def __getattr__(self, name: str) -> object:
            raise ImportError("libcudart.so.13: cannot open shared object file", name="torch._C")

    monkeypatch.setitem(sys.modules, "vllm.renderers", Broken("vllm.renderers"))
    with pytest.raises(ImportError, match="libcudart"):
        release("vllm:m")


def test_the_extra_asks_for_what_was_read() -> None:
    said = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf'^vllm = \["vllm>={READ[0]}\.{READ[1]}"\]$', said, re.MULTILINE)
