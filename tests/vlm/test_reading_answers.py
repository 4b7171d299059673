"""What servers say of an answer and of themselves, in the shapes that are seen in practice."""

from __future__ import annotations

import json

import pytest

from sharegpt4video.vlm.chat import check_owner, read_answer
from sharegpt4video.vlm.complaints import IMAGES_ADVICE, SIZE_ADVICE, advice_on
from sharegpt4video.vlm.faults import ErrorReply, Fault, error_in_answer, fault_of_status
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
    ("encoding", "content_type"),
    [
        ("utf-8", "application/json; charset=ISO-8859-1"),
        ("utf-8-sig", ""),
        ("iso-8859-1", 'application/json; charset="ISO-8859-1"'),
        ("utf-16", "application/json"),
        ("utf-16-le", "application/json"),
        ("utf-32-be", ""),
    ],
)
def test_an_answer_is_read_in_the_encoding_it_has(encoding: str, content_type: str) -> None:
    sent = json.dumps(json.loads(body("Ein Mädchen läuft.")), ensure_ascii=False).encode(encoding)
    assert read_answer(sent, {"content-type": content_type}).text == "Ein Mädchen läuft."


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=nonsense"])
def test_an_answer_in_no_encoding_is_asked_for_again(content_type: str) -> None:
    sent = json.dumps(json.loads(body("Ein Mädchen läuft.")), ensure_ascii=False).encode("latin-1")
    with pytest.raises(Fault, match="not UTF-8 text") as caught:
        read_answer(sent, {"content-type": content_type})
    assert caught.value.kind == "passing"


def test_a_refusal_among_the_parts_of_a_content_is_one() -> None:
    answer = read_answer(body([{"type": "refusal", "refusal": "I can't help with that."}]), {})
    assert (answer.text, answer.refused) == ("I can't help with that.", True)


@pytest.mark.parametrize(
    ("status", "said", "code", "advice"),
    [
        (400, "API key expired. Please renew the API key.", "", "OPENAI_API_KEY"),
        (400, "API key not valid. Please pass a valid API key.", "", "OPENAI_API_KEY"),
        (400, "Your credit balance is too low to access the API.", "invalid_request_error", "nothing left to pay"),
        (400, "Access denied, please make sure your account is in good standing.", "Arrearage", "nothing left to pay"),
        (403, "You have exhausted your monthly included credits", "", "nothing left to pay"),
        (429, "Your account is suspended", "exceeded_current_quota_error", "nothing left to pay"),
    ],
)
def test_a_key_and_an_account_stop_all_whatever_the_status(status: int, said: str, code: str, advice: str) -> None:
    fault = fault_of_status(ErrorReply(status, said, code))
    assert fault.kind == "denied"
    assert advice in str(fault)


def test_an_error_in_a_list_is_read_like_one_alone() -> None:
    fault = error_in_answer([{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}])
    assert (fault.kind, str(fault)) == ("busy", "HTTP 429: slow down")


@pytest.mark.parametrize("status", [421, 499])
def test_what_a_gateway_says_of_a_connection_passes(status: int) -> None:
    assert fault_of_status(ErrorReply(status, "client closed request")).kind == "passing"


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
