"""The OpenAI chat format: writing a request for an endpoint, and reading its answer."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..foreign import well_formed, whole_characters
from .complaints import cap_tokens, content_form, refuses_system
from .events import Event, events, opened
from .faults import Fault, error_in_answer, error_of
from .media import Media
from .reasoning import ThinkingWay, ending, finish_reason_of, is_reasoning_part, reasoning_of
from .render import Prompt
from .request_ids import is_of_another
from .screen import tidy
from .usage import token_count
from .wire import whole

_OF_EVENTS = (b"d", b"e", b"i", b"r", b":")  # how the fields of server-sent events begin, and comments
_MOST_CHARS_PER_TOKEN = 32  # of a whole text; English runs at about 4
_ALWAYS_ALLOWED_CHARS = 10_000  # some servers take no notice of how few tokens were asked for
_MOST_DEPTH = 64
_MOST_BRACKETS = 1_000_000  # an empty list of two bytes takes fifty in memory
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)  # also one that is never closed: linear
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_BRACKETS = re.compile(r"[\[\]{}]")

_WILL_NOT = ("unsupported", "not support", "unrecognized", "unknown", "not permitted", "not allowed", "unexpected",
             "deprecated", "only the default", "extra inputs", "invalid", "should be", "must be one of")  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """What one endpoint accepts, learned from its errors: OpenAI-compatible endpoints differ.

    tokens_field  newer OpenAI models want ``max_completion_tokens``, most servers know ``max_tokens`` only
    temperature   reasoning models take none but their own
    system        some chat templates (Gemma's) have no system role; its text then opens the user's message
    prefill       vLLM and SGLang go on from the beginning of an answer; others are not given one
    usage         whether it can be asked to count the tokens of an answer that it sends in pieces
    content       "text": a list of parts only where there are pictures; "parts": everywhere, as some servers want it
    video         frames go as one video, if they can; if not, as pictures
    most_tokens   no answer may be longer
    thinking      how it is asked to think, or not to
    """

    tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system: bool = True
    prefill: bool = True
    usage: bool = True
    content: Literal["text", "parts"] = "text"
    video: bool = True
    most_tokens: int | None = None
    thinking: ThinkingWay = field(default_factory=ThinkingWay)

    def body(
        self, model: str, prompt: Prompt, media: Media, max_tokens: int, temperature: float | None
    ) -> dict[str, Any]:
        """The request body. Constant parts come first, so that prefix caches hit: system text, pictures, then text."""
        own_message = bool(prompt.system) and self.system
        messages: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}] if own_message else []
        for question, answer in prompt.earlier:
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        messages.append({"role": "user", "content": prompt.text})
        first = messages[1 if own_message else 0]
        if prompt.system and not own_message:
            first["content"] = f"{prompt.system}\n\n{first['content']}"
        if parts := media.parts(as_video=self.video):
            first["content"] = [*parts, {"type": "text", "text": first["content"]}]
        most = max_tokens if self.most_tokens is None else min(max_tokens, self.most_tokens)
        body: dict[str, Any] = {"model": model, "messages": messages, self.tokens_field: most, **self.thinking.body()}
        if prompt.prefill and self.prefill:
            messages.append({"role": "assistant", "content": prompt.prefill})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        body |= media.fields(as_video=self.video)
        if self.temperature and temperature is not None:
            body["temperature"] = temperature
        if self.content == "parts":
            for message in messages:
                if isinstance(text := message["content"], str):
                    message["content"] = [{"type": "text", "text": text}]
        return body

    def in_pieces(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same request, for a streamed answer."""
        counted = {"stream_options": {"include_usage": True}} if self.usage else {}
        return {**body, "stream": True, **counted}

    def after(self, message: str, param: str | None) -> Dialect | None:
        """The dialect to use after a server's error; None if the error is about nothing that can be left out.

        The status does not matter: a chat template that raises is a 400 here and a 500 there.
        """
        form = content_form(message)
        if form == "parts" and self.content == "text":
            return replace(self, content="parts")
        if refuses_system(message) and self.system:
            return replace(self, system=False)
        if (most := cap_tokens(message)) is not None and most != self.most_tokens:
            return replace(self, most_tokens=most)
        folded = message.casefold()
        if not any(word in folded for word in _WILL_NOT):
            return None
        if (thinking := self.thinking.without(message, param)) is not None:
            return replace(self, thinking=thinking)
        if self.prefill and ("continue_final_message" in folded or "add_generation_prompt" in folded):
            return replace(self, prefill=False)
        if self.usage and "stream_options" in (param or folded):
            return replace(self, usage=False)
        if self.tokens_field == "max_tokens" and (param == "max_tokens" or "max_completion_tokens" in folded):
            return replace(self, tokens_field="max_completion_tokens")
        return replace(self, temperature=False) if self.temperature and "temperature" in (param or folded) else None


@dataclass(frozen=True)
class Answer:
    """One answer as it came. ``marks`` are the places where a server may put the id of the request it answers.

    ``reasoning`` is what came apart from the text: what the model thought before it answered. ``model`` is who
    answered, in the server's words.
    """

    text: str
    finish_reason: str | None
    refused: bool
    input_tokens: int
    output_tokens: int
    marks: tuple[str, ...]
    reasoning: str = ""
    model: str = ""

    @property
    def begun(self) -> bool:
        """Whether a piece is part of the answer; the first ones may only name the role."""
        return bool(self.text or self.reasoning or self.finish_reason)


def read_answer(body: bytes, headers: Mapping[str, str]) -> Answer:
    """Read a chat completion. Raises Fault if something is wrong with it."""
    text = _decoded(body, headers)
    plain = _object(text)
    choice = _first(plain.get("choices"))
    if error := error_of(plain, choice or {}):
        raise error_in_answer(error)
    if choice is None and plain.get("object") == "error":  # vLLM's errors before 0.10, and those of lmdeploy
        raise error_in_answer(plain)
    if choice is None:
        raise Fault(f"the answer has no choices: {_beginning(text)}")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Fault(f"the answer has no message: {_beginning(text)}")
    answer = _answer(plain, choice, message, headers)
    return replace(answer, text=joined(answer.text), reasoning=joined(answer.reasoning))


def _decoded(body: bytes, headers: Mapping[str, str]) -> str:
    """The text of an answer: UTF-8 whatever a header says, else as the bytes or the header tell. Raises Fault.

    Half-read characters would go into a caption unseen.
    """
    charset = _CHARSET.search(headers.get("content-type", ""))
    for name in (json.detect_encoding(body), *(charset.groups() if charset else ())):
        with contextlib.suppress(ValueError, LookupError):
            return body.decode(name).removeprefix("\ufeff")
    raise Fault(f"the answer is not UTF-8 text: {_beginning(body.decode('utf-8', 'replace'))}")


def read_event(event: Event, headers: Mapping[str, str]) -> Answer | None:
    """Read one event of an answer that comes in pieces; None for one that says nothing.

    A piece is an `Answer` of which most is missing; its text may end in half a character. Raises Fault saying what is
    wrong with it, and for an event that is an error.
    """
    data = event.data.strip()
    if event.name.casefold() == "error":
        raise Fault(f"the server broke off: {_beginning(data)}")
    if not data or event.is_last:
        return None
    plain = _object(data)
    choice = _first(plain.get("choices")) or {}
    if error := error_of(plain, choice):
        raise Fault(f"the server broke off: {error_in_answer(error)}")
    delta = choice.get("delta") or choice.get("message")
    return _answer(plain, choice, delta if isinstance(delta, dict) else {}, headers)


async def read_pieces(told: AsyncIterator[Event], headers: Mapping[str, str]) -> AsyncGenerator[Answer, None]:
    """Read an answer that comes in pieces. Raises Fault where one is wrong, and where they end before the answer."""
    ended, half = False, ""
    async for event in told:
        if event.is_last:
            ended = True
            break
        if (piece := read_event(event, headers)) is None:
            continue
        ended = ended or piece.finish_reason is not None
        text, half = half + piece.text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":  # the other half comes in the next piece
            text, half = text[:-1], text[-1]
        yield replace(piece, text=joined(text), reasoning=joined(piece.reasoning))
    if half:
        yield Answer(joined(half), None, False, 0, 0, ())
    if not ended:
        raise Fault("the connection ended before the answer did")


async def read_stream(
    received: AsyncIterator[bytes], headers: Mapping[str, str], max_bytes: int
) -> AsyncGenerator[Answer, None]:
    """Read what comes where pieces were asked for: events, the answer in one, or its pieces as lines of JSON."""
    first, received = await opened(received, max_bytes)
    if first in _OF_EVENTS:
        pieces = read_pieces(events(received, max_bytes), headers)
    else:
        body = await whole(received, max_bytes)
        begun, _, more = body.strip().partition(b"\n")
        if not (begun.endswith(b"}") and more):
            yield read_answer(body, headers)
            return
        pieces = read_pieces(_lines_of_json(body), headers)
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _lines_of_json(body: bytes) -> AsyncIterator[Event]:
    for line in body.decode("utf-8-sig", "replace").splitlines():
        yield Event("", line)


def _first(choices: object) -> dict[str, Any] | None:
    """The choice with index 0; None if there is none. Raises Fault if there are several."""
    listed = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    found = [choice for choice in listed if choice.get("index") in (0, "0", None)]
    if len(found) > 1:
        raise Fault(f"the answer has {len(found)} choices of number 0, and which one is ours it does not say")
    return found[0] if found else None


def _object(text: str) -> dict[str, Any]:
    _check_depth(text)
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Fault(f"the answer is not JSON: {_beginning(text)}") from error
    return plain if isinstance(plain, dict) else {}


def _check_depth(text: str) -> None:
    """Raise Fault for JSON so large or deeply nested that parsing it would exhaust stack or memory."""
    depth = 0
    for number, bracket in enumerate(_BRACKETS.finditer(_STRINGS.sub("", text))):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _MOST_DEPTH or number > _MOST_BRACKETS:
            how = f"nested more than {_MOST_DEPTH} deep" if depth > _MOST_DEPTH else "of too many parts"
            raise Fault(f"the answer is JSON {how}: {_beginning(text)}")


def _answer(
    plain: dict[str, Any], choice: dict[str, Any], message: dict[str, Any], headers: Mapping[str, str]
) -> Answer:
    usage, refusal = plain.get("usage"), _refusal_of_parts(message.get("content"))
    return Answer(
        text=_text(message.get("content")) or _text(message.get("refusal")) or refusal,
        finish_reason=finish_reason_of(choice.get("finish_reason")),
        refused=bool(message.get("refusal") or refusal),
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        marks=(name if isinstance(name := plain.get("id"), str) else "", headers.get("x-request-id", "")),
        reasoning=reasoning_of(message),
        model=joined(name)[:200] if isinstance(name := plain.get("model"), str) else "",
    )


def _text(content: object) -> str:
    """A message's text; some endpoints send it in parts, as one part, or as an object with a value."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "".join(_text_of_part(part) for part in parts)


def _text_of_part(part: object) -> str:
    if isinstance(part, dict):
        text = "" if is_reasoning_part(part) else part.get("text")
        part = text.get("value") if isinstance(text, dict) else text
    return part if isinstance(part, str) else ""


def _refusal_of_parts(content: object) -> str:
    """What the parts of a content say where it is refused, as OpenAI puts it; "" where nothing is."""
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    said = [part.get("refusal") for part in parts if part.get("type") == "refusal"]
    return "".join(words for words in said if isinstance(words, str))


def joined(text: str) -> str:
    """The text with the halves of characters put together, as they come when tokens are sent one by one."""
    return well_formed(whole_characters(text))


def _count(usage: object, name: str) -> int:
    return token_count(usage.get(name)) if isinstance(usage, dict) else 0


def _beginning(body: str) -> str:
    return repr(body[:200]) if body else "it is empty"


def check_owner(answer: Answer, key: str) -> None:
    """Raise Fault if the answer says that it belongs to another request, as behind a broken proxy."""
    for mark in answer.marks:
        if is_of_another(mark, key):
            raise Fault(f"the server sent the answer to another request ({mark[-100:]})", "mixed up")


def check_ending(answer: Answer) -> None:
    """Raise Fault if the server says that it stopped in the middle of the answer."""
    if ending(answer.finish_reason) == "broken":
        raise Fault(f"the server gave up on the answer (finish_reason {answer.finish_reason})")


def check_length(answer: Answer, max_tokens: int) -> None:
    """Raise Fault if the answer is far longer than requested, whatever the server counts."""
    most = most_chars(max_tokens)
    if len(answer.text) > most and len(text := tidy(answer.text)) > most:
        raise Fault(too_long(len(text), max_tokens))


def most_chars(max_tokens: int) -> int:
    return max(max_tokens * _MOST_CHARS_PER_TOKEN, _ALWAYS_ALLOWED_CHARS)


def too_long(chars: int, max_tokens: int) -> str:
    return f"the answer is {chars:,} characters long or more, although at most {max_tokens} tokens were asked for"
