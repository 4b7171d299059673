"""The routes that make texts of texts, answer questions, and tell of the server itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat_server import ChatServer
from media import numbered_run, write_video
from sharegpt4video.errors import SG4VError
from sharegpt4video.retell import summarize
from sharegpt4video.t2v.profile import profile_of, save
from sharegpt4video.web.client import Event, ServerRefused
from sharegpt4video.web.shapes import Profile
from web_server import PARK, Running, running


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    profile = tmp_path_factory.mktemp("profile") / "profile.json"
    save(profile_of(["A man walks to a door.", "A bird is flying over a lake."], "plain"), profile)
    with running(sample=PARK, profile=profile) as served:
        yield served


@pytest.fixture(scope="module")
def caption(web: Running, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a finished caption."""
    path = tmp_path_factory.mktemp("clips") / "numbers.mp4"
    write_video(path, numbered_run(24, 96, 64), fps=4)
    begun = web.client.begin(web.client.upload(path).id)
    assert [*web.client.events(begun.id)][-1].kind == "done"
    return begun.id


def test_the_session_says_what_there_is(web: Running) -> None:
    session = web.client.session()
    fake, embedded = session.models
    assert (fake.name, fake.sees_images, fake.reads_facts, fake.default) == ("fake", True, False, True)
    assert (embedded.name, embedded.sees_images, embedded.reads_facts, embedded.default) == (
        "embedded",
        False,
        True,
        False,
    )
    assert session.sample is not None
    assert session.sample.name == "park.mp4"
    assert web.client.info(session.sample.id).seconds == pytest.approx(7.67, abs=0.01)
    assert (session.dataset, session.compare, session.fetch_urls, session.roots) == (None, None, False, [])
    assert {"CLIP-77", "T5-226", "UMT5-512"} <= {encoder.name for encoder in session.encoders}


def test_a_summary_of_a_part_is_that_of_the_package(web: Running, caption: str) -> None:
    state = web.client.state(caption)
    assert state.caption is not None
    made = web.client.summarize(caption, 1.0, 4.0, model="embedded")
    assert made.text == summarize(state.caption, 1.0, 4.0, model="embedded").text
    assert (made.start_seconds, made.end_seconds) == (1.0, 4.0)
    with pytest.raises(ServerRefused, match="outside what was captioned"):
        web.client.summarize(caption, 50.0, 60.0)


def test_a_prompt_is_made_dense_and_compared(web: Running) -> None:
    prompt = "  two dogs running on a beach, drone shot"
    assert web.client.session().profile == Profile(source="plain", captions=2)
    made = web.client.recaption(prompt, model="embedded", encoder="CLIP-77")
    assert made.text == "Two dogs are running on a beach. The video uses a drone shot."
    assert (made.by, made.attempts, made.problem) == ("rules", [], "")
    assert [(one.kind, one.text, one.standing) for one in made.facts] == [
        ("count", "two", "kept"),
        ("subject", "dogs", "kept"),
        ("action", "running", "kept"),
        ("setting", "beach", "kept"),
        ("camera", "drone shot", "kept"),
    ]
    assert [prompt[slice(*one.in_prompt)] for one in made.facts] == [one.text for one in made.facts]
    assert [part.text for part in made.kept] == ["two", "dogs", "running", "beach", "drone"]
    assert (made.lost, made.invented) == ([], [])
    for part in made.kept:
        assert prompt[slice(*part.in_prompt)] == part.text
    assert (made.tokens.encoder, made.tokens.limit) == ("CLIP-77", 77)
    assert len(prompt.split()) <= made.tokens.prompt < made.tokens.text <= 77
    with pytest.raises(ServerRefused, match="known are"):
        web.client.recaption(prompt, encoder="T6")


def test_a_question_shows_the_frames_and_carries_the_history() -> None:
    with ChatServer() as model, running(models=(f"server:eyes@{model.base_url}", "embedded")) as web:
        media = web.client.upload(PARK)
        events = list(web.client.ask(media.id, "And then?", history=[("Who is there?", "Two people.")]))
        assert events[0].kind == "frames"
        assert events[-1].kind == "done"
        assert (
            "".join(event.data["delta"] for event in events if event.kind == "delta").strip() == events[-1].data["text"]
        )
        frames = events[0].data["frames"]
        assert [frame["seconds"] for frame in frames] == sorted(frame["seconds"] for frame in frames)
        assert web.as_owner("GET", frames[3]["picture"]).body[:2] == b"\xff\xd8"
        asked = str(model.received[-1].body)
        assert all(words in asked for words in ("Who is there?", "Two people.", "And then?"))
        blind = list(web.client.ask(media.id, "Who?", model="embedded"))
        assert [event.kind for event in blind] == ["failed"]
        assert "pictures" in blind[0].data["message"]


