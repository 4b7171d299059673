"""Re-captioning: the prompt goes out as it is, and the answer comes back with its problem."""

from __future__ import annotations

import pytest

from chains import drive, reply_to
from sharegpt4video.captioner.recaption import recaption
from sharegpt4video.errors import SettingsError


def test_the_prompt_is_asked_about_once() -> None:
    result, (request,) = drive(recaption(" a {red} fox\n"), lambda request: reply_to(request, "A red fox runs."))
    assert (request.task, request.user_text) == ("recaption", "a {red} fox")
    assert (result.text, result.problem) == ("A red fox runs.", "")


def test_a_problem_is_told() -> None:
    result, _ = drive(
        recaption("a fox"), lambda request: reply_to(request, "A", problem="cut off", detail="600 tokens")
    )
    assert (result.text, result.problem) == ("A", "cut off: 600 tokens")


def test_a_detail_alone_is_no_problem() -> None:
    result, _ = drive(recaption("a fox"), lambda request: reply_to(request, "A", detail="a remark"))
    assert (result.text, result.problem) == ("A", "")


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(SettingsError, match="empty"):
        next(recaption("  \n"))
