"""Trials run apart from this process: each gets its own answer, whatever became of the one before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidProtobuf

from sharegpt4video import networks
from sharegpt4video.cli import codecs
from sharegpt4video.cli.trials import tried
from sharegpt4video.facts import network


def test_each_trial_has_its_own_answer() -> None:
    trials = {
        "fine": "import json",
        "silent": "",
        "chatty": "import os; print('[\"fine\", \"lies\"]'); os.write(1, b'noise')",
        "fails": "raise ValueError('two\\nlines')",
        "killed": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "left": "import os; os._exit(3)",
        "after": "import sys; assert 'pytest' not in sys.modules",
    }
    assert tried(trials) == {
        "fine": "",
        "silent": "",
        "chatty": "",
        "fails": "ValueError: two\nlines",
        "killed": "the process ended with SIGSEGV",
        "left": "the process ended with exit code 3",
        "after": "",
    }
    assert tried({}) == {}


def test_a_trial_that_hangs_ends() -> None:
    hanging = {"hangs": "import time; time.sleep(600)"}
    assert tried(hanging, limit_seconds=0.5) == {"hangs": "did not finish within 0.5 seconds"}


def test_modules_are_those_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("")
    assert "ModuleNotFoundError" in tried({"only": "import only_here"})["only"]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert tried({"only": "import only_here"})["only"] == ""


@pytest.mark.parametrize("name", ["mpeg4", "mjpeg", "gif"])
def test_a_picture_comes_back_or_it_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codecs.read_back(name)
    monkeypatch.setattr(codecs, "TOLERANCE", -1)
    with pytest.raises(ValueError, match="came back as"):
        codecs.read_back(name)


def test_a_damaged_network_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cut.onnx").write_bytes((network.WEIGHTS / network.POSE).read_bytes()[:100_000])
    network.try_out(network.POSE)
    monkeypatch.setattr(networks, "WEIGHTS", tmp_path)
    with pytest.raises(InvalidProtobuf, match=r"cut\.onnx"):
        network.try_out("cut.onnx")
