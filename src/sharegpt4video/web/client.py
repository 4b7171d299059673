"""A client of ``sg4v web`` for other programs. Needs no extra: it speaks plain HTTP.

client = WebClient("http://127.0.0.1:8317", token)
print(client.caption("film.mp4", on_event=print).summary)
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from pydantic import BaseModel, RootModel

from ..errors import InputMissing, SettingsError, SG4VError
from ..given import from_json
from ..records import VideoCaption
from . import shapes

M = TypeVar("M", bound=BaseModel)
Query = Mapping[str, "str | float | Sequence[str] | None"]

_RESUMES = 5
_CHUNK_BYTES = 1 << 18
_LONGEST_LINE_BYTES = 64 << 20
_LONGEST_BYTES = 512 << 20
"""Of an answer, such as a long caption in a file's form. A server that sends without end is left."""
_OTHER_FORM = "the server's answer has another form; is it of another version?"
_ANOTHER_VERSION = 200
"""The status of an answer that makes no sense: it was given, so asking again is of no use."""
_NOT_YET = 503
"""The status while the index of a data set is being made."""
_LAST = frozenset({"done", "failed", "cancelled"})


class ServerRefused(SG4VError):
    """The server refused a request, cannot be reached (``status`` 0), or answers in another form (``status`` 200).

    ``body`` is the JSON of its answer."""

    def __init__(self, message: str, status: int, kind: str = "", body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.body = status, kind, body or {}


@dataclass(frozen=True)
class Event:
    """One event of a stream; ``number`` is None where it cannot be resumed."""

    kind: str
    data: dict[str, Any]
    number: int | None = None


class WebClient:
    """One server. The address may carry the token, as ``sg4v web`` prints it; ``timeout_seconds`` is for each answer.

    May be used from several threads. Every method raises ServerRefused. Raises SettingsError for what is no address.
    """

    def __init__(self, address: str, token: str = "", *, timeout_seconds: float = 150.0) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{address!r} is not the address of a server; it looks like http://127.0.0.1:8317")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._base, self._timeout = parts.path.rstrip("/"), timeout_seconds
        self._token = token or parse_qs(parts.query).get("token", [""])[0]

    def __repr__(self) -> str:
        return f"WebClient({self._host!r}, port={self._port})"

    def wait(self, seconds: float = 60.0) -> None:
        """Wait for a server that was just started, and until all of its data set can be searched, if it has one."""
        until = time.monotonic() + seconds
        while True:
            try:
                if not self.session().dataset or self._is_whole():
                    return
                late = f"the data set cannot be searched as a whole after {seconds:g} s; wait longer"
            except ServerRefused as refused:
                if refused.status and refused.status != _NOT_YET:
                    raise
                late = str(refused)
            if time.monotonic() > until:
                raise ServerRefused(late, 0)
            time.sleep(0.2)

    def _is_whole(self) -> bool:
        return self.dataset("captions", where=["steps>=0"], limit=1)["total"] is not None

    def session(self) -> shapes.Session:
        """What the server offers."""
        return self._get(shapes.Session, "/v1/session")

    def upload(self, path: str | os.PathLike[str], name: str = "") -> shapes.MediaInfo:
        """Send a video file. Raises InputMissing if it cannot be read."""
        file_path = Path(path)
        try:
            file = file_path.open("rb")
        except OSError as error:
            raise InputMissing(f"{file_path}: {error.strerror}") from error
        with file:
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(os.fstat(file.fileno()).st_size),
            }
            target = _with_query("/v1/media", {"name": name or file_path.name})
            return shapes.MediaInfo.model_validate_json(self._send("POST", target, file, headers))

    def open(self, path: str | None = None, *, url: str | None = None) -> shapes.MediaInfo:
        """Open a video in the folders of the server, or one behind an address where it fetches those."""
        return self._post(shapes.MediaInfo, "/v1/media/open", {"path": path} if path is not None else {"url": url})

    def info(self, media: str) -> shapes.MediaInfo:
        return self._get(shapes.MediaInfo, f"/v1/media/{quote(media)}/info")

    def frame(self, media: str, seconds: float, side_pixels: int = 320) -> bytes:
        """A frame as JPEG."""
        return self._send(
            "GET", _with_query(f"/v1/media/{quote(media)}/frame", {"seconds": seconds, "side": side_pixels})
        )

    def caption(
        self,
        video: str | os.PathLike[str] | shapes.MediaInfo,
        *,
        model: str | None = None,
        mode: shapes.Mode = "sliding",
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> VideoCaption:
        """Caption a file, which is uploaded, or a video that is open already; waits until it is done.

        Leaving early (Ctrl-C) ends it at the server, too. Raises SG4VError with the reason when it fails.
        """
        media = video if isinstance(video, shapes.MediaInfo) else self.upload(video)
        part = {"start_seconds": start_seconds, "end_seconds": end_seconds}
        begun = self.begin(media.id, model=model, mode=mode, **part)
        try:
            for event in self.events(begun.id):
                on_event(event)
                if event.kind == "done":
                    return self._answer(shapes.Edited, json.dumps(event.data).encode()).caption
                if event.kind in _LAST:
                    raise SG4VError(f"{media.name}: {event.data.get('message') or 'it was cancelled'}")
        except BaseException:
            with suppress(ServerRefused):  # what went wrong first is what counts
                self.cancel(begun.id)
            raise
        raise ServerRefused(f"{media.name}: its events ended before it was done", 0)

    def begin(
        self,
        media: str,
        *,
        model: str | None = None,
        mode: shapes.Mode = "sliding",
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> shapes.CaptionBegun:
        """Begin to caption; follow it with ``events``, or nobody wants it and it ends."""
        asked = {
            "media": media,
            "mode": mode,
            "model": model,
            "start_seconds": start_seconds,
            "end_seconds": end_seconds,
        }
        return self._post(shapes.CaptionBegun, "/v1/captions", asked)

    def events(self, caption: str, after: int = -1) -> Iterator[Event]:
        """The events of a caption to its last, carried on where a connection breaks."""
        broken = 0
        while True:
            try:
                headers = {"Last-Event-ID": str(after)} if after >= 0 else {}
                for event in self._stream("GET", f"/v1/captions/{quote(caption)}/events", None, headers):
                    if event.number is not None and event.number > after:  # it does go on
                        after, broken = event.number, 0
                    yield event
                    if event.kind in _LAST:
                        return
                return
            except ServerRefused as refused:
                broken += 1
                if refused.status or broken > _RESUMES:
                    raise
                time.sleep(0.2 * broken)

    def state(self, caption: str) -> shapes.CaptionState:
        return self._get(shapes.CaptionState, f"/v1/captions/{quote(caption)}")

    def cancel(self, caption: str) -> None:
        self._send("DELETE", f"/v1/captions/{quote(caption)}")

    def edit(self, caption: str, step: int | None, text: str, was: str) -> VideoCaption:
        """Replace the text of a step, or of the summary (None). Status 409 where it is not ``was`` any more."""
        change = {"step": step, "text": text, "was": was}
        path = f"/v1/captions/{quote(caption)}"
        return self._answer(shapes.Edited, self._send_json("PATCH", path, change)).caption

    def download(self, caption: str, format: str = "json") -> str:
        """The caption as the text of a file: json, srt, vtt or md."""
        return self._send("GET", _with_query(f"/v1/captions/{quote(caption)}/download", {"format": format})).decode(
            "utf-8", "replace"
        )

    def find(self, caption: str, query: str) -> list[shapes.Moment]:
        path = _with_query(f"/v1/captions/{quote(caption)}/find", {"q": query})
        return self._get(shapes.Moments, path).moments

    def summarize(
        self, caption: str, start_seconds: float, end_seconds: float, *, model: str | None = None
    ) -> shapes.SummaryMade:
        """One text for a part of a caption."""
        asked = {"caption": caption, "start_seconds": start_seconds, "end_seconds": end_seconds, "model": model}
        return self._post(shapes.SummaryMade, "/v1/summaries", asked)

    def recaption(self, prompt: str, *, model: str | None = None, encoder: str | None = None) -> shapes.Recaptioned:
        """A short prompt in the style of the captions, with what became of each fact of it."""
        return self._post(shapes.Recaptioned, "/v1/recaption", {"prompt": prompt, "model": model, "encoder": encoder})

    def ask(
        self,
        media: str,
        question: str,
        *,
        model: str | None = None,
        history: Sequence[tuple[str, str]] = (),
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> Iterator[Event]:
        """Ask about a video: the frames it is shown, then the answer piece by piece."""
        turns = [{"question": asked, "answer": answer} for asked, answer in history]
        wanted: dict[str, Any] = {"media": media, "question": question, "model": model, "history": turns}
        wanted |= {"start_seconds": start_seconds, "end_seconds": end_seconds}
        return self._stream("POST", "/v1/ask", json.dumps(wanted).encode(), {"Content-Type": "application/json"})

    def dataset(self, path: str = "", **query: str | float | Sequence[str] | None) -> dict[str, Any]:
        """What is below ``/v1/dataset``: ``client.dataset("captions", where=["max_motion>0.3"], limit=20)``."""
        return self._plain("GET", _with_query(f"/v1/dataset/{path}".rstrip("/"), query))

    def review(self, **review: Any) -> dict[str, Any]:
        """Add a review of a caption of the data set; see ``POST /v1/dataset/reviews``."""
        return self._plain("POST", "/v1/dataset/reviews", review)

    def bulk(self, **change: Any) -> dict[str, Any]:
        """Change many captions of the data set, or preview that; see ``POST /v1/dataset/bulk``."""
        return self._plain("POST", "/v1/dataset/bulk", change)

    def _get(self, kind: type[M], path: str) -> M:
        return self._answer(kind, self._send("GET", path))

    def _post(self, kind: type[M], path: str, content: Mapping[str, Any]) -> M:
        return self._answer(kind, self._send_json("POST", path, content))

    def _answer(self, kind: type[M], content: bytes) -> M:
        try:
            return kind.model_validate_json(content)
        except ValueError as wrong:
            raise ServerRefused(_OTHER_FORM, _ANOTHER_VERSION) from wrong

    def _plain(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._answer(_Plain, self._send_json(method, path, content)).root

    def _send_json(self, method: str, path: str, content: Mapping[str, Any] | None) -> bytes:
        if content is None:
            return self._send(method, path)
        return self._send(method, path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
        with closing(self._connection()) as connection:
            try:
                return _bounded(self._asked(connection, method, path, body, headers or {}))
            except (OSError, http.client.HTTPException) as error:
                raise self._lost(error) from error

    def _stream(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Iterator[Event]:
        with closing(self._connection()) as connection:
            try:
                response = self._asked(connection, method, path, body, headers)
                yield from _events(iter(partial(response.readline, _LONGEST_LINE_BYTES), b""))
            except ValueError as wrong:
                raise ServerRefused(_OTHER_FORM, _ANOTHER_VERSION) from wrong
            except (OSError, http.client.HTTPException) as error:
                raise self._lost(error) from error

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout, blocksize=_CHUNK_BYTES)

    def _asked(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        proof = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        connection.request(method, self._base + path, body, {**headers, **proof})
        response = connection.getresponse()
        if response.status >= 400:
            raise _refused(response.status, response.read(_LONGEST_LINE_BYTES))
        return response

    def _lost(self, error: Exception) -> ServerRefused:
        return ServerRefused(f"the server at {self._host} cannot be reached: {error}; is it still running?", 0)


class _Plain(RootModel[dict[str, Any]]):
    """Any object."""


def _refused(status: int, content: bytes) -> ServerRefused:
    try:
        body = from_json(content)
        return ServerRefused(str(body["error"]["message"]), status, str(body["error"]["kind"]), body)
    except (ValueError, LookupError, TypeError):
        return ServerRefused(f"the server answered {status}", status)


def _bounded(response: http.client.HTTPResponse) -> bytes:
    content = response.read(_LONGEST_BYTES + 1)
    if len(content) > _LONGEST_BYTES:
        raise ServerRefused(f"the server's answer is larger than {_LONGEST_BYTES:,} bytes", _ANOTHER_VERSION)
    if response.length:  # a read with a bound does not mind an early end
        raise http.client.IncompleteRead(content, response.length)
    return content


def _events(lines: Iterator[bytes]) -> Iterator[Event]:
    kind, data, number = "message", "", None
    for line in lines:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value
            if len(data) > _LONGEST_LINE_BYTES:
                raise ValueError("the data of an event has no end")
        elif name == "id":
            number = int(value)
        elif not name and data:
            plain = from_json(data)
            if not isinstance(plain, dict):
                raise ValueError("the data of an event is an object")
            yield Event(kind, plain, number)
            kind, data, number = "message", "", None


def _with_query(path: str, query: Query) -> str:
    pairs = [
        (name, each)
        for name, value in query.items()
        if value is not None
        for each in ([value] if isinstance(value, str | float | int) else value)
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path
