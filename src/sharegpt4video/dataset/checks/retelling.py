"""Asking again about a stored caption: the requests that its texts were answers to, with what was wrong with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from ...captioner.cast import Carried, Cast, for_step
from ...captioner.outcome import Summary, problem_of
from ...captioner.summary import summary as summary_role
from ...captioner.verified import line
from ...config import CaptionSettings
from ...errors import VideoError
from ...prompts import PromptSet
from ...records import Facts, Finding, Image, Layout, Step
from ...verify.prose import SUMMARY
from ...video.compose import encode_jpeg
from ...video.reader import VideoReader
from ...vlm.base import Reply, Request
from ..rows import CaptionRow, SourceVideo
from ..sources.sources import open_source
from . import MIXED_UP

Pictures = dict[int, tuple[Image, ...]]


def retelling(
    row: CaptionRow, findings: Sequence[Finding], pictures: Pictures, prompts: PromptSet, fold_steps: int = 40
) -> Generator[Any, Any, CaptionRow]:
    """A role: ask again for each step with a finding, in order, and for the summary if it has one or a step changed.

    ``pictures`` are those of the steps by number. A step whose new text is unusable keeps the old one. Returns the row
    with the new texts; its revision and provenance are still the old ones.
    """
    reasons: defaultdict[int, list[str]] = defaultdict(list)
    for finding in findings:  # an answer to another request is not the model's fault: it is asked the same again
        reasons[finding.step] += [finding.reason] if finding.check != MIXED_UP else []
    steps = list(row.steps)
    for number in sorted(set(reasons) - {SUMMARY}):
        request = request_of(row, steps, number, pictures.get(number, ()), prompts)
        reply: Reply = yield replace(request, reminder=line(reasons[number]))
        if not reply.problem or steps[number].problem:
            steps[number] = replace(steps[number], text=reply.text, problem=problem_of(reply))
    told = Summary(row.summary, row.summary_problem)
    if row.mode == "fast" and len(steps) == 1:
        told = Summary(steps[0].text, steps[0].problem)
    elif SUMMARY in reasons or tuple(steps) != row.steps:
        again = yield from _summary_again(row, steps, line(reasons[SUMMARY]), fold_steps)
        told = told if again.problem and not told.problem else again
    return replace(row, steps=tuple(steps), summary=told.text, summary_problem=told.problem)


def request_of(
    row: CaptionRow, steps: Sequence[Step], number: int, images: tuple[Image, ...], prompts: PromptSet
) -> Request:
    """The request that a step was the answer to, as far as the stored caption tells."""
    step = steps[number]
    shot = [place for place in range(number) if steps[place].shot_index == step.shot_index]
    earlier: tuple[Facts, ...] = ()
    if step.kind == "change" and shot:
        earlier = steps[shot[-1]].facts[-1:]
    layouts: dict[str, Layout] = {"whole": prompts.fast_layout, "change": prompts.pair_layout}
    usable = [steps[place].text for place in shot if not steps[place].problem]
    return Request(
        task="fast" if step.kind == "whole" else step.kind,
        video=row.video,
        images=images,
        seconds=step.frame_seconds,
        layout=layouts.get(step.kind, "separate"),
        facts=(*earlier, *step.facts),
        before=usable[-1] if usable and step.kind == "change" else "",
        start_seconds=step.start_seconds,
        end_seconds=step.end_seconds,
        first_number=max(len(shot), 1),
        cast=for_step(Carried(cast=Cast()).after(steps[:number]).cast) if _keeps_cast(row) else "",
    )


def _keeps_cast(row: CaptionRow) -> bool:
    """Whether the steps were told how earlier ones named the subjects."""
    return row.mode == "sliding" and row.provenance.settings.get("cast") is True


def _summary_again(
    row: CaptionRow, steps: Sequence[Step], reminder: str, fold_steps: int
) -> Generator[Any, Any, Summary]:
    """The summary role, with a reminder in the request that asks for the summary itself."""
    start, end = row.start_seconds, row.end_seconds
    part = {"start_seconds": start, "end_seconds": end}
    role = summary_role(steps, video=row.video, **part, fold_steps=fold_steps, cast=_keeps_cast(row))
    try:
        asked = next(role)
        while True:
            if isinstance(asked, Request) and asked.task == "summary":
                asked = replace(asked, reminder=reminder)
            asked = role.send((yield asked))
    except StopIteration as done:
        told: Summary = done.value
        return told


def pictures_of(source: SourceVideo, row: CaptionRow, numbers: Sequence[int], settings: CaptionSettings) -> Pictures:
    """The frames of these steps as pictures, each cut out and encoded once.

    Raises VideoError when the video is gone or does not reach so far any more.
    """
    times = sorted({seconds for number in numbers for seconds in row.steps[number].frame_seconds})
    with open_source(source) as video, VideoReader(video) as reader:
        frames = reader.frames(at_seconds=times, side_pixels=settings.image_side_pixels)
        images = [encode_jpeg(frame.pixels, settings.jpeg_quality) for frame in frames]
    if len(images) != len(times):
        raise VideoError(
            f"{row.location}: {len(times)} frames were described, {len(images)} are there; is it another file?"
        )
    found = dict(zip(times, images, strict=True))
    return {number: tuple(found[seconds] for seconds in row.steps[number].frame_seconds) for number in numbers}
