"""Providers by one short word: what each is opened with, and what is said when it does not answer."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from dataclasses import replace
from typing import Any

import PIL.Image
import pytest

from chat_server import Behaviour, ChatServer, Exchange, Received, answer, raw, status
from made_requests import OPENING, PROMPTS, ask, picture
from sharegpt4video.errors import ModelDenied, ModelUnavailable, SettingsError
from sharegpt4video.vlm import BACKENDS, open_model
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.faults import ErrorReply, fault_of_status
from sharegpt4video.vlm.probing import probe
from sharegpt4video.vlm.providers import ALSO_CALLED, PROVIDERS
from sharegpt4video.vlm.server import ServerVLM


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        monkeypatch.delenv(provider.key, raising=False)


def opened(spec: str, **options: Any) -> ServerVLM:
    model = open_model(spec, prompts=PROMPTS, **{"retries": 0, **options})
    assert isinstance(model, ServerVLM)
    return model


def serving(*names: str) -> Any:
    return lambda exchange: exchange.send({"object": "list", "data": [{"id": name} for name in names]})


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_opens_by_its_example(name: str) -> None:
    provider = PROVIDERS[name]
    model = opened(f"{name}:{provider.example}")
    assert model.name == f"{name}:{provider.example}"
    assert model.max_images == provider.options.get("max_images", 2)
    assert provider.url.startswith("http://localhost:" if provider.is_local else "https://")
    assert bool(provider.key_page) != provider.is_local
    assert not provider.url.endswith("/")


def test_other_names_lead_to_a_provider_and_hide_none() -> None:
    assert set(ALSO_CALLED.values()) <= set(PROVIDERS)
    assert not set(ALSO_CALLED) & {*PROVIDERS, *BACKENDS}


def test_options_of_the_user_replace_those_of_the_provider() -> None:
    assert opened("groq:m", max_images=1).max_images == 1
    with pytest.raises(SettingsError, match="'groq' does not take provider; its options are: api_key, max_images"):
        opened("groq:m", provider="x")


def test_the_same_model_and_options_keep_their_replies_whatever_the_name() -> None:
    plain = opened("server:qwen3-vl:8b@http://localhost:11434/v1")
    assert opened("ollama:qwen3-vl:8b", picture_times="none").identity == plain.identity
    assert opened("ollama:qwen3-vl:8b").identity != plain.identity, "with times before the pictures"


def test_another_address_may_follow_the_model() -> None:
    with ChatServer() as server:
        model = opened(f"openai:gpt:4o@{server.base_url}")
        assert model.name == f"openai:gpt:4o@{server.base_url}"
        assert ask(model, OPENING)[0].problem == "", "a server of one's own may need no key"
    assert server.received[0].body["model"] == "gpt:4o"


@pytest.mark.parametrize("spec", ["ollama", "ollama:", "ollama:http://localhost:1/v1", "openai:@http://localhost:1/v1"])
def test_a_provider_without_a_model_gets_an_example(spec: str) -> None:
    with pytest.raises(SettingsError, match=r"needs a model's name after a colon, such as (ollama:qwen3|openai:gpt)"):
        opened(spec)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("olama:qwen3-vl:8b", "did you mean 'ollama'?"),
        ("qwen3-vl:8b", "then write ollama:qwen3-vl:8b"),
        ("ollama/qwen3-vl:8b", "did you mean ollama:qwen3-vl:8b?"),
        ("openrouter/google/gemini-3.5-flash", "did you mean openrouter:google/gemini-3.5-flash?"),
        ("OpenAI:gpt-5", "did you mean openai:gpt-5?"),
        ("google:gemini-3.5-flash", "did you mean gemini:gemini-3.5-flash?"),
        ("claude:haiku", "did you mean anthropic:haiku?"),
        ("lm-studio:qwen", "did you mean 'lmstudio'?"),
        ("llava:7b", "then write ollama:llava:7b"),
        ("SmolVLM2-500", "what runs it comes first: hf:smolvlm2-500m"),
        ("gpt-4o", "who serves it comes first, such as openai:gpt-4o"),
        ("azure:gpt-4o", "another service with OpenAI's chat format is server:MODEL@URL"),
        ("qwen3-vl-2b", "what runs it comes first: hf:qwen3-vl-2b"),
    ],
)
def test_a_name_that_lacks_its_provider_is_told_one(spec: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_model(spec, prompts=PROMPTS)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", [name for name, one in PROVIDERS.items() if one.needs_key])
def test_a_missing_key_is_named_before_anything_is_sent(name: str) -> None:
    with pytest.raises(ModelDenied, match=f"no API key: set {PROVIDERS[name].key} ") as caught:
        asyncio.run(opened(f"{name}:m").check())
    assert PROVIDERS[name].key_page in str(caught.value)
    with pytest.raises(ModelDenied, match="no API key"):
        asyncio.run(opened(f"{name}:m").generate(OPENING))


def test_each_provider_gets_its_own_key_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("GEMINI_API_KEY", "sk-gemini")
    with ChatServer() as server:
        for spec in ("openai", "gemini", "ollama"):
            ask(opened(f"{spec}:m@{server.base_url}"), OPENING)
    assert [got.headers["authorization"] for got in server.received] == [
        "Bearer sk-openai", "Bearer sk-gemini", "Bearer EMPTY"]  # fmt: skip


def test_a_refused_key_is_told_with_the_variable_of_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-wrong-key")
    said = r"set GROQ_API_KEY .*console.groq.com"
    refused = status(401, "Invalid API Key gsk-wrong-key")
    with ChatServer(default=refused) as server, pytest.raises(ModelDenied, match=said) as caught:
        ask(opened(f"groq:m@{server.base_url}"), OPENING)
    assert "gsk-wrong-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("ollama", "at http://127.0.0.1:9/v1; start it with: ollama serve; get the model with: ollama pull m:8b"),
        ("lmstudio", "lms server start"),
        ("vllm-server", "vllm serve m:8b"),
    ],
)
def test_a_server_that_is_not_running_is_told_how_to_start(name: str, start: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"nobody answers at http://127\.0\.0\.1:9/v1") as caught:
        asyncio.run(opened(f"{name}:m:8b@http://127.0.0.1:9/v1").check())
    assert start in str(caught.value)


@pytest.mark.parametrize("name", ["ollama", "lmstudio", "vllm-server"])
def test_a_model_that_the_server_lacks_is_told_with_those_it_has(name: str) -> None:
    with ChatServer() as server:
        server.models = serving("llava:7b", "qwen3-vl:4b", "text-only:1b")
        with pytest.raises(ModelDenied, match=r"no model 'qwen3-vl:8b' at .*: it has qwen3-vl:4b, ") as caught:
            asyncio.run(opened(f"{name}:qwen3-vl:8b@{server.base_url}").check())
        asyncio.run(opened(f"{name}:llava:7b@{server.base_url}").check())
        assert server.received == [], "nothing is asked of the model"
    assert ("ollama pull qwen3-vl:8b" in str(caught.value)) == (name == "ollama")


def test_a_tag_that_the_server_adds_makes_no_other_model() -> None:
    with ChatServer() as server:
        server.models = serving("llava:latest")
        asyncio.run(opened(f"ollama:llava@{server.base_url}").check())
        with pytest.raises(ModelDenied, match="it has llava:latest"):
            asyncio.run(opened(f"ollama:llava:13b@{server.base_url}").check())


def test_a_service_that_lists_not_every_model_is_asked_for_it() -> None:
    with ChatServer() as server:
        server.models = serving("gpt-5", "gpt-5-mini")
        asyncio.run(opened(f"openai:gpt-6@{server.base_url}").check())
        server.default = status(404, "The model `gpt-6` does not exist", error_code="model_not_found")
        with pytest.raises(ModelDenied, match="does not exist - it has gpt-5, gpt-5-mini"):
            ask(opened(f"openai:gpt-6@{server.base_url}"), OPENING)


def test_probes_tell_what_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk-secret")

    def probed(name: str, url: str) -> Any:
        return asyncio.run(probe(replace(PROVIDERS[name], url=url)))

    with ChatServer() as server:
        server.models = serving("a:1b", "b:2b")
        assert (probed("ollama", server.base_url).state, probed("ollama", server.base_url).served) == (
            "ready", ("a:1b", "b:2b"))  # fmt: skip
        assert probed("openai", server.base_url).state == "no key"
        server.models = status(401, "bad key gsk-secret")
        refused = probed("groq", server.base_url)
        assert (refused.state, refused.detail) == ("key refused", "HTTP 401: bad key ***")
        server.models = raw(b"<html>", 200)
        assert probed("ollama", server.base_url).state == "silent"
        assert server.received == [], "probes cost nothing"
    assert probed("ollama", "http://127.0.0.1:9/v1").state == "not running"
    assert probed("groq", "http://127.0.0.1:9/v1").state == "unreachable"


# Refusals, in the shapes in which each provider is known to send them


OLLAMA_404 = (404, {"error": {"message": 'model "qwen3-vl:8b" not found, try pulling it first', "type": "api_error",
                              "param": None, "code": None}})  # fmt: skip
LM_STUDIO_EMPTY = (400, {"error": "No models loaded. Please load a model in the developer page or use the 'lms load'"
                                  " command."})  # fmt: skip
LM_STUDIO_OTHER = (400, {"error": {"message": 'Invalid model identifier "m". Please specify a valid downloaded model'
                                              " (e.g., qwen3-vl-8b, gemma-3-4b).", "type": "invalid_request_error",
                                   "param": "model", "code": "model_not_found"}})  # fmt: skip
OPENROUTER_NAME = (400, {"error": {"message": "qwen/none is not a valid model ID", "code": 400}, "user_id": "user_1"})
OPENROUTER_NOBODY = (404, {"error": {"message": "No endpoints found for qwen/none.", "code": 404}})
GEMINI_NAME = (404, [{"error": {"code": 404, "message": "models/none is not found for API version v1main, or is not"
                                " supported for generateContent.", "status": "NOT_FOUND"}}])  # fmt: skip


@pytest.mark.parametrize(
    "refusal", [OLLAMA_404, LM_STUDIO_EMPTY, LM_STUDIO_OTHER, OPENROUTER_NAME, OPENROUTER_NOBODY, GEMINI_NAME]
)
def test_a_model_that_nobody_serves_stops_the_run_with_the_names_of_others(refusal: tuple[int, Any]) -> None:
    code, body = refusal
    with ChatServer(default=raw(json_bytes(body), code)) as server:
        server.models = serving("qwen3-vl:4b")
        with pytest.raises(ModelDenied, match="it has qwen3-vl:4b"):
            ask(opened(f"server:m@{server.base_url}"), OPENING)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("code", "body", "advice"),
    [
        (402, {"error": {"message": "Insufficient credits. Add more using https://openrouter.ai/credits", "code": 402}},
         "nothing left to pay"),
        (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
                          "status": "INVALID_ARGUMENT"}}], "set GEMINI_API_KEY"),
        (404, {"error": {"message": "No endpoints found that support image input", "code": 404}}, "name one that sees"),
        (400, {"error": {"message": "model does not support image input: this model is missing data required for image"
                         " input", "type": "invalid_request_error"}}, "name one that sees"),
    ],
)  # fmt: skip
def test_what_else_no_repetition_mends_is_told_in_our_words(code: int, body: Any, advice: str) -> None:
    with ChatServer(default=raw(json_bytes(body), code)) as server, pytest.raises(Exception, match=advice):
        ask(opened(f"gemini:m@{server.base_url}", api_key="some-key"), OPENING)
    assert len(server.received) == 1


GEMINI_BUSY = [{"error": {
    "code": 429, "message": "You exceeded your current quota, please check your plan and billing details.",
    "status": "RESOURCE_EXHAUSTED",
    "details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.05s"}],
}}]  # fmt: skip
OPENROUTER_BUSY = {"error": {"message": "Provider returned error", "code": 429, "metadata": {
    "raw": "m:free is temporarily rate-limited upstream. Please retry shortly.", "provider_name": "Chutes",
    "headers": {"Retry-After": "0.05"}}}}  # fmt: skip
GROQ_BUSY = {"error": {"message": "Rate limit reached for model `m`. Please try again in 50ms.", "type": "tokens",
                       "code": "rate_limit_exceeded"}}  # fmt: skip


@pytest.mark.parametrize(
    ("status_code", "code", "message"),
    [
        (403, 403, "qwen requires moderation. Your input was flagged for violence"),
        (400, "data_inspection_failed", "Input data may contain inappropriate content."),
        (400, "1301", "System detected potentially unsafe or sensitive content in input or generation."),
    ],
)
def test_a_filter_turns_down_one_request_and_ends_no_run(status_code: int, code: object, message: str) -> None:
    fault = fault_of_status(ErrorReply(status_code, message, str(code)))
    assert fault.kind == "refused"


@pytest.mark.parametrize("body", [GEMINI_BUSY, OPENROUTER_BUSY, GROQ_BUSY])
def test_the_wait_that_a_rate_limit_names_is_the_wait(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    slept = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await slept(0)

    monkeypatch.setattr("sharegpt4video.vlm.pace.asyncio.sleep", sleep)
    with ChatServer(raw(json_bytes(body), 429), answer()) as server:
        (reply,) = ask(opened(f"server:m@{server.base_url}", retries=1, backoff_seconds=0.0), OPENING)
    assert reply.problem == ""
    assert any(0.04 <= wait <= 0.07 for wait in waits), waits


def test_the_reason_of_the_provider_behind_a_gateway_is_told() -> None:
    with ChatServer(default=raw(json_bytes(OPENROUTER_BUSY), 429)) as server:
        (reply,) = ask(opened(f"openrouter:m@{server.base_url}"), OPENING)
    assert reply.problem == "unavailable"
    assert "m:free is temporarily rate-limited upstream" in reply.detail


def json_bytes(body: Any) -> bytes:
    return json.dumps(body).encode()


def test_the_request_names_the_model_as_the_provider_does() -> None:
    got: list[Received] = []
    with ChatServer(default=answer(lambda received: got.append(received) or "a cat")) as server:  # type: ignore[func-returns-value]
        ask(opened(f"ollama:qwen3-vl:8b@{server.base_url}"), OPENING)
    assert got[0].body["model"] == "qwen3-vl:8b"


# What the presets send, against servers that are as strict as documented


def groq(exchange: Exchange) -> None:
    """At most five pictures, and four megabytes a request."""
    received = exchange.received
    if len(received.image_urls) > 5:
        return status(400, "Too many images provided. This model supports up to 5 images")(exchange)
    if received.size_bytes > 4_000_000 + 10_000:  # the words come on top
        return status(413, "Request Entity Too Large")(exchange)
    return answer()(exchange)


def vllm(exchange: Exchange) -> None:
    """Frames of a video are of one size, and as many as their numbers, which are whole; none is left out."""
    received = exchange.received
    videos = [part["video_url"]["url"] for part in received.content if part["type"] == "video_url"]
    options = received.body.get("media_io_kwargs", {}).get("video", {})
    for video in videos:
        kind, _, data = video.partition(",")
        frames = [base64.b64decode(frame, validate=True) for frame in data.split(",")]
        sizes = {PIL.Image.open(io.BytesIO(frame)).size for frame in frames}
        numbers, total = options["frames_indices"], options["total_num_frames"]
        fine = kind == "data:video/jpeg;base64" and len(sizes) == 1 and options["num_frames"] in (-1, len(frames))
        if not fine or len(numbers) != len(frames) or {type(each) for each in numbers} != {int} or total < len(frames):
            return status(400, f"frames_indices length ({len(numbers)}) must match")(exchange)
    return answer(f"{len(videos)} video")(exchange)


def dashscope(exchange: Exchange) -> None:
    """A list of frames has four or more, and pictures are data URLs."""
    for part in exchange.received.content:
        if part["type"] == "video" and not (len(part["video"]) >= 4 and 0.1 <= part["fps"] <= 10):
            return status(400, "the number of frames must be in [4, 512]")(exchange)
    return answer(" ".join(part["type"] for part in exchange.received.content))(exchange)


@pytest.mark.parametrize(
    ("name", "behave", "count", "size", "told"),
    [
        ("groq", groq, 5, (1280, 720), "a cat sits on a mat"),
        ("vllm-server", vllm, 8, (64, 48), "1 video"),
        ("vllm-server", vllm, 2, (64, 48), "0 video"),
        ("dashscope", dashscope, 8, (64, 48), "video text"),
        ("dashscope", dashscope, 3, (64, 48), "text image_url text image_url text image_url text"),
    ],
)
def test_a_preset_keeps_to_what_its_provider_takes(
    name: str, behave: Behaviour, count: int, size: tuple[int, int], told: str
) -> None:
    pictures = tuple(picture(seed, *size) for seed in range(count))
    request = Request("fast", images=pictures, seconds=tuple(1.5 * number for number in range(count)), end_seconds=60.0)
    with ChatServer(default=behave) as server:
        (reply,) = ask(opened(f"{name}:qwen3-vl@{server.base_url}", api_key="key"), request)
    assert (reply.text, reply.problem) == (told, "")
