"""Pushing a model is held against a real server on this machine that speaks the few words of the Hub it needs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")


class Hub(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.body()
        self.server.asked.append((self.command, self.path, body))  # type: ignore[attr-defined]
        said: dict[str, Any] = {}
        if self.path == "/api/repos/create":
            said = {"url": f"http://{self.headers['host']}/me/model"}
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            said = {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
        elif "/commit/" in self.path:
            said = {"commitUrl": f"http://{self.headers['host']}/me/model/commit/1", "commitOid": "1", "success": True}
        data = json.dumps(said).encode()
        self.send_response(401 if self.headers.get("authorization") == "Bearer wrong" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def pushed(folder: Path, hub: ThreadingHTTPServer, token: str = "right") -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from sharegpt4video.lvlm.train import push; from sharegpt4video.errors import SG4VError\n"
        "try: print(push(sys.argv[1], 'me/model', token=sys.argv[2]))\n"
        "except SG4VError as error: sys.exit(str(error))"
    )
    address = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", code, str(folder), token]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **address}, timeout=60)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name in ("config.json", "README.md", "model.safetensors"):
        (tmp_path / name).write_text(f"what {name} says", encoding="utf-8")
    return tmp_path


def test_every_file_of_a_model_is_sent_and_the_repository_is_private(model: Path, hub: ThreadingHTTPServer) -> None:
    shown = pushed(model, hub)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip().endswith("/me/model")
    asked = hub.asked  # type: ignore[attr-defined]
    made = json.loads(next(body for _, path, body in asked if path == "/api/repos/create"))
    assert made.get("private") is True or made.get("visibility") == "private"  # by version of huggingface_hub
    assert made.get("type", "model") == "model"
    commit = next(body for _, path, body in asked if "/commit/" in path)
    lines = [json.loads(line) for line in commit.splitlines() if line.strip()]
    files = {line["value"]["path"]: base64.b64decode(line["value"]["content"]).decode() for line in lines
             if line["key"] == "file"}  # fmt: skip
    assert files == {name: f"what {name} says" for name in ("config.json", "README.md", "model.safetensors")}


def test_what_the_hub_refuses_is_told(model: Path, hub: ThreadingHTTPServer) -> None:
    shown = pushed(model, hub, token="wrong")
    assert shown.returncode == 1
    assert "the Hub did not take it" in shown.stderr
    assert "hf auth whoami" in shown.stderr


def test_a_folder_that_holds_no_model_is_not_sent(model: Path) -> None:
    from sharegpt4video.errors import SettingsError
    from sharegpt4video.lvlm.train.sending import push

    (model / "model.safetensors").unlink()
    with pytest.raises(SettingsError, match=r"is no merged model \(no weights\)"):
        push(model, "me/model")
