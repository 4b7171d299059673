"""Answers that something is wrong with are asked for once more, the better one is kept, the rest is marked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sharegpt4video.captioner.engine import Engine, Role
from sharegpt4video.captioner.verified import MOST_REASON_CHARACTERS, line, verified
from sharegpt4video.errors import VLMError
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM


def wrong(_: Request, text: str) -> list[str]:
    """Every word that begins with "bad" is one thing that is wrong."""
    return [f"says {word}" for word in text.split() if word.startswith("bad")]


def asks(count: int = 1, *, together: bool = False) -> Role[list[Reply]]:
    requests = tuple(Request("recaption", user_text=f"number {number}") for number in range(count))
    if together:
        replies = yield requests
        return list(replies)
    told = []
    for request in requests:
        told.append((yield request))
    return told


def run(
    says: Callable[[Request], str], role: Role[list[Reply]]
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]], int]:
    """What the role got (text, problem, detail), what was asked (text, reminder), and how many replies were counted."""
    asked: list[tuple[str, str]] = []
    replies: list[Reply] = []

    def answer(request: Request) -> str:
        asked.append((request.user_text, request.reminder))
        return says(request)

    got = asyncio.run(Engine(FakeVLM(answer)).run(verified(role, wrong), on_reply=replies.append))
    return [(one.text, one.problem, one.detail) for one in got], asked, len(replies)


def test_a_good_answer_is_asked_for_once() -> None:
    got, asked, counted = run(lambda _: "all good", asks(2))
    assert got == [("all good", "", "")] * 2
    assert asked == [("number 0", ""), ("number 1", "")]
    assert counted == 2


def test_a_second_answer_without_fault_is_kept() -> None:
    got, asked, counted = run(lambda request: "fine" if request.reminder else "bad1 bad2", asks())
    assert got == [("fine", "", "")]
    assert asked == [("number 0", ""), ("number 0", "says bad1; says bad2")]
    assert counted == 2  # both are paid for


@pytest.mark.parametrize(
    ("first", "second", "kept", "detail"),
    [
        ("bad1 bad2", "bad3", "bad3", "says bad3"),
        ("bad1", "bad2", "bad1", "says bad1"),  # no better: the first one stays
        ("bad1", "bad2 bad3", "bad1", "says bad1"),
    ],
)
def test_the_better_one_is_kept_and_marked(first: str, second: str, kept: str, detail: str) -> None:
    got, _, _ = run(lambda request: second if request.reminder else first, asks())
    assert got == [(kept, "contradicted", detail)]


def test_an_unusable_answer_is_no_contradiction_and_replaces_none() -> None:
    got, asked, _ = run(lambda _: "", asks())
    assert (got[0][1], len(asked)) == ("empty", 2)  # the engine's own second try
    got, _, _ = run(lambda request: "" if request.reminder else "bad1", asks())
    assert got[0][:2] == ("bad1", "contradicted")


def test_of_several_at_once_only_the_wrong_ones_are_asked_again() -> None:
    says = {"number 0": "fine", "number 1": "bad1", "number 2": "good", "number 3": "bad2"}
    got, asked, _ = run(lambda one: "mended" if one.reminder else says[one.user_text], asks(4, together=True))
    assert [text for text, _, _ in got] == ["fine", "mended", "good", "mended"]
    assert sorted(asked)[1:3] == [("number 1", ""), ("number 1", "says bad1")]
    assert len(asked) == 6


def test_a_model_that_is_gone_ends_the_role() -> None:
    closed = []

    def role() -> Role[list[Reply]]:
        try:
            yield Request("recaption", user_text="x")
        finally:
            closed.append(True)
        return []

    def gone(request: Request) -> str:
        if request.reminder:
            raise VLMError("gone")
        return "bad"

    with pytest.raises(VLMError):
        run(gone, role())
    assert closed == [True]


def test_reasons_are_one_line_of_bounded_length() -> None:
    assert line(["a\nb", "c", "a b"]) == "a b; c"
    assert len(line(["x" * 5000])) == MOST_REASON_CHARACTERS
