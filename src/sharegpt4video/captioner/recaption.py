"""Re-captioning: a user's short prompt in the style of the captions that video generators are trained with."""

from __future__ import annotations

from collections.abc import Generator

from ..errors import SettingsError
from ..vlm.base import Reply, Request
from .outcome import Summary, problem_of


def recaption(prompt: str) -> Generator[Request, Reply, Summary]:
    """Rewrite a prompt (paper, section 4.2). Raises SettingsError if it is empty."""
    if not prompt.strip():
        raise SettingsError("the prompt to re-caption is empty; give a sentence such as 'a dog runs over a beach'")
    reply = yield Request(task="recaption", user_text=prompt.strip())
    return Summary(reply.text, problem_of(reply))
