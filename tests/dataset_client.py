"""A server of a data set, asked over HTTP, for the tests of its routes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from sharegpt4video.web.app import make_app
from sharegpt4video.web.settings import WebSettings

CAPTIONS = "/v1/dataset/captions"


def served(dataset: Path, *roots: Path) -> TestClient:
    app = make_app(WebSettings(dataset=str(dataset), roots=roots))
    return TestClient(app, base_url="http://127.0.0.1:8317")


def until(client: TestClient, path: str, holds: Any, seconds: float = 30.0) -> Any:
    """The answer once it is as a test wants it."""
    end = time.monotonic() + seconds
    while True:
        answer = client.get(path)
        if answer.status_code == 200 and holds(answer.json()):
            return answer.json()
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)


def whole(client: TestClient, rows: int) -> None:
    """Wait until the index has so many captions, and all else that is known of them."""
    until(client, "/v1/dataset", lambda told: told["indexed_rows"] == rows)
    assert client.app.state.server.stored.catalogue.wait()  # type: ignore[attr-defined]
