"""Where servers put reasoning, how it is turned on and off, and what their finish reasons mean."""

from __future__ import annotations

from typing import Any

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.vlm.reasoning import (
    ThinkingWay,
    ending,
    finish_reason_of,
    reasoning_of,
    template_kwargs,
    thinking_choice,
    way_for,
)


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        *[
            (reason, "stop")
            for reason in ("stop", "STOP", "end_turn", "eos", "eos_token", "stop_sequence", "", None, "1")
        ],
        *[(reason, "limit") for reason in ("length", "LENGTH", "MAX_TOKENS", "max_output_tokens", "Max-Tokens", "2")],
        *[(reason, "limit") for reason in ("FinishReason.MAX_TOKENS", "model_length", "FINISH_REASON_MAX_TOKENS")],
        *[(reason, "filter") for reason in ("content_filter", "content_filter: RECITATION", "SAFETY", "refusal", "3")],
        *[(reason, "filter") for reason in ("PROHIBITED_CONTENT", "BLOCKLIST", "sensitive", "ContentFilter")],
    ],
)
def test_finish_reasons_in_any_spelling(reason: str | None, end: str) -> None:
    assert ending(reason) == end


@pytest.mark.parametrize(
    ("value", "text"),
    [("stop", "stop"), (2, "2"), (None, None), ({"type": "length", "length": 16}, "length"), (True, None), ([], None)],
)
def test_a_finish_reason_is_read_from_what_is_sent(value: object, text: str | None) -> None:
    assert finish_reason_of(value) == text


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm.", "content": None},
        {"thinking": "Hm."},
        {"reasoning": {"summary": [{"text": "Hm."}]}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "A"},
            ]
        },
        {"content": [{"type": "thinking", "thinking": "Hm."}]},
        {"content": [{"type": "reasoning", "text": "Hm."}]},
    ],
)
def test_reasoning_is_found_where_servers_put_it(message: dict[str, Any]) -> None:
    assert reasoning_of(message) == "Hm."


def test_no_reasoning_is_none() -> None:
    assert [reasoning_of(one) for one in ({}, {"content": "A"}, {"reasoning": None}, {"reasoning": 3})] == [""] * 4


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("https://api.openai.com/v1", {"reasoning_effort": "none"}),
        ("https://generativelanguage.googleapis.com/v1beta/openai", {"reasoning_effort": "none"}),
        ("https://me.openai.azure.com/openai/v1", {"reasoning_effort": "none"}),
        ("https://api.z.ai/api/paas/v4", {"thinking": {"type": "disabled"}}),
        ("https://api.deepseek.com/v1", {"thinking": {"type": "disabled"}}),
        ("https://api.anthropic.com/v1", {"thinking": {"type": "disabled"}}),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", {"enable_thinking": False}),
        ("https://openrouter.ai/api/v1", {"reasoning": {"enabled": False}}),
        (
            "http://localhost:8000/v1",
            {
                "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
                "reasoning_effort": "none",
                "thinking": {"type": "disabled"},
                "think": False,
            },
        ),
        ("https://notz.ai.example.org/v1", way_for("http://localhost/v1", "off").body()),
    ],
)
def test_each_server_is_told_in_its_own_way(url: str, body: dict[str, Any]) -> None:
    assert way_for(url, "off").body() == body
    assert way_for(url, "default").body() == {}


def test_on_is_the_other_way_round() -> None:
    assert way_for("http://x/v1", "on").body() == {
        "chat_template_kwargs": {"enable_thinking": True, "thinking": True},
        "reasoning_effort": "medium",
        "thinking": {"type": "enabled"},
        "think": True,
    }
    assert template_kwargs("default") == {}


def test_a_choice_is_on_off_or_default_and_on_and_off_may_come_from_yaml() -> None:
    assert [thinking_choice(choice) for choice in ("on", "off", "default", True, False)] == [
        "on", "off", "default", "on", "off",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="thinking is on, off or default, not 'no'"):
        thinking_choice("no")


def after(*messages: str, param: str | None = None) -> dict[str, Any]:
    way: ThinkingWay | None = way_for("http://x/v1", "off")
    for message in messages:
        assert way is not None
        way = way.without(message, param)
    return {} if way is None else way.body()


def test_fields_that_a_server_does_not_know_are_left_out() -> None:
    assert set(after("Unknown parameter: 'chat_template_kwargs'.")) == {"reasoning_effort", "thinking", "think"}
    assert set(after('json: unknown field "think"')) == {"chat_template_kwargs", "reasoning_effort", "thinking"}
    assert "thinking" not in after("thinking: Extra inputs are not permitted")
    assert "reasoning_effort" not in after("Unrecognized request argument supplied: reasoning_effort")


def test_an_effort_that_a_model_does_not_have_is_raised_step_by_step() -> None:
    none = "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low'."
    assert after(none)["reasoning_effort"] == "minimal"
    assert after(none, none)["reasoning_effort"] == "low"
    assert "reasoning_effort" not in after(none, none, none)
    assert (
        after("Unsupported value: 'none' is not supported", param="reasoning.effort")["reasoning_effort"] == "minimal"
    )


def test_an_error_about_something_else_changes_nothing() -> None:
    assert way_for("http://x/v1", "off").without("Unsupported value: 'temperature' does not support 0", None) is None
    assert way_for("http://x/v1", "default").without("unknown: chat_template_kwargs", None) is None
