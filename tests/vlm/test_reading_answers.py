"""What servers say of an answer and of themselves, in the shapes that are seen in practice."""

from __future__ import annotations

import json

import pytest

from sharegpt4video.vlm.chat import check_owner, read_answer
from sharegpt4video.vlm.complaints import IMAGES_ADVICE, SIZE_ADVICE, advice_on
from sharegpt4video.vlm.faults import ErrorReply, Fault, fault_of_status
from sharegpt4video.vlm.reasoning import ending


def body(content: object, **more: object) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}).encode()


@pytest.mark.parametrize(
    "content",
    [
        "A dog runs.",
        {"type": "text", "text": "A dog runs."},
        ["A dog ", "runs."],
        [{"type": "text", "text": {"value": "A dog runs."}}],
        [{"type": "reasoning", "text": "Hm."}, {"type": "output_text", "text": "A dog runs."}],
    ],
)
def test_the_text_is_found_in_every_form(content: object) -> None:
    assert read_answer(body(content), {}).text == "A dog runs."


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        *((reason, "limit") for reason in ("length_limit", "max_tokens_reached", "truncated", "incomplete")),
        *((reason, "broken") for reason in ("abort", "error", "cancelled", "insufficient_system_resource", "timeout")),
        *((reason, "filter") for reason in ("guardrail_intervened", "blocked", "censored", "PII", "BLOCKED_BY_ERROR")),
        *((reason, "stop") for reason in ("stop", "end_turn", "STOP_SEQUENCE", "eos", "COMPLETE", "", "null")),
    ],
)
def test_how_an_answer_ended_in_other_words(reason: str, end: str) -> None:
    assert ending(reason) == end


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, "ThrottlingException: Too many requests, please wait before trying again.", ""),
        (400, "Rate limit reached, try again in 1s", "rate_limit_exceeded"),
        (400, "The engine is currently overloaded, please try again later", ""),
        (403, "Rate limit exceeded: too many requests per minute", ""),
        (403, "Quota exceeded for quota metric 'Generate requests' per minute", "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_a_lack_of_room_is_one_whatever_its_status(status: int, said: str, code: str) -> None:
    assert fault_of_status(ErrorReply(status, said, code)).kind == "busy"


def test_a_key_that_may_not_is_still_no_lack_of_room() -> None:
    assert fault_of_status(ErrorReply(403, "You are not allowed to use this model")).kind == "denied"


@pytest.mark.parametrize(
    "said",
    [
        "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 7340032 bytes > 5242880 bytes",
        "At least one of the image dimensions exceed max allowed size: 8000 pixels",
        "Image size is too large, the maximum image size is 20MB",
        "Total image payload size exceeds the limit of 20 MB",
    ],
)
def test_pictures_that_are_too_large_are_not_too_many(said: str) -> None:
    assert advice_on(said) == SIZE_ADVICE
    assert advice_on("At most 1 image(s) may be provided in one prompt.") == IMAGES_ADVICE


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"error": {"message": "no money", "code": "insufficient_quota"}}, "denied"),
        ({"error": {"message": "wrong key", "code": "invalid_api_key"}}, "denied"),
        ({"error": {"message": "slow down", "type": "rate_limit_error"}}, "busy"),
        ({"object": "error", "message": "no such model", "type": "NotFoundError", "code": 404}, "denied"),
    ],
)
def test_an_error_with_the_status_of_a_success(told: object, kind: str) -> None:
    with pytest.raises(Fault) as raised:
        read_answer(json.dumps(told).encode(), {})
    assert raised.value.kind == kind


def test_an_id_of_megabytes_does_not_fill_the_message() -> None:
    answer = read_answer(body("A dog.", id="x" * 2_000_000 + "sg4v-" + "0" * 32), {})
    with pytest.raises(Fault) as raised:
        check_owner(answer, "1" * 32)
    assert len(str(raised.value)) < 300
