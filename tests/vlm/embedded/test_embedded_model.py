"""The embedded model as a backend: every kind of request gets a reply, and one without material says so."""

from __future__ import annotations

import asyncio

import pytest

from made_facts import CENTRE, at, between, steps_of, thing, yoga
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.embedded import WORDS_VERSION, EmbeddedVLM

FRAME, INTERVAL = at(0.0, thing("dog", CENTRE, CENTRE)), between(0.0, 2.0)


@pytest.mark.parametrize(
    "request_",
    [
        Request("opening", facts=(FRAME,), seconds=(0.0,)),
        Request("change", facts=(INTERVAL,), seconds=(0.0, 2.0), before="A dog."),
        Request("summary", steps=steps_of(*yoga()), end_seconds=14.0),
        Request("fold", steps=steps_of(*yoga()), end_seconds=14.0),
        Request("fast", facts=yoga(), end_seconds=14.0),
        Request("recaption", user_text="a dog, cinematic"),
    ],
    ids=lambda request_: request_.task,
)
def test_every_task_is_answered(request_: Request) -> None:
    model = EmbeddedVLM()
    reply = asyncio.run(model.generate(request_))
    assert reply.text.endswith(".")
    assert reply.problem == ""
    assert reply.request_key == request_.key()
    assert reply.model == model.name == f"embedded@{WORDS_VERSION}"


@pytest.mark.parametrize(
    "request_",
    [
        Request("opening"),
        Request("change"),
        Request("fast"),
        Request("summary"),
        Request("fold"),
        Request("recaption", user_text=" "),
        Request("judge", user_text="Is this text true?"),
    ],
    ids=lambda request_: request_.task,
)
def test_a_request_without_material_is_answered_with_the_reason(request_: Request) -> None:
    reply = asyncio.run(EmbeddedVLM().generate(request_))
    assert (reply.text, reply.problem) == ("", "empty")
    assert reply.detail


def test_it_looks_at_no_picture() -> None:
    assert EmbeddedVLM().max_images == 0
    assert EmbeddedVLM().max_concurrent > 1


def test_the_facts_of_the_keyframe_before_are_used_when_they_come_along() -> None:
    dark = between(0.0, 2.0, look=at(0.0).look)
    before = at(0.0, look=type(dark.look)(0.1, 0.2, 300.0, (("black", 0.9),)))
    text = asyncio.run(EmbeddedVLM().generate(Request("change", facts=(before, dark)))).text
    assert "becomes much brighter" in text
