"""The main path: a video in, a `VideoCaption` out.

You come from the README, whose first lines call `caption`. One thread decodes and measures (``reading``); its segments
are described side by side as they come (``run``, read it next), each shot a chain of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from . import background
from .caption_files import read_caption
from .captioner.engine import Engine
from .checking import ShownPixels, out_of_range, raise_for
from .config import CaptionSettings
from .draft import Progress
from .engines import engine_for, open_engine, settings_for
from .errors import CaptionInterrupted, VLMError
from .files import file_state
from .look import keyframes, measure
from .reading import read
from .records import Keyframe, VideoCaption
from .retell import recaption, summarize
from .run import VideoRun
from .video.thumbnails import pictures_of
from .vlm.base import VLM

__all__ = ["acaption", "caption", "keyframes", "measure", "open_engine", "read_caption", "recaption", "summarize"]

Source = str | os.PathLike[str] | BinaryIO


def caption(
    video: Source,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    picture_side_pixels: int = 0,
) -> VideoCaption:
    """Caption one video: a path, a URL or an open binary file.

        captioned = caption("film.mp4", settings=CaptionSettings(start_seconds=60, end_seconds=90))
        print(captioned.summary)

    ``model`` is a name as for ``sg4v caption --model``, or a ``VLM`` object. ``on_progress`` is called with whatever
    is new: see `Progress`; with ``picture_side_pixels``, its keyframes have a JPEG whose longer side is that. Blocks
    until the caption is complete, also inside a notebook; ``acaption`` is for code that runs in an event loop.

    A text that stays unusable is kept and marked, see ``VideoCaption.problems``.

    Raises VideoError if the video cannot be read, CaptionInterrupted (with the finished steps) if the model cannot go
    on, SettingsError for invalid settings, MissingExtra if the model needs a package that is not installed.
    """
    told: dict[str, Any] = {"on_progress": on_progress, "picture_side_pixels": picture_side_pixels}
    return background.run(acaption(video, model=model, settings=settings, **told))


async def acaption(
    video: Source,
    *,
    model: str | VLM = "embedded",
    settings: CaptionSettings | None = None,
    engine: Engine | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    picture_side_pixels: int = 0,
) -> VideoCaption:
    """Caption one video inside an event loop.

        engine = open_engine("server:my-model@http://localhost:8000/v1", settings)
        captions = await asyncio.gather(*(acaption(path, settings=settings, engine=engine) for path in paths))

    Many calls can run at once. Give them one ``engine``, so that they share the model's slots; ``model`` is then
    ignored. Otherwise as ``caption``, and raises what ``caption`` raises.
    """
    settings = settings_for(engine.vlm if engine else model, settings)
    raise_for(out_of_range("picture_side_pixels", picture_side_pixels, ShownPixels))
    path = Path(video).absolute() if isinstance(video, (str, os.PathLike)) else None
    state = None if path is None else file_state(path)
    async with engine_for(model, settings, engine) as running:
        run = VideoRun(running, settings, on_progress)
        stop, loop = threading.Event(), asyncio.get_running_loop()

        def report(news: float | Keyframe) -> None:
            loop.call_soon_threadsafe(run.draft.note, news)

        wants: dict[str, Any] = {"wants_images": running.vlm.max_images > 0, "wants_sound": running.vlm.hears}
        wants["picture_side_pixels"] = picture_side_pixels if on_progress else None
        events = read(video, settings, **wants, stopped=stop.is_set, on_progress=report)
        try:
            captioned = await run.describe(background.in_thread(events, stop.set))
        except VLMError as error:
            raise CaptionInterrupted(str(error), run.draft.caption()) from error
    return captioned if path is None else captioned.showing(partial(pictures_of, path=path, state=state))
