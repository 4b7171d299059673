"""The OpenAI chat format: how a question is written down for an endpoint, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..records import well_formed
from .base import token_count
from .faults import Fault, error_in_answer
from .render import Prompt

Complaint = Literal["tokens", "temperature", "system", "prefill", "usage"]

END_OF_PIECES = "[DONE]"

_MOST_DEPTH = 64
_MOST_BRACKETS = 1_000_000  # an empty list of two bytes takes fifty in memory
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)  # also one that is never closed: linear
_BRACKETS = re.compile(r"[\[\]{}]")

_WILL_NOT = ("unsupported", "not support", "unrecognized", "unknown", "not permitted", "not allowed", "unexpected")


@dataclass(frozen=True)
class Dialect:
    """What one endpoint takes; found out by asking, since endpoints that "speak OpenAI" differ.

    tokens_field  newer OpenAI models want ``max_completion_tokens``, most servers know ``max_tokens`` only
    temperature   reasoning models take none but their own
    system        some chat templates (Gemma's) have no system role; its text then opens the user's message
    prefill       vLLM and SGLang go on from the beginning of an answer; others are not given one
    usage         whether it can be asked to count the tokens of an answer that it sends in pieces
    """

    tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system: bool = True
    prefill: bool = True
    usage: bool = True

    def body(
        self, model: str, prompt: Prompt, image_urls: Sequence[str], max_tokens: int, temperature: float | None
    ) -> dict[str, Any]:
        """The request. What stays the same comes first so that prefix caches hit: system text, pictures, then words."""
        own_message = bool(prompt.system) and self.system
        messages: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}] if own_message else []
        for question, answer in prompt.earlier:
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        messages.append({"role": "user", "content": prompt.text})
        first = messages[1 if own_message else 0]
        if prompt.system and not own_message:
            first["content"] = f"{prompt.system}\n\n{first['content']}"
        if image_urls:
            parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in image_urls]
            first["content"] = [*parts, {"type": "text", "text": first["content"]}]
        body: dict[str, Any] = {"model": model, "messages": messages, self.tokens_field: max_tokens}
        if prompt.prefill and self.prefill:
            messages.append({"role": "assistant", "content": prompt.prefill})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        if self.temperature and temperature is not None:
            body["temperature"] = temperature
        return body

    def in_pieces(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same request, for an answer that comes piece by piece."""
        counted = {"stream_options": {"include_usage": True}} if self.usage else {}
        return {**body, "stream": True, **counted}

    def complaint(self, message: str, param: str | None, status: int) -> Complaint | None:
        """The part of the request that an error of the server is about, if this dialect can do without it."""
        message = message.casefold()
        alternate = "must alternate" in message
        if not (alternate or any(word in message for word in _WILL_NOT)):
            return None
        if self.prefill and ("continue_final_message" in message or "add_generation_prompt" in message):
            return "prefill"
        if self.usage and (param == "stream_options" or "stream_options" in message):
            return "usage"
        # llama.cpp answers 500 when its chat template raises; of 500s nothing else is taken for a complaint.
        if self.system and (alternate or ("role" in message and "system" in message)):
            return "system"
        if status >= 500:
            return None
        if self.tokens_field == "max_tokens" and (param == "max_tokens" or "max_completion_tokens" in message):
            return "tokens"
        return "temperature" if self.temperature and "temperature" in (param or message) else None

    def without(self, complaint: Complaint) -> Dialect:
        if complaint == "tokens":
            return replace(self, tokens_field="max_completion_tokens")
        if complaint == "prefill":
            return replace(self, prefill=False)
        if complaint == "usage":
            return replace(self, usage=False)
        return replace(self, temperature=False) if complaint == "temperature" else replace(self, system=False)


@dataclass(frozen=True)
class Answer:
    """One answer as it came. ``marks`` are the places where a server may put the id of the request it answers."""

    text: str
    finish_reason: str | None
    refused: bool
    input_tokens: int
    output_tokens: int
    marks: tuple[str, ...]


def read_answer(body: bytes, headers: Mapping[str, str]) -> Answer:
    """Read a chat completion. Raises Fault saying what is wrong with it."""
    text = body.decode("utf-8-sig", "replace")
    plain = _object(text)
    if error := plain.get("error"):
        raise error_in_answer(error)
    choice = _first(plain.get("choices"))
    if choice is None:
        raise Fault(f"the answer has no choices: {_beginning(text)}")
    if error := choice.get("error"):
        raise error_in_answer(error)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Fault(f"the answer has no message: {_beginning(text)}")
    return _answer(plain, choice, message, headers)


def read_piece(line: str, headers: Mapping[str, str]) -> Answer | None:
    """Read one line of an answer that comes in pieces (server-sent events); None for a line that says nothing.

    A piece is an `Answer` of which most is missing. Raises Fault saying what is wrong with it.
    """
    name, _, data = line.partition(":")
    if name != "data" or data.strip() in ("", END_OF_PIECES):
        return None
    plain = _object(data.strip())
    choice = _first(plain.get("choices")) or {}
    if error := plain.get("error") or choice.get("error"):
        raise Fault(f"the server broke off: {error_in_answer(error)}")
    delta = choice.get("delta") or choice.get("message")
    return _answer(plain, choice, delta if isinstance(delta, dict) else {}, headers)


def _first(choices: object) -> dict[str, Any] | None:
    """The choice of number 0, as one is asked for; None if there is none. Raises Fault where there are several."""
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
    """Raise Fault for JSON of so many or so deep parts that reading it takes the stack or the memory."""
    depth = 0
    for number, bracket in enumerate(_BRACKETS.finditer(_STRINGS.sub("", text))):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _MOST_DEPTH or number > _MOST_BRACKETS:
            how = f"nested more than {_MOST_DEPTH} deep" if depth > _MOST_DEPTH else "of too many parts"
            raise Fault(f"the answer is JSON {how}: {_beginning(text)}")


def _answer(
    plain: dict[str, Any], choice: dict[str, Any], message: dict[str, Any], headers: Mapping[str, str]
) -> Answer:
    finish_reason, usage = choice.get("finish_reason"), plain.get("usage")
    return Answer(
        text=well_formed(_text(message.get("content")) or _text(message.get("refusal"))),
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        refused=bool(message.get("refusal")),
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        marks=(_text(plain.get("id")), headers.get("x-request-id", "")),
    )


def _text(content: object) -> str:
    """A message's text; some endpoints send it in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _count(usage: object, name: str) -> int:
    return token_count(usage.get(name)) if isinstance(usage, dict) else 0


def _beginning(body: str) -> str:
    return repr(body[:200]) if body else "it is empty"
