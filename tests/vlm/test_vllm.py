"""The in-process engine of vLLM, against a stand-in that speaks the interface of its release 0.33."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_vllm import EngineGenerateError, VLLMClientError, install
from made_requests import ASK, CHANGE, FIRST, OPENING, PROMPTS, ask
from sharegpt4video.errors import MissingExtra, SettingsError, VLMError
from sharegpt4video.vlm import open_model
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.render import Prompt, render
from sharegpt4video.vlm.taught import TAUGHT, taught_text
from sharegpt4video.vlm.vllm import VllmVLM


def test_the_engine_is_made_with_prefix_caching_and_what_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    vlm = open_model(
        "vllm:some/model", prompts=PROMPTS, revision="v2", max_images=5, engine={"tensor_parallel_size": 2}
    )
    assert vlm.name == "vllm:some/model@v2"
    ask(vlm, OPENING)
    (engine,) = engines
    assert engine.args.model == "some/model"
    assert engine.args.options == {
        "revision": "v2",
        "trust_remote_code": False,
        "enable_prefix_caching": True,
        "limit_mm_per_prompt": {"image": 5},
        "tensor_parallel_size": 2,
    }
    assert engine.ended


def test_a_captioner_is_shown_frames_as_it_learned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch)
    assert not VllmVLM(str(tmp_path), prompts=PROMPTS).frames_apart
    (tmp_path / TAUGHT).write_text(taught_text(["brief"], frames_apart=True))
    assert VllmVLM(str(tmp_path), prompts=PROMPTS).frames_apart


def test_a_request_is_rendered_as_messages_and_sampled_greedily(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    (reply,) = ask(VllmVLM("m", prompts=PROMPTS, sampling={"seed": 3}), CHANGE)
    (engine,) = engines
    ((messages, template),) = engine.rendered
    prompt = render(CHANGE, PROMPTS)
    assert [said["role"] for said in messages] == ["system", "user"]
    assert [part["type"] for part in messages[1]["content"]] == ["image_url", "image_url", "text"]
    assert messages[1]["content"][2]["text"] == prompt.text
    assert template == {"add_generation_prompt": True, "continue_final_message": False}
    (params,) = engine.params
    assert (params.temperature, params.seed, params.repetition_penalty) == (0.0, 3, 1.05)
    assert params.max_tokens == prompt.max_tokens
    assert engine.request_ids[0].startswith(f"sg4v-{CHANGE.key()}-")
    assert (reply.text, reply.problem, reply.input_tokens) == (prompt.text.strip(), "", len(prompt.text))
    assert reply.output_tokens == len(prompt.text.split(" "))


def test_thinking_is_told_to_the_template_and_what_is_left_of_it_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    asked = Request("recaption", user_text="x")
    monkeypatch.setattr("sharegpt4video.vlm.vllm.render", lambda *_, **__: Prompt("", "<think>So.</think>A cat.", 99))
    (reply,) = ask(VllmVLM("m", prompts=PROMPTS, thinking="off"), asked)
    ((_, template),) = engines[0].rendered
    assert (template["enable_thinking"], template["thinking"]) == (False, False)
    assert engines[0].params[0].skip_special_tokens is False
    assert (reply.text, reply.problem) == ("A cat.", "")
    assert VllmVLM("m", prompts=PROMPTS, thinking="off").identity != VllmVLM("m", prompts=PROMPTS).identity
    with pytest.raises(SettingsError, match="thinking is on, off or default"):
        VllmVLM("m", prompts=PROMPTS, thinking="no")  # type: ignore[arg-type]


def test_earlier_turns_and_the_beginning_of_the_answer_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    ask(VllmVLM("m", prompts=PROMPTS), ASK)
    ((messages, template),) = engines[0].rendered
    assert [said["role"] for said in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[-1]["content"] == ASK.prefill
    assert template == {"add_generation_prompt": False, "continue_final_message": True}
    assert engines[0].params[0].max_tokens == 200


def test_a_template_without_system_role_gets_the_system_text_with_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch, system=False)
    ask(VllmVLM("m", prompts=PROMPTS), OPENING)
    ((messages, _),) = engines[0].rendered
    assert [said["role"] for said in messages] == ["user"]
    assert messages[0]["content"][-1]["text"].startswith(PROMPTS.system)


def test_the_answer_streams_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    asked = Request("ask", user_text="red then green then blue")

    async def pieces() -> list[str]:
        vlm = VllmVLM("m", prompts=PROMPTS)
        said = [piece async for piece in vlm.stream(asked)]
        await vlm.close()
        return said

    assert asyncio.run(pieces()) == ["red", " then", " green", " then", " blue"]


def test_cancelling_takes_the_request_out_of_the_engine_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch, step_seconds=0.01)

    async def cancel_one() -> str:
        vlm = VllmVLM("m", prompts=PROMPTS)
        asking = asyncio.create_task(vlm.generate(OPENING))
        while not engines or not engines[0].request_ids:
            await asyncio.sleep(0.005)
        other = asyncio.create_task(vlm.generate(Request("ask", user_text="still here")))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        reply = await other
        await vlm.close()
        return reply.text

    assert asyncio.run(cancel_one()) == "still here"
    (engine,) = engines
    assert engine.aborted == engine.request_ids[:1]


def test_leaving_a_stream_takes_the_request_out_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch, step_seconds=0.01)

    async def leave() -> None:
        vlm = VllmVLM("m", prompts=PROMPTS)
        stream = vlm.stream(OPENING)
        await stream.__anext__()
        await stream.aclose()
        while not engines[0].aborted:
            await asyncio.sleep(0.005)
        await vlm.close()

    asyncio.run(asyncio.wait_for(leave(), 240))


def test_closing_tells_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch, step_seconds=0.05)

    async def close_early() -> None:
        vlm = VllmVLM("m", prompts=PROMPTS)
        asking = asyncio.create_task(vlm.generate(OPENING))
        while not engines or not engines[0].request_ids:
            await asyncio.sleep(0.005)
        await vlm.close()
        with pytest.raises(VLMError, match="closed before this request"):
            await asking

    asyncio.run(close_early())
    assert engines[0].ended


def test_what_the_engine_does_not_take_is_an_error_and_what_it_fails_at_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engines = install(monkeypatch)
    vlm = VllmVLM("m", prompts=PROMPTS)

    async def outcomes() -> list[str]:
        await vlm.generate(OPENING)
        engines[0].fails = EngineGenerateError("a hiccup")
        reply = await vlm.generate(OPENING)
        engines[0].fails = VLLMClientError("the prompt is longer than the maximum model length")
        with pytest.raises(VLMError, match="longer than the maximum"):
            await vlm.generate(OPENING)
        engines[0].fails, engines[0].errored = EngineGenerateError("dead"), True
        with pytest.raises(VLMError, match="dead"):
            await vlm.generate(OPENING)
        await vlm.close()
        return [reply.problem, reply.detail]

    assert asyncio.run(outcomes()) == ["unavailable", "a hiccup"]


def test_an_engine_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    vlm = VllmVLM("missing", prompts=PROMPTS)
    for _ in range(2):
        with pytest.raises(VLMError, match=r"vllm:missing: vLLM cannot start: OSError: missing is not a local folder"):
            ask(vlm, OPENING)


def test_too_many_pictures_and_bad_settings_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(VLMError, match="max_images is 1"):
        ask(VllmVLM("m", prompts=PROMPTS, max_images=1), CHANGE)
    with pytest.raises(VLMError, match="top_p"):
        ask(VllmVLM("m", prompts=PROMPTS, sampling={"top_p": 7.0}), OPENING)
    with pytest.raises(SettingsError, match=r"max_images.*temperature"):
        VllmVLM("m", prompts=PROMPTS, max_images=0, temperature=-1.0)


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingExtra, match=r"pip install 'sharegpt4video\[vllm\]'"):
        ask(VllmVLM("m", prompts=PROMPTS), OPENING)


def test_what_decides_answers_is_its_identity() -> None:
    def identity(**options: object) -> str:
        return VllmVLM("m", prompts=PROMPTS, **options).identity  # type: ignore[arg-type]

    assert identity() == identity(max_concurrent=3, engine={"tensor_parallel_size": 4})
    assert len({identity(), identity(temperature=0.5), identity(revision="x"), identity(engine={"dtype": "half"})}) == 4


def test_pictures_go_as_the_same_bytes_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    request = Request("opening", images=(FIRST,), seconds=(0.0,))
    ask(VllmVLM("m", prompts=PROMPTS), request, request)
    urls = {messages[-1]["content"][0]["image_url"]["url"] for messages, _ in engines[0].rendered}
    assert len(urls) == 1


def test_no_answer_of_many_at_once_is_ever_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine repeats the question, a word a step, so answers of other lengths end in another order than asked."""
    install(monkeypatch, step_seconds=0.0005)
    asked = [Request("ask", user_text=f"row {number} " + "x " * (number * 7 % 13) + "end") for number in range(40)]
    replies = ask(VllmVLM("m", prompts=PROMPTS), *asked)
    assert [(reply.text, reply.request_key) for reply in replies] == [(one.user_text, one.key()) for one in asked]


def test_an_answer_that_the_engine_gives_for_another_request_is_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = install(monkeypatch)
    vlm = VllmVLM("m", prompts=PROMPTS)
    (right,) = ask(vlm, OPENING)
    assert right.problem == ""
    generate = type(engines[0]).generate

    async def of_another(self: Any, prompt: Any, params: Any, request_id: str) -> AsyncGenerator[Any, None]:
        async for output in generate(self, prompt, params, request_id):
            yield replace(output, request_id=f"sg4v-{CHANGE.key()}-00000000")

    monkeypatch.setattr(type(engines[0]), "generate", of_another)
    (reply,) = ask(vlm, OPENING)
    assert (reply.problem, reply.text, reply.request_key) == ("mixed up", "", OPENING.key())
