"""``sg4v doctor`` on made packages: what is asked for, what is there, and what is told of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharegpt4video.cli import doctor, installed
from sharegpt4video.cli.app import app
from sharegpt4video.cli.installed import Found, extras, required

Install = Callable[..., Path]


def forget() -> None:
    """What was read of the packages that are installed."""
    for read in (installed._modules, installed._requirements, installed.version):
        read.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package with a version, requirements and a module on the path of imports, as pip would."""
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    for name in ("decoders", "weights"):  # which take their time, and have tests of their own
        monkeypatch.setattr(doctor, name, list)

    def make(name: str, version: str = "1.0", *requires: str, extras: tuple[str, ...] = (), files: bool = True) -> Path:
        module = name.replace("-", "_")
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}",
                 *(f"Provides-Extra: {extra}" for extra in extras),
                 *(f"Requires-Dist: {line}" for line in requires)]  # fmt: skip
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "RECORD").write_text(f"{module}/__init__.py,,\n")
        if files:
            (tmp_path / module).mkdir()
            (tmp_path / module / "__init__.py").write_text("")
        forget()
        return info

    yield make
    forget()
    doctor.packages.cache_clear()


def test_an_extra_made_of_others_is_looked_at_whole(install: Install) -> None:
    """As build tools write it that do not take such extras apart."""
    lines = ["base>=1", "made-here[hf]; extra == 'train'", "peft-here>=0.15; extra == 'train'",
             "torch-here>=2.4; extra == 'hf'", "old-here; python_version < '3' and extra == 'hf'"]  # fmt: skip
    install("made-here", "0.1", *lines, extras=("hf", "train"))
    install("peft-here", "0.16")
    assert extras("made-here") == ["hf", "train"]
    assert required("made-here", "train") == [
        Found("peft-here", "0.16", ""), Found("torch-here", "", "is not installed"),
    ]  # fmt: skip
    assert required("made-here") == [Found("base", "", "is not installed")]


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("server-here>=3", "is 2.0, where >=3 is needed"),
        ("server-here>=1,<2", "is 2.0, where <2,>=1 is needed"),
        ("server-here>=1", ""),
        ("Server_Here", ""),
        ("server-here[fast]", "needs speed-here, which is not installed"),
        ("lost-here", "is listed as 1.0, but its files are gone"),
        ("deep-here", "needs server-here, and that is 2.0, where <1 is needed"),
        ("deeper-here", "needs server-here, and that is 2.0, where <1 is needed"),
        ("ring-here", ""),
    ],
)
def test_what_is_wrong_is_said(install: Install, wanted: str, problem: str) -> None:
    install("server-here", "2.0", "speed-here>=1; extra == 'fast'", extras=("fast",))
    install("lost-here", files=False)
    install("deep-here", "1.0", "server-here<1", "not a requirement !")
    install("deeper-here", "1.0", "deep-here")
    install("ring-here", "1.0", "rung-here")
    install("rung-here", "1.0", "ring-here")
    install("made-here", "0.1", f"{wanted}; extra == 'it'", extras=("it",))
    (found,) = required("made-here", "it")
    assert found.problem == problem


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise ImportError('libGL.so.1: cannot open shared object file')", "ImportError: libGL.so.1: cannot open"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "the process ended with SIGILL"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("print('hello'); import base_here", ""),
    ],
)
def test_what_cannot_be_imported_is_not_called_ok(
    install: Install, monkeypatch: pytest.MonkeyPatch, code: str, problem: str
) -> None:
    info = install("torch-here", "2.5")
    (info.parent / "torch_here" / "__init__.py").write_text(code)
    install("base-here", "1.0")
    install("made-here", "0.1", "base-here", "torch-here; extra == 'hf'", extras=("hf",))
    found = shown(monkeypatch)
    assert found["base-here"]["state"] == "ok"
    assert found["hf"]["state"] == ("wrong" if problem else "ok")
    assert problem in found["hf"]["detail"]
    if problem:
        assert found["hf"]["detail"].startswith("torch-here 2.5 cannot be imported: ")
        assert found["hf"]["remedy"] == "pip install --force-reinstall --no-deps torch-here"
        states = {check.name.partition(":")[0]: check.state for check in doctor.models()}
        assert (states["hf"], states["embedded"]) == ("wrong", "ok")


