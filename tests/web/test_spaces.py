"""The pages on Hugging Face Spaces: the settings of a public server, and its start under Gradio where that is there."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import pytest

from sharegpt4video.errors import MissingExtra
from sharegpt4video.web.client import WebClient
from sharegpt4video.web.run import free_port
from sharegpt4video.web.spaces import launch, make_space, space_settings
from web_server import PARK, running

EXAMPLE = Path(__file__).parents[2] / "examples" / "space" / "app.py"
has_gradio = importlib.util.find_spec("gradio") is not None


def test_a_space_serves_everybody_and_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_HOST", "me-captions.hf.space")
    settings = space_settings()
    assert (settings.public, settings.token, settings.roots, settings.allow_urls) == (True, "", (), False)
    assert "me-captions.hf.space" in settings.host_names()
    with running(host="0.0.0.0", public=True, token="", hosts=settings.hosts, embedded_in=settings.embedded_in) as web:
        answer = web.raw("GET", "/v1/session", headers={"Host": "me-captions.hf.space"})
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert policy.endswith("frame-ancestors https://huggingface.co https://*.hf.space")
        framed = {"Host": "me-captions.hf.space", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert web.raw("GET", "/", headers=framed).status == 200
        asked = {"path": str(PARK)}
        assert web.as_owner("POST", "/v1/media/open", asked).status == 404


def test_the_example_starts_nothing_by_being_read() -> None:
    assert runpy.run_path(str(EXAMPLE))["launch"] is launch
    assert "gradio" in EXAMPLE.with_name("requirements.txt").read_text()


@pytest.mark.skipif(has_gradio, reason="Gradio is installed")
def test_without_gradio_it_says_what_is_missing() -> None:
    with pytest.raises(MissingExtra, match="gradio"):
        make_space()


@pytest.mark.skipif(not has_gradio, reason="Gradio (gradio>=6.31) is not installed")
def test_it_starts_under_gradio_and_captions() -> None:
    port = free_port("127.0.0.1")
    app = make_space(space_settings(host="127.0.0.1", port=port, models=("fake",)))
    assert app.state.server is not None
    running_app, *_ = launch(
        space_settings(host="127.0.0.1", port=port, models=("fake",)), prevent_thread_lock=True, inbrowser=False
    )
    try:
        client = WebClient(f"http://127.0.0.1:{port}")
        assert client.session().models[0].name == "fake"
        assert client.caption(PARK, end_seconds=2.0).steps
    finally:
        running_app.blocks.close()
