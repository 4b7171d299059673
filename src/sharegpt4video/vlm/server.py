"""Any model behind an OpenAI-compatible chat endpoint: vLLM, SGLang, lmdeploy, Ollama, llama.cpp, OpenAI, Gemini."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

import openai

from ..errors import ModelDenied, ModelUnavailable, VLMError
from ..prompts import PromptSet
from .base import VLM, Problem, Reply, Request
from .chat import (
    Answer,
    Dialect,
    check_ending,
    check_length,
    check_owner,
    most_chars,
    read_answer,
    read_stream,
    too_long,
)
from .clients import Address, Clients, check_options
from .complaints import room_tokens
from .faults import Fault, client_faults, fault_of_status, raw_response, read_error
from .pace import Pace, persist, within
from .pictures import DataUrls
from .reach import check_reachable
from .reasoning import Thinking, ThinkingWay, ending
from .render import Prompt, render
from .request_ids import new_request_id
from .screen import Screened
from .stripping import StrippedPieces
from .thinking import ThinkingControl
from .throttle import Throttle
from .usage import Usage, cost_usd, estimate_image_tokens, estimate_text_tokens

logger = logging.getLogger(__name__)
T = TypeVar("T")

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
    api_key           None: ``OPENAI_API_KEY``; local servers need none, and with a password in the URL none is sent
    max_images        pictures one request may carry: as the server allows (vLLM: ``--limit-mm-per-prompt``)
    max_image_side_pixels, max_image_bytes  larger pictures are scaled down; None: sent as they are
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

    Safe to use from several event loops, one after another or at the same time. Raises SettingsError for an invalid
    option.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        prompts: PromptSet,
        hints: bool = False,
        api_key: str | None = None,
        max_images: int = 2,
        max_image_side_pixels: int | None = None,
        max_image_bytes: int | None = None,
        max_concurrent: int = 64,
        max_answer_bytes: int = 4 * 2**20,
        timeout_seconds: float = 300.0,
        deadline_seconds: float = 900.0,
        retries: int = 4,
        backoff_seconds: float = 0.5,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        thinking: Thinking = "default",
        extra_body: Mapping[str, Any] | None = None,
        price_per_million_input: float | None = None,
        price_per_million_output: float | None = None,
    ) -> None:
        counts = {"max_images": max_images, "max_concurrent": max_concurrent, "max_tokens": max_tokens}
        limits = {"timeout_seconds": timeout_seconds, "deadline_seconds": deadline_seconds}
        check_options(model, base_url, counts, limits, {"retries": retries, "backoff_seconds": backoff_seconds})
        self._address, self.usage = Address(base_url), Usage()
        self.name, self.uses_facts = f"server:{model}@{self._address.url}", hints
        self.max_images, self.max_concurrent = max_images, max_concurrent
        self._model, self._prompts, self._prompt_hash, self._hints = model, prompts, prompts.hash, hints
        self._api_key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        self._timeout_seconds, self._deadline_seconds = timeout_seconds, deadline_seconds
        self._retries, self._backoff_seconds, self._max_answer_bytes = retries, backoff_seconds, max_answer_bytes
        self._temperature, self._max_tokens, self._extra_body = temperature, max_tokens, dict(extra_body or {})
        self._prices = price_per_million_input, price_per_million_output
        self._pictures = DataUrls(side_pixels=max_image_side_pixels, size_bytes=max_image_bytes)
        self._thinking = ThinkingControl(self.name, base_url, thinking, max_tokens)
        self._dialect = Dialect(thinking=self._thinking.way)
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
        pictures = {"side_pixels": self._pictures.side_pixels, "size_bytes": self._pictures.size_bytes}
        options = {**sampling, **pictures, "max_images": self.max_images, "hints": self._hints}
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
        prompt, image_urls = self._render(request), self._image_urls(request)
        key, usage = request.key(), Usage()
        pace = Pace(self._retries, self._deadline_seconds, self._backoff_seconds, _MAX_WAIT_SECONDS)
        client = self._clients.client()  # made before the clock runs: it takes a moment
        throttle, has_id = self._throttle, False

        async def ask(way: ThinkingWay | None = None) -> Screened:
            budget = self._thinking.budget(prompt)

            async def once() -> Answer:
                nonlocal has_id
                answer = await self._ask(prompt, image_urls, pace, lambda body: self._post(client, body, key), way)
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
            return self._without_answer(fault, key, usage)
        reply = self._reply(screened.text, key, usage, screened.problem, screened.detail)
        return replace(reply, has_id=has_id)

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer as it comes, without reasoning and control tokens (``generate`` tidies more).

        Until the first piece is there, calls that fail in passing are repeated as ``generate`` does it. Raises VLMError
        when there is no answer, and when it breaks off; one that the token limit ends is warned of.
        """
        prompt, image_urls, key = self._render(request), self._image_urls(request), request.key()
        pace = Pace(self._retries, self._deadline_seconds, self._backoff_seconds, _MAX_WAIT_SECONDS)
        client, usage, max_tokens = self._clients.client(streams=True), Usage(), self._thinking.budget(prompt)

        async def open_stream() -> tuple[Answer | None, AsyncGenerator[Answer, None]]:
            async def first(body: dict[str, Any]) -> tuple[Answer | None, AsyncGenerator[Answer, None]]:
                pieces = self._pieces(client, self._dialect.in_pieces(body), key, max_tokens)
                async for piece in pieces:
                    if piece.begun:
                        return piece, pieces
                return None, pieces

            return await self._ask(prompt, image_urls, pace, first)

        try:
            piece, pieces = await persist(pace, self._throttle, open_stream, remaining=request.remaining)
        except Fault as fault:
            reply = self._without_answer(fault, key, usage)
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

    def estimate_tokens(self, request: Request) -> int:
        """Estimated input tokens of a request before it is sent (``vlm/usage.py`` says how good the estimate is)."""
        prompt = self._render(request)
        pictures = sum(estimate_image_tokens(image) for image in request.images)
        return estimate_text_tokens(prompt.system + prompt.text) + pictures

    async def check(self) -> None:
        """Raises ModelUnavailable if nobody is there, ModelDenied if the key or the address is refused."""
        try:
            async with self._clients.separate() as client:  # others may be asking over the shared one
                await check_reachable(client, self._model)
        except Fault as fault:
            self._without_answer(fault, "", Usage())

    async def close(self) -> None:
        """Close the connections of this event loop. The object stays usable: the next request opens new ones."""
        await self._clients.close()

    def _render(self, request: Request) -> Prompt:
        return render(request, self._prompts, hints=self._hints)

    def _image_urls(self, request: Request) -> list[str]:
        if len(request.images) > self.max_images:
            raise VLMError(
                f"{self.name}: a {request.task} request carries {len(request.images)} pictures, but max_images is"
                f" {self.max_images}; raise max_images if the server takes more, or have them put into one picture"
                " (video.compose.arrange)"
            )
        return [self._pictures.url(image) for image in request.images]

    async def _ask(
        self,
        prompt: Prompt,
        image_urls: list[str],
        pace: Pace,
        send: Callable[[dict[str, Any]], Coroutine[Any, Any, T]],
        way: ThinkingWay | None = None,
    ) -> T:
        """One call, or a few if the endpoint has to be asked in another dialect. Raises Fault.

        ``way`` is how this request alone is to be asked to think, or not to.
        """
        max_tokens = self._thinking.budget(prompt)
        while True:
            dialect = self._dialect if way is None else replace(self._dialect, thinking=way)
            body = dialect.body(self._model, prompt, image_urls, max_tokens, self._temperature)
            seconds = min(self._timeout_seconds, max(pace.seconds_left, 0.0))
            try:
                return await within(seconds, send(body))
            except openai.APIStatusError as error:
                told = read_error(error)
                room = room_tokens(told.message)
                if (adapted := dialect.after(told.message, told.param)) is not None:
                    self._learn(told.message, told.param)
                    way = adapted.thinking if way is not None else None
                elif room is not None and room < max_tokens:
                    max_tokens = room
                else:
                    raise fault_of_status(told) from error

    def _learn(self, message: str, param: str | None) -> None:
        """Change the dialect for all; a request in flight may have learned the same meanwhile."""
        self._dialect = self._dialect.after(message, param) or self._dialect

    async def _post(self, client: openai.AsyncOpenAI, body: dict[str, Any], key: str) -> Answer:
        # Not ``chat.completions.create``: it walks through every part of a message, which costs milliseconds.
        fields, headers = {**body, **self._extra_body}, _headers(key)
        options: Any = {"headers": headers}
        with client_faults():
            raw = await client.post("/chat/completions", cast_to=raw_response(), body=fields, options=options)
        return read_answer(raw.content, raw.headers)

    async def _pieces(
        self, client: openai.AsyncOpenAI, body: dict[str, Any], key: str, max_tokens: int
    ) -> AsyncGenerator[Answer, None]:
        """The pieces that say something; one that is the whole answer from a server that knows no other way."""
        chars = 0
        async with aclosing(self._all_pieces(client, body, key)) as pieces:
            async for piece in pieces:
                check_owner(piece, key)
                if (chars := chars + len(piece.text)) > most_chars(max_tokens):
                    raise Fault(too_long(chars, max_tokens))
                yield piece

    async def _all_pieces(
        self, client: openai.AsyncOpenAI, body: dict[str, Any], key: str
    ) -> AsyncGenerator[Answer, None]:
        with client_faults():
            async with client.chat.completions.with_streaming_response.create(**self._call(body, key)) as response:
                received = response.iter_bytes()
                async for piece in read_stream(received, response.headers, self._max_answer_bytes):
                    yield piece

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

    def _call(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        fields = {**body, **self._extra_body}
        return {"model": self._model, "messages": [], "extra_headers": _headers(key), "extra_body": fields}

    def _without_answer(self, fault: Fault, key: str, usage: Usage) -> Reply:
        detail = self._without_secrets(str(fault))
        if fault.kind in ("final", "denied"):
            raise (ModelDenied if fault.kind == "denied" else VLMError)(f"{self.name}: {detail}") from fault
        if not fault.connected:
            raise ModelUnavailable(
                f"{self.name}: nobody answers at {self._address.url} ({detail});"
                " is the server running, and is the address right?"
            ) from fault
        problems: dict[str, Problem] = {"refused": "refused", "mixed up": "mixed up"}
        return self._reply("", key, usage, problems.get(fault.kind, "unavailable"), detail)

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


def _headers(key: str) -> dict[str, str]:
    """vLLM turns away a second request of the same id while the first still runs, as it may after a timeout, so each
    call gets an id of its own that begins with the key of the request."""
    return {"X-Request-Id": new_request_id(key)}
