"""Summaries: one caption for a video, or for any part of it, from its steps alone; the video is not looked at again.

Paper, section 3.2 (hierarchical summary) and 4.2 (clip summarizing). Many steps are condensed in groups first, and the
condensed ones again, until one request can carry what is left: a video of any length fits any context window.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..records import Step
from ..vlm.base import Reply, Request
from .cast import for_summary
from .outcome import Summary, problem_of

NOTHING = "nothing to summarise: no step here has a usable description"


def summary(
    steps: Sequence[Step],
    *,
    video: str,
    start_seconds: float,
    end_seconds: float,
    fold_steps: int = 40,
    cast: bool = False,
) -> Generator[Request | tuple[Request, ...], Any, Summary]:
    """Summarise ``[start_seconds, end_seconds)`` from the steps that overlap it, at most ``fold_steps`` per request.

    Steps with a problem are passed along for their times (the model is told of the gap), their text is not used. A
    group that cannot be condensed leaves a gap too, and the summary's ``problem`` says so. Without a usable step no
    model is asked: the text is empty and the ``problem`` says why. With ``cast``, requests say how the steps call their
    subjects. Raises ValueError if ``fold_steps`` is under 2.
    """
    if fold_steps < 2:
        raise ValueError(f"fold_steps must be at least 2, not {fold_steps}")
    chosen = clip_steps(steps, start_seconds, end_seconds)
    if all(step.problem or not _overlaps(step, start_seconds, end_seconds) for step in chosen):
        return Summary("", NOTHING)
    lost, named = list[str](), for_summary(chosen) if cast else ""
    while len(chosen) > fold_steps:
        groups = fold_groups(chosen, fold_steps)
        parts = [_part(group, start_seconds, end_seconds) for group in groups]
        remaining = _levels(len(chosen), fold_steps)
        replies: tuple[Reply, ...] = yield tuple(
            replace(_request("fold", group, video, part, remaining), cast=named)
            for group, part in zip(groups, parts, strict=True)
            if _can_fold(group)
        )
        chosen, failed = _folded(groups, parts, replies)
        lost += failed
    if all(step.problem for step in chosen):
        return Summary("", "; ".join(lost))
    reply: Reply = yield replace(_request("summary", chosen, video, (start_seconds, end_seconds), 0), cast=named)
    return Summary(reply.text, "; ".join(filter(None, (problem_of(reply), *lost))))


def clip_steps(steps: Sequence[Step], start_seconds: float, end_seconds: float) -> tuple[Step, ...]:
    """The steps that describe ``[start_seconds, end_seconds)``, in order.

    An instant counts when it lies in the part. If the part begins inside a shot, that shot's opening comes first: it
    says who and what is there.
    """
    inside = [step for step in steps if _overlaps(step, start_seconds, end_seconds)]
    if not inside or inside[0].kind != "change":
        return tuple(inside)
    shot_index = inside[0].shot_index
    openings = [step for step in steps if step.kind == "opening" and step.shot_index == shot_index]
    return (*(step for step in openings[:1] if not step.problem), *inside)


def fold_groups(steps: Sequence[Step], fold_steps: int) -> list[tuple[Step, ...]]:
    """Cut steps into the fewest consecutive groups of about equal size, none over ``fold_steps``.

    A group ends where a shot ends if there is such a place within a quarter of ``fold_steps`` of its equal share; that
    may cost a group more.
    """
    groups: list[tuple[Step, ...]] = []
    start = 0
    while start < len(steps):
        left = len(steps) - start
        share = -(-left // -(-left // fold_steps))
        end = start + share
        if end < len(steps):
            slack = fold_steps // 4  # what is left is over fold_steps, so that a share is over half of it
            places = range(end - slack, min(end + slack, start + fold_steps) + 1)
            borders = [place for place in places if steps[place].shot_index != steps[place - 1].shot_index]
            end = min(borders, key=lambda place: abs(place - (start + share)), default=end)
        groups.append(tuple(steps[start:end]))
        start = end
    return groups


def _overlaps(step: Step, start_seconds: float, end_seconds: float) -> bool:
    if start_seconds == end_seconds:  # a video of one frame without a duration is an instant itself
        return step.start_seconds <= start_seconds <= step.end_seconds
    return step.start_seconds < end_seconds and (
        step.end_seconds > start_seconds or step.start_seconds >= start_seconds
    )


def _levels(count: int, fold_steps: int) -> int:
    """How many rounds of requests follow a round of folds over ``count`` steps, the summary included."""
    levels = 1
    while (count := -(-count // fold_steps)) > fold_steps:
        levels += 1
    return levels


def _can_fold(group: tuple[Step, ...]) -> bool:
    """A step alone stays as it is, and where every step has a problem there is nothing to condense."""
    return len(group) > 1 and not all(step.problem for step in group)


def _part(group: Sequence[Step], start_seconds: float, end_seconds: float) -> tuple[float, float]:
    """The part of the requested time span that a group covers."""
    return max(group[0].start_seconds, start_seconds), min(max(step.end_seconds for step in group), end_seconds)


def _request(
    task: Literal["fold", "summary"], steps: tuple[Step, ...], video: str, part: tuple[float, float], remaining: int
) -> Request:
    return Request(task=task, video=video, steps=steps, start_seconds=part[0], end_seconds=part[1], remaining=remaining)


def _folded(
    groups: list[tuple[Step, ...]], parts: list[tuple[float, float]], replies: tuple[Reply, ...]
) -> tuple[tuple[Step, ...], list[str]]:
    """One step for each group, and a line for each group that could not be condensed."""
    answers = iter(replies)
    steps, failed = [], []
    for group, part in zip(groups, parts, strict=True):
        if len(group) == 1:
            steps.append(group[0])
        elif not _can_fold(group):
            steps.append(_whole(group, part, "", group[0].problem))
        else:
            reply = next(answers)
            steps.append(_whole(group, part, reply.text, problem_of(reply)))
            if reply.problem:
                failed.append(f"{part[0]:.2f}-{part[1]:.2f} s could not be condensed: {problem_of(reply)}")
    return tuple(steps), failed


def _whole(group: tuple[Step, ...], part: tuple[float, float], text: str, problem: str) -> Step:
    """A group as one step, with the facts of all its steps."""
    return Step(
        kind="whole",
        start_seconds=part[0],
        end_seconds=part[1],
        text=text,
        shot_index=group[0].shot_index,
        frame_seconds=group[-1].frame_seconds[-1:],
        facts=tuple(facts for step in group for facts in step.facts),
        problem=problem,
    )