def test_a_module_beside_the_main_one_may_need_more(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB brings one that needs a package which it does not ask for."""
    info = install("duck-here", "2.0")
    (info.parent / "driver_here.py").write_text("import driver_manager_that_is_not_here")
    (info / "RECORD").write_text("duck_here/__init__.py,,\ndriver_here.py,,\n")
    forget()
    install("made-here", "0.1", "duck-here; extra == 'web'", extras=("web",))
    assert shown(monkeypatch)["web"]["state"] == "ok"


def test_a_core_that_cannot_be_imported_is_a_failure(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    info = install("base-here", "1.0")
    (info.parent / "base_here" / "__init__.py").write_text("1 / 0")
    install("made-here", "0.1", "base-here")
    assert shown(monkeypatch)["base-here"]["state"] == "wrong"
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 1
    assert "to repair base-here: pip install --force-reinstall --no-deps base-here" in ended.stdout


def test_networks_and_codecs_that_do_not_work_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "tried", lambda trials: dict.fromkeys(trials, "RuntimeError: broken"))
    monkeypatch.setattr(doctor, "packages", list)
    doctor.weights.cache_clear()
    wrong = [*doctor.weights(), *(check for check in doctor.decoders() if check.name != "FFmpeg"), doctor.models()[0]]
    assert {check.state for check in wrong} == {"wrong"}
    assert all(check.detail.endswith(("broken", "nanodet-g-416.onnx")) and check.remedy for check in wrong)
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1
    doctor.weights.cache_clear()


def test_a_codec_without_an_encoder_is_not_called_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "has", lambda name, mode: mode == "r" and name != "av1")
    found = {check.name: check for check in doctor.decoders()}
    assert found["H.264"].detail == "not tried: there is no libx264 to write one"
    assert found["AV1"].detail == "cannot be read"
    assert {found[name].state for name in ("H.264", "AV1", "GIF")} == {"absent"}


def test_a_pre_release_will_do(install: Install) -> None:
    install("torch-here", "2.15.0.dev20261001+cu130")
    install("made-here", "0.1", "torch-here>=2.4")
    assert required("made-here") == [Found("torch-here", "2.15.0.dev20261001+cu130", "")]


def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    monkeypatch.setattr(doctor, "PACKAGE", "made-here")
    doctor.packages.cache_clear()
    checks = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["checks"]
    return {check["name"]: check for check in checks if check["group"] in ("core", "extras")}


def test_each_state_has_a_word_and_a_line_that_mends_it(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("torch-here", "2.3")
    install("peft-here", "0.16")
    install("lost-here", "1.0", files=False)
    lines = ["peft-here>=0.15", "base-here", "peft-here; extra == 'fine'", "torch-here>=2.4; extra == 'old'",
             "torch-here; extra == 'half'", "gone-here; extra == 'half'", "lost-here; extra == 'lost'"]  # fmt: skip
    install("made-here", "0.1", *lines, extras=("fine", "old", "half", "lost"))
    found = shown(monkeypatch)
    assert {name: check["state"] for name, check in found.items()} == {
        "peft-here": "ok", "base-here": "missing", "fine": "ok", "old": "wrong", "half": "absent", "lost": "wrong",
    }  # fmt: skip
    assert found["old"]["detail"] == "torch-here is 2.3, where >=2.4 is needed"
    assert found["old"]["remedy"] == "pip install --upgrade 'made-here[old]'"
    assert found["half"]["detail"] == "gone-here is not installed"
    assert found["lost"]["remedy"] == "pip install --force-reinstall --no-deps lost-here"
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1


def test_a_model_whose_extra_is_not_there_is_not_called_ok(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("torch-here", "2.5")
    lines = ["torch-here; extra == 'hf'", "engine-here; extra == 'vllm'"]
    install("made-here", "0.1", *lines, extras=("hf", "vllm"))
    shown(monkeypatch)
    states = {check.name.partition(":")[0]: check for check in doctor.models()}
    assert (states["hf"].state, states["lvlm"].state, states["embedded"].state) == ("ok", "ok", "ok")
    assert states["vllm"].state == "absent"
    assert states["vllm"].detail == "needs the extra vllm"
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert "to add an extra, only where you need it: pip install --upgrade 'made-here[NAME]'" in text
    assert text.count("pip install") == 1, "not a line for each of the extras"


def test_our_own_extras_are_those_of_the_package() -> None:
    """Whatever is asked for by an extra is held against what ``pip`` says is here."""
    names = {one.metadata["Name"].lower().replace("_", "-") for one in metadata.distributions()}
    for extra in extras("sharegpt4video"):
        for found in required("sharegpt4video", extra):
            assert bool(found.version) == (found.name.lower().replace("_", "-") in names), found


def test_a_gpu_and_what_keeps_torch_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [check.detail for check in doctor.gpus()] == ["none (nvidia-smi lists none)"]
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!{sys.executable}\nprint('NVIDIA H100\\nNVIDIA H100')\n")
    tool.chmod(0o755)
    monkeypatch.setattr(doctor, "version", lambda _: "2.13.0+cpu")
    found = {check.name: check for check in doctor.gpus()}
    assert found["GPU"].detail == "2 x NVIDIA H100"
    assert (found["torch"].state, found["C compiler"].state) == ("wrong", "absent")
    monkeypatch.setattr(doctor, "version", lambda _: "")
    assert [check.name for check in doctor.gpus()] == ["GPU"]


@pytest.mark.parametrize(
    ("available", "problem"), [("False", "PyTorch finds none of them"), ("1 / 0", "ZeroDivisionError")]
)
def test_a_gpu_is_asked_to_calculate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: str, problem: str
) -> None:
    (tmp_path / "torch.py").write_text(f"class cuda:\n    is_available = staticmethod(lambda: {available})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(doctor, "version", lambda _: "2.13.0")
    monkeypatch.setattr(doctor, "_gpu_names", lambda: ["NVIDIA H100"])
    found = {check.name: check for check in doctor.gpus()}
    assert found["torch"].state == "wrong"
    assert found["torch"].detail.startswith("2.13.0 cannot use the GPUs: ")
    assert problem in found["torch"].detail
