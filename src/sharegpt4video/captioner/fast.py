"""Fast captioning: one request with all keyframes put together in one picture (paper, section 4.2)."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ..records import Audio, Facts, Keyframe, Layout, Step
from ..vlm.base import Reply, Request
from .outcome import problem_of
from .sliding import images_of


def fast(
    keyframes: Sequence[Keyframe],
    facts: Sequence[Facts],
    *,
    video: str,
    start_seconds: float,
    end_seconds: float,
    layout: Layout = "grid",
    sound: Audio | None = None,
) -> Generator[Request, Reply, Step]:
    """Describe ``[start_seconds, end_seconds)`` from its keyframes with a single request.

    Raises ValueError without a keyframe.
    """
    if not keyframes:
        raise ValueError(f"{video}: fast captioning needs at least one keyframe")
    request = Request(
        task="fast",
        video=video,
        images=images_of(tuple(keyframes)),
        seconds=tuple(keyframe.seconds for keyframe in keyframes),
        layout=layout,
        facts=tuple(facts),
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        sound=sound,
    )
    reply = yield request
    return Step(
        kind="whole",
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        text=reply.text,
        shot_index=keyframes[0].shot_index,
        frame_seconds=request.seconds,
        facts=request.facts,
        problem=problem_of(reply),
    )
