"""The routes of a data set, over HTTP: browsing, one caption with its video, and live status."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataset_client import CAPTIONS, served, until, whole
from made_catalogue import append, checked_of, id_of, made, selected_of
from made_sets import quick, write_clips
from sharegpt4video.dataset.dataset import build_dataset
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.app import make_app
from sharegpt4video.web.settings import WebSettings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = made(tmp_path_factory.mktemp("served") / "my-set", range(30))
    store.append("checks", [checked_of(n, *["times"] * (n % 3)) for n in range(30)])
    store.append("selection", [selected_of(n, "val" if n % 4 else "train", "" if n % 5 else "max_seconds")
                               for n in range(30)])  # fmt: skip
    with served(Path(store.root), Path(store.root).parent) as found:
        whole(found, 30)
        yield found


def test_the_overview_says_what_there_is(client: TestClient) -> None:
    told = client.get("/v1/dataset").json()
    assert (told["name"], told["model"], told["building"], told["indexed_rows"]) == ("my-set", "embedded", False, 30)
    assert told["counts"] == {
        "videos": 30, "captions": 30, "failures": 0, "kept": 24, "dropped": 6, "reviewed": 0,
    }  # fmt: skip
    assert told["splits"] == {"train": 6, "val": 18}
    assert told["problems"] == []
    columns = {one["name"]: one for one in told["columns"]}
    assert columns["motion"] == {"name": "motion", "kind": "number", "min": 0, "max": 0.029, "values": None}
    assert sorted(columns["subject"]["values"]) == ["car", "dog", "person"]
    assert columns["kept"]["kind"] == "flag"
    assert columns["check"]["values"] == ["times"]


def test_pages_follow_each_other(client: TestClient) -> None:
    query: dict[str, Any] = {"limit": 7, "where": ["split=val", "max_motion>0.1"], "q": "summary", "order": "newest"}
    wanted = [id_of(n) for n in range(29, -1, -1) if n % 4 and n % 5 and n / 100 + 0.001 > 0.1]
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get(CAPTIONS, params={**query, "after": after}).json()
        found += [item["id"] for item in page["items"]]
        after = page["next"]
        assert page["total"] == len(wanted)
    assert found == wanted


def test_an_item_is_as_the_page_needs_it(client: TestClient) -> None:
    (item,) = client.get(CAPTIONS, params={"where": "video=7.mp4"}).json()["items"]
    assert item == {
        "id": id_of(7), "video": "7.mp4", "summary": "Summary of video7.", "seconds": 4.0, "steps": 2, "split": "val",
        "kept": True, "findings": 1, "verdict": "", "failure": "", "message": "",
        "picture": f"/v1/captions/{id_of(7)}/keyframes/0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"where": "max_moton>0.3"}, "did you mean 'max_motion'"),
        ({"where": "motion>'; DROP TABLE videos; --"}, "with a number"),
        ({"where": 'motion" OR 1=1 --=3'}, "is not a filter"),
        ({"after": "'; SELECT 1"}, "start again"),
        ({"order": "id; DROP TABLE videos"}, "order"),
        ({"q": "---"}, "no word to search for"),
        ({"like": "f" * 32}, "no caption has the id"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"where": ["motion>0"] * 21}, "where"),
        ({"q": "x" * 501}, "q"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(client: TestClient, query: dict[str, Any], message: str) -> None:
    answer = client.get(CAPTIONS, params=query)
    assert answer.status_code == 422
    assert message in answer.json()["error"]["message"]
    assert client.get("/v1/dataset").json()["indexed_rows"] == 30  # and nothing came of it


@pytest.mark.parametrize("value", ["x' OR '1'='1", "%", "\x00", "'); DELETE FROM videos; --", "${alert(1)}"])
def test_values_are_only_ever_values(client: TestClient, value: str) -> None:
    for where in (f"video={value}", f"camera={value}", f"split!={value}"):
        answer = client.get(CAPTIONS, params={"where": where})
        assert answer.status_code == 200
        assert answer.json()["total"] == (30 if "!=" in where else 0)


def test_one_caption_says_all_that_is_known(client: TestClient) -> None:
    told = client.get(f"{CAPTIONS}/{id_of(5)}").json()
    assert (told["id"], told["revision"], told["media"]) == (id_of(5), 0, None)
    assert "folders that may be opened" in told["media_problem"] or "not there" in told["media_problem"]
    assert told["caption"] == told["original"]
    assert told["caption"]["summary"] == "Summary of video5."
    assert told["findings"] == [{"check": "times", "step": 0, "reason": "why"}] * 2
    assert told["selection"]["gate"] == "max_seconds"
    assert told["provenance"]["model"] == "embedded"
    assert [frame["seconds"] for frame in told["keyframes"]] == [0.0, 1.5, 2.0, 3.5]
    assert told["reviews"] == told["conflicts"] == []
    assert told["verdict"] == ""
    assert client.get(f"{CAPTIONS}/{'0' * 32}").status_code == 404
    assert client.get(f"{CAPTIONS}/..%2f..%2fetc").status_code in (404, 422)


def test_the_routes_of_captions_know_its_rows(client: TestClient) -> None:
    state = client.get(f"/v1/captions/{id_of(3)}").json()
    assert (state["status"], state["caption"]["summary"]) == ("done", "Summary of video3.")
    assert "Summary of video3." in client.get(f"/v1/captions/{id_of(3)}/download?format=md").text
    assert client.get(f"/v1/captions/{id_of(3)}/keyframes/0").status_code == 404  # its video is nowhere


def test_similar_captions_are_found_by_a_caption(client: TestClient) -> None:
    found = client.get(CAPTIONS, params={"like": id_of(5)}).json()["items"]
    assert found[0]["id"] == id_of(5)


def test_without_a_data_set_there_are_no_such_routes() -> None:
    with TestClient(make_app(WebSettings()), base_url="http://127.0.0.1:8317") as plain:
        assert plain.get("/v1/dataset").status_code == 404


def test_new_captions_show_up_by_themselves(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(3))
    with served(tmp_path / "set") as client:
        whole(client, 3)
        append(store, range(3, 8))
        whole(client, 8)
        assert client.get(CAPTIONS, params={"q": "video6"}).json()["total"] == 1


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set of two real videos, and their folder."""
    folder = tmp_path_factory.mktemp("built")
    write_clips(folder / "videos", 2, seconds=2.0)
    build_dataset(folder / "videos", folder / "set", model="embedded", settings=quick())
    return folder / "set", folder / "videos"


