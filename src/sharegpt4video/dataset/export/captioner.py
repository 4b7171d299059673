"""Training data for your own captioner: its four roles as conversations, with exactly the prompts a model gets.

Paper, section 4.2: sliding captioning, fast captioning, clip summarizing, prompt re-captioning. ``roles`` makes the
requests, the prompt set puts them into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any

from pydantic_core import to_jsonable_python

from ...checking import GridFrames, JpegQuality, Limits, SidePixels, raise_for, wrong_values
from ...config import STRICT
from ...errors import VideoError
from ...prompts import PROMPT_SETS, PromptSet, prompt_set
from ...records import Image
from ...video.compose import arrange
from ...vlm.base import Request
from ...vlm.render import render
from ...vlm.stored import plain_request
from .conversations import ConversationFiles, picture_path, save_picture, shown, turns
from .entries import Entry
from .job import ExportJob
from .multimap import DiskMultimap
from .pictures import NO_PICTURES, frames, in_order
from .roles import ROLES, Role, Sample, samples


@dataclass(frozen=True)
class CaptionerOptions:
    """Options of the format ``captioner``."""

    __pydantic_config__ = STRICT

    roles: tuple[Role, ...] = ROLES
    """Which roles to make samples for."""
    prompts: str = ""
    """The prompt set to ask with. "": the one that the caption was made with."""
    hints: bool = False
    """Put the measured facts into the questions, as ``hints`` does in captioning."""
    facts: bool = False
    """Write the measured facts of each question (``facts``), for a judge of answers; they stay out of the questions."""
    pictures: bool = True
    """Decode the frames and write them. False: samples have only their times."""
    frames: Annotated[int, Limits(0, 1024)] = 16
    """How many frames a fast sample has, spread evenly; 0: the keyframes of the caption (16 where none are known)."""
    apart: bool = False
    """Show the frames of a fast sample one by one, as to a model that takes them so (``frames_apart``)."""
    max_images: GridFrames = 16
    """How many pictures the model takes; more are combined into one."""
    side_pixels: SidePixels = 1280
    """Longer side of a frame."""
    jpeg_quality: JpegQuality = 92
    """Quality of the pictures, 1 to 100; as in captioning, so that a model learns from what it will see."""
    lines: bool = False
    """JSON Lines (``train.jsonl``) instead of one JSON list (``train.json``)."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        if self.prompts:
            prompt_set(self.prompts)


def write_captioner(job: ExportJob) -> None:
    """``SPLIT.json`` with a conversation for each text that a model wrote, and the pictures in ``images/``."""
    with ExitStack() as stack:
        files = stack.enter_context(ConversationFiles(job.target, lines=job.options.lines))
        shorts = stack.enter_context(DiskMultimap(_shorts(job))) if "recaption" in job.options.roles else None
        for entry in job.entries(facts=job.options.hints or job.options.facts, usable=False):
            if job.options.hints and not any(step.facts for step in entry.row.steps):
                job.leave_out("without measured facts, which hints asks for")
                continue
            try:
                written = _write(job, files, entry, shorts)
            except VideoError as error:
                job.leave_out(NO_PICTURES, example=str(error), failed=True)
                continue
            if written:
                job.wrote(entry, written)
            else:
                job.leave_out("without a text for any of the roles")
        files.finish()


def _shorts(job: ExportJob) -> Iterator[tuple[bytes, str]]:
    """Short texts by id, the user's own first: what a user might type to get such a video."""
    for table, column, mark in (("sources", "caption", "user caption"), ("shorts", "text", "short caption")):
        columns = [column, *(["problem"] if table == "shorts" else [])]
        for batch in job.store.batches(table, columns, batch_rows=4096):
            for row in batch.to_pylist():
                if row[column].strip() and not row.get("problem"):
                    yield bytes.fromhex(row["id"]), f"{mark}\n{row[column].strip()}"


