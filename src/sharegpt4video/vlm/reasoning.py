"""Models that think before they answer: where servers put the reasoning, and how to turn it on and off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from ..errors import SettingsError

Thinking = Literal["default", "on", "off"]
Ending = Literal["stop", "limit", "filter", "broken"]

ROOM_TOKENS = 4096
"""What reasoning is given besides the tokens of the answer, once it is known to need them."""

_LIMITS = frozenset((
    "length", "max_tokens", "maxtokens", "max_length", "max_output_tokens", "max_completion_tokens",
    "max_new_tokens", "token_limit", "limit", "model_length", "model_context_window_exceeded", "context_length",
    "context_length_exceeded", "2",
))  # fmt: skip
_LIMIT_WORDS = ("length", "max_token", "truncat", "incomplete")
_BROKEN = (  # the server gave up on the answer: SGLang and vLLM abort, DeepSeek runs out of machines
    "abort",
    "error",
    "cancel",
    "interrupt",
    "timeout",
    "timed_out",
    "fail",
    "insufficient_system_resource",
    "rate_limit",
)
_FILTERS = (
    "guardrail",
    "block",
    "censor",
    "pii",
    "unsafe",
    "violation",
    "filter",
    "safety",
    "recitation",
    "blocklist",
    "prohibited",
    "spii",
    "sensitive",
    "refus",
    "moderation",
)
_GEMINI_FILTERS = ("3", "4")  # its enumeration in numbers: 1 STOP, 2 MAX_TOKENS, 3 SAFETY, 4 RECITATION
_FIELDS = ("reasoning_content", "reasoning", "thinking", "thinking_content", "thought", "reasoning_details")
_PARTS = ("reasoning", "thinking", "thought", "redacted_thinking", "summary")

# Which fields turn thinking on and off, by the end of the server's name. Everybody else gets all that self-hosted
# servers and gateways know; those that a server complains about are left out from then on.
_EFFORT, _TYPE, _ENABLE, _OPENROUTER = "reasoning_effort", "thinking", "enable_thinking", "reasoning"
_TEMPLATE, _OLLAMA = "chat_template_kwargs", "think"
_KNOWN_HOSTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("openai.com", "openai.azure.com", "googleapis.com", "mistral.ai", "groq.com", "x.ai", "cerebras.ai"), (_EFFORT,)),
    (("z.ai", "bigmodel.cn", "deepseek.com", "moonshot.cn", "moonshot.ai", "volces.com", "anthropic.com"), (_TYPE,)),
    (("minimax.io", "minimaxi.com", "xiaomimimo.com", "bytepluses.com"), (_TYPE,)),
    (("aliyuncs.com", "siliconflow.cn", "siliconflow.com", "modelscope.cn"), (_ENABLE,)),
    (("openrouter.ai",), (_OPENROUTER,)),
)
_SELF_HOSTED = (_TEMPLATE, _EFFORT, _TYPE, _OLLAMA)
_EFFORTS: Mapping[str, tuple[str, ...]] = {"off": ("none", "minimal", "low"), "on": ("medium", "high")}


@dataclass(frozen=True)
class ThinkingWay:
    """How one server is asked to think or not to; ``fields`` are the ways it has not refused yet.

    effort    which of the words for reasoning_effort is tried: models that cannot do without thinking refuse "none"
    """

    choice: Thinking = "default"
    fields: tuple[str, ...] = field(default=_SELF_HOSTED)
    effort: int = 0

    def body(self) -> dict[str, Any]:
        """The fields of a request; none by default."""
        if self.choice == "default":
            return {}
        on = self.choice == "on"
        every: dict[str, Any] = {
            _TEMPLATE: template_kwargs(self.choice),
            _EFFORT: _EFFORTS[self.choice][self.effort],
            _TYPE: {"type": "enabled" if on else "disabled"},
            _ENABLE: on,
            _OPENROUTER: {"enabled": on},
            _OLLAMA: on,
        }
        return {name: every[name] for name in self.fields}

    def without(self, message: str, param: str | None) -> ThinkingWay | None:
        """The way after a server complained; None if it did not complain of anything that is sent."""
        if self.choice == "default":
            return None
        said = f"{param or ''} {message}".casefold()
        named = [name for name in self.fields if f"'{name}'" in said or f'"{name}"' in said or f"`{name}`" in said]
        named = named or [name for name in self.fields if name in said]
        # "thinking" is a part of the names of others, and an effort is refused by its value as well as by its name.
        named = [name for name in named if not any(name != other and name in other for other in named)]
        if _EFFORT in self.fields and (
            _EFFORT in named or any(word in said for word in (".effort", "reasoning.effort"))
        ):
            if _is_about_a_value(said) and self.effort + 1 < len(_EFFORTS[self.choice]):
                return ThinkingWay(self.choice, self.fields, self.effort + 1)
            named = named or [_EFFORT]
        if not named:
            return None
        return ThinkingWay(self.choice, tuple(name for name in self.fields if name != named[0]), self.effort)


def as_word(choice: object) -> Any:
    """A choice in words: YAML reads ``on`` and ``off`` as true and false, on the command line as in files."""
    return ("on" if choice else "off") if isinstance(choice, bool) else choice


def thinking_choice(choice: object) -> Thinking:
    """The value of the option ``thinking``. Raises SettingsError for an unknown one."""
    word: Thinking = as_word(choice)
    if word not in ("default", "on", "off"):
        raise SettingsError(f"thinking is on, off or default, not {choice!r}")
    return word


def way_for(url: str, choice: Thinking) -> ThinkingWay:
    """How the server at this address is told."""
    host = (urlsplit(url).hostname or "").lower()
    for ends, fields in _KNOWN_HOSTS:
        if any(host == end or host.endswith(f".{end}") for end in ends):
            return ThinkingWay(choice, fields)
    return ThinkingWay(choice)


def template_kwargs(choice: Thinking) -> dict[str, bool]:
    """What chat templates call it: Qwen, GLM, Gemma and most others the one, DeepSeek, Kimi and Granite the other."""
    return {} if choice == "default" else {"enable_thinking": choice == "on", "thinking": choice == "on"}


def _is_about_a_value(said: str) -> bool:
    words = (
        "value",
        "does not support",
        "not supported with",
        "should be",
        "must be one of",
        "invalid",
        "unknown variant",
    )
    return any(word in said for word in words) and "unrecognized" not in said and "extra inputs" not in said


def reasoning_of(message: Mapping[str, Any]) -> str:
    """The reasoning that a message carries beside its answer, in a field of its own or as parts of the content."""
    for name in _FIELDS:
        if text := _text(message.get(name)):
            return text
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return "".join(_text(part) for part in parts if isinstance(part, dict) and part.get("type") in _PARTS)


def _text(value: object, depth: int = 3) -> str:
    if isinstance(value, str):
        return value
    if not depth:
        return ""
    if isinstance(value, list):
        return "".join(_text(item, depth - 1) for item in value)
    if isinstance(value, dict):
        return next(
            (text for key in ("text", "thinking", "summary", "content") if (text := _text(value.get(key), depth - 1))),
            "",
        )
    return ""


def is_reasoning_part(part: Mapping[str, Any]) -> bool:
    """Whether a part of a message's content is reasoning and no answer."""
    return part.get("type") in _PARTS


def finish_reason_of(value: object) -> str | None:
    """A finish reason as text: servers send words, numbers, or an object with a type."""
    if isinstance(value, dict):
        value = value.get("type")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)[:200]


def ending(finish_reason: str | None) -> Ending:
    """How an answer ended, whatever the server calls it: "STOP", "MAX_TOKENS", "content_filter: RECITATION" …"""
    reason = (finish_reason or "").strip().casefold().replace("-", "_").replace(" ", "_").removeprefix("finish_reason_")
    reason = reason.rpartition(".")[2]  # "FinishReason.MAX_TOKENS"
    if reason in _GEMINI_FILTERS or any(word in reason for word in _FILTERS):
        return "filter"
    if any(word in reason for word in _BROKEN):
        return "broken"
    if reason in _LIMITS or any(word in reason for word in _LIMIT_WORDS):
        return "limit"
    return "stop"
