"""Editing, judging and bulk changes over HTTP: nothing is lost, and whoever comes second is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataset_client import CAPTIONS, until, whole
from made_catalogue import caption_of, id_of, made
from sharegpt4video.dataset.reviews import bulk
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.app import make_app
from sharegpt4video.web.settings import WebSettings

REVIEWS, BULK = "/v1/dataset/reviews", "/v1/dataset/bulk"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Store]]:
    store = made(tmp_path_factory.mktemp("reviewed") / "set", range(12))
    app = make_app(WebSettings(dataset=store.root))
    with TestClient(app, base_url="http://127.0.0.1:8317") as client:
        whole(client, 12)
        yield client, store


def edit(number: int, text: str, **more: Any) -> dict[str, Any]:
    usual = {"caption": id_of(number), "base_revision": 0, "step": 1, "was": f"Step 1 of video{number}.", "text": text}
    return {**usual, "author": "ada", **more}


def found(client: TestClient, q: str, *where: str) -> list[str]:
    page = client.get(CAPTIONS, params={"q": q, "where": list(where)}).json()
    return sorted(item["id"] for item in page["items"])


def test_an_edit_is_there_at_once_and_found_soon(served: tuple[TestClient, Store]) -> None:
    client, _ = served
    answer = client.post(REVIEWS, json=edit(1, "A walrus waves."))
    assert answer.status_code == 201
    review = answer.json()["review"]
    assert (review["step"], review["was"], review["text"]) == (1, "Step 1 of video1.", "A walrus waves.")
    told = client.get(f"{CAPTIONS}/{id_of(1)}").json()
    assert told["caption"]["steps"][1]["text"] == "A walrus waves."
    assert told["original"]["steps"][1]["text"] == "Step 1 of video1."
    assert told["reviews"] == [review]
    until(client, f"{CAPTIONS}?q=walrus", lambda page: [item["id"] for item in page["items"]] == [id_of(1)])
    assert found(client, "", "edited=true") == [id_of(1)]
    assert client.get(f"/v1/captions/{id_of(1)}").json()["caption"]["steps"][1]["text"] == "A walrus waves."


def test_who_comes_second_is_told_and_sees_both(served: tuple[TestClient, Store]) -> None:
    client, store = served
    assert client.post(REVIEWS, json=edit(2, "Mine.")).status_code == 201
    second = client.post(REVIEWS, json=edit(2, "Theirs.", author="bob"))
    assert second.status_code == 409
    assert (second.json()["theirs"], second.json()["error"]["kind"]) == ("Mine.", "conflict")
    assert client.post(REVIEWS, json=edit(2, "Theirs.", was="Mine.")).status_code == 201
    # A repair comes between: the reader is shown both.
    client.post(REVIEWS, json=edit(3, "Before the repair."))
    repaired = caption_of(3, revision=1)

    steps = (repaired.steps[0], replace(repaired.steps[1], text="Repaired."))
    store.append("captions", [replace(repaired, steps=steps)])
    (conflict,) = client.get(f"{CAPTIONS}/{id_of(3)}").json()["conflicts"]
    assert {conflict["mine"], conflict["theirs"]} == {"Before the repair.", "Repaired."}


def test_verdicts_can_be_filtered_by(served: tuple[TestClient, Store]) -> None:
    client, _ = served
    for number, verdict in ((4, "accept"), (5, "reject"), (6, "accept"), (6, "")):
        told = {"caption": id_of(number), "base_revision": 0, "verdict": verdict, "author": "ada"}
        assert client.post(REVIEWS, json=told).status_code == 201
    until(client, f"{CAPTIONS}?where=verdict=any", lambda page: page["total"] == 2)
    assert found(client, "", "verdict=accept") == [id_of(4)]
    assert found(client, "", "verdict=reject") == [id_of(5)]
    assert client.get(f"{CAPTIONS}/{id_of(5)}").json()["verdict"] == "reject"


def test_a_bulk_change_is_previewed_made_and_undone(served: tuple[TestClient, Store]) -> None:
    client, _ = served
    asked = {"change": {"kind": "replace", "find": "Summary", "with": "Gist"}, "where": ["shots>=5"], "preview": True}
    told = client.post(BULK, json=asked).json()
    wanted = sorted(id_of(n) for n in range(12) if n % 7 >= 5)
    assert told["total"] == len(wanted)
    assert sorted(one["id"] for one in told["examples"]) == wanted
    assert {(one["step"], one["before"][:7], one["after"][:4]) for one in told["examples"]} == {
        (None, "Summary", "Gist")
    }
    assert found(client, "gist") == []
    begun = client.post(BULK, json={**asked, "preview": False, "author": "ada"})
    assert begun.status_code == 202
    batch = begun.json()["batch"]
    done = until(client, BULK, lambda all_: all_["batches"] and all_["batches"][0]["status"] == "done")["batches"][0]
    assert (done["id"], done["rows"], done["undone"], done["author"]) == (batch, len(wanted), False, "ada")
    until(client, f"{CAPTIONS}?q=gist", lambda page: page["total"] == len(wanted))
    assert client.delete(f"{BULK}/{batch}").status_code == 204
    until(client, f"{CAPTIONS}?q=gist", lambda page: page["total"] == 0)
    assert client.get(BULK).json()["batches"][0]["undone"]
    assert client.delete(f"{BULK}/{batch}").status_code == 404


def test_a_change_that_ends_while_the_changes_are_listed_is_running_or_done(
    served: tuple[TestClient, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = served
    listed = threading.Event()
    apply, batches = bulk.apply, bulk.batches

    def applied_late(*given: Any, **more: Any) -> bulk.Batch:
        listed.wait(10)
        return apply(*given, **more)

    def ended_meanwhile(store: Store) -> list[bulk.Batch]:
        there = batches(store)
        listed.set()
        deadline = time.monotonic() + 10
        while not any(one.id == batch and one.finished for one in batches(store)) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)  # for the run to take note of it
        return there

    monkeypatch.setattr(bulk, "apply", applied_late)
    asked = {"change": {"kind": "replace", "find": "Step 0", "with": "Stage 0"}, "preview": False}
    batch = client.post(BULK, json=asked).json()["batch"]
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "batches", ended_meanwhile)
        first = client.get(BULK).json()["batches"][0]
    assert first["id"] == batch
    assert first["status"] in ("running", "done")
    assert client.delete(f"{BULK}/{batch}").status_code == 204


def test_a_change_that_changes_nothing_says_so(served: tuple[TestClient, Store]) -> None:
    client, _ = served
    asked = {"change": {"kind": "replace", "find": "zebra", "with": "horse"}, "preview": False}
    batch = client.post(BULK, json=asked).json()["batch"]
    told = until(client, BULK, lambda all_: all_["batches"][0]["status"] == "failed")["batches"][0]
    assert told["id"] == batch
    assert "not change anything" in told["message"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (REVIEWS, {"caption": "../../etc/passwd", "base_revision": 0, "text": "x"}, 422),
        (REVIEWS, {"caption": "0" * 32, "base_revision": 0, "text": "x"}, 422),
        (REVIEWS, {"caption": id_of(0), "base_revision": 0}, 422),
        (REVIEWS, edit(0, "x", step=99), 422),
        (REVIEWS, edit(0, "x" * 20_001), 422),
        (REVIEWS, edit(0, "x", kind="import"), 422),
        (BULK, {"change": {"kind": "replace", "find": "("}, "preview": True}, 200),
        (BULK, {"change": {"kind": "replace", "find": "(", "regex": True}, "preview": True}, 422),
        (BULK, {"change": {"kind": "replace", "find": "x*", "regex": True}, "preview": True}, 422),
        (BULK, {"change": {"kind": "recaption", "model": "server:m@http://10.0.0.1"}, "preview": True}, 404),
        (BULK, {"change": {"kind": "filter", "filters": {"max_second": 3}}, "preview": True}, 422),
        (BULK, {"change": {"kind": "filter", "filters": {"max_seconds": 1.0}}, "preview": True}, 200),
        (BULK, {"change": {"kind": "erase"}, "preview": True}, 422),
        (BULK, {"change": {"kind": "replace", "find": "x"}, "where": ["nothing=3"], "preview": True}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(
    served: tuple[TestClient, Store], path: str, body: dict[str, Any], status: int
) -> None:
    answer = served[0].post(path, json=body)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["message"]


def test_a_read_only_data_set_says_that_it_cannot_be_written(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(2))
    (tmp_path / "set" / "reviews").write_text("no folder can be made here")
    with TestClient(make_app(WebSettings(dataset=store.root)), base_url="http://127.0.0.1:8317") as client:
        answer = client.post(REVIEWS, json=edit(0, "x"))
    assert answer.status_code in (503, 507)
    assert "reviews" in answer.json()["error"]["message"]


def test_a_data_set_that_is_gone_is_said_to_be_gone_until_it_is_back(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(2))
    with TestClient(make_app(WebSettings(dataset=store.root)), base_url="http://127.0.0.1:8317") as client:
        whole(client, 2)
        (tmp_path / "set").rename(tmp_path / "moved")
        until_gone = time.monotonic() + 10
        while client.get(CAPTIONS).status_code == 200 and time.monotonic() < until_gone:
            time.sleep(0.1)
        for answer in (
            client.get(CAPTIONS),
            client.get(f"{CAPTIONS}/{id_of(0)}"),
            client.post(REVIEWS, json=edit(0, "x")),
        ):
            assert answer.status_code == 503
            assert "the data set is gone; put it back" in answer.json()["error"]["message"]
        assert not (tmp_path / "set").exists(), "nothing is written where it was"
        (tmp_path / "moved").rename(tmp_path / "set")
        until(client, CAPTIONS, lambda page: len(page["items"]) == 2)
        assert client.post(REVIEWS, json=edit(0, "x")).status_code == 201


def test_plain_texts_are_imported_from_the_folders_that_may_be_opened(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(3))
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "1.txt").write_text("A heron stands.")
    (texts / "9.txt").write_text("Nobody knows this one.")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "2.txt").write_text("Not to be read.")
    (texts / "link").symlink_to(tmp_path / "secret")
    with TestClient(
        make_app(WebSettings(dataset=store.root, roots=(texts,))), base_url="http://127.0.0.1:8317"
    ) as client:
        told = client.post("/v1/dataset/import", json={"path": str(texts), "author": "ada"})
        assert told.status_code == 200, told.text
        assert told.json()["imported"] == 1
        assert [Path(one["file"]).name for one in told.json()["skipped"]] == ["9.txt"]
        assert client.get(f"{CAPTIONS}/{id_of(1)}").json()["caption"]["summary"] == "A heron stands."
        until(client, f"{CAPTIONS}?q=heron", lambda page: page["total"] == 1)
        for path in ("../secret", "link", str(tmp_path / "secret"), "/", "nowhere", "\0"):
            assert client.post("/v1/dataset/import", json={"path": path}).status_code == 404, path
        (texts / "2.txt").symlink_to(tmp_path / "secret" / "2.txt")
        assert client.post("/v1/dataset/import", json={"path": str(texts)}).status_code == 403
