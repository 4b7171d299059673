"""The embedded model: answers every request from measured facts, offline, with nothing invented."""

from __future__ import annotations

from ...records import Facts
from ..base import VLM, Reply, Request
from .difference import difference
from .heard import heard_sentence
from .prompt import recaption
from .scene import opening
from .story import fast, fold, summary
from .words import paragraph

__all__ = ["EmbeddedVLM"]

WORDS_VERSION = "0.1.0"
"""Of its sentences, not of the package: raise it when they change. It is part of the model's name, so a data set or a
folder of captions goes on after an upgrade that changes no sentence, and never mixes two ways of telling."""


class EmbeddedVLM(VLM):
    """Puts into English what was measured, and nothing else; the same facts give the same text on every machine.

    It looks at no pictures and judges no texts. A request without anything to tell (no facts, no usable steps, an
    empty prompt) gets a reply with the problem "empty" and the reason as its detail.
    """

    max_images = 0
    max_concurrent = 8

    def __init__(self) -> None:
        self.name = f"embedded@{WORDS_VERSION}"

    async def generate(self, request: Request) -> Reply:
        text = answer(request)
        if text:
            return Reply(text=text, request_key=request.key(), model=self.name)
        return Reply(
            text="", request_key=request.key(), model=self.name, problem="empty", detail=_nothing_to_tell(request)
        )


def answer(request: Request) -> str:
    """The text for a request; "" when it brings nothing that could be told, or asks a question in free words."""
    if request.task in ("judge", "ask"):
        return ""
    if request.task == "recaption":
        return recaption(request.user_text)
    if request.task in ("summary", "fold"):
        tell = summary if request.task == "summary" else fold
        return tell(request.steps, request.start_seconds, request.end_seconds)
    if not request.facts:
        return ""
    if request.task == "fast":
        return fast(request.facts, request.start_seconds, request.end_seconds)
    if request.task == "opening":
        return _and_heard(opening(request.facts[-1]), request.facts[-1])
    earlier = request.facts[-2] if len(request.facts) > 1 else None
    return _and_heard(difference(request.facts[-1], earlier, request.before), request.facts[-1])


def _and_heard(seen: str, facts: Facts) -> str:
    """What is seen, and after it what is heard."""
    return f"{seen} {paragraph([heard_sentence(facts)])}".rstrip()


def _nothing_to_tell(request: Request) -> str:
    if request.task == "judge":
        return "the embedded model cannot judge texts; name another model"
    if request.task == "ask":
        return "the embedded model describes and answers no questions; name another model"
    if request.task == "recaption":
        return "the prompt holds no text"
    if request.task in ("summary", "fold"):
        return "no step has facts or a usable text"
    return "the request carries no measured facts"
