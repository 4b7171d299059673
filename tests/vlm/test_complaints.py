"""Refusals in the words of real servers: what they are about, and what is made of them whatever the status."""

from __future__ import annotations

import pytest

from sharegpt4video.vlm.chat import Dialect
from sharegpt4video.vlm.complaints import (
    IMAGES_ADVICE,
    LENGTH_ADVICE,
    NO_IMAGES_ADVICE,
    advice_on,
    room_tokens,
    wait_in_words,
)

PLAIN = Dialect()


@pytest.mark.parametrize(
    "said",
    [
        "System role not supported",
        "Only user and assistant roles are supported!",
        "Error: Jinja Exception: After the optional system message, conversation roles must"
        " alternate user and assistant",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "Input should be 'user' or 'assistant'",
        "Prompting with images is incompatible with system messages",
        'messages: roles must alternate between "user" and "assistant"',
        "Invalid role: system",
        "role system not allowed",
        "expected role user but got system",
        "First message must be with role user",
        "The model does not take a system instruction",
        "messages.0.role: value is not a valid enumeration member; permitted: 'user', 'assistant'",
    ],
)
def test_a_template_without_system_role(said: str) -> None:
    changed = PLAIN.after(said, None)
    assert changed == Dialect(system=False)
    assert changed.after(said, None) is None


@pytest.mark.parametrize(
    "said",
    [
        "[openai/gpt-5.4] [400]: Unsupported parameter: 'max_tokens' is not supported with this model. Use"
        " 'max_completion_tokens' instead. (reset after 23s)",
        "max_tokens is not supported, please use max_completion_tokens",
    ],
)
def test_the_newer_name_of_the_limit(said: str) -> None:
    assert PLAIN.after(said, None) == Dialect(tokens_field="max_completion_tokens")


@pytest.mark.parametrize(
    "said",
    [
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        "invalid temperature: only 1 is allowed for this model",
        "`temperature` is deprecated for this model.",
    ],
)
def test_a_temperature_that_is_not_taken(said: str) -> None:
    assert PLAIN.after(said, None) == Dialect(temperature=False)


@pytest.mark.parametrize("said", ["value is not a valid list", "invalid type: string, expected a sequence at line 1"])
def test_contents_as_lists(said: str) -> None:
    assert PLAIN.after(said, None) == Dialect(content="parts")


@pytest.mark.parametrize(
    ("said", "most"),
    [
        (
            "max_tokens is too large: 6000. This model supports at most 4096 completion tokens, whereas you provided",
            4096,
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]", 8192),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less", 8192),
        ("max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens", 8192),
        ("max_tokens must be between 1 and 4096", 4096),
        ("Value error, max_tokens should be in [1, 4096]", 4096),
        ("The maximum value for max_tokens is 8192", 8192),
        (
            "The parameter `max_completion_tokens` is not valid: expected a value <= 12288, but got 32000 instead.",
            12288,
        ),
    ],
)
def test_the_longest_answer_of_a_server(said: str, most: int) -> None:
    assert PLAIN.after(said, None) == Dialect(most_tokens=most)


@pytest.mark.parametrize(
    ("said", "room"),
    [
        ("'max_tokens' is too large: 512. This model's maximum context length is 4096 tokens and"
         " your request has 3840 input"
         " tokens (512 > 4096 - 3840).", 256),
        ("This model's maximum context length is 4096 tokens. However, you requested 4420 tokens"
         " (3908 in the messages, 512"
         " in the completion).", 188),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3840 `inputs` tokens and 512"
         " `max_new_tokens`", 256),
        ("Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of"
         " 4352 tokens: 3840 tokens from the input messages and 512 tokens for the completion.", 256),
        ("maximum context length is 4096 tokens. However, you requested 5120 tokens (4608 in the messages, 512", None),
        ("maximum context length is 4096 tokens", None),
    ],
)  # fmt: skip
def test_what_a_long_question_leaves_for_the_answer(said: str, room: int | None) -> None:
    assert (room_tokens(said), PLAIN.after(said, None)) == (room, None)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        *[(said, IMAGES_ADVICE) for said in (
            "At most 1 image(s) may be provided in one prompt.",
            "vision model only supports a single image per message",
            "too many images in the message, max allowed is 16",
            "The request contains too many images: 11 images were provided, but the model supports a"
            " maximum of 10 images.",
            "You set image=2 (or defaulted to 1) in `--limit-mm-per-prompt`, but passed 3 image items"
            " in the same prompt.",
            "messages.0.content: too many images and documents: 21 + 0 > 20",
            "Too many images provided. This model supports up to 5 images",
            "You passed 12 images but the limit is 5",
        )],
        *[(said, NO_IMAGES_ADVICE) for said in (
            "No endpoints found that support image input",
            "image input is not supported - hint: you may need to provide the mmproj",
            "unknown variant `image_url`, expected `text`",
            "invalid type: sequence, expected a string at line 1",
            "messages[0].content must be a string",
            "At most 0 image(s) may be provided in one prompt.",
            "Invalid value: 'image_url'. Supported values are: 'text'",
            "Unsupported content part type: image_url",
            "The model `x` does not have vision capabilities",
            "This model is not multimodal",
        )],
        *[(said, LENGTH_ADVICE) for said in (
            "the request exceeds the available context size, try increasing it",
            "prompt is too long: 210000 tokens > 200000 maximum",
            "Range of input length should be [1, 30720]",
            "The decoder prompt (length 4608) is longer than the maximum model length of 4096",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        )],
        *[(said, "") for said in (
            "bad pixels", "out of order", "the role of the system", "CUDA out of memory", "model is loading",
        )],
    ],
)  # fmt: skip
def test_advice_comes_from_the_words(said: str, advice: str) -> None:
    assert advice_on(said) == advice


def test_a_server_that_refuses_everything_comes_to_an_end() -> None:
    everything = "unknown: temperature, max_completion_tokens, stream_options, continue_final_message, the system role"
    dialect, changes = PLAIN, 0
    while (changed := dialect.after(everything, None)) is not None:
        dialect, changes = changed, changes + 1
    assert changes == 5


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please retry in 55.576865699s.", 55.576865699),
        ("Rate limit reached for gpt-5. Please try again in 1m26.4s. Visit", 86.4),
        ("try again in 20ms", 0.02),
        ("Please try again in 6h12m3s.", 22323.0),
        ("please try again after 2 minutes", 120.0),
        ("Please wait 30 seconds", 30.0),
        ("retry after 5 seconds", 5.0),
        ("Please try again later", None),
        ("Please retry shortly", None),
        ("wait", None),
        ("try again in " + "9" * 5000 + "h", None),
    ],
)
def test_a_wait_is_read_from_words(message: str, seconds: float | None) -> None:
    assert wait_in_words(message) == (seconds if seconds is None else pytest.approx(seconds))