def _write(job: ExportJob, files: ConversationFiles, entry: Entry, shorts: DiskMultimap | None) -> int:
    options: CaptionerOptions = job.options
    known = shorts.get(bytes.fromhex(entry.row.id))[:1] if shorts is not None else []
    source, _, short = known[0].partition("\n") if known else ("", "", "")
    chosen = prompts_of(entry, options.prompts)
    found = list(
        samples(
            entry,
            chosen,
            roles=options.roles,
            frames=options.frames,
            apart=options.apart,
            short=(source, short),
            fold_steps=int(entry.row.provenance.settings.get("fold_steps", 40)),
            leave_out=job.leave_out,
        )
    )
    pictures = Pictures(job, entry, [sample.request for sample in found])
    for sample in found:
        files.add(entry.split, _conversation(job, entry, sample, chosen, pictures))
    return len(found)


def prompts_of(entry: Entry, name: str = "") -> PromptSet:
    """The prompt set of this name, or the caption's own; that of released captions is unknown."""
    name = name or entry.row.provenance.prompt_set
    return PROMPT_SETS.get(name, PROMPT_SETS["default"])


@cache
def _hash_of(name: str) -> str:
    """The cached hash of a prompt set; computing it takes longer than making a sample."""
    return PROMPT_SETS[name].hash


def _conversation(
    job: ExportJob, entry: Entry, sample: Sample, chosen: PromptSet, pictures: Pictures
) -> dict[str, Any]:
    request, names = pictures.of(sample)
    prompt = render(request, chosen, hints=job.options.hints)
    return {
        "id": f"{entry.id}-{sample.name}",
        "role": sample.role,
        "task": request.task,
        **shown(names, job.location(entry)),
        "seconds": [round(at, 3) for at in request.seconds],
        "system": prompt.system,
        "conversations": turns(prompt.text, sample.answer, len(names)),
        "verbatim": True,  # our own trainer takes away no blank at the ends, which a model is asked with, too
        "prompt_set": chosen.name,
        "prompt_hash": _hash_of(chosen.name),
        "prompt_from": sample.prompt_from,
        "request": plain_request(request),
        **({"facts": to_jsonable_python(request.facts)} if job.options.facts else {}),
    }


class Pictures:
    """The pictures of one video: each frame is decoded, encoded and written once, even if two steps show it.

    The job's options have ``pictures``, ``side_pixels``, ``jpeg_quality`` and ``max_images``.
    """

    def __init__(self, job: ExportJob, entry: Entry, requests: Sequence[Request]) -> None:
        self._job, self._entry = job, entry
        self._options = job.options
        self._written: set[str] = set()
        times = {at for request in requests for at in request.seconds} if self._options.pictures else set()
        size = {"side_pixels": self._options.side_pixels, "quality": self._options.jpeg_quality}
        self._shown: dict[float, tuple[float, Image]] = frames(entry, times, **size) if times else {}

    def of(self, sample: Sample) -> tuple[Request, list[str]]:
        """The request with pictures combined for the model, and their file names."""
        request = sample.request
        if not self._shown or not request.seconds:
            return request, []
        if request.task == "fast":  # as when captioning: each frame once, at its own time
            shown = {at: seconds for seconds in request.seconds for at in [self._shown[seconds][0]]}
            self._shown |= {at: self._shown[seconds] for at, seconds in shown.items()}
            request = replace(request, seconds=tuple(shown))
        alone = in_order(self._shown, request.seconds)
        arranged = arrange(alone, request.layout, self._options.max_images, self._options.jpeg_quality)
        if arranged == alone:
            milliseconds = [round(at * 1000) for at in request.seconds]
            names = [f"{self._entry.id}-{at:09d}" for at in milliseconds]
        else:
            names = [f"{self._entry.id}-{sample.name}"]
        paths = [self._save(name, image) for name, image in zip(names, arranged, strict=True)]
        return replace(request, images=arranged), paths

    def _save(self, name: str, image: Image) -> str:
        path = picture_path("images", name)
        if name not in self._written:
            self._written.add(name)
            save_picture(self._job.target, path, image)
        return path