def test_a_model_that_is_not_offered_is_not_asked(web: Running, caption: str) -> None:
    for asked in (
        lambda: web.client.recaption("a dog", model="server:x@http://127.0.0.1:9/v1"),
        lambda: web.client.summarize(caption, 0, 1, model="openai:gpt"),
        lambda: web.client.begin(web.client.upload(PARK).id, model="hf:anything"),
        lambda: list(web.client.ask(web.client.upload(PARK).id, "?", model="lvlm:/etc")),
    ):
        with pytest.raises(ServerRefused, match="offers no model") as refused:
            asked()
        assert refused.value.status == 404


def test_words_are_found_in_a_caption(web: Running, caption: str) -> None:
    moments = web.client.find(caption, "change from 2.00 s")
    assert moments
    assert moments[0].end_seconds > moments[0].start_seconds >= 0
    assert moments == sorted(moments, key=lambda one: -one.score)


def test_a_caption_is_taken_along_in_four_forms(web: Running, caption: str) -> None:
    for format, begins in (("json", "{"), ("srt", "1\n00:00:00,000"), ("vtt", "WEBVTT"), ("md", "# numbers")):
        answer = web.as_owner("GET", f"/v1/captions/{caption}/download?format={format}")
        assert answer.body.decode().startswith(begins)
        assert answer.headers["content-disposition"] == f'attachment; filename="numbers.{format}"'
    assert web.as_owner("GET", f"/v1/captions/{caption}/download?format=exe").status == 422


def test_the_document_of_the_api_names_every_route_with_its_shapes(web: Running) -> None:
    document = web.as_owner("GET", "/openapi.json").json
    assert {
        "/v1/session",
        "/v1/media",
        "/v1/media/{id}",
        "/v1/captions/{id}/events",
        "/v1/recaption",
        "/v1/ask",
    } <= set(document["paths"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), (method, path)
            good = next(one for status, one in operation["responses"].items() if status[0] == "2")
            for kind, about in good.get("content", {}).items():
                assert kind != "application/json" or about["schema"], (method, path)


def test_the_page_of_the_api_loads_nothing_from_elsewhere(web: Running) -> None:
    page = web.as_owner("GET", "/docs").body.decode()
    assert "/v1/captions/{id}/events" in page
    assert "<script" not in page
    assert "style=" not in page
    assert all(link.startswith(("/", "#")) for link in re.findall(r'(?:href|src)="([^"]+)"', page))
    ids = set(re.findall(r'<section id="([^"]+)"', page))
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', page)} <= ids


def test_figures_for_prometheus(web: Running, caption: str) -> None:
    assert caption
    answer = web.as_owner("GET", "/metrics")
    found = {
        (sample.name, sample.labels.get("status", "")): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }
    assert found["sg4v_captions_total", "done"] >= 1
    assert found["sg4v_captioned_seconds_total", ""] >= 6
    assert found["sg4v_captions_running", ""] == 0


def test_errors_all_have_one_form(web: Running) -> None:
    for method, path, content, status in (
        ("GET", "/nothing", None, 404),
        ("GET", "/v1/captions/nobody", None, 404),
        ("PUT", "/v1/session", None, 405),
        ("POST", "/v1/captions", {"media": 3}, 422),
        ("POST", "/v1/captions", b"{", 422),
        ("POST", "/v1/captions", {"media": "x", "more": 1}, 422),
        ("POST", "/v1/recaption", {"prompt": "\ud800"}, 422),
        ("POST", "/v1/media/open", {}, 422),
        ("GET", "/v1/dataset", None, 404),
    ):
        answer = web.as_owner(method, path, content)
        assert answer.status == status, (path, answer.body)
        assert set(answer.json["error"]) == {"message", "kind"}
        assert answer.json["error"]["message"]


def test_a_file_that_is_gone_is_an_error_of_the_client(web: Running, tmp_path: Path) -> None:
    with pytest.raises(SG4VError, match="No such file"):
        web.client.upload(tmp_path / "gone.mp4")
    assert repr(web.client).count("token") == 0
    assert isinstance(Event("a", {}), Event)
