"""The videos that may be asked for: each has a random id, and nothing else leads to a file.

A path is taken once, from somebody who may name it, and must lie in one of the given folders, links followed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SG4VError
from .jobs.tasks import Look, Picture, Preview
from .jobs.workers import Workers
from .refusals import Refused
from .settings import WebSettings
from .uploads import Uploads, shown_name

logger = logging.getLogger(__name__)

PREVIEW_SIDE_PIXELS = 960
_MOST_OPEN = 5000


@dataclass
class Media:
    """A video that can be asked for. ``uploaded``: the file is ours to remove. ``kept``: it is never forgotten.
    ``preview`` plays where it does not. ``bytes`` and ``changed_ns`` tell the file from one put in its place."""

    id: str
    path: Path
    name: str
    bytes: int
    changed_ns: int
    seconds: float | None
    width: int
    height: int
    fps: float | None
    has_sound: bool
    playable: bool
    media_type: str
    uploaded: bool
    kept: bool = False
    preview: Path | None = None
    used: float = field(default_factory=time.monotonic)
    making: asyncio.Task[None] | None = None


class Library:
    """All videos that have been opened. Belongs to one event loop."""

    def __init__(self, settings: WebSettings, workers: Workers, uploads: Uploads) -> None:
        self._settings, self._limits = settings, settings.limits
        self._workers, self.uploads = workers, uploads
        self._roots = [root.resolve() for root in settings.roots]
        self._media: dict[str, Media] = {}
        self._at_path: dict[tuple[Path, int, int], str] = {}
        self._opening, self._previewing = asyncio.Lock(), asyncio.Lock()  # one at a time

    def __len__(self) -> int:
        return len(self._media)

    def get(self, id: str) -> Media:
        """Raises Refused for an id that is not, or no longer, known, and where the file is another one by now."""
        media = self._media.get(id)
        if media is None:
            raise Refused(404, "there is no such video, or it has not been used for too long; open it again")
        if not _is_unchanged(media):
            raise Refused(404, f"{media.name}: the file has been replaced, changed or removed; open it again")
        media.used = time.monotonic()
        return media

    def path_in_roots(self, given: str) -> Path:
        """The file that a path leads to, links followed. Raises Refused where that is not inside the given folders.

        The message is the same for what is not there and for what may not be seen.
        """
        outside = Refused(404, f"{given[:300]}: not a file in the folders that may be opened here (sg4v web --root)")
        if not given or "\0" in given:
            raise outside
        try:
            asked = Path(given)
            tried = [asked] if asked.is_absolute() else [root / asked for root in self._roots]
            found = [path.resolve() for path in tried]
            return next(
                path for path in found if any(path.is_relative_to(root) for root in self._roots) and path.is_file()
            )
        except (StopIteration, OSError, ValueError, RuntimeError):
            raise outside from None

    async def open(self, given: str) -> Media:
        """The video at a path inside the given folders. Raises Refused, and VideoError for what is not a video."""
        return await self.open_file(self.path_in_roots(given))

    async def open_file(self, path: Path, *, name: str = "", uploaded: bool = False, kept: bool = False) -> Media:
        """The video in a file that may be served. Raises VideoError for what is not one, or is too large."""
        state = path.stat()
        key = (path, state.st_size, state.st_mtime_ns)
        async with self._opening:
            if (known := self._at_path.get(key)) in self._media:
                return self.get(known or "")
            name = name or shown_name(path.name)
            task = Look(str(path), name)
            said = await self._workers.ask(task, seconds=self._limits.short_seconds)
            media = Media(secrets.token_urlsafe(16), path, name, *key[1:], uploaded=uploaded, kept=kept, **said.data)
            self._media[media.id], self._at_path[key] = media, media.id
            self._forget_oldest()
        if not media.playable:
            media.making = asyncio.create_task(self._make_preview(media))
        return media

    async def file_of(self, media: Media) -> tuple[Path, str]:
        """What browsers get, and its type: the file or, once it is made, its preview. Raises Refused."""
        if media.playable:
            return media.path, media.media_type
        if media.making is not None:
            await asyncio.wait([media.making])
        if media.preview is None:
            raise Refused(415, "browsers cannot play this video, and a copy that they can play could not be made")
        return media.preview, "video/mp4"

    async def picture(self, media: Media, seconds: float, side_pixels: int) -> bytes:
        """A frame as JPEG. Raises VideoError."""
        task = Picture(str(media.path), media.name, seconds, side_pixels)
        return (await self._workers.ask(task, seconds=self._limits.short_seconds)).picture

    async def _make_preview(self, media: Media) -> None:
        target = self.uploads.new_path(".mp4")
        task = Preview(str(media.path), media.name, str(target), PREVIEW_SIDE_PIXELS, self._limits.max_seconds)
        try:
            async with self._previewing:
                await self._workers.ask(task, seconds=self._limits.job_seconds, is_short=False)
            media.preview = target
        except SG4VError as error:
            logger.info("%s: no preview could be made: %s", media.name, error)
        finally:
            if media.preview is None:  # also when it was forgotten meanwhile
                target.unlink(missing_ok=True)

    def forget_unused(self, in_use: set[str]) -> None:
        """Drop uploads and previews that nobody has used for long."""
        before = time.monotonic() - self._limits.keep_seconds
        for media in list(self._media.values()):
            if media.used < before and media.id not in in_use and not media.kept:
                self._forget(media)

    def make_room(self, bytes: int, in_use: set[str]) -> None:
        """Drop the oldest uploads until there is room for so many bytes. Raises Refused when there is none."""
        for media in sorted(self._media.values(), key=lambda one: one.used):
            if self.uploads.has_room(bytes):
                return
            if (media.uploaded or media.preview) and media.id not in in_use:
                self._forget(media)
        if not self.uploads.has_room(bytes):
            raise Refused(507, "there is no room for this file; try again when others have finished", retry_seconds=60)

    def _forget_oldest(self) -> None:
        while len(self._media) > _MOST_OPEN:
            self._forget(min(self._media.values(), key=lambda one: one.used))

    def _forget(self, media: Media) -> None:
        self._media.pop(media.id, None)
        self._at_path = {key: id for key, id in self._at_path.items() if id != media.id}
        if media.making is not None:
            media.making.cancel()
        for path in (media.preview, media.path if media.uploaded else None):
            if path is not None:
                path.unlink(missing_ok=True)

    async def close(self) -> None:
        making = [media.making for media in self._media.values() if media.making and not media.making.done()]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)


def _is_unchanged(media: Media) -> bool:
    """Whether the file is the one that was looked at, and no link has been put in its place."""
    try:
        state = media.path.lstat()
        is_same = stat.S_ISREG(state.st_mode) and (state.st_size, state.st_mtime_ns) == (media.bytes, media.changed_ns)
        return is_same and (media.uploaded or media.path.resolve() == media.path)
    except OSError:
        return False
