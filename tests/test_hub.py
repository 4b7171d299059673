"""Whether a model of the Hub can be had, without asking for each of its files."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sharegpt4video.hub import fetched, is_downloaded, need_within_reach, out_of_reach


@pytest.fixture(autouse=True)
def _online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")  # where nothing listens


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that refuses everything."""

    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_hub_that_cannot_be_reached_is_told() -> None:
    assert out_of_reach("org/model") == (
        "there is no folder 'org/model' here, and http://127.0.0.1:1 cannot be reached to fetch it (Connection refused)"
    )
    with pytest.raises(OSError, match=r"no folder 'org/model' here, .*; check the name and the connection"):
        need_within_reach("org/model")


def test_what_is_here_needs_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert out_of_reach(str(tmp_path)) == ""
    snapshot = tmp_path / "hub" / "models--org--model" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    assert out_of_reach("org/model") == ""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert out_of_reach("org/other") == "", "the Hub's library says so itself, and at once"


def test_a_refusal_is_an_answer(refusing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", refusing)
    assert out_of_reach("org/model") == ""


def test_what_is_in_the_cache_of_the_hub_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    snapshot = tmp_path / "hub" / "models--org--model" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    assert not is_downloaded("org/model"), "only its settings are there"
    (snapshot / "model.safetensors").touch()
    assert is_downloaded("org/model")


@pytest.mark.parametrize("broken", ["HTTPError", "RuntimeError"])
def test_a_download_that_breaks_off_is_an_error_as_of_the_system(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's library lets through what its HTTP library and its downloader raise."""
    errors = pytest.importorskip("huggingface_hub.errors")
    kind = errors.HfHubHTTPError.__bases__[0] if broken == "HTTPError" else RuntimeError

    def download(*_: object, **__: object) -> str:
        raise kind("the read operation timed out")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    with pytest.raises(OSError, match=r"timed out\); run it again: complete files are kept"):
        fetched("org/model", None, ["*.json"])
