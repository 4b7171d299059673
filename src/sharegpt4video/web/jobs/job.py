"""One caption on its way: its events, kept so that a reader can come back, and its pictures, kept on disk."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ...records import Edit, VideoCaption
from ..media import Media
from ..refusals import Refused
from ..streams import Event
from .tasks import Caption

logger = logging.getLogger(__name__)

Status = Literal["queued", "running", "done", "failed", "cancelled"]
ENDS = frozenset({"done", "failed", "cancelled"})
_UNKNOWN = {"model": "", "prompt_set": "", "prompt_hash": "", "version": "", "settings": {}}
_LEAST_BETWEEN_READ_SECONDS = 0.2


def plain_caption(caption: VideoCaption) -> dict[str, Any]:
    """A caption as the data of its JSON."""
    plain: dict[str, Any] = json.loads(caption.to_json(indent=None))
    return plain


class Job:
    """A caption that was asked for; ``client`` asked. Changed by the queue alone."""

    def __init__(self, media: Media, task: Caption, client: str, folder: Path, unwatched_seconds: float) -> None:
        self.id = secrets.token_urlsafe(16)
        self.media, self.task, self.client = media, task, client
        self.status: Status = "queued"
        self.message = ""
        self.caption: VideoCaption | None = None
        self.keyframes: dict[int, dict[str, Any]] = {}
        self.events: list[Event] = []
        self.ended = 0.0
        self.watchers = 0
        self.wanted_until = time.monotonic() + unwatched_seconds
        self.opened: dict[str, Any] = {}
        self.read_seconds = 0.0
        self.steps: list[dict[str, Any]] = []
        self.summary: dict[str, str] = {}
        self._folder = folder / self.id
        self._pictures: set[int] = set()
        self._news = asyncio.Event()
        self._last_read = 0.0

    @property
    def is_over(self) -> bool:
        return self.status in ENDS

    def say(self, kind: str, data: dict[str, Any]) -> None:
        """Add an event, and wake who follows."""
        self.events.append(Event(kind, data, len(self.events)))
        if kind in ENDS:
            self.status, self.ended = kind, time.monotonic()  # type: ignore[assignment]
        self._news.set()
        self._news = asyncio.Event()

    def read_to(self, data: dict[str, Any]) -> None:
        """How far the video has been read; not told more often than a bar can show."""
        self.read_seconds = data["read_seconds"]
        now = time.monotonic()
        if now - self._last_read >= _LEAST_BETWEEN_READ_SECONDS:
            self._last_read = now
            self.say("read", data)

    def keyframe(self, data: dict[str, Any], picture: bytes) -> None:
        """A keyframe, or the facts of one that came before."""
        number = int(data["number"])
        if picture and number not in self._pictures:
            try:
                self._folder.mkdir(exist_ok=True)
                self._picture_path(number).write_bytes(picture)
                self._pictures.add(number)
            except OSError as error:  # the caption is worth more than a picture
                logger.warning("%s: a keyframe cannot be stored: %s", self._folder, error)
                with suppress(OSError):
                    self._picture_path(number).unlink()
        link = f"/v1/captions/{self.id}/keyframes/{number}" if number in self._pictures else None
        self.keyframes[number] = data | {"picture": link}
        self.say("keyframe", self.keyframes[number])

    def picture(self, number: int) -> Path | None:
        return self._picture_path(number) if number in self._pictures else None

    def _picture_path(self, number: int) -> Path:
        return self._folder / f"{number}.jpg"

    async def follow(self, after: int, linger_seconds: float) -> AsyncGenerator[Event, None]:
        """The events with numbers above ``after``, to the last one."""
        self.watchers += 1
        at = min(after + 1, len(self.events))  # what comes next, for a number that was never given
        try:
            while True:
                news = self._news
                for event in self.events[at:]:
                    at += 1
                    yield event
                    if event.kind in ENDS:
                        return
                if at >= len(self.events):
                    if self.is_over:
                        return
                    await news.wait()
        finally:
            self.watchers -= 1
            if not self.watchers:
                self.wanted_until = time.monotonic() + linger_seconds

    def asked_about(self, unwatched_seconds: float) -> None:
        """Somebody polls it, and may do so again."""
        self.wanted_until = max(self.wanted_until, time.monotonic() + unwatched_seconds)

    @property
    def is_unwanted(self) -> bool:
        return not self.is_over and not self.watchers and time.monotonic() > self.wanted_until

    def drawn(self) -> VideoCaption | None:
        """The caption or, as long as it is not complete, what there is of it; None before the video is open."""
        if self.caption is not None or not self.opened:
            return self.caption
        stopped = f"it was stopped after {self.read_seconds:.1f} s; the rest is not captioned"
        plain = {
            "video": self.media.name,
            "width": self.opened["width"],
            "height": self.opened["height"],
            "start_seconds": self.opened["start_seconds"],
            "end_seconds": max(self.read_seconds, self.opened["start_seconds"]),
            "mode": self.task.mode,
            "shots": [],
            "steps": [each["step"] for each in self.steps],
            "summary": self.summary.get("text", ""),
            "summary_problem": self.summary.get("problem", ""),
            "provenance": _UNKNOWN | {"model": self.task.model},
            "warnings": [stopped] if self.is_over else [],
        }
        return VideoCaption.from_json(json.dumps(plain))

    def edit(self, step: int | None, text: str, was: str, model: str = "") -> VideoCaption:
        """Replace the text of a step, or of the summary (None), by somebody's own, or that of a ``model``.

        Raises Refused while it is being made, for a step that is not there, and where the text is not ``was`` any more.
        """
        if not self.is_over or self.caption is None:
            raise Refused(409, "the caption is not finished yet; edit it when it is", "running", theirs=was)
        steps = list(self.caption.steps)
        if step is not None and step >= len(steps):
            raise Refused(404, f"there is no step {step}; the last one is {len(steps) - 1}")
        theirs = self.caption.summary if step is None else steps[step].text
        if theirs != was:
            raise Refused(409, "somebody else has changed this text in the meantime", theirs=theirs)
        if step is not None:
            steps[step] = replace(steps[step], text=text, problem="")
        told = {"summary": text, "summary_problem": ""} if step is None else {"steps": tuple(steps)}
        edit = Edit(-1 if step is None else step, model, by_hand=not model)
        others = (one for one in self.caption.edits if one.step != edit.step)
        self.caption = replace(self.caption, **told, edits=(*others, edit))  # the last one last
        return self.caption

    def remove(self) -> None:
        """Remove its pictures."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._pictures.clear()
