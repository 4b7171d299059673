"""Sliding captioning: each keyframe of a chain is described against the one before it, knowing the text before.

Paper, section 3.2 (differential sliding-window captioning). You come from ``run``, which makes one of these for each
segment. It is a role: it does no I/O, but yields requests and is sent replies. Next: ``engine``, which drives roles.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

from ..records import Image, Keyframe, Layout, Segment, Step
from ..vlm.base import Reply, Request
from .cast import Carried, Cast, for_step
from .outcome import problem_of


def sliding(
    segment: Segment,
    *,
    video: str,
    layout: Layout = "separate",
    before: str = "",
    cast: Cast | None = None,
    later: int = 0,
    on_step: Callable[[Step], None] | None = None,
) -> Generator[Request, Reply, tuple[Step, ...]]:
    """Describe the keyframes of a segment in one chain: an opening unless it ``continues``, then the changes.

    ``later`` is about how many steps the chain will have after this segment (long chains are served first).
    ``before`` is the last usable text of the chain that the segment continues, ``cast`` that of all steps before it
    (None: none is kept). ``on_step`` gets each step as soon as it is done. A text with a problem stays in its step but
    is not handed on: the next request carries the last good one.
    Raises ValueError when the segment has no keyframe or not one ``Facts`` for each.
    """
    _check(segment)
    carried, steps = Carried(before, cast), list[Step]()
    last = len(segment.keyframes) - 1
    for number in range(1 if segment.continues else 0, len(segment.keyframes)):
        request = _request(segment, number, video, layout, carried.text)
        request = replace(request, remaining=last - number + later, cast=for_step(carried.cast))
        reply = yield request
        step = _step(segment, request, reply)
        steps.append(step)
        if on_step is not None:
            on_step(step)
        carried = carried.after((step,))
    return tuple(steps)


def _check(segment: Segment) -> None:
    if not segment.keyframes or len(segment.facts) not in (0, len(segment.keyframes)):
        raise ValueError(
            f"a segment needs a keyframe, and as many facts as keyframes or none, not {len(segment.keyframes)}"
            f" keyframes and {len(segment.facts)} facts (shot {segment.shot_index})"
        )


def _request(segment: Segment, number: int, video: str, layout: Layout, before: str) -> Request:
    """The request for keyframe ``number``: an opening for the first, otherwise the change from the one before."""
    keyframes = segment.keyframes[max(number - 1, 0) : number + 1]
    start_seconds, end_seconds = segment.span(number)
    return Request(
        task="change" if number else "opening",
        video=video,
        images=images_of(keyframes),
        seconds=tuple(keyframe.seconds for keyframe in keyframes),
        layout=layout if number else "separate",
        facts=segment.facts[max(number - 1, 0) : number + 1],
        before=before if number else "",
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        first_number=segment.first_number + max(number - 1, 0),
        sound=segment.sound[number] if segment.sound else None,
    )


def _step(segment: Segment, request: Request, reply: Reply) -> Step:
    return Step(
        kind="change" if request.task == "change" else "opening",
        start_seconds=request.start_seconds,
        end_seconds=request.end_seconds,
        text=reply.text,
        shot_index=segment.shot_index,
        frame_seconds=request.seconds,
        facts=request.facts[-1:],
        problem=problem_of(reply),
    )


def images_of(keyframes: tuple[Keyframe, ...]) -> tuple[Image, ...]:
    """The pictures of keyframes; none for a model that does not look at pictures."""
    images = tuple(keyframe.image for keyframe in keyframes if keyframe.image is not None)
    return images if len(images) == len(keyframes) else ()
