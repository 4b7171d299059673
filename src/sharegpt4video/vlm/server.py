"""Any model behind an OpenAI-compatible chat endpoint: vLLM, SGLang, lmdeploy, Ollama, llama.cpp, OpenAI, Gemini."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import ModelDenied, ModelUnavailable, VLMError
from ..prompts import PromptSet
from . import remedies
from .base import VLM, Problem, Reply, Request
from .chat import Answer, Dialect, check_ending, check_length, check_owner
from .clients import Address, Clients, check_options
from .endpoint import Endpoint
from .faults import Fault
from .media import Media, VideoForm
from .pace import Pace, persist, within
from .providers import ANY, Provider
from .reach import check_reachable, list_models
from .reasoning import Thinking, ThinkingWay, ending
from .render import Prompt, render
from .screen import Screened
from .sending import Sending
from .sounds import SoundForm
from .stripping import StrippedPieces
from .thinking import ThinkingControl
from .throttle import Throttle
from .usage import Usage, cost_usd, estimate_image_tokens, estimate_sound_tokens, estimate_text_tokens

logger = logging.getLogger(__name__)

_MAX_WAIT_SECONDS = 60.0
_LAST_COUNTS_SECONDS = 5.0
_SLOW = 3  # an answer that takes a third of the time-out came from a server that has too much to do


class ServerVLM(VLM):
    """A model behind an OpenAI-compatible chat endpoint.

    Malformed replies are asked for again: JSON nested too deeply, text far beyond the token limit, two choices
    numbered 0. Server-sent events are read in every form the standard allows, whatever the content type, as are JSON
    lines and an answer in one piece. A stream is retried until its first piece arrives; one that breaks off later is
    an error.

    model, base_url   as the server knows them; the URL usually ends in ``/v1``. A user and password in it are sent as
                      basic authorisation, a query with every call; neither appears in ``name`` or in a message
    prompts, hints    the prompt set, and whether the measured facts are given with the pictures
    api_key           None: ``OPENAI_API_KEY``, or the provider's own variable; local servers need none, and with a
                      password in the URL none is sent
    max_images        pictures one request may carry: as the server allows (vLLM: ``--limit-mm-per-prompt``)
    max_image_side_pixels, max_image_bytes  larger pictures are scaled down; None: sent as they are
    max_request_bytes all pictures and sound of a request together, as they are sent (base64); pictures are scaled down
                      to fit, sound may take half
    picture_times     text before each picture: "none", "seconds" ("<2.0 seconds>"), "clock" ("00:02"), "auto" (as the
                      model's family is trained), or a template with {seconds}, {clock} or {number}
    native_video      "jpeg_frames" (vLLM) or "frame_list" (DashScope): several frames go as one video with their times,
                      in fast mode, too, and as pictures once the server has refused a video; "off": always as pictures
    send_sound        "wav" or "mp3", for models that hear: a request carries the sound of the span that it describes,
                      as such a file (``input_audio``); "off": none does
    max_concurrent    requests in flight, at most; the best number is found (see ``vlm/concurrency.py``)
    max_answer_bytes  larger answers are not read, whether counted as received or decompressed
    timeout_seconds   for one call; deadline_seconds bounds all calls and waits of one request
    retries           how often a call with a temporary error is repeated, after ``backoff_seconds``, twice that, and so
                      on; a server's Retry-After is respected up to one minute
    temperature       None: the server's own
    max_tokens        None: as the prompt set says for each task, and more once the model is seen to reason
    thinking          "on" or "off", sent in the server's own form (see ``vlm/reasoning.py``); "default": not sent
    extra_body        more fields of the request, such as ``{"top_k": 1}``
    price_per_million_input, price_per_million_output  US dollars, for ``cost_usd``
    provider, named   who serves the model, and the word for that; set by ``open_model``

    Safe to use from several event loops, one after another or at the same time. Raises SettingsError for an invalid
    option.
    """

    def __init__(
        self, model: str, base_url: str, *, prompts: PromptSet, hints: bool = False, api_key: str | None = None,
        max_images: int = 2, max_image_side_pixels: int | None = None, max_image_bytes: int | None = None,
        max_request_bytes: int | None = None, picture_times: str = "none", native_video: VideoForm = "off",
        send_sound: SoundForm = "off",
        max_concurrent: int = 64, max_answer_bytes: int = 4 * 2**20, timeout_seconds: float = 300.0,
        deadline_seconds: float = 900.0, retries: int = 4, backoff_seconds: float = 0.5,
        temperature: float | None = 0.0, max_tokens: int | None = None, thinking: Thinking = "default",
        extra_body: Mapping[str, Any] | None = None,
        price_per_million_input: float | None = None, price_per_million_output: float | None = None,
        provider: Provider = ANY, named: str = "server",
    ) -> None:  # fmt: skip
        counts = {"max_images": max_images, "max_concurrent": max_concurrent, "max_tokens": max_tokens,
                  "max_request_bytes": max_request_bytes}  # fmt: skip
        limits = {"timeout_seconds": timeout_seconds, "deadline_seconds": deadline_seconds}
        check_options(model, base_url, counts, limits, {"retries": retries, "backoff_seconds": backoff_seconds})
        self._address, self.usage, self._provider = Address(base_url), Usage(), provider
        place = "" if self._address.url == provider.url else f"@{self._address.url}"
        self.name, self.uses_facts = f"{named}:{model}{place}", hints
        self.max_images, self.max_concurrent = max_images, max_concurrent
        self._model, self._prompts, self._prompt_hash, self._hints = model, prompts, prompts.hash, hints
        self._api_key = (api_key or (os.environ.get(provider.key) if provider.key else "") or "").strip()
        self._timeout_seconds, self._deadline_seconds = timeout_seconds, deadline_seconds
        self._retries, self._backoff_seconds = retries, backoff_seconds
        self._temperature, self._max_tokens, self._extra_body = temperature, max_tokens, dict(extra_body or {})
        self._prices = price_per_million_input, price_per_million_output
        self._sending = Sending(
            self.name, model, max_images=max_images, side_pixels=max_image_side_pixels, image_bytes=max_image_bytes,
            request_bytes=max_request_bytes, times=picture_times, video=native_video, sound=send_sound,
        )  # fmt: skip
        self.frames_apart, self.hears = self._sending.video != "off", self._sending.sound != "off"
        self._thinking = ThinkingControl(self.name, base_url, thinking, max_tokens)
        self._endpoint = Endpoint(model, Dialect(thinking=self._thinking.way), temperature, self._extra_body,
                                  timeout_seconds, max_answer_bytes)  # fmt: skip
        self._clients = Clients(self._address, self._api_key, timeout_seconds, max_answer_bytes)

    _answered, _told_of_another = "", False  # which model did, in the server's words

    @functools.cached_property
    def _throttle(self) -> Throttle:
        """Made when it is needed: who shares a server out among several of these sets ``max_concurrent`` before."""
        return Throttle(self.max_concurrent, slow_seconds=self._timeout_seconds / _SLOW)

    @property
    def identity(self) -> str:
        """The model and the options that decide its answers; the same model may move to another address."""
        sampling: dict[str, Any] = {
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
            "extra_body": self._extra_body,
        }
        options = {**sampling, **self._sending.identity(), "hints": self._hints}
        if self._thinking.choice != "default":  # replies kept without it stay what they are
            options["thinking"] = self._thinking.choice
        return f"server:{self._model} {json.dumps(options, sort_keys=True, default=str)}"

    @property
    def requests_at_once(self) -> int | None:
        return self._throttle.settled if self.max_concurrent > 1 else None

    async def generate(self, request: Request) -> Reply:
        """Ask the server, with retries.

        Raises ModelDenied when no request can succeed (wrong key, unknown model), ModelUnavailable when nobody
        answers, VLMError for a request that the server does not take. A server that is there but fails, and an answer
        that cannot be used, give a Reply with a problem.
        """
        prompt, media = self._render(request), self._media(request)
        key, usage = request.key(), Usage()
        pace = Pace(self._retries, self._deadline_seconds, self._backoff_seconds, _MAX_WAIT_SECONDS)
        client = self._clients.client()  # made before the clock runs: it takes a moment
        throttle, has_id, send = self._throttle, False, functools.partial(self._endpoint.post, client, key=key)

        async def ask(way: ThinkingWay | None = None) -> Screened:
            budget = self._thinking.budget(prompt)

            async def once() -> Answer:
                nonlocal has_id
                answer = await self._endpoint.ask(prompt, media, budget, pace.left, send, way)
                usage.add(answer.input_tokens, answer.output_tokens)
                self.usage.add(answer.input_tokens, answer.output_tokens)
                check_owner(answer, key)
                self._note_model(answer.model)
                check_ending(answer)
                check_length(answer, budget)
                has_id = any(key in mark for mark in answer.marks)
                return answer

            return self._thinking.screened(
                request, await persist(pace, throttle, once, remaining=request.remaining), budget, way
            )

        try:
            screened = await self._thinking.answered(ask)
        except Fault as fault:
            return await self._without_answer(fault, key, usage)
        reply = self._reply(screened.text, key, usage, screened.problem, screened.detail)
        return replace(reply, has_id=has_id)

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer as it comes, without reasoning and control tokens (``generate`` tidies more).

        Until the first piece is there, calls that fail in passing are repeated as ``generate`` does it. Raises VLMError
        when there is no answer, and when it breaks off; one that the token limit ends is warned of.
        """
        prompt, media, key = self._render(request), self._media(request), request.key()
        pace = Pace(self._retries, self._deadline_seconds, self._backoff_seconds, _MAX_WAIT_SECONDS)
        client, usage, max_tokens = self._clients.client(streams=True), Usage(), self._thinking.budget(prompt)

        async def open_stream() -> tuple[Answer | None, AsyncGenerator[Answer, None]]:
            async def first(body: dict[str, Any]) -> tuple[Answer | None, AsyncGenerator[Answer, None]]:
                pieces = self._endpoint.pieces(client, body, key, max_tokens)
                async for piece in pieces:
                    if piece.begun:
                        return piece, pieces
                return None, pieces

            return await self._endpoint.ask(prompt, media, max_tokens, pace.left, first)

        try:
            piece, pieces = await persist(pace, self._throttle, open_stream, remaining=request.remaining)
        except Fault as fault:
            reply = await self._without_answer(fault, key, usage)
            raise VLMError(f"{self.name}: no answer: {reply.detail}") from fault
        thought, finish_reason, refused, shown = "", None, False, StrippedPieces()
        try:
            while piece is not None:
                thought, refused = thought or piece.reasoning, refused or piece.refused
                finish_reason = piece.finish_reason or finish_reason
                usage.add(piece.input_tokens, piece.output_tokens)
                if text := shown.add(piece.text):
                    yield text
                piece = await self._next_piece(pieces, ended=finish_reason is not None)
        finally:
            await pieces.aclose()
            self.usage.add(usage.input_tokens, usage.output_tokens)
        if text := shown.rest():
            yield text
        self._check_end(request, Answer(shown.whole, finish_reason, refused, 0, 0, (), thought), prompt, shown.said)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        """Cost of this many tokens in US dollars; None unless both prices are given."""
        input_price, output_price = self._prices
        if input_price is None or output_price is None:
            return None
        return cost_usd(input_tokens, output_tokens, input_price, output_price)

    def preview(self, request: Request) -> Mapping[str, Any]:
        """The request as it would be sent. Raises VLMError for too many pictures."""
        prompt = self._render(request)
        return self._endpoint.body(prompt, self._sending.media(request), self._thinking.budget(prompt))

    def estimate_tokens(self, request: Request) -> int:
        """Estimated input tokens of a request before it is sent (``vlm/usage.py`` says how good the estimate is)."""
        prompt = self._render(request)
        pictures = sum(estimate_image_tokens(image) for image in request.images)
        heard = request.sound if self.hears else None
        sound = 0 if heard is None else estimate_sound_tokens(heard.end_seconds - heard.start_seconds)
        return estimate_text_tokens(prompt.system + prompt.text) + pictures + sound

    async def check(self) -> None:
        """Raises ModelUnavailable if nobody is there, ModelDenied if key, address or model are refused."""
        self._check_key()
        try:
            async with self._clients.separate() as client:  # others may be asking over the shared one
                served = await check_reachable(client, self._model)
        except Fault as fault:
            await self._without_answer(fault, "", Usage())
            return
        if self._provider.lists_all and served is not None and not remedies.is_served(self._model, served):
            told = remedies.model_missing(self._provider, self._model, served)
            raise ModelDenied(f"{self.name}: there is no model {self._model!r} at {self._address.url}: {told}")

    async def close(self) -> None:
        """Close the connections of this event loop. The object stays usable: the next request opens new ones."""
        await self._clients.close()

    def _render(self, request: Request) -> Prompt:
        return render(request, self._prompts, hints=self._hints)

    def _media(self, request: Request) -> Media:
        """The pictures to send. Raises ModelDenied where the key for that is missing."""
        self._check_key()
        return self._sending.media(request)

    def _check_end(self, request: Request, answer: Answer, prompt: Prompt, said: bool) -> None:
        """Tell, once an answer that came in pieces is at its end, what is wrong with it. Raises VLMError."""
        end = ending(answer.finish_reason)
        if not said:
            raise VLMError(f"{self.name}: no answer: {self._thinking.why_nothing(request, answer, prompt)}")
        if end in ("filter", "broken"):
            who = "the server's filter ended it" if end == "filter" else "the server gave up on it"
            raise VLMError(f"{self.name}: the answer broke off: {who} (finish_reason {answer.finish_reason})")
        if end == "limit":
            limit = self._thinking.budget(prompt)
            logger.warning("%s: the answer is cut off: max_tokens=%d ended it; raise it", self.name, limit)

    async def _next_piece(self, pieces: AsyncGenerator[Answer, None], *, ended: bool) -> Answer | None:
        """The next piece, None after the last. Once the answer has ``ended`` only counts are to come, and not all
        servers that keep the connection open send any."""
        seconds = min(self._timeout_seconds, _LAST_COUNTS_SECONDS) if ended else self._timeout_seconds
        try:
            return await within(seconds, anext(pieces, None))
        except Fault as error:
            if ended and error.kind == "passing":
                return None
            said = self._without_secrets(str(error) or type(error).__name__)
            raise VLMError(f"{self.name}: the answer broke off: {said}") from error

    async def _without_answer(self, fault: Fault, key: str, usage: Usage) -> Reply:
        detail = self._without_secrets(str(fault))
        if fault.kind in ("final", "denied"):
            if fault.about:
                advice = self._without_secrets(await self._advice(fault))
                detail = f"{self._without_secrets(fault.said)} - {advice}" if advice else detail
            raise (ModelDenied if fault.kind == "denied" else VLMError)(f"{self.name}: {detail}") from fault
        if not fault.connected:
            told = remedies.not_running(self._provider, self._address.url, self._model, detail)
            raise ModelUnavailable(f"{self.name}: {told}") from fault
        problems: dict[str, Problem] = {"refused": "refused", "mixed up": "mixed up"}
        return self._reply("", key, usage, problems.get(fault.kind, "unavailable"), detail)

    async def _advice(self, fault: Fault) -> str:
        """What to do about a key or a model that the server does not know; "" where there is nothing better to say."""
        if fault.about == "key":
            return remedies.key_refused(self._provider)
        try:
            async with self._clients.separate() as client:
                served = await list_models(client)
        except Fault:
            return ""
        if not served or remedies.is_served(self._model, served):
            return ""
        return remedies.model_missing(self._provider, self._model, served)

    def _check_key(self) -> None:
        """Raises ModelDenied without a key that is needed; whether another address wants one is not known."""
        needed = self._provider.needs_key and self._address.url == self._provider.url
        if needed and not self._api_key and not self._address.authorization:
            raise ModelDenied(f"{self.name}: {remedies.key_missing(self._provider)}")

    def _note_model(self, answered: str) -> None:
        """Warn once if another model answers than before, as behind gateways when one is unreachable."""
        self._answered = self._answered or answered
        if answered and answered != self._answered and not self._told_of_another:
            self._told_of_another = True
            logger.warning(
                "%s: %s answers now, and %s did before: captions of both are stored under the name that was asked for",
                self.name, answered, self._answered,
            )  # fmt: skip

    def _reply(self, text: str, key: str, usage: Usage, problem: Problem, detail: str = "") -> Reply:
        return Reply(
            text=text,
            request_key=key,
            model=self.name,
            prompt_hash=self._prompt_hash,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            problem=problem,
            detail=detail,
        )

    def _without_secrets(self, message: str) -> str:
        """Servers like to repeat a key they do not know."""
        for secret in (self._api_key, *self._address.secrets):
            message = message.replace(secret, "***") if len(secret) > 3 else message
        return message
