"""Pushing a model is held against a real server on this machine that speaks the few words of the Hub it needs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_server import HubServer, hub_server

pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server("me/model") as server:
        yield server


def pushed(folder: Path, hub: HubServer, token: str = "right") -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from sharegpt4video.lvlm.train import push; from sharegpt4video.errors import SG4VError\n"
        "try: print(push(sys.argv[1], 'me/model', token=sys.argv[2]))\n"
        "except SG4VError as error: sys.exit(str(error))"
    )
    address = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", code, str(folder), token]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **address}, timeout=240)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name in ("config.json", "README.md", "model.safetensors"):
        (tmp_path / name).write_text(f"what {name} says", encoding="utf-8")
    return tmp_path


def test_every_file_of_a_model_is_sent_and_the_repository_is_private(model: Path, hub: HubServer) -> None:
    shown = pushed(model, hub)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip().endswith("/me/model")
    asked = hub.asked
    made = json.loads(next(body for _, path, _, body in asked if path == "/api/repos/create"))
    assert made.get("private") is True or made.get("visibility") == "private"  # by version of huggingface_hub
    assert made.get("type", "model") == "model"
    commit = next(body for _, path, _, body in asked if "/commit/" in path)
    lines = [json.loads(line) for line in commit.splitlines() if line.strip()]
    files = {line["value"]["path"]: base64.b64decode(line["value"]["content"]).decode() for line in lines
             if line["key"] == "file"}  # fmt: skip
    assert files == {name: f"what {name} says" for name in ("config.json", "README.md", "model.safetensors")}


def test_what_the_hub_refuses_is_told(model: Path, hub: HubServer) -> None:
    shown = pushed(model, hub, token="wrong")
    assert shown.returncode == 1
    assert "the Hub rejected it" in shown.stderr
    assert "hf auth whoami" in shown.stderr


def test_a_hub_that_cannot_be_reached_is_told(model: Path, hub: HubServer) -> None:
    hub.shutdown()
    hub.server_close()
    shown = pushed(model, hub)
    assert shown.returncode == 1
    assert "me/model: the Hub rejected it" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_folder_that_holds_no_model_is_not_sent(model: Path) -> None:
    from sharegpt4video.errors import SettingsError
    from sharegpt4video.lvlm.train.sending import push

    (model / "model.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"not a merged model \(no weights\)"):
        push(model, "me/model")


def test_a_link_out_of_the_folder_is_not_sent(model: Path, hub: HubServer) -> None:
    (model / "notes.txt").symlink_to("/etc/hostname")
    shown = pushed(model, hub)
    assert shown.returncode == 1
    assert "notes.txt: leads to a file elsewhere, which would be sent" in shown.stderr
    assert hub.asked == []
