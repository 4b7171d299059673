"""Pushing is held against a real server on this machine that speaks the few words of the Hub it needs."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_server import HubServer, hub_server
from made_dataset import caption_row, made_store
from sharegpt4video.dataset.export import export, push
from sharegpt4video.errors import MissingExtra, SettingsError
from sharegpt4video.files import leading_out


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server("datasets/me/captions") as server:
        yield server


def pushed(folder: Path, hub: HubServer, token: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from sharegpt4video.dataset.export import push; from sharegpt4video.errors import SG4VError\n"
        "try: print(push(sys.argv[1], 'me/captions', token=sys.argv[2]))\n"
        "except SG4VError as error: sys.exit(str(error))"
    )
    address = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", code, str(folder), token]
    return subprocess.run(command, env=os.environ | address, capture_output=True, text=True, timeout=240, check=False)


def test_every_file_is_sent_to_a_private_data_set(hub: HubServer, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    export(made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "out"))
    done = pushed(tmp_path / "out", hub, "hf_good")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("/datasets/me/captions")
    asked = hub.asked
    (made,) = [json.loads(body) for _, path, _, body in asked if path == "/api/repos/create"]
    assert (made["name"], made["organization"], made["type"]) == ("captions", "me", "dataset")
    assert made.get("visibility") == "private" or made.get("private") is True
    (commit,) = [body for _, path, _, body in asked if path == "/api/datasets/me/captions/commit/main"]
    lines = [json.loads(line) for line in commit.splitlines()]
    (header,) = [line["value"] for line in lines if line["key"] == "header"]
    assert header["summary"] == "Upload the export"
    sent = {
        line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
    }
    assert sent == {
        str(file.relative_to(tmp_path / "out")): file.read_bytes()
        for file in (tmp_path / "out").rglob("*")
        if file.is_file()
    }
    assert {token for _, path, token, _ in asked if "/datasets/" in path or "create" in path} == {"Bearer hf_good"}


def test_a_refusal_is_told(hub: HubServer, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    export(made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "out"))
    done = pushed(tmp_path / "out", hub, "wrong")
    assert done.returncode == 1
    assert "me/captions: the Hub rejected it" in done.stderr


def test_a_hub_that_cannot_be_reached_is_told(hub: HubServer, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    export(made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "out"))
    hub.shutdown()
    hub.server_close()
    done = pushed(tmp_path / "out", hub, "hf_good")
    assert done.returncode == 1
    assert "me/captions: the Hub rejected it" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_finished_exports_are_pushed(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no export"):
        push(tmp_path, "me/captions")
    (tmp_path / "export.json").write_text('{"finished": false}', "utf-8")
    with pytest.raises(SettingsError, match="was not finished"):
        push(tmp_path, "me/captions")


def test_without_the_client_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export.json").write_text('{"finished": true}', "utf-8")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[hub\]"):
        push(tmp_path, "me/captions")


def test_a_link_out_of_the_folder_is_not_sent(tmp_path: Path) -> None:
    """A folder that somebody else has prepared would send away what lies behind it."""
    export(made_store(tmp_path / "set", [caption_row(0)]), "parquet", str(tmp_path / "out"))
    (tmp_path / "secret").write_text("the key of this machine")
    (tmp_path / "out" / "data").mkdir(exist_ok=True)
    link = tmp_path / "out" / "data" / "notes.txt"
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(SettingsError, match=r"notes.txt: leads to a file elsewhere, which would be sent"):
        push(tmp_path / "out", "me/captions")
    link.unlink()
    link.symlink_to("../export.json")
    assert leading_out(tmp_path / "out") is None
