"""LLaVA-style training data: a question about an image grid, or about frames as separate images, and the caption.

The layout is that of ``sharegpt4video_mix181k_vqa-153k_share-cap-28k.json``: ``id``, ``image``, ``conversations``. The
sentence about the grid is the one that the released models were trained with (repository ShareGPT4Omni/ShareGPT4Video).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...checking import GridFrames, JpegQuality, SidePixels, raise_for, wrong_values
from ...config import STRICT
from ...errors import VideoError
from ...records import Image
from ...video.compose import decode_jpeg, encode_jpeg, grid
from .conversations import ConversationFiles, picture_path, save_picture, shown, turns
from .entries import Entry
from .job import ExportJob
from .pictures import NO_PICTURES, even_times, frames, in_order

GRID_PREFIX = (
    "The provided image arranges keyframes from a video in a grid view, keyframes are separated with white bands."
)
QUESTIONS = (
    "Describe this video in detail.",
    "What happens in this video? Tell it in detail, in the order in which it happens.",
    "Write a dense caption of this video.",
    "Tell what can be seen in this video: who and what is there, what happens, and how the camera moves.",
    "Give a detailed description of this video from its first to its last moment.",
)
"""One for each video, chosen by its id, so that a repeated export asks the same."""


@dataclass(frozen=True)
class LlavaOptions:
    """Options of the format ``llava``."""

    __pydantic_config__ = STRICT

    images: Literal["grid", "frames"] = "grid"
    """``grid``: one picture with all frames; ``frames``: one picture per frame."""
    frames: GridFrames = 16
    """How many frames, from the middles of as many equal parts of the video."""
    pictures: bool = True
    """Decode the videos and write the pictures. False: only name the files, to make them elsewhere."""
    side_pixels: SidePixels = 640
    """Longer side of a frame; a grid is reduced to 1920."""
    jpeg_quality: JpegQuality = 90
    """Quality of the pictures, 1 to 100."""
    question: str = ""
    """The question. "": one of five ways to ask for a description, by the id of the video."""
    lines: bool = False
    """JSON Lines (``train.jsonl``) instead of one JSON list (``train.json``)."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


def write_llava(job: ExportJob) -> None:
    """``SPLIT.json`` with a conversation for each video (and clip), and the pictures in ``images/``."""
    with ConversationFiles(job.target, lines=job.options.lines) as files:
        for entry in job.entries():
            try:
                names = _pictures(job, entry)
            except VideoError as error:
                job.leave_out(NO_PICTURES, example=str(error), failed=True)
                continue
            files.add(entry.split, _sample(job, entry, names))
            job.wrote(entry)
        files.finish()


def _sample(job: ExportJob, entry: Entry, names: list[str]) -> dict[str, object]:
    options: LlavaOptions = job.options
    question = options.question or QUESTIONS[int(entry.id, 16) % len(QUESTIONS)]
    if options.images == "grid":
        question = f"{GRID_PREFIX} {question}"
    return {
        "id": entry.id,
        **shown(names[0] if options.images == "grid" else names, job.location(entry)),
        "seconds": [round(at, 3) for at in _times(job, entry)],
        "conversations": turns(question, entry.text, len(names)),
    }


def _times(job: ExportJob, entry: Entry) -> tuple[float, ...]:
    return even_times(entry.start_seconds, entry.end_seconds, job.options.frames)


def _pictures(job: ExportJob, entry: Entry) -> list[str]:
    """Write the pictures of an entry; returns their paths in the export."""
    options: LlavaOptions = job.options
    count = 1 if options.images == "grid" else options.frames
    names = [entry.id if options.images == "grid" else f"{entry.id}-{number:02d}" for number in range(count)]
    paths = [picture_path("images", name) for name in names]
    if not options.pictures:
        job.note("the pictures were not made; the names are those they would have")
        return paths
    times = _times(job, entry)
    found = frames(entry, times, side_pixels=options.side_pixels, quality=options.jpeg_quality)
    taken = in_order(found, times)
    if options.images == "grid":
        taken = (_grid(taken, options.jpeg_quality),)
    return [save_picture(job.target, path, image) for path, image in zip(paths, taken, strict=True)]


def _grid(taken: tuple[Image, ...], quality: int) -> Image:
    return encode_jpeg(grid([decode_jpeg(image) for image in taken]), quality)
