"""What the tests of the roles share: segments built from times, and roles driven by hand, one reply at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from sharegpt4video.records import CameraMotion, Facts, Image, Keyframe, Look, PictureMotion, Segment, Step
from sharegpt4video.vlm.base import Reply, Request

T = TypeVar("T")


def facts(start_seconds: float, end_seconds: float) -> Facts:
    return Facts(start_seconds, end_seconds, CameraMotion(), PictureMotion(0, 0, None), Look(0.5, 0.1, 100, ()))


def image(name: str) -> Image:
    return Image(name.encode(), 64, 48)


def segment(
    *seconds: float,
    shot_end_seconds: float | None = None,
    continues: bool = False,
    shot_index: int = 0,
    pictures: bool = True,
) -> Segment:
    """A segment with a keyframe at each time; the pictures bear their times as bytes."""
    starts = (seconds[0], *seconds[:-1])
    return Segment(
        shot_index=shot_index,
        shot_start_seconds=0.0 if continues else seconds[0],
        shot_end_seconds=shot_end_seconds,
        opens_with="start" if shot_index == 0 else "cut",
        continues=continues,
        keyframes=tuple(
            Keyframe(at, shot_index, "change", 0.5, image(f"frame at {at}") if pictures else None) for at in seconds
        ),
        facts=tuple(facts(start, end) for start, end in zip(starts, seconds, strict=True)),
    )


def step(start_seconds: float, end_seconds: float, text: str = "", *, shot_index: int = 0, problem: str = "") -> Step:
    """An opening where the two times are equal, otherwise a change."""
    instant = start_seconds == end_seconds
    return Step(
        "opening" if instant else "change",
        start_seconds,
        end_seconds,
        text or f"text of {start_seconds}",
        shot_index,
        (start_seconds,) if instant else (start_seconds, end_seconds),
        (facts(start_seconds, end_seconds),),
        problem,
    )


def reply_to(request: Request, text: str, **more: Any) -> Reply:
    return Reply(text, request.key(), "by hand", **more)


def drive(role: Generator[Any, Any, T], answer: Callable[[Request], Reply]) -> tuple[T, list[Any]]:
    """Run a role to its end; returns its result and everything it asked, tuples as they were."""
    asked: list[Any] = []
    try:
        request = next(role)
        while True:
            asked.append(request)
            request = role.send(tuple(map(answer, request)) if isinstance(request, tuple) else answer(request))
    except StopIteration as done:
        return done.value, asked
