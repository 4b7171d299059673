"""Searching captions whose right answer is known."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sharegpt4video as sg4v
from chat_server import ChatServer, Exchange, answer
from made_captions import captioned, step
from made_dataset import caption_row, dropped, kept, made_store, row_id, story
from media import numbered_run, write_video
from sharegpt4video.caption_files import read_caption
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import InputMissing, SettingsError, SG4VError
from sharegpt4video.files import content_id, file_content_id
from sharegpt4video.moments import known
from sharegpt4video.moments.corpus import Captioned, InMemory
from sharegpt4video.moments.found import Moment, playlist
from sharegpt4video.moments.query import terms_of
from sharegpt4video.moments.rank import by_words
from sharegpt4video.moments.refine import points_of
from sharegpt4video.records import VideoCaption

DOG = captioned(
    [
        step("opening", 0.0, 0.0, "A brown dog is on the left."),
        step("change", 0.0, 3.0, "It jumps over a bench."),
        step("change", 3.0, 6.0, "It lies down."),
        step("opening", 6.0, 9.0, "A cat is on a sofa.", shot=1),
    ],
    9.0,
)


class Alike:
    """An encoder for which texts of one meaning, by a table, have one vector; all others have none in common."""

    name = "alike"

    def __init__(self, *groups: Sequence[str]) -> None:
        self._groups = groups

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        known = {text: number for number, group in enumerate(self._groups) for text in group}
        rows = np.zeros((len(texts), len(self._groups) + len(texts)), np.float32)
        for row, text in enumerate(texts):
            rows[row, known.get(text, len(self._groups) + row)] = 1
        return rows


def starts(found: sg4v.moments.found.Found) -> list[float]:
    return [one.start_seconds for one in found.moments]


def test_the_step_with_all_words_comes_first_and_one_picture_is_played_for_a_while() -> None:
    found = sg4v.find("a dog on the left", DOG, encoder=None)
    assert starts(found)[0] == 0.0
    assert found.moments[0].end_seconds == 2.0
    assert found.moments[0].score == 1.0
    assert found.steps_searched == 4


def test_the_subject_of_the_step_before_counts_within_a_shot() -> None:
    found = sg4v.find("a dog leaps", DOG, encoder=None)
    assert found.moments[0].text == "It jumps over a bench."
    assert "A cat is on a sofa." not in [one.text for one in found.moments]


def test_meaning_finds_what_no_word_tells() -> None:
    encoder = Alike(("taking a siesta", "It lies down."))
    assert sg4v.find("taking a siesta", DOG, encoder=None).moments == ()
    found = sg4v.find("taking a siesta", DOG, encoder=encoder)
    assert (starts(found)[0], found.encoder) == (3.0, "alike")


def test_rare_words_weigh_more() -> None:
    steps = [step("change", float(n), n + 1.0, "A person walks.") for n in range(50)]
    steps[20] = replace(steps[20], text="A zebra stands.")
    assert starts(sg4v.find("a person with a zebra", captioned(steps, 50.0), encoder=None))[0] == 20.0


def test_a_data_set_is_searched_as_it_is_exported(tmp_path: Path) -> None:
    rows = [caption_row(number, story(number)) for number in range(5)]
    made_store(tmp_path / "set", rows, selected=[kept(0), dropped(1), kept(2), kept(3), kept(4)])
    found = sg4v.find("person comes in", tmp_path / "set", encoder=None, most=99)
    assert {one.id for one in found.moments if one.score == 1.0} == {row_id(n) for n in (0, 2, 3, 4)}
    assert {one.video for one in found.moments} == {f"/videos/{n}.mp4" for n in (0, 2, 3, 4)}
    assert found.steps_searched == 16
    everything = sg4v.find("person comes in", sg4v.open_dataset(tmp_path / "set"), encoder=None, dropped=True)
    assert everything.steps_searched == 20
    assert row_id(1) in {one.id for one in everything.moments}


def test_a_data_set_and_its_captions_in_memory_give_the_same(tmp_path: Path) -> None:
    draw = random.Random(3)
    words = ["dog", "cat", "runs", "jumps", "red", "blue", "door", "table", "person"]
    captions = [
        captioned([step("change", float(n), n + 1.0, " ".join(draw.choices(words, k=4))) for n in range(4)], 4.0)
        for _ in range(60)
    ]
    made_store(tmp_path / "set", [caption_row(number, one) for number, one in enumerate(captions)])
    for number, one in enumerate(captions):
        (tmp_path / f"{number:03d}.json").write_text(one.to_json(), encoding="utf-8")
    (tmp_path / "files").mkdir()
    for path in tmp_path.glob("*.json"):
        path.rename(tmp_path / "files" / path.name)
    for query in ("a red dog", "cat jumps", "person door table"):
        one = sg4v.find(query, tmp_path / "set", encoder=None, most=30)
        other = sg4v.find(query, tmp_path / "files", encoder=None, most=30)
        assert [(m.score, m.text) for m in one.moments] == [(m.score, m.text) for m in other.moments]


def test_what_cannot_be_searched_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SG4VError, match="neither a data set nor a folder of captions"):
        sg4v.find("dog", tmp_path / "empty")
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SG4VError, match=r"a\.json: not a caption in JSON"):
        sg4v.find("dog", tmp_path / "a.json")
    with pytest.raises(SG4VError, match=r"gone\.mp4"):
        sg4v.find("dog", tmp_path / "gone.mp4", encoder=None)
    with pytest.raises(SettingsError, match="at least 1"):
        sg4v.find("dog", DOG, most=0)


def test_captions_without_steps_are_no_match() -> None:
    empty = replace(DOG, steps=(), shots=())
    assert sg4v.find("dog", empty, encoder=Alike()).moments == ()


def test_no_word_of_another_shot_or_video_counts_as_before() -> None:
    other = captioned([step("change", 0.0, 1.0, "It jumps.")], 1.0)
    corpus = InMemory([Captioned("a", DOG), Captioned("b", other)])
    hits = by_words(corpus.batches(), terms_of("sofa jumps"), all_compared=False)
    places = zip(hits.rows.tolist(), hits.steps.tolist(), strict=True)
    by_place = dict(zip(places, hits.words.tolist(), strict=True))
    assert by_place[1, 0] == by_place[0, 1]  # the cat on the sofa came right before, in another video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("find") / "a.mp4"
    write_video(path, numbered_run(90), fps=10)
    return path


def judging(*points: str) -> object:
    """A model that gives the first moment it is asked about the first number, and so on."""
    given: dict[str, str] = {}
    left = list(points)

    def reply(exchange: Exchange) -> None:
        key = exchange.received.image_urls[0]
        given.setdefault(key, left.pop(0) if left else "0")
        answer(given[key])(exchange)

    return reply


def test_a_model_that_sees_decides_the_order_and_is_shown_the_moment(video: Path) -> None:
    told = replace(DOG, video=str(video))
    with ChatServer(default=judging("2", "**9/10**", "no idea", "0")) as server:  # type: ignore[arg-type]
        found = sg4v.find("dog or cat or bench or lies", told, encoder=None, model=f"server:m@{server.base_url}")
        assert [one.model_score for one in found.moments] == [0.9, 0.2, 0.0, None]
        assert "'no idea', not a number from 0 to 10" in found.moments[-1].problem
        asked = [got for got in server.received if got.path.endswith("/chat/completions")]
        assert len(asked) == 4
        assert all("dog or cat or bench or lies" in got.text for got in asked)
        assert all(len(got.image_urls) == 2 for got in asked)  # as many as this server takes


def test_a_file_that_is_not_the_one_captioned_is_not_shown(video: Path) -> None:
    told = replace(DOG, video=str(video), content_id="0" * 32)
    with ChatServer(default=answer("9")) as server:
        found = sg4v.find("dog", told, encoder=None, model=f"server:m@{server.base_url}")
    assert found.moments[0].model_score is None
    assert "not the video that the caption was made from" in found.moments[0].problem
    right = replace(told, content_id=content_id([video.read_bytes()]))
    with ChatServer(default=answer("9")) as server:
        assert sg4v.find("dog", right, encoder=None, model=f"server:m@{server.base_url}").moments[0].model_score == 0.9


def a_data_set(root: Path, video: Path) -> Path:
    """A video that was listed and captioned, and another one that is gone."""
    state, data = video.stat(), video.read_bytes()
    row = caption_row(0, replace(DOG, video=video.name), location=str(video))
    told = {"content_id": content_id([data]), "size_bytes": len(data), "modified": str(state.st_mtime_ns)}
    rows = [replace(row, **told), caption_row(1, DOG, location=str(root / "gone.mp4"))]
    store = Store.create(root, DatasetSettings(), "tiny", "0123456789ab")
    store.append("sources", [replace(row.original, id=row.id) for row in rows])
    store.append("captions", rows)
    return root


def test_no_caption_is_shown_with_a_video_it_was_not_made_from(tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    video.write_bytes(b"the first")
    (tmp_path / "captions").mkdir()
    told = replace(DOG, video="v.mp4", video_path="../v.mp4", content_id=content_id([b"the first"]))
    (tmp_path / "captions" / "v.json").write_text(told.to_json(), "utf-8")
    places = (tmp_path / "captions", a_data_set(tmp_path / "set", video))
    before = [sg4v.find("a dog", place, encoder=None) for place in places]
    assert all(one.link and not one.problem for found in before for one in found.moments)
    os.utime(video, ns=(9, 9))  # touched: its bytes decide
    assert [sg4v.find("a dog", place, encoder=None) for place in places] == before
    video.write_bytes(b"new bytes")
    for place, one in zip(places, before, strict=True):
        found = sg4v.find("a dog", place, encoder=None)
        assert len(found.moments) == len(one.moments)
        bad = [moment for moment in found.moments if moment.replaced]
        assert bad == list(found.moments[-len(bad) :])
        assert {Path(moment.video).name for moment in bad} == {"v.mp4"}
        assert all(moment.problem and not moment.link for moment in bad)
        assert not any(moment.replaced for moment in found.moments[: -len(bad)])
        assert "v.mp4" not in playlist(found.moments)


def test_a_moment_leads_to_where_its_video_lies_now(tmp_path: Path) -> None:
    video, moved = tmp_path / "v.mp4", tmp_path / "moved.mp4"
    video.write_bytes(b"the first")
    place = a_data_set(tmp_path / "set", video)
    video.rename(moved)
    video.write_bytes(b"another")
    store = Store.open(place)
    (row,) = (one for one in store.rows("sources") if one.location == str(video))
    store.append("sources", [replace(row, location=str(moved))])
    assert str(moved) in {one.video for one in sg4v.find("a dog", place, encoder=None).moments}
    assert not any(one.replaced for one in sg4v.find("a dog", place, encoder=None).moments)


def test_a_film_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, read = tmp_path / "film.mp4", []
    film.write_bytes(bytes(2 << 20))
    monkeypatch.setattr(known, "file_content_id", lambda path: read.append(path) or file_content_id(path))
    cache = tmp_path / "cache"
    ids = {known.KnownContents(cache).of(str(film)) for _ in range(3)}
    assert (ids, len(read)) == ({content_id([bytes(2 << 20)])}, 1)
    with film.open("r+b") as file:
        file.write(b"1")
    assert known.KnownContents(cache).of(str(film)) not in ids
    (cache / known.FILE).write_text('{"torn\n["a"]\n', "utf-8")
    assert known.KnownContents(cache).of(str(film)) == file_content_id(film)
    (tmp_path / "file").write_text("")
    assert known.KnownContents(tmp_path / "file").of(str(film)) == file_content_id(film)


def test_a_model_that_sees_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="looks at no pictures"):
        sg4v.find("dog", DOG, encoder=None, model="embedded")


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("7", 7), ("7.5", 7.5), ("Score: 8", 8), ("**9/10**", 9), ("10", 10), ("10 out of 10", 10), ("0.", 0),
        ("I would say 6 / 10.", 6), ("", None), ("eight", None), ("11", None), ("-3", None), ("3 or 4", None),
        ("100", None), ("in 2024", None),
    ],
)  # fmt: skip
def test_points_of_an_answer(text: str, points: float | None) -> None:
    assert points_of(text) == points


def test_links_and_playlists(tmp_path: Path) -> None:
    here = Moment(str(tmp_path / "a b#1.mp4"), 1.0, 2.5, "One.\nTwo.", 0.5)
    web = Moment("https://host/x.mp4", 0.0, 61.25, "Three.", 0.4)
    assert here.link.endswith("/a%20b%231.mp4#t=1.00,2.50")
    assert web.link == "https://host/x.mp4#t=0.00,61.25"
    lines = playlist([here, web]).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[1:5] == [
        "#EXTINF:2,One. Two.",
        "#EXTVLCOPT:start-time=1.00",
        "#EXTVLCOPT:stop-time=2.50",
        here.link.partition("#t")[0],
    ]


def test_results_are_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(DOG.to_json(), encoding="utf-8")
    assert VideoCaption.from_json(path.read_bytes()) == DOG
    with pytest.raises(InputMissing):
        read_caption(tmp_path / "gone.json")
    assert json.dumps([one.text for one in sg4v.find("cat", path, encoder=None).moments]) == '["A cat is on a sofa."]'
