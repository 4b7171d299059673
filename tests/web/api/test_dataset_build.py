"""A data set that a real ``sg4v dataset build`` is writing while it is browsed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from dataset_client import CAPTIONS, served, until
from made_catalogue import append, made
from made_sets import quick, write_clips
from sharegpt4video.dataset.dataset import build_dataset
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.api.dataset import live_events
from sharegpt4video.web.catalogue.catalogue import Catalogue

CLIPS = 4


def build(videos: Path, out: Path, settings: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sharegpt4video", "dataset", "build", str(videos), "--out", str(out)]
    return subprocess.Popen([*command, "--config", str(settings)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_build_is_watched_and_browsed_while_it_runs(tmp_path: Path) -> None:
    first = write_clips(tmp_path / "first", 1, seconds=1.0)
    build_dataset(first[0], tmp_path / "set", model="embedded", settings=quick())
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump(quick().to_plain()))
    write_clips(tmp_path / "videos", CLIPS, seconds=1.0, first_seed=10)
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    with served(tmp_path / "set", tmp_path) as client:
        until(client, "/v1/dataset", lambda told: told["indexed_rows"] == 1)
        process = build(tmp_path / "videos", tmp_path / "set", settings)
        seen: list[dict[str, Any]] = []
        pages: list[int] = []
        while process.poll() is None:
            seen.append(client.get("/v1/dataset").json())
            page = client.get(CAPTIONS, params={"limit": 3})
            assert page.status_code == 200, page.text
            ids = [item["id"] for item in page.json()["items"]]
            assert len(set(ids)) == len(ids)
            pages.append(len(ids))
            time.sleep(0.2)
        output = process.stdout.read().decode() if process.stdout else ""
        assert any(told["building"] for told in seen), output
        done = until(client, "/v1/dataset", lambda told: told["indexed_rows"] == CLIPS + 1 and not told["building"])
        assert done["counts"]["captions"] == CLIPS + 1
        until(client, "/v1/dataset", lambda told: told["counts"]["failures"] == 1)
        (failed,) = client.get(CAPTIONS, params={"where": "failure=any"}).json()["items"]
        assert failed["video"].endswith("broken.mp4")
        assert failed["message"]
        captions = [told["counts"]["captions"] for told in seen]
        assert captions == sorted(captions)
        found = set()
        after = ""
        while after is not None:
            page = client.get(CAPTIONS, params={"limit": 4, "after": after}).json()
            found |= {item["id"] for item in page["items"]}
            after = page["next"]
        assert found == {row.id for row in Store.open(tmp_path / "set").rows("captions")}


def test_events_tell_when_something_has_changed(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(2))

    async def listen() -> list[Any]:
        events = live_events(catalogue)
        heard = [await anext(events)]
        append(store, range(2, 5))
        while heard[-1].data["counts"]["videos"] < 5:
            heard.append(await anext(events))
        await events.aclose()
        return heard

    with Catalogue(store.root, poll_seconds=0.1) as catalogue:
        assert catalogue.wait()
        heard = asyncio.run(asyncio.wait_for(listen(), 30))
    assert heard[0].kind == "status"
    assert heard[0].data["counts"]["captions"] == 2
    assert heard[-1].data["counts"]["captions"] == 5
    assert not heard[-1].data["building"]
    assert heard[-1].data["videos_per_second"] is None
    assert all(one.data != other.data for one, other in pairwise(heard))
