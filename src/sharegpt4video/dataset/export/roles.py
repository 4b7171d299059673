"""The requests of the four roles behind a stored caption: the roles run again on the stored answers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

from ...captioner.cast import Carried, Cast
from ...captioner.fast import fast
from ...captioner.recaption import recaption
from ...captioner.sliding import sliding
from ...captioner.summary import clip_steps, summary
from ...prompts import PromptSet
from ...records import CameraMotion, Facts, Keyframe, Layout, Look, PictureMotion, Segment, Step
from ...verify.prose import SUMMARY
from ...vlm.base import Problem, Reply, Request
from .entries import Entry
from .pictures import even_times

Role = Literal["sliding", "fast", "summary", "recaption"]
ROLES: tuple[Role, ...] = ("sliding", "fast", "summary", "recaption")
_SENTENCE_ENDS = ".!?。！？"


@dataclass(frozen=True)
class Sample:
    """One question and its answer. ``prompt_from`` says where the prompt to re-caption comes from; ``step`` is the
    number of the step that the answer is, -1 for the caption of the whole."""

    role: str
    name: str
    request: Request
    answer: str
    prompt_from: str = ""
    step: int = SUMMARY


def samples(
    entry: Entry,
    prompts: PromptSet,
    *,
    roles: Sequence[str],
    frames: int,
    apart: bool,
    short: tuple[str, str],
    fold_steps: int,
    leave_out: Callable[..., None],
) -> Iterator[Sample]:
    """Every sample of a video, or of a clip (whose steps are the video's and are not repeated).

    ``apart``: the frames of a fast sample are pictures of their own. ``short`` is where a short prompt comes from, and
    the prompt itself. Texts with a problem are never an answer.
    """
    row = entry.row
    whole = entry.clip is None
    if "sliding" in roles and whole and row.mode == "sliding":
        told = [one for one in _sliding(row.video, row.steps, prompts) if not _unusable(row.steps[one.step])]
        yield from told
        if missing := len(row.steps) - len(told):
            leave_out("steps without a usable text, or whose frames' times are unknown", missing)
    if not entry.text.strip() or entry.problem:
        return
    if "fast" in roles:
        yield _fast(entry, "separate" if apart else prompts.fast_layout, frames)
    if "summary" in roles and row.mode == "sliding":
        if len(clip_steps(row.steps, *_part(entry))) > fold_steps:
            leave_out(f"summaries of more than {fold_steps} steps (what was asked last is not stored)")
        elif any(not step.problem for step in row.steps):
            yield _summary(entry, fold_steps)
    if "recaption" in roles and whole:
        found = list(_recaption(entry, short))
        yield from found
        if not found:
            leave_out("prompts to re-caption that would be the whole caption")


def asked(entry: Entry, prompts: PromptSet, fast_layout: Layout, fold_steps: int) -> Iterator[Sample]:
    """Every question that the model was asked about a video, with what it answered, usable or not.

    The cast is told where captioning did so. A summary of more than ``fold_steps`` steps is left out: what was asked
    last is not stored.
    """
    row = entry.row
    if row.mode == "fast":
        yield replace(_fast(entry, fast_layout, 0), step=0)
        return
    cast = bool(row.provenance.settings.get("cast"))
    yield from _sliding(row.video, row.steps, prompts, Cast() if cast else None)
    if len(row.steps) <= fold_steps and any(not step.problem for step in row.steps):
        yield _summary(entry, fold_steps, cast=cast)


def _part(entry: Entry) -> tuple[float, float]:
    """The part of the whole video, in its own time."""
    return entry.start_seconds + entry.offset_seconds, entry.end_seconds + entry.offset_seconds


def _sliding(video: str, steps: tuple[Step, ...], prompts: PromptSet, cast: Cast | None = None) -> Iterator[Sample]:
    number = first = 0
    for _, run in groupby(steps, key=lambda step: step.shot_index):
        chain = tuple(run)
        segment = _segment(chain)
        if segment is not None:
            role = sliding(segment, video=video, layout=prompts.pair_layout, cast=cast)
            for place, (request, step) in enumerate(_replayed(role, chain), start=first):
                yield Sample("sliding", f"sliding-{number:04d}", request, step.text, step=place)
                number += 1
        first += len(chain)
        cast = Carried(cast=cast).after(chain).cast


def _unusable(step: Step) -> bool:
    return bool(step.problem) or not step.text.strip()


def _segment(chain: tuple[Step, ...]) -> Segment | None:
    """A shot as the role received it; None if the times of its frames are unknown."""
    if any(step.kind == "whole" or not step.frame_seconds for step in chain):
        return None
    continues = chain[0].kind == "change"
    times = [step.frame_seconds[-1] for step in chain]
    facts = [step.facts[-1] if step.facts else _not_measured(step) for step in chain]
    if continues:
        times, facts = [chain[0].frame_seconds[0], *times], [_not_measured(chain[0]), *facts]
    keyframes = tuple(Keyframe(seconds, chain[0].shot_index, "change") for seconds in times)
    start, end = chain[0].start_seconds, chain[-1].end_seconds
    return Segment(chain[0].shot_index, start, end, "cut", continues, keyframes, tuple(facts))


def _not_measured(step: Step) -> Facts:
    """A placeholder for facts that are not stored; prompts do not mention it."""
    nothing = PictureMotion(0.0, 0.0, None)
    return Facts(step.start_seconds, step.end_seconds, CameraMotion(), nothing, Look(0.0, 0.0, 0.0, ()))


def _replayed(role: Generator[Request, Reply, Any], steps: Sequence[Step]) -> Iterator[tuple[Request, Step]]:
    """The requests of a role that gets the stored texts as replies."""
    request = next(role)
    for step in steps:
        yield request, step
        problem: Problem = "empty" if _unusable(step) else ""
        try:
            request = role.send(Reply(step.text, "", "stored", problem=problem))
        except StopIteration:
            return


def _fast(entry: Entry, layout: Layout, count: int) -> Sample:
    row = entry.row
    if row.mode == "fast" and entry.clip is None and row.steps and row.steps[0].frame_seconds:
        times, facts = row.steps[0].frame_seconds, row.steps[0].facts
    else:
        times = _keyframe_times(entry) if not count else ()
        times = times or even_times(entry.start_seconds, entry.end_seconds, count or 16)
        facts = tuple(one for step in entry.steps for one in step.facts)
    keyframes = [Keyframe(seconds, 0, "change") for seconds in times]
    start, end = entry.start_seconds, entry.end_seconds
    role = fast(keyframes, facts, video=row.video, start_seconds=start, end_seconds=end, layout=layout)
    return Sample("fast", "fast", next(role), entry.text)


def _keyframe_times(entry: Entry) -> tuple[float, ...]:
    """The times of the keyframes that the steps were made of."""
    return tuple(sorted({at for step in entry.steps for at in step.frame_seconds}))


def _summary(entry: Entry, fold_steps: int, *, cast: bool = False) -> Sample:
    start, end = _part(entry)
    row = entry.row
    role = summary(row.steps, video=row.video, start_seconds=start, end_seconds=end, fold_steps=fold_steps, cast=cast)
    request = next(role)
    assert isinstance(request, Request)  # several only if there are more steps than one request can carry
    return Sample("summary", "summary", request, entry.text)


def _recaption(entry: Entry, short: tuple[str, str]) -> Iterator[Sample]:
    source, prompt = short if short[1] else ("first sentence of the caption", first_sentence(entry.text))
    if prompt and prompt.strip() != entry.text.strip():
        yield Sample("recaption", "recaption", next(recaption(prompt)), entry.text, source)


def first_sentence(text: str) -> str:
    """The first sentence of a text; all of it if no sentence ends."""
    line = " ".join(text.split())
    for number, character in enumerate(line):
        ends = character in _SENTENCE_ENDS
        if ends and (character in "。！？" or number + 1 == len(line) or line[number + 1] == " "):
            return line[: number + 1]
    return line
