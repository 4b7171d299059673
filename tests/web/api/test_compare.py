"""Two data sets of the same videos, compared over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from fastapi.testclient import TestClient

from dataset_client import until
from made_catalogue import caption_of, id_of, made
from sharegpt4video.dataset.dataset import open_dataset
from sharegpt4video.web.app import make_app
from sharegpt4video.web.catalogue.catalogue import GONE, STATE_SECONDS
from sharegpt4video.web.settings import WebSettings


def test_what_only_one_says_is_marked(tmp_path: Path) -> None:
    a, b = made(tmp_path / "one", ()), made(tmp_path / "other", ())
    told = ("A man in a red jacket opens a door.", "A man opens a door.")
    for store, text in zip((a, b), told, strict=True):
        rows = [caption_of(n, summary=text if n == 1 else "A dog runs.") for n in range(3)]
        store.append("captions", [replace(row, steps=row.steps[:1]) for row in rows])
    app = make_app(WebSettings(compare=(a.root, b.root)))
    with TestClient(app, base_url="http://127.0.0.1:8317") as client:
        whole = until(client, "/v1/compare", lambda _: True)
        assert (whole["a"]["name"], whole["b"]["name"], whole["videos"]) == ("one", "other", 3)
        (item,) = client.get("/v1/compare/videos", params={"only": "differ"}).json()["items"]
        assert item["id"] == id_of(1)
        first = client.get("/v1/compare/videos", params={"limit": 2}).json()
        second = client.get("/v1/compare/videos", params={"limit": 2, "after": first["next"]}).json()
        assert [one["id"] for one in (*first["items"], *second["items"])] == [id_of(n) for n in range(3)]
        assert second["next"] is None
        both = client.get(f"/v1/compare/videos/{id_of(1)}").json()
        summary = both["a"]["texts"][-1]
        assert summary["step"] is None
        marked = {summary["text"][mark["start"] : mark["end"]] for mark in summary["marks"]}
        assert any("red" in each or "jacket" in each for each in marked)
        assert not both["b"]["texts"][-1]["marks"]
        assert client.get(f"/v1/compare/videos/{'0' * 32}").status_code == 404
        assert client.get("/v1/compare/videos", params={"only": "x"}).status_code == 422
        assert client.get("/v1/dataset").status_code == 404


def test_one_that_is_gone_is_said_to_be_gone_until_it_is_back(tmp_path: Path) -> None:
    a, b = made(tmp_path / "one", range(2)), made(tmp_path / "other", range(2))
    paths = [f"/v1/compare{path}" for path in ("", "/videos", f"/videos/{id_of(0)}", f"/videos/{id_of(0)}/keyframes/0")]
    with TestClient(make_app(WebSettings(compare=(a.root, b.root))), base_url="http://127.0.0.1:8317") as client:
        until(client, "/v1/compare", lambda _: True)
        (tmp_path / "other").rename(tmp_path / "moved")
        time.sleep(STATE_SECONDS)
        for path in paths:
            answer = client.get(path)
            assert (answer.status_code, f"{b.root}: {GONE}" in answer.text) == (503, True), path
        (tmp_path / "moved").rename(tmp_path / "other")
        until(client, paths[2], lambda _: True)
        open_dataset(a.root).reviews.replace("Summary", "Edited summary", author="x")
        assert "Edited" in client.get(paths[2]).text  # not as it was when the two were compared
