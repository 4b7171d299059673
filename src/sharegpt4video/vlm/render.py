"""From a structured request to the text a model reads; every word comes from the prompt set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..prompts import PromptSet
from ..records import Step
from .base import FREE_TASKS, Request
from .hints import hint_lines

_DEFAULT_MAX_TOKENS = 1024


@dataclass(frozen=True)
class Prompt:
    """The text for a chat model. ``system`` may be empty; ``max_tokens`` limits the answer.

    ``earlier`` are the questions and answers before this one, ``prefill`` how the answer has to begin.
    """

    system: str
    text: str
    max_tokens: int
    earlier: tuple[tuple[str, str], ...] = ()
    prefill: str = ""


def render(request: Request, prompts: PromptSet, *, hints: bool = False) -> Prompt:
    """Render a request with a prompt set; with ``hints``, the measured facts follow.

    Texts of users and models are filled in as they are: braces in them mean nothing.
    """
    if request.task in FREE_TASKS:  # what a prompt set says of describing videos does not apply
        again = f"\n\nYour last answer could not be used: {request.reminder}." if request.reminder else ""
        limit = request.max_tokens or prompts.max_tokens.get(request.task, _DEFAULT_MAX_TOKENS)
        return Prompt(request.system, request.user_text + again, limit, request.earlier, request.prefill)
    parts = [_task(request, prompts), f"\n\n{request.cast}" if request.cast else ""]
    if hints and prompts.hints and request.task in ("opening", "change", "fast"):
        lines = hint_lines(request.facts if request.task == "fast" else request.facts[-1:])
        if lines:
            parts.append(prompts.hints.format(lines="\n".join(f"- {line}" for line in lines)))
    if request.reminder:
        said = prompts.reminders.get(request.reminder, f"Your last answer could not be used: {request.reminder}.")
        parts.append(f"\n\n{said}" if said else "")
    limit = prompts.max_tokens.get(request.task, _DEFAULT_MAX_TOKENS)
    return Prompt(prompts.system, "".join(parts), limit)


def _task(request: Request, prompts: PromptSet) -> str:
    if request.task == "opening":
        return prompts.opening.format(seconds=request.seconds[0])
    if request.task == "change":
        return _change(request, prompts)
    if request.task == "recaption":
        return prompts.recaption.format(text=request.user_text)
    part = {"start_seconds": request.start_seconds, "end_seconds": request.end_seconds}
    if request.task == "fast":
        return prompts.fast.format(pictures=_pictures(request, prompts), count=len(request.seconds), **part)
    template = prompts.fold if request.task == "fold" else prompts.summary
    return template.format(steps="".join(_step_lines(request, prompts)), **part)


def _change(request: Request, prompts: PromptSet) -> str:
    return prompts.change.format(
        pictures=_pictures(request, prompts),
        before=prompts.before.format(text=request.before) if request.before else "",
        first_number=request.first_number,
        first_seconds=request.seconds[0],
        second_number=request.first_number + 1,
        second_seconds=request.seconds[1],
    )


def _pictures(request: Request, prompts: PromptSet) -> str:
    """How the frames lie in the pictures. Fewer pictures than frames: they were put together for this model."""
    count = len(request.seconds)
    layout = request.layout
    if count == 1 or len(request.images) == count:
        layout = "separate"
    elif request.images and (layout == "separate" or (layout == "pair" and count != 2)):
        layout = "pair" if count == 2 else "grid"
    template = {
        "separate": prompts.pictures_separate,
        "pair": prompts.pictures_pair,
        "grid": prompts.pictures_grid,
        "strip": prompts.pictures_strip,
    }[layout]
    return template.format(
        count=count,
        times=", ".join(f"{seconds:.2f}" for seconds in request.seconds) + " s",
        first_seconds=request.seconds[0],
        last_seconds=request.seconds[-1],
    )


def _step_lines(request: Request, prompts: PromptSet) -> Iterator[str]:
    """A line for each step, with a heading where a shot begins if there is more than one."""
    shots = len({step.shot_index for step in request.steps}) > 1
    shot_index: int | None = None
    for number, step in enumerate(request.steps, start=1):
        # A condensed step may span several shots, so it stands under no heading.
        if shots and step.kind != "whole" and step.shot_index != shot_index:
            shot_index = step.shot_index
            yield prompts.shot.format(number=shot_index + 1, start_seconds=step.start_seconds)
        template = _step_template(step, request.start_seconds, prompts)
        yield template.format(
            number=number,
            start_seconds=step.start_seconds,
            end_seconds=step.end_seconds,
            frame_seconds=step.frame_seconds[-1] if step.frame_seconds else step.end_seconds,
            text=step.text.strip(),
        )


def _step_template(step: Step, part_start_seconds: float, prompts: PromptSet) -> str:
    if step.problem:
        return prompts.step_gap
    if step.end_seconds > step.start_seconds:
        return prompts.step_interval
    return prompts.step_context if step.start_seconds < part_start_seconds else prompts.step_instant
