"""How pictures go out: with their times, as a video, within the limits of a server."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from chat_server import ChatServer, answer, status
from made_requests import CHANGE, FAST, OPENING, PROMPTS, SUMMARY, ask, picture, server_vlm
from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.records import Image
from sharegpt4video.vlm import open_model
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.media import labels, picture_times
from sharegpt4video.vlm.render import render

FRAMES = tuple(picture(seed, 32, 24) for seed in range(4))
SECONDS = (0.0, 0.5, 61.25, 125.0)
WATCHED = Request("fast", images=FRAMES, seconds=SECONDS, end_seconds=130.0)


def kinds(content: list[dict[str, Any]]) -> list[str]:
    return [part["type"] for part in content]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("qwen3-vl:8b", ["<0.0 seconds>", "<2.0 seconds>"]),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", ["<0.0 seconds>", "<2.0 seconds>"]),
        ("qwen3.5-plus", ["<0.0 seconds>", "<2.0 seconds>"]),
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct", ["Frame from 00:00:", "Frame from 00:02:"]),
        ("google/gemma-4-12b-it", ["00:00", "00:02"]),
        ("gemini-3.5-flash", ["00:00", "00:02"]),
        ("Qwen/Qwen2.5-VL-7B-Instruct", []),
        ("gemma3:12b", []),
        ("gpt-5", []),
    ],
)
def test_times_before_pictures_are_those_that_the_family_knows(model: str, told: list[str]) -> None:
    assert list(labels(CHANGE, picture_times("auto", model))) == told


def test_a_template_tells_seconds_clock_and_number() -> None:
    request = replace(WATCHED, first_number=3)
    assert labels(request, picture_times("{number}: {seconds:g}", "m")) == ("3: 0", "4: 0.5", "5: 61.25", "6: 125")
    tenths = ("00:00.0", "00:00.5", "01:01.2", "02:05.0")
    assert labels(request, "{clock}") == tenths, "whole seconds would name two alike"
    assert labels(replace(request, images=FRAMES[:1]), "{clock}") == (), "a grid of four frames"
    assert [labels(CHANGE, picture_times(name, "m")) for name in ("none", "seconds", "clock")] == [
        (), ("<0.0 seconds>", "<2.0 seconds>"), ("00:00", "00:02")]  # fmt: skip


@pytest.mark.parametrize("template", ["{minute}", "{seconds", "{seconds:d}", "{0}", "{clock.x}"])
def test_a_template_of_other_fields_is_an_error(template: str) -> None:
    with pytest.raises(SettingsError, match="picture_times is none, auto, seconds, clock or a text with"):
        server_vlm("http://localhost:1/v1", picture_times=template)


def test_times_stand_before_their_pictures() -> None:
    with ChatServer() as server:
        ask(server_vlm(server.base_url, picture_times="<{seconds:.1f} seconds>"), CHANGE)
        ask(server_vlm(server.base_url), CHANGE)
    timed, plain = server.received
    assert kinds(timed.content) == ["text", "image_url", "text", "image_url", "text"]
    assert [part.get("text") for part in timed.content][:3:2] == ["<0.0 seconds>", "<2.0 seconds>"]
    assert timed.content[1::2] == plain.content[:2]
    assert timed.content[-1] == plain.content[-1], "the question is the same"


def test_frames_go_to_vllm_as_one_video_with_their_true_times() -> None:
    with ChatServer() as server:
        ask(server_vlm(server.base_url, native_video="jpeg_frames", max_images=4), WATCHED, CHANGE, OPENING, SUMMARY)
    by_text = {got.text: got for got in server.received}
    (video,) = (got for got in by_text.values() if "video_url" in kinds(got.content))
    kind, _, data = video.content[0]["video_url"]["url"].partition(";base64,")
    assert kind == "data:video/jpeg"
    assert [base64.b64decode(frame) for frame in data.split(",")] == [frame.jpeg for frame in FRAMES]
    options = video.body["media_io_kwargs"]["video"]
    times = [number / options["fps"] for number in options["frames_indices"]]
    assert times == list(SECONDS)
    assert options["total_num_frames"] > options["frames_indices"][-1]
    assert options["num_frames"] == -1, "vLLM is not to choose among them"
    assert kinds(video.content) == ["video_url", "text"]
    others = [got for got in server.received if got is not video]
    assert [("media_io_kwargs" in got.body) for got in others] == [False] * 3
    assert sorted(len(got.image_urls) for got in others) == [0, 1, 2], "two pictures are compared, not watched"


def test_frames_go_to_dashscope_as_a_list_with_their_rate() -> None:
    close = replace(WATCHED, seconds=(0.0, 1.0, 4.0, 6.0))
    with ChatServer() as server:
        vlm = server_vlm(server.base_url, native_video="frame_list", max_images=4)
        for request in (close, replace(close, images=FRAMES[:3], seconds=close.seconds[:3]), WATCHED):
            ask(vlm, request)
    listed, few, sparse = server.received
    assert (listed.content[0]["type"], len(listed.content[0]["video"]), listed.content[0]["fps"]) == ("video", 4, 0.5)
    assert kinds(few.content) == ["image_url"] * 3 + ["text"], "it takes four or more"
    assert kinds(sparse.content) == ["image_url"] * 4 + ["text"], "and no rate that tells these times"


@pytest.mark.parametrize(
    "said",
    [
        "At most 0 video(s) may be provided in one prompt.",
        "Unknown part type: video_url",
        "This model does not support video input",
        "Extra inputs are not permitted: media_io_kwargs",
    ],
)
def test_a_server_that_takes_no_video_gets_pictures_from_then_on(said: str) -> None:
    with ChatServer(status(400, said), answer("a cat")) as server:
        vlm = server_vlm(server.base_url, native_video="jpeg_frames", max_images=4)
        replies = [*ask(vlm, WATCHED), *ask(vlm, WATCHED)]
    assert [reply.problem for reply in replies] == ["", ""]
    assert [kinds(got.content)[0] for got in server.received] == ["video_url", "image_url", "image_url"]
    assert "media_io_kwargs" not in server.received[-1].body


def test_what_is_about_a_video_when_none_was_sent_is_no_reason_to_ask_again() -> None:
    refused = status(400, "video input is not supported")
    with ChatServer(default=refused) as server, pytest.raises(VLMError, match="400"):
        ask(server_vlm(server.base_url, native_video="jpeg_frames"), CHANGE)
    assert len(server.received) == 1


def test_frames_of_several_sizes_stay_pictures() -> None:
    mixed = replace(WATCHED, images=(*FRAMES[:3], picture(9, 40, 24)))
    with ChatServer() as server:
        ask(server_vlm(server.base_url, native_video="jpeg_frames", max_images=4), mixed)
    assert kinds(server.received[0].content)[:4] == ["image_url"] * 4


@pytest.mark.parametrize("form", ["mp4", "on", True])
def test_an_unknown_form_of_video_is_an_error(form: object) -> None:
    with pytest.raises(SettingsError, match="native_video is off, jpeg_frames or frame_list, not"):
        server_vlm("http://localhost:1/v1", native_video=form)


def test_pictures_that_are_too_much_together_are_all_made_smaller(caplog: pytest.LogCaptureFixture) -> None:
    heavy = tuple(picture(seed, 200, 150) for seed in (5, 6))
    limit = 14_000
    assert sum(len(image.jpeg) for image in heavy) * 4 / 3 > 2 * limit
    request = replace(CHANGE, images=heavy)
    with ChatServer() as server:
        vlm = server_vlm(server.base_url, max_request_bytes=limit)
        ask(vlm, request)
        ask(vlm, request)
        ask(vlm, replace(CHANGE, images=tuple(Image(image.jpeg, 64, 48) for image in CHANGE.images)))
    first, again, small = server.received
    assert limit / 2 < sum(map(len, first.image_urls)) <= limit
    assert first.image_urls == again.image_urls, "the same bytes each time"
    with PIL.Image.open(io.BytesIO(base64.b64decode(first.image_urls[0].partition(",")[2]))) as sent:
        assert sent.width / sent.height == pytest.approx(200 / 150, rel=0.05)
    assert [base64.b64decode(url.partition(",")[2]) for url in small.image_urls] == [one.jpeg for one in CHANGE.images]
    assert [record.getMessage() for record in caplog.records] == [
        f"{vlm.name}: takes 0.014 MB a request (max_request_bytes): pictures are made smaller to fit"
    ]


def test_pictures_that_were_put_together_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    joined = replace(CHANGE, images=(picture(1, 64, 100),))
    with ChatServer() as server:
        vlm = server_vlm(server.base_url, max_images=1)
        ask(vlm, joined)
        ask(vlm, joined)
        ask(vlm, replace(FAST, images=(picture(1, 64, 100),)))
    assert [record.getMessage() for record in caplog.records] == [
        f"{vlm.name}: takes at most 1 picture a request (max_images): more are put into one picture"
    ]


def test_what_is_sent_as_before_keeps_its_replies() -> None:
    plain = server_vlm("http://localhost:1/v1").identity
    assert server_vlm("http://localhost:1/v1", picture_times="none", native_video="off").identity == plain
    for option in ({"picture_times": "{clock}"}, {"native_video": "jpeg_frames"}, {"max_request_bytes": 10**6}):
        assert server_vlm("http://localhost:1/v1", **option).identity != plain
    pinned = ('server:some/model:7b {"extra_body": {}, "hints": false, "max_images": 2, "max_tokens": null,'
              ' "side_pixels": null, "size_bytes": null, "temperature": 0.0}')  # fmt: skip
    assert plain == pinned, "as earlier versions wrote it"


def test_models_of_transformers_are_told_times_in_parts_and_in_marks() -> None:
    from sharegpt4video.vlm.hf.chat import Asked, TemplateForm, messages
    from sharegpt4video.vlm.render import Prompt

    jpegs = tuple(image.jpeg for image in CHANGE.images)
    asked = Asked(Prompt("", "What?", 9), jpegs, CHANGE.seconds, labels=("at 0:", "at 2:"))
    (in_parts,) = messages(asked, TemplateForm())
    assert [part.get("text") or part["type"] for part in in_parts["content"]] == [
        "at 0:", "image", "at 2:", "image", "What?"]  # fmt: skip
    (in_marks,) = messages(asked, TemplateForm(parts=False, image_mark="<image>"))
    assert in_marks["content"] == "at 0:<image>\nat 2:<image>\nWhat?"
    (as_video,) = messages(replace(asked, as_video=True), TemplateForm())
    assert kinds(as_video["content"]) == ["video", "text"], "a processor tells the times of a video itself"


@pytest.mark.parametrize("name", ["hf", "vllm", "lvlm"])
def test_models_of_this_process_tell_what_they_would_be_asked(name: str, tmp_path: Path) -> None:
    """Without being loaded."""
    if not all(map(find_spec, ("torch", "transformers"))):
        pytest.skip("needs torch and transformers")
    vlm = open_model(f"{name}:{tmp_path}", prompts=PROMPTS)
    request = OPENING if name == "lvlm" else CHANGE
    body = vlm.preview(request)
    assert body is not None
    *_, message = body["messages"]
    assert kinds(message["content"]) == [*["image_url"] * len(request.images), "text"]
    assert render(request, PROMPTS).text in message["content"][-1]["text"]
    if name == "hf":
        watched = vlm.preview(WATCHED)
        assert watched is not None
        assert kinds(watched["messages"][-1]["content"]) == ["video", "text"]
