"""Going on with a caption that was interrupted: what the model has answered of it is not asked, and paid, again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..records import VideoCaption
from ..vlm.base import VLM, Reply, Request
from ..vlm.forwarding import ForwardingVLM

if TYPE_CHECKING:
    from collections.abc import Collection

_TASKS = {"opening": "opening", "change": "change", "whole": "fast"}


class Resumed(ForwardingVLM):
    """A model that is not asked for what unfinished captions have a usable text for.

    A text stands for the answer to a request if that very request (same pictures, texts before and times: the same key)
    was made for the caption, and the caption has a text for its task and times.
    """

    def __init__(self, vlm: VLM) -> None:
        super().__init__(vlm)
        self._unfinished: list[_Unfinished] = []

    def begin(self, unfinished: VideoCaption) -> None:
        """Answer from this caption, until `end`."""
        self._unfinished.append(_Unfinished(unfinished))

    def end(self, unfinished: VideoCaption) -> None:
        self._unfinished = [each for each in self._unfinished if each.caption is not unfinished]

    def answers(self, unfinished: VideoCaption) -> int:
        """How many requests were answered from this caption."""
        return sum(each.answers for each in self._unfinished if each.caption is unfinished)

    async def generate(self, request: Request) -> Reply:
        for unfinished in self._unfinished:
            if (reply := unfinished.answer(request)) is not None:
                return reply
        return await self.vlm.generate(request)


class _Unfinished:
    """The texts of a caption that can be used again."""

    def __init__(self, caption: VideoCaption) -> None:
        self.caption, self.answers = caption, 0
        self._keys: Collection[str] = frozenset(caption.provenance.request_keys)
        self._texts = dict(_texts(caption))

    def answer(self, request: Request) -> Reply | None:
        key, made = request.key(), self.caption.provenance
        if key not in self._keys:
            return None
        text = self._texts.get((request.task, request.seconds))
        if text is None:
            return None
        self.answers += 1
        return Reply(text, key, made.model, made.prompt_hash)


def _texts(caption: VideoCaption) -> Iterator[tuple[tuple[str, tuple[float, ...]], str]]:
    for step in caption.steps:
        if step.text and not step.problem:
            yield (_TASKS[step.kind], step.frame_seconds), step.text
    if caption.summary and not caption.summary_problem and caption.mode != "fast":
        yield ("summary", ()), caption.summary


def with_earlier(caption: VideoCaption, earlier: VideoCaption, answers: int, model: VLM) -> VideoCaption:
    """The caption with what was paid for it before: ``answers`` of its requests are those of ``earlier``."""
    now, before = caption.provenance, earlier.provenance
    tokens = now.input_tokens + before.input_tokens, now.output_tokens + before.output_tokens
    made = replace(
        now,
        requests=now.requests - answers + before.requests,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        cost_usd=model.cost_usd(*tokens),
        request_keys=tuple(sorted({*now.request_keys, *before.request_keys})),
    )
    return replace(caption, provenance=made)
