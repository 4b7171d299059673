"""vLLM's engine in this process: continuous batching and prefix caching, without a server.

Written against the interface of vLLM 0.33: ``AsyncLLMEngine.from_engine_args``, ``engine.renderer.render_chat_async``
(the model's own chat template, by vLLM's own chat utilities), ``engine.generate`` and ``engine.shutdown``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from ..background import gone
from ..errors import MissingExtra, SettingsError, VLMError
from ..prompts import PromptSet
from .base import FREE_TASKS, VLM, Reply, Request
from .chat import Dialect
from .media import Media, labels
from .media import picture_times as picture_times_of
from .pictures import DataUrls
from .reasoning import Thinking, finish_reason_of, template_kwargs, thinking_choice
from .render import render
from .request_ids import is_of_another, new_request_id
from .screen import Switch, screen
from .taught import noticed, taught, taught_apart
from .usage import Usage, estimate_image_tokens, estimate_text_tokens
from .vllm_release import release

T = TypeVar("T")

_MESSAGE_LIMIT_CHARS = 600


class VllmVLM(VLM):
    """A model run by vLLM in this process; for a vLLM server, see `ServerVLM`.

    model             a name on the Hub or a folder, as vLLM takes it
    prompts, hints    the prompt set, and whether the measured facts are given with the pictures
    revision          a branch, tag or commit of a name on the Hub
    max_images        pictures one request may carry; becomes the engine's ``limit_mm_per_prompt``
    max_concurrent    requests given to the engine at the same time; it batches them as it sees fit
    temperature       0: greedy; None: as the checkpoint's generation config says
    max_tokens        None: as the prompt set says for each task
    picture_times     text before each picture: "none", "seconds" ("<2.0 seconds>"), "clock" ("00:02"), "auto" (as the
                      model's family is trained), or a template with {seconds}, {clock} or {number}
    sampling          further ``SamplingParams``, such as {"top_p": 0.9, "seed": 1}
    engine            further arguments of the engine: {"tensor_parallel_size": 2, "gpu_memory_utilization": 0.85,
                      "max_model_len": 16384, "limit_mm_per_prompt": {...}, ...}
    trust_remote_code run code that comes with the weights
    thinking          "on" or "off", told to the chat template of a model that can do both

    The engine starts with the first request, in an event loop and thread of its own, so the object can be used from
    any number of loops; ``close()`` ends it, and a later request starts it again. Frames go as separate pictures.
    Raises SettingsError when an option makes no sense, MissingExtra (at the first request) without vLLM.
    """

    def __init__(
        self,
        model: str,
        *,
        prompts: PromptSet,
        hints: bool = False,
        revision: str | None = None,
        max_images: int = 16,
        max_concurrent: int = 64,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        picture_times: str = "none",
        sampling: Mapping[str, Any] | None = None,
        engine: Mapping[str, Any] | None = None,
        trust_remote_code: bool = False,
        thinking: Thinking = "default",
    ) -> None:
        counts = {"max_images": max_images, "max_concurrent": max_concurrent, "max_tokens": max_tokens}
        found = [f"{name} must be at least 1, not {n}" for name, n in counts.items() if n is not None and n < 1]
        if temperature is not None and temperature < 0:
            found.append(f"temperature cannot be negative, as {temperature} is")
        if found:
            raise SettingsError("vllm: " + "; ".join(found))
        self.name, self.uses_facts = f"vllm:{model}" + (f"@{revision}" if revision else ""), hints
        self.max_images, self.max_concurrent, self.usage = max_images, max_concurrent, Usage()
        self._model = os.path.expanduser(model)  # noqa: PTH111  # a Path would make ./folder a name of the Hub
        self._prompts, self._prompt_hash, self._hints = noticed(prompts, "vllm", model), prompts.hash, hints
        self._thinking, self.frames_apart = thinking_choice(thinking), taught_apart(model)
        self._temperature, self._max_tokens, self._lock = temperature, max_tokens, threading.Lock()
        self._sampling, self._times = dict(sampling or {}), picture_times_of(picture_times, model)
        self._engine_options = {
            "model": self._model,
            "revision": revision,
            "trust_remote_code": trust_remote_code,
            "enable_prefix_caching": True,
            "limit_mm_per_prompt": {"image": max_images},
            **(engine or {}),
        }
        self._pictures, self._dialect, self.own_prompts = DataUrls(), Dialect(), taught(model)
        self._running: _Running | None = None

    @property
    def identity(self) -> str:
        """The model and the options that decide its answers; how many GPUs share the work does not."""
        decides = ("revision", "dtype", "quantization", "max_model_len", "mm_processor_kwargs", "generation_config")
        options = {
            **{key: self._engine_options[key] for key in decides if key in self._engine_options},
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
            "max_images": self.max_images,
            "sampling": self._sampling,
            "hints": self._hints,
            **({} if self._thinking == "default" else {"thinking": self._thinking}),
            **({"picture_times": self._times} if self._times else {}),
        }
        return f"vllm:{self._model} {json.dumps(options, sort_keys=True, default=str)}"

    async def generate(self, request: Request) -> Reply:
        """Answer one request; cancelling it aborts it in the engine.

        Raises VLMError when the engine cannot start, is dead, or does not take the request (too long, too many
        pictures). A request at which a living engine failed gives a Reply with the problem "unavailable".
        """
        running = await self._start()
        try:
            output = await asyncio.wrap_future(running.submit(self._last(running.engine, request)))
        except _PassingError as error:
            return Reply("", request.key(), self.name, self._prompt_hash, problem="unavailable", detail=str(error))
        return self._reply(request, output)

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer as it is written; leaving the generator takes the request out of the engine. Raises VLMError."""
        running = await self._start()
        loop = asyncio.get_running_loop()
        outputs: asyncio.Queue[Any] = asyncio.Queue()

        async def run() -> None:
            async for output in self._outputs(running.engine, request):
                loop.call_soon_threadsafe(outputs.put_nowait, output)

        asked = running.submit(run())
        asked.add_done_callback(lambda _done: loop.is_closed() or loop.call_soon_threadsafe(outputs.put_nowait, None))
        last, said = None, ""
        try:
            while (output := await outputs.get()) is not None:
                last, text = output, output.outputs[0].text
                if len(text) > len(said):
                    yield text[len(said) :]
                    said = text
            await asyncio.wrap_future(asked)
        except _PassingError as error:
            raise VLMError(f"{self.name}: {error}") from error
        finally:
            asked.cancel()
        reply = self._reply(request, last)
        if reply.problem and not said:
            raise VLMError(f"{self.name}: no answer: {reply.detail or reply.problem}")

    def preview(self, request: Request) -> Mapping[str, Any]:
        """The conversation that the engine's chat template would get."""
        prompt, media = render(request, self._prompts, hints=self._hints), self._media(request)
        limit = self._max_tokens or prompt.max_tokens
        return self._dialect.body(self._model, prompt, media, limit, self._temperature)

    def estimate_tokens(self, request: Request) -> int:
        """About how many input tokens a request will be."""
        prompt = render(request, self._prompts, hints=self._hints)
        pictures = sum(estimate_image_tokens(image) for image in request.images)
        return estimate_text_tokens(prompt.system + prompt.text) + pictures

    async def close(self) -> None:
        """Stop the engine and release its memory; waiting calls get a VLMError."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            await asyncio.to_thread(running.end)

    async def _start(self) -> _Running:
        with self._lock:
            if self._running is None:
                self._running = _Running(self.name, self._engine_options)
            running = self._running
        try:
            await asyncio.wrap_future(running.started)
        except (VLMError, MissingExtra):
            with self._lock:
                if self._running is running:
                    self._running = None
            raise
        return running

    async def _last(self, engine: Any, request: Request) -> Any:
        last = None
        async for output in self._outputs(engine, request, only_last=True):
            last = output
        return last

    async def _outputs(self, engine: Any, request: Request, *, only_last: bool = False) -> AsyncGenerator[Any, None]:
        """What the engine gives for a request; runs in the engine's loop. Raises VLMError for what it refuses."""
        vllm = release(self.name)
        prompt = render(request, self._prompts, hints=self._hints)
        kind = vllm.RequestOutputKind.FINAL_ONLY if only_last else vllm.RequestOutputKind.CUMULATIVE
        own = engine.model_config.get_diff_sampling_param()
        greedy = {} if self._temperature is None else {"temperature": self._temperature}
        limit = {"max_tokens": self._max_tokens or prompt.max_tokens, "output_kind": kind}
        # Reasoning in special tokens could not be told from the answer; a stream shows its text as it comes.
        marks = {"skip_special_tokens": False} if only_last else {}
        try:
            rendered = await self._rendered(engine, request)
            params = vllm.SamplingParams(**{**own, **greedy, **marks, **self._sampling, **limit})
            request_id = new_request_id(request.key())
            async with contextlib.aclosing(engine.generate(rendered, params, request_id)) as outputs:
                async for output in outputs:
                    yield output
        except (vllm.VLLMError, ValueError, TypeError) as error:
            said = str(error)[:_MESSAGE_LIMIT_CHARS]
            passing = isinstance(error, vllm.VLLMError) and not isinstance(error, vllm.VLLMClientError)
            if passing and not engine.errored:
                raise _PassingError(said) from error
            raise VLMError(f"{self.name}: {said}") from error

    async def _rendered(self, engine: Any, request: Request) -> Any:
        """The request as the engine takes it: the template's text as tokens, and the pictures."""
        vllm = release(self.name)
        prompt = render(request, self._prompts, hints=self._hints)
        media = self._media(request)
        while True:
            dialect = self._dialect
            body = dialect.body("", prompt, media, prompt.max_tokens, None)
            continued = {key: body.get(key, key == "add_generation_prompt") for key in _TEMPLATE_KEYS}
            try:
                params = vllm.ChatParams(chat_template_kwargs={**continued, **template_kwargs(self._thinking)})
                _, (rendered,) = await engine.renderer.render_chat_async([body["messages"]], params)
            except vllm.VLLMClientError as error:
                if (adapted := dialect.after(str(error), None)) is None:
                    raise
                self._dialect = adapted
            else:
                return rendered

    def _media(self, request: Request) -> Media:
        if len(request.images) > self.max_images:
            raise VLMError(
                f"{self.name}: a {request.task} request carries {len(request.images)} pictures, but max_images is"
                f" {self.max_images}; raise max_images if the model takes more, or have them put into one picture"
            )
        urls = [self._pictures.url(image) for image in request.images]
        return Media.of(request, urls, texts=labels(request, self._times))

    def _reply(self, request: Request, output: Any) -> Reply:
        if output is None:
            raise VLMError(f"{self.name}: the engine ended before this request was answered")
        if is_of_another(str(output.request_id), request.key()):
            told = f"the engine gave the answer to {output.request_id}"
            return Reply("", request.key(), self.name, self._prompt_hash, problem="mixed up", detail=told)
        said = output.outputs[0]
        input_tokens, output_tokens = len(output.prompt_token_ids or ()), len(said.token_ids)
        self.usage.add(input_tokens, output_tokens)
        limit = self._max_tokens or render(request, self._prompts, hints=self._hints).max_tokens
        caption = request.task not in FREE_TASKS
        switch: Switch = "off" if self._thinking == "off" else "can"
        screened = screen(said.text, finish_reason_of(said.finish_reason), caption=caption, max_tokens=limit,
                          switch=switch)  # fmt: skip
        return Reply(
            text=screened.text,
            request_key=request.key(),
            model=self.name,
            prompt_hash=self._prompt_hash,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            problem=screened.problem,
            detail=screened.detail,
        )


class _PassingError(Exception):
    """The engine failed at one request and goes on."""


_TEMPLATE_KEYS = ("add_generation_prompt", "continue_final_message")


class _Running:
    """An engine in an event loop and thread of its own, where all its coroutines have to run."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.engine: Any = None
        self.started: Future[None] = Future()
        self._name, self._options = name, options
        self._closing = False
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sg4v-vllm", daemon=True)
        self._thread.start()

    def submit(self, call: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the engine's loop; cancelling the future cancels it there. VLMError if closed."""
        with self._lock:
            if not self._closing:
                return asyncio.run_coroutine_threadsafe(self._until_closed(call), self._loop)
        call.close()
        raise self._closed()

    def end(self) -> None:
        """Stop the engine, then its loop. Comes back when both are gone."""
        with self._lock:
            already, self._closing = self._closing, True
            if not already:
                self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._stop()))
        self._thread.join()

    async def _until_closed(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await call
        except asyncio.CancelledError:
            if self._closing:
                raise self._closed() from None
            raise

    def _closed(self) -> VLMError:
        return VLMError(f"{self._name}: the engine was closed before this request was answered")

    async def _stop(self) -> None:
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        await gone(*others)
        if self.engine is not None:
            self.engine.shutdown()
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self.started.set_running_or_notify_cancel()
        start = self._loop.create_task(self._make())
        start.add_done_callback(self._told)
        self._loop.run_forever()
        self._loop.close()

    async def _make(self) -> None:
        vllm = release(self._name)
        self.engine = vllm.AsyncLLMEngine.from_engine_args(vllm.AsyncEngineArgs(**self._options))

    def _told(self, start: asyncio.Task[None]) -> None:
        """Tell those who wait for the start how it went; without an engine the loop ends."""
        error = None if start.cancelled() else start.exception()
        if error is None:
            self.started.set_result(None)
            return
        with self._lock:
            self._closing = True
        self._loop.stop()
        if isinstance(error, MissingExtra | VLMError):
            self.started.set_exception(error)
            return
        said = f"{type(error).__name__}: {str(error).strip()[:_MESSAGE_LIMIT_CHARS]}"
        told = VLMError(f"{self._name}: vLLM cannot start: {said}")
        told.__cause__ = error
        self.started.set_exception(told)
