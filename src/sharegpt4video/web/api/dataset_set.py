"""The data set behind the routes: its catalogue, its videos as far as they may be seen, and pictures of them."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI

from ...dataset.compare import Comparison, compare
from ...dataset.report.samples import find_rows
from ...dataset.rows import CaptionRow
from ...dataset.store.store import Store
from ...errors import SG4VError, VideoError
from ...records import VideoCaption
from ..catalogue.catalogue import GONE, STATE_SECONDS, Catalogue, NoSuchCaption, NotReady
from ..catalogue.media import local_path, pictures_of
from ..jobs.tasks import Picture
from ..media import Media
from ..refusals import Refused
from ..server import Web

if TYPE_CHECKING:
    from ..server import Server

Plain = dict[str, Any]
Work = Callable[[Callable[[int], None]], None]
SIDE_PIXELS = 320
MOST_RUNS = 50
PICTURE_BYTES = 48 << 20
"""All pictures that are kept together."""
TRIED_VIDEOS = 8
"""So many of the first captions tell whether the videos of a data set lie in the folders that may be opened."""
RETRY_SECONDS = 2.0
BELIEVED_SECONDS = 5.0
"""So long is believed what was found of that."""


class _Stopped(Exception):
    """The server is being closed."""


@dataclass
class Run:
    """A bulk change that this server makes, or has made. Nothing of one that did not end counts."""

    id: str
    change: Plain
    author: str
    time: float
    rows: int = 0
    status: Literal["running", "done", "failed"] = "running"
    message: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self.status == "running"

    def plain(self) -> Plain:
        names = ("id", "change", "rows", "status", "message", "author", "time")
        return {name: getattr(self, name) for name in names} | {"undone": False}

    async def do(self, work: Work) -> None:
        try:
            await asyncio.to_thread(work, self._progress)
            self.status = "done"
        except (SG4VError, _Stopped, OSError) as error:
            self.status, self.message = "failed", str(error)
        finally:
            if self.is_running:
                self.status, self.message = "failed", "the server made a mistake; its log says more"

    def _progress(self, rows: int) -> None:
        self.rows = rows
        if self.stop.is_set():
            raise _Stopped


class StoredSet:
    """See ``stored.Stored``. ``router`` has all routes of the data set, and of the comparison if there is one."""

    def __init__(self, dataset: str, compare: tuple[str, str] | None, router: APIRouter) -> None:
        self.catalogue = Catalogue(dataset) if dataset else None
        self.pair = compare
        self.router = APIRouter(lifespan=self._meet)
        self.router.include_router(router)
        self._server: Server | None = None
        self._closing = False
        self._pictures: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._held = 0
        self._unseen: dict[str, tuple[float, str]] = {}
        self.comparing: asyncio.Task[Comparison] | None = None
        self.compared = 0
        self._missing = -1e9, ""  # when it was looked at, and which of the two data sets compared was gone
        self.runs: dict[str, Run] = {}
        self.one_at_a_time = threading.Lock()

    @property
    def name(self) -> str:
        return self.catalogue.name if self.catalogue else ""

    @property
    def compare(self) -> tuple[str, str] | None:
        if self.pair is None:
            return None
        a, b = (path.rstrip("/").rpartition("/")[2] or path for path in self.pair)
        return a, b

    async def start(self) -> None:
        if self.catalogue is not None:
            self.catalogue.start()
        if self.pair is not None:
            self.comparing = asyncio.create_task(asyncio.to_thread(self._compare, *self.pair))

    def _compare(self, a: str, b: str) -> Comparison:
        def on_progress(videos: int) -> None:
            self.compared = videos
            if self._closing:
                raise _Stopped

        return compare(a, b, on_progress=on_progress)

    def comparison(self) -> Comparison:
        """The two data sets compared, read once.

        Raises Refused without them, while they are being read, and where one of them was moved or deleted.
        """
        if self.comparing is None:
            raise Refused(404, "nothing is compared here; start sg4v web with --compare A B")
        if not self.comparing.done():
            raise Refused(
                503, f"the two data sets are being compared: {self.compared:,} videos so far", retry_seconds=2
            )
        found = self.comparing.result()
        now = time.monotonic()
        if now - self._missing[0] > STATE_SECONDS:
            self._missing = now, next((store.root for store in found.stores if not store.exists()), "")
        if self._missing[1]:
            raise Refused(503, f"{self._missing[1]}: {GONE}", retry_seconds=RETRY_SECONDS)
        return found

    async def close(self) -> None:
        self._closing = True
        for run in self.runs.values():
            run.stop.set()
        if self.comparing is not None:
            (found,) = await asyncio.gather(self.comparing, return_exceptions=True)
            if isinstance(found, Comparison):
                found.close()
        await asyncio.gather(*(run.task for run in self.runs.values() if run.task), return_exceptions=True)
        if self.catalogue is not None:
            await asyncio.to_thread(self.catalogue.close)

    async def caption(self, id: str) -> VideoCaption | None:
        row = await self.row(id)
        return None if row is None else row.caption

    async def row(self, id: str) -> CaptionRow | None:
        """A caption with its reviews applied; None for an id that is not there."""
        if self.catalogue is None:
            return None
        try:
            return await asyncio.to_thread(self.catalogue.row, id)
        except NoSuchCaption:
            return None

    async def picture(self, id: str, number: int, store: Store | None = None) -> bytes | None:
        """A keyframe of a row as JPEG; None where there is none, or its video cannot be read any more.

        ``store``: another data set.
        """
        key = (store.root if store else "", id, number)
        if key in self._pictures:
            self._pictures.move_to_end(key)
            return self._pictures[key]
        row = await self.row(id) if store is None else await asyncio.to_thread(_row_of, store, id)
        if row is None or self._server is None:
            return None
        frames = pictures_of(row.steps, row.start_seconds)
        if not 0 <= number < len(frames):
            return None
        try:
            path = await self.path(row, self._server, store)
            said = await self._server.ask(Picture(str(path), row.caption.video, frames[number].seconds, SIDE_PIXELS))
        except (VideoError, Refused):
            return None
        self._keep(key, said.picture)
        return said.picture

    async def path(self, row: CaptionRow, server: Server, store: Store | None = None) -> Path:
        """The file of a caption. Raises VideoError, or Refused where it is not in the folders that may be opened."""
        if store is None:
            assert self.catalogue is not None
            store = self.catalogue.store
        return server.library.path_in_roots(await asyncio.to_thread(local_path, store, row))

    async def media(self, row: CaptionRow, server: Server, store: Store | None = None) -> tuple[Media | None, str]:
        """The video of a caption as one that can be asked for, or why there is none. ``store``: another data set."""
        try:
            return await server.library.open_file(await self.path(row, server, store)), ""
        except Refused as refused:
            return None, str(refused.detail)
        except (SG4VError, OSError) as error:
            return None, str(error)

    def unseen(self, server: Server, store: Store | None = None) -> str:
        """Why the videos of the data set cannot be seen here, and what to do; "" where they lie in the given folders.

        The first captions stand for all. ``store``: another data set.
        """
        if store is None:
            assert self.catalogue is not None
            store = self.catalogue.store
        now = time.monotonic()
        if (known := self._unseen.get(store.root)) is None or now - known[0] > BELIEVED_SECONDS:
            known = self._unseen[store.root] = now, _why_unseen(server, store)
        return known[1]

    def begin(self, id: str, change: Plain, author: str, work: Work) -> None:
        """Begin a bulk change in a thread; what became of the last ones is kept."""
        run = self.runs[id] = Run(id, change, author, time.time())
        run.task = asyncio.create_task(run.do(work))
        for old in list(self.runs)[:-MOST_RUNS]:
            if not self.runs[old].is_running:
                del self.runs[old]

    def _keep(self, key: tuple[str, str, int], jpeg: bytes) -> None:
        self._pictures[key] = jpeg
        self._held += len(jpeg)
        while self._held > PICTURE_BYTES:
            self._held -= len(self._pictures.popitem(last=False)[1])

    @asynccontextmanager
    async def _meet(self, app: FastAPI) -> AsyncGenerator[None, None]:
        """Get to know the server, whose processes decode the pictures."""
        self._server = app.state.server
        yield


def _why_unseen(server: Server, store: Store) -> str:
    if not server.settings.roots:
        return "No folder may be opened here: start sg4v web with --root FOLDER, the folder of the videos"
    where = ""
    for row in itertools.islice(store.rows("captions"), TRIED_VIDEOS):
        try:
            where = local_path(store, row)
            server.library.path_in_roots(where)
        except Refused:
            continue
        except (SG4VError, OSError):
            pass  # missing or replaced, which says nothing of the folders
        return ""
    return where and f"{where} is outside the folders that may be opened: give sg4v web its folder with --root as well"


def _row_of(store: Store, id: str) -> CaptionRow | None:
    found: CaptionRow | None = find_rows(store, "captions", [id]).get(id)
    return found


def _set(web: Web) -> StoredSet:
    if not isinstance(web.stored, StoredSet):
        raise Refused(404, "no data set is served here; start sg4v web with --dataset DIR")
    return web.stored


def _catalogue(stored: Annotated[StoredSet, Depends(_set)]) -> Catalogue:
    if stored.catalogue is None:
        raise Refused(404, "no data set is served here; start sg4v web with --dataset DIR")
    try:
        stored.catalogue.require_there()
    except NotReady as error:
        raise Refused(503, str(error), retry_seconds=RETRY_SECONDS) from error
    return stored.catalogue


Set = Annotated[StoredSet, Depends(_set)]
"""The data set, for a route."""
Index = Annotated[Catalogue, Depends(_catalogue)]
"""Its catalogue, for a route."""
