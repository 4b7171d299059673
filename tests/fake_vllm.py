"""Stands in for the package ``vllm``: the part of the interface of vLLM 0.33 that our backend uses, without a model.

Names, signatures and what raises what were read from the source of that release: ``vllm/__init__.py``,
``vllm/v1/engine/async_llm.py``, ``vllm/renderers/base.py`` and ``params.py``, ``vllm/outputs.py``,
``vllm/exceptions.py``, ``vllm/sampling_params.py``. The engine says the last question again, a word a step.

    engines = install(monkeypatch)
    ...  # use VllmVLM
    assert engines[0].aborted == []
"""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest


class VLLMError(Exception): ...


class VLLMClientError(VLLMError): ...


class VLLMServerError(VLLMError): ...


class VLLMValidationError(VLLMClientError): ...


class EngineGenerateError(VLLMServerError): ...


class RequestOutputKind(Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class SamplingParams:
    """The fields used in tests; like the real one it refuses unknown ones and bad values."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    repetition_penalty: float = 1.0
    max_tokens: int | None = 16
    skip_special_tokens: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE

    def __post_init__(self) -> None:
        if not 0 < self.top_p <= 1:
            raise VLLMValidationError(f"top_p must be in (0, 1], got {self.top_p}.")


@dataclass(frozen=True)
class ChatParams:
    chat_template: str | None = None
    chat_template_content_format: str = "auto"
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)


class AsyncEngineArgs:
    def __init__(self, model: str, **options: Any) -> None:
        self.model, self.options = model, options


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool


class Renderer:
    """Writes the conversation down as one text; without ``system`` its template has no such role."""

    def __init__(self, engine: AsyncLLMEngine) -> None:
        self.engine = engine

    async def render_chat_async(
        self, conversations: list[list[dict[str, Any]]], chat_params: ChatParams
    ) -> tuple[list[Any], list[dict[str, Any]]]:
        self.engine.check_loop()
        (messages,) = conversations
        if not self.engine.system and messages[0]["role"] == "system":
            raise VLLMValidationError("System role not supported")
        self.engine.rendered.append((messages, chat_params.chat_template_kwargs))
        question = [said for said in messages if said["role"] == "user"][-1]["content"]
        parts = [{"type": "text", "text": question}] if isinstance(question, str) else question
        text = " ".join(part["text"] for part in parts if part["type"] == "text")
        return conversations, [{"prompt": text, "prompt_token_ids": [ord(letter) for letter in text]}]


class AsyncLLMEngine:
    """Made by `from_engine_args`. ``step_seconds`` a word; ``fails`` is raised by the next request."""

    made: list[AsyncLLMEngine]
    system = True
    step_seconds = 0.0
    mute = False

    def __init__(self, args: AsyncEngineArgs) -> None:
        self.args, self.thread = args, threading.current_thread()
        self.renderer, self.model_config = Renderer(self), self
        self.rendered: list[tuple[list[dict[str, Any]], dict[str, Any]]] = []
        self.params: list[SamplingParams] = []
        self.request_ids: list[str] = []
        self.aborted: list[str] = []
        self.errored = self.ended = False
        self.fails: Exception | None = None
        asyncio.get_running_loop()  # the real one ties itself to the loop it is made in

    @classmethod
    def from_engine_args(cls, engine_args: AsyncEngineArgs) -> AsyncLLMEngine:
        if engine_args.model == "missing":
            raise OSError("missing is not a local folder")
        cls.made.append(cls(engine_args))
        return cls.made[-1]

    def get_diff_sampling_param(self) -> dict[str, Any]:
        return {"repetition_penalty": 1.05}

    def check_loop(self) -> None:
        assert threading.current_thread() is self.thread, "an engine is used from the loop it was made in"

    async def generate(
        self, prompt: dict[str, Any], sampling_params: SamplingParams, request_id: str
    ) -> AsyncGenerator[RequestOutput, None]:
        self.check_loop()
        self.params.append(sampling_params)
        self.request_ids.append(request_id)
        try:
            if self.fails is not None:
                raise self.fails
            words = [] if self.mute else prompt["prompt"].split(" ")
            limit = sampling_params.max_tokens or len(words)
            for count in range(1, max(len(words), 1) + 1):
                await asyncio.sleep(self.step_seconds)
                finished = "stop" if count >= len(words) else "length" if count >= limit else None
                said = CompletionOutput(0, " ".join(words[:count]), list(range(count)), finished)
                if finished or sampling_params.output_kind is RequestOutputKind.CUMULATIVE:
                    yield RequestOutput(request_id, prompt["prompt_token_ids"], [said], bool(finished))
                if finished:
                    return
        except (asyncio.CancelledError, GeneratorExit):
            self.aborted.append(request_id)
            raise

    def shutdown(self) -> None:
        self.ended = True


def install(patch: pytest.MonkeyPatch, **behaviour: Any) -> list[AsyncLLMEngine]:
    """Make ``import vllm`` find this; gives the list that the engines made from now on are added to."""
    engine = type("AsyncLLMEngine", (AsyncLLMEngine,), {"made": [], **behaviour})
    modules = {
        "vllm": {
            "__version__": "0.33.0",
            "AsyncEngineArgs": AsyncEngineArgs,
            "AsyncLLMEngine": engine,
            "SamplingParams": SamplingParams,
        },
        "vllm.exceptions": {
            "VLLMError": VLLMError,
            "VLLMClientError": VLLMClientError,
            "VLLMServerError": VLLMServerError,
        },
        "vllm.sampling_params": {"RequestOutputKind": RequestOutputKind},
        "vllm.renderers": {"ChatParams": ChatParams},
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        patch.setitem(sys.modules, name, module)
    return engine.made
