"""Fast captioning: one request that carries everything."""

from __future__ import annotations

import pytest

from chains import drive, facts, reply_to, segment
from sharegpt4video.captioner.fast import fast


def test_one_request_carries_every_keyframe() -> None:
    chain = segment(0.0, 2.5, 9.0)
    role = fast(chain.keyframes, chain.facts, video="v.mp4", start_seconds=0.0, end_seconds=10.0, layout="strip")
    step, (request,) = drive(role, lambda request: reply_to(request, "A cat."))
    assert (request.task, request.layout, request.seconds) == ("fast", "strip", (0.0, 2.5, 9.0))
    assert len(request.images) == 3
    assert request.facts == chain.facts
    assert (step.kind, step.start_seconds, step.end_seconds, step.text) == ("whole", 0.0, 10.0, "A cat.")
    assert step.frame_seconds == (0.0, 2.5, 9.0)
    assert step.facts == (facts(0, 0), facts(0, 2.5), facts(2.5, 9))
    assert step.problem == ""


def test_a_problem_is_kept() -> None:
    chain = segment(0.0)
    role = fast(chain.keyframes, chain.facts, video="v", start_seconds=0.0, end_seconds=1.0)
    step, _ = drive(role, lambda request: reply_to(request, "I cannot", problem="refused"))
    assert (step.text, step.problem) == ("I cannot", "refused")


def test_there_must_be_a_keyframe() -> None:
    with pytest.raises(ValueError, match=r"v\.mp4"):
        next(fast((), (), video="v.mp4", start_seconds=0.0, end_seconds=1.0))
