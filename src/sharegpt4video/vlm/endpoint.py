"""The chat endpoint of one server: requests in the dialect that it accepts, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar

import openai

from .chat import Answer, Dialect, check_owner, most_chars, read_answer, read_stream, too_long
from .complaints import refuses_video, room_tokens
from .faults import Fault, client_faults, fault_of_status, raw_response, read_error
from .media import Media
from .pace import within
from .reasoning import ThinkingWay
from .render import Prompt
from .request_ids import new_request_id

T = TypeVar("T")


class Endpoint:
    """Writes requests for one model, sends them, and reads the answers.

    The dialect starts from what most servers take, and changes with what this one complains of.
    """

    def __init__(
        self,
        model: str,
        dialect: Dialect,
        temperature: float | None,
        extra_body: Mapping[str, Any],
        timeout_seconds: float,
        max_answer_bytes: int,
    ) -> None:
        self._model, self._dialect, self._temperature = model, dialect, temperature
        self._extra_body, self._timeout_seconds = dict(extra_body), timeout_seconds
        self._max_answer_bytes = max_answer_bytes

    def body(self, prompt: Prompt, media: Media, max_tokens: int) -> dict[str, Any]:
        """A request as it is sent, as far as is known of the dialect."""
        return {**self._dialect.body(self._model, prompt, media, max_tokens, self._temperature), **self._extra_body}

    async def ask(
        self,
        prompt: Prompt,
        media: Media,
        max_tokens: int,
        seconds_left: Callable[[], float],
        send: Callable[[dict[str, Any]], Coroutine[Any, Any, T]],
        way: ThinkingWay | None = None,
    ) -> T:
        """One call, or a few if the endpoint has to be asked in another dialect. Raises Fault.

        ``way`` is how this request alone is to be asked to think, or not to.
        """
        while True:
            dialect = self._dialect if way is None else replace(self._dialect, thinking=way)
            body = dialect.body(self._model, prompt, media, max_tokens, self._temperature)
            seconds = min(self._timeout_seconds, max(seconds_left(), 0.0))
            try:
                return await within(seconds, send(body))
            except openai.APIStatusError as error:
                told = read_error(error)
                room = room_tokens(told.message)
                if dialect.video and media.video != "off" and refuses_video(told.message):
                    self._dialect = replace(self._dialect, video=False)
                elif (adapted := dialect.after(told.message, told.param)) is not None:
                    self._learn(told.message, told.param)
                    way = adapted.thinking if way is not None else None
                elif room is not None and room < max_tokens:
                    max_tokens = room
                else:
                    raise fault_of_status(told) from error

    def _learn(self, message: str, param: str | None) -> None:
        """Change the dialect for all; a request in flight may have learned the same meanwhile."""
        self._dialect = self._dialect.after(message, param) or self._dialect

    async def post(self, client: openai.AsyncOpenAI, body: dict[str, Any], *, key: str) -> Answer:
        """Send a request and read its answer in one piece."""
        # Not ``chat.completions.create``: it walks through every part of a message, which costs milliseconds.
        fields, headers = {**body, **self._extra_body}, _headers(key)
        options: Any = {"headers": headers}
        with client_faults():
            raw = await client.post("/chat/completions", cast_to=raw_response(), body=fields, options=options)
        return read_answer(raw.content, raw.headers)

    async def pieces(
        self, client: openai.AsyncOpenAI, body: dict[str, Any], key: str, max_tokens: int
    ) -> AsyncGenerator[Answer, None]:
        """The pieces of an answer; one that is the whole answer from a server that knows no other way."""
        chars = 0
        async with aclosing(self._all_pieces(client, self._dialect.in_pieces(body), key)) as pieces:
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

    def _call(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        fields = {**body, **self._extra_body}
        return {"model": self._model, "messages": [], "extra_headers": _headers(key), "extra_body": fields}


def _headers(key: str) -> dict[str, str]:
    """vLLM turns away a second request of the same id while the first still runs, as it may after a timeout, so each
    call gets an id of its own that begins with the key of the request."""
    return {"X-Request-Id": new_request_id(key)}
