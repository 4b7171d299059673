"""The main path: a video in, a `VideoCaption` out.

One thread decodes and measures; its segments are described side by side as they come, each shot a chain of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from . import background
from .captioner.engine import Engine, Role
from .captioner.outcome import Summary
from .captioner.recaption import recaption as recaption_role
from .captioner.summary import summary as summary_role
from .config import CaptionSettings, caption_settings
from .errors import CaptionInterrupted, SettingsError, VLMError
from .facts.segments import segments
from .prompts import prompt_set
from .reading import open_selector, read
from .records import Facts, Keyframe, VideoCaption
from .run import Progress, VideoRun
from .video.compose import arrange, encode_jpeg
from .video.keyframes import candidates
from .video.reader import VideoReader
from .video.shots import ShotDetector
from .video.thumbnails import file_state, pictures_of
from .vlm import open_model
from .vlm.base import VLM, Request

T = TypeVar("T")
Source = str | os.PathLike[str] | BinaryIO


def caption(
    video: Source,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> VideoCaption:
    """Caption one video: a path, a URL or an open binary file.

        captioned = caption("film.mp4", settings=CaptionSettings(start_seconds=60, end_seconds=90))
        print(captioned.summary)

    ``model`` is a name as for ``sg4v caption --model``, or a ``VLM`` object. ``on_progress`` is called as the video is
    read and after each finished step. Blocks until the caption is complete, also inside a notebook;
    ``acaption`` is for code that runs in an event loop.

    A text that stays unusable is kept and marked, see ``VideoCaption.problems``.

    Raises VideoError if the video cannot be read, CaptionInterrupted (with the finished steps) if the model cannot go
    on, SettingsError for invalid settings, MissingExtra if the model needs a package that is not installed.
    """
    return background.run(acaption(video, model=model, settings=settings, on_progress=on_progress))


async def acaption(
    video: Source,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
    engine: Engine | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> VideoCaption:
    """Caption one video inside an event loop.

        engine = open_engine("server:my-model@http://localhost:8000/v1", settings)
        captions = await asyncio.gather(*(acaption(path, settings=settings, engine=engine) for path in paths))

    Many calls can run at once. Give them one ``engine``, so that they share the model's slots; ``model`` is then
    ignored. Otherwise as ``caption``, and raises what ``caption`` raises.
    """
    settings = caption_settings(settings)
    path = Path(video).absolute() if isinstance(video, (str, os.PathLike)) else None
    state = None if path is None else file_state(path)
    async with _engine(model, settings, engine) as running:
        run = VideoRun(running, settings, on_progress)
        stop, loop = threading.Event(), asyncio.get_running_loop()

        def report(seconds: float) -> None:
            loop.call_soon_threadsafe(run.read_to, seconds)

        looks = running.vlm.max_images > 0
        events = read(video, settings, looks=looks, stopped=stop.is_set, on_progress=report)
        try:
            captioned = await run.describe(background.in_thread(events, stop.set))
        except VLMError as error:
            raise CaptionInterrupted(str(error), run.caption()) from error
    return captioned if path is None else captioned.showing(partial(pictures_of, path=path, state=state))


def summarize(
    captioned: VideoCaption,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
) -> Summary:
    """Write a caption for ``[start_seconds, end_seconds)`` of a captioned video, without opening the video.

    It is made from the stored steps. Times default to the start and end of the caption. If no step has a usable
    description, ``Summary.text`` is empty and ``Summary.problem`` says why.

    Raises SettingsError for invalid settings, VLMError if the model cannot answer.
    """
    settings = caption_settings(settings)
    role = summary_role(
        captioned.steps,
        video=captioned.video,
        start_seconds=captioned.start_seconds if start_seconds is None else start_seconds,
        end_seconds=captioned.end_seconds if end_seconds is None else end_seconds,
        fold_steps=settings.fold_steps,
    )
    return background.run(_run_role(role, model, settings))


def recaption(prompt: str, *, model: str | VLM = "embedded", settings: CaptionSettings | None = None) -> Summary:
    """Rewrite a short text-to-video prompt in the style of the captions, adding nothing that was not in it.

    Raises SettingsError for invalid settings, VLMError if the model cannot answer.
    """
    return background.run(_run_role(recaption_role(prompt), model, caption_settings(settings)))


def keyframes(video: Source, settings: CaptionSettings | None = None) -> Iterator[Keyframe]:
    """Yield the frames worth describing, in time order, each with its JPEG and the reason it was kept.

    Decodes as you iterate, in memory that does not grow with the video. Raises VideoError if the video cannot be
    read, SettingsError for invalid settings.
    """
    settings = caption_settings(settings)
    with _open(video, settings) as reader:
        flow = candidates(reader.decoded(), ShotDetector(), settings.keyframes.every_seconds)
        for selected in open_selector(settings.keyframes).select(flow):
            decoded = selected.candidate.decoded
            picture = decoded.frame(settings.image_side_pixels).pixels
            yield Keyframe(
                seconds=decoded.seconds,
                shot_index=selected.candidate.shot_index,
                reason=selected.reason,
                similarity=selected.similarity,
                image=encode_jpeg(picture, settings.jpeg_quality),
            )


def measure(video: Source, settings: CaptionSettings | None = None) -> Iterator[Facts]:
    """Yield the measured facts at the start of each shot and between its keyframes, in time order.

    Camera, motion, objects, people, colours and, with the extra ``ocr``, on-screen text. No model is asked. Raises
    VideoError if the video cannot be read, SettingsError for invalid settings.
    """
    settings = caption_settings(settings)
    with _open(video, settings) as reader:
        for segment in segments(reader.decoded(), open_selector(settings.keyframes), settings, with_images=False):
            yield from segment.facts[1:] if segment.continues else segment.facts


def open_engine(model: str | VLM, settings: CaptionSettings) -> Engine:
    """Open a model once for any number of ``acaption`` calls, which then share its request slots.

    Close it with ``await engine.vlm.close()``. Raises SettingsError for an unknown model or invalid options,
    MissingExtra if the model needs a package that is not installed.
    """
    settings = caption_settings(settings)
    if isinstance(model, str):
        model = open_model(model, prompts=prompt_set(settings.prompts), hints=settings.hints)
    if not isinstance(model, VLM):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise SettingsError(f"model is a name such as 'embedded' or a VLM object, not {what}")
    vlm = model

    def prepare(request: Request, max_images: int) -> Request:
        return replace(request, images=arrange(request.images, request.layout, max_images, settings.jpeg_quality))

    return Engine(vlm, prepare=prepare)


def _open(video: Source, settings: CaptionSettings) -> VideoReader:
    return VideoReader(video, start_seconds=settings.start_seconds, end_seconds=settings.end_seconds)


@asynccontextmanager
async def _engine(model: str | VLM, settings: CaptionSettings, given: Engine | None) -> AsyncIterator[Engine]:
    """The engine to use; one that is made here from a model's name is closed here, too."""
    engine = given or open_engine(model, settings)
    try:
        yield engine
    finally:
        if given is None and isinstance(model, str):
            await engine.vlm.close()


async def _run_role(role: Role[T], model: str | VLM, settings: CaptionSettings) -> T:
    async with _engine(model, settings, None) as engine:
        return await engine.run(role)