def test_the_video_of_a_caption_is_shown(built: tuple[Path, Path], tmp_path: Path) -> None:
    dataset, videos = built
    with served(dataset, videos) as client:
        whole(client, 2)
        item = client.get(CAPTIONS).json()["items"][0]
        picture = client.get(item["picture"])
        assert picture.status_code == 200
        assert picture.content[:2] == b"\xff\xd8"
        assert client.get(item["picture"]).content == picture.content
        told = client.get(f"{CAPTIONS}/{item['id']}").json()
        assert told["media_problem"] == client.get("/v1/dataset").json()["media_problem"] == ""
        video = client.get(f"/v1/media/{told['media']}")
        assert video.content == (videos / item["video"]).read_bytes()
        assert client.get(told["keyframes"][-1]["picture"]).status_code == 200
    with served(dataset, tmp_path) as client:  # not in the folders that may be opened
        whole(client, 2)
        said = client.get("/v1/dataset").json()["media_problem"]
        assert "--root" in said
        assert str(videos) in said
        assert [one["picture"] for one in client.get(CAPTIONS).json()["items"]] == [None, None]
        told = client.get(f"{CAPTIONS}/{item['id']}").json()
        assert told["media"] is None
        assert "--root" in told["media_problem"]
        assert client.get(item["picture"]).status_code == 404
    with TestClient(
        make_app(WebSettings(dataset=str(dataset), compare=(str(dataset), str(dataset)))),
        base_url="http://127.0.0.1:8317",
    ) as client:  # no folder at all
        whole(client, 2)
        compared = until(client, "/v1/compare", lambda _: True)
        assert "--root" in client.get("/v1/dataset").json()["media_problem"]
        assert "--root" in compared["media_problem"]
        for path in (CAPTIONS, "/v1/compare/videos"):
            assert [one["picture"] for one in client.get(path).json()["items"]] == [None, None]


def test_a_caption_never_meets_a_video_it_was_not_made_from(built: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(built[1], tmp_path / "videos")
    build_dataset(tmp_path / "videos", tmp_path / "set", model="embedded", settings=quick())
    one, other = sorted((tmp_path / "videos").iterdir())
    rows = {Path(row.location): row.id for row in Store.open(tmp_path / "set").rows("captions")}
    with served(tmp_path / "set", tmp_path) as client:
        one.write_bytes(other.read_bytes())
        told = client.get(f"{CAPTIONS}/{rows[one]}").json()
        assert told["media"] is None
        assert "changed" in told["media_problem"]
        assert client.get(f"/v1/captions/{rows[one]}/keyframes/0").status_code == 404
        other.rename(tmp_path / "videos" / "moved.mp4")
        told = client.get(f"{CAPTIONS}/{rows[other]}").json()
        assert told["media"] is None
        assert "not there" in told["media_problem"]
        (tmp_path / "videos" / "moved.mp4").rename(other)
        other.touch()  # another date, the same content
        assert client.get(f"{CAPTIONS}/{rows[other]}").json()["media"]
