"""A model as a judge: what it is asked, and that only an answer of the agreed form is a verdict."""

from __future__ import annotations

import json

import pytest

from chains import drive, reply_to
from made_rows import SUMMARY, row_of
from sharegpt4video.dataset.checks.judge import judging, read_verdict
from sharegpt4video.vlm.base import Reply, Request

CLAIM = "A man in a red jacket walks across a park"


def verdict(text: str):  # type: ignore[no-untyped-def]
    return read_verdict(Reply(text, "", "m"), SUMMARY)


def test_the_question_holds_steps_with_their_times_and_the_summary_and_nothing_is_formatted_twice() -> None:
    row = row_of(("A {man} stands.", "He [walks]."), "A {man} walks. {0} {steps}")
    result, (request,) = drive(judging(row), lambda request: reply_to(request, '{"unsupported": []}'))
    assert request.task == "judge"
    assert request.images == ()
    assert "[0.00 s] A {man} stands." in request.user_text
    assert "[0.00 s to 2.00 s] He [walks]." in request.user_text
    assert "A {man} walks. {0} {steps}" in request.user_text
    assert '{"unsupported": []}' in request.user_text
    assert (result.findings, result.problem) == ((), "")


def test_claims_become_findings_with_their_reasons() -> None:
    found = verdict(json.dumps({"unsupported": [{"claim": CLAIM, "why": "the jacket is blue"}]}))
    assert found.problem == ""
    ((finding),) = found.findings
    assert (finding.check, finding.step) == ("judge", -1)
    assert CLAIM in finding.reason
    assert "the jacket is blue" in finding.reason


@pytest.mark.parametrize(
    "text",
    [
        '{"unsupported": []}',
        'Here is my answer: {"unsupported": []} I hope it helps.',
        '```json\n{"unsupported": []}\n```',
        '{"unsupported": [], "notes": "fine"}',
    ],
)
def test_a_pass_may_be_wrapped_in_words(text: str) -> None:
    assert (verdict(text).findings, verdict(text).problem) == ((), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Everything is supported.",
        "[]",
        "{}",
        '{"unsupported": null}',
        '{"unsupported": "none"}',
        '{"unsupported": [',
        '{"unsupported": ["A man"]}',
        '{"unsupported": [{"why": "no"}]}',
        '{"unsupported": [{"claim": ""}]}',
        '{"unsupported": [{"claim": 5, "why": "no"}]}',
        '{"unsupported": [{"claim": "A dog barks at the postman loudly", "why": "no dog"}]}',
        json.dumps({"unsupported": [{"claim": CLAIM, "why": ""}] * 50}),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_anything_else_is_no_verdict_and_so_no_pass(text: str) -> None:
    found = verdict(text)
    assert found.problem
    assert found.findings == ()


def test_an_answer_that_cannot_be_read_is_asked_for_once_more_with_the_reason() -> None:
    answers = iter(["I think it is fine.", '{"unsupported": []}'])
    result, asked = drive(judging(row_of()), lambda request: reply_to(request, next(answers)))
    assert [request.reminder for request in asked] == ["", "it is not the JSON object that is asked for"]
    assert result.problem == ""
    result, asked = drive(judging(row_of()), lambda request: reply_to(request, "It is fine."))
    assert len(asked) == 2
    assert "JSON" in result.problem


def test_a_model_that_does_not_answer_gives_no_verdict() -> None:
    result, asked = drive(judging(row_of()), lambda request: reply_to(request, "", problem="refused"))
    assert len(asked) == 1  # the engine has asked again already
    assert result.problem == "refused"


def test_without_a_summary_nobody_is_asked() -> None:
    def never(request: Request) -> Reply:
        raise AssertionError(request)

    assert drive(judging(row_of(summary="")), never)[1] == []


def test_a_caption_that_no_model_could_read_is_not_judged() -> None:
    result, asked = drive(judging(row_of(["A long text. " * 6000])), lambda request: reply_to(request, ""))
    assert asked == []
    assert "too long to judge" in result.problem
