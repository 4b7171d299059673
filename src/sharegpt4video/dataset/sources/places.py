"""Where bytes lie: local paths, storage that fsspec reaches, web addresses. Looking them up and opening them."""

from __future__ import annotations

import asyncio
import datetime
import io
import os
import re
import stat as modes
import sys
import threading
import time
import unicodedata
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlsplit

import fsspec

from ...errors import MissingExtra, SettingsError, VideoError

BLOCK_BYTES = 1 << 16
"""A seek in a file in storage costs this many bytes. As reading goes on, each request asks for twice the last one."""
MOST_BLOCKS = 64
"""At most this many blocks are requested at once: 4 MiB."""
KEPT_BLOCKS = 512
WEB_TIMEOUT_SECONDS = 30.0
MOST_WEB_BYTES = 64 << 30
"""No file behind a web address is read further, whatever its server goes on to send."""
LEAST_WEB_RATE = 4096
"""Bytes per second, over all of a file after its first minute: a server that sends less keeps a run from ending."""
STORAGE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "obs", "hf", "hdfs", "webhdfs"}) | {
    "sftp", "ssh", "smb", "memory"
}  # fmt: skip
"""Schemes that are handed to fsspec. Its others wrap further addresses or run programs, so no list may name them."""
_WEB_SAFE = "/%:@!$&'()*+,;=~-._"
_VALIDATORS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "modified", "created")


class SourceGone(VideoError):
    """A source that was there is not there any more."""


class SourceReplaced(SourceGone):
    """The file that was listed is gone: another one has its name."""


class UnsafeSource(VideoError):
    """A source that is refused because opening it could do harm."""


@dataclass(frozen=True)
class Stat:
    """What is known of a file without reading it. ``modified`` is an opaque text that changes with the file."""

    size_bytes: int
    modified: str
    is_folder: bool = False


def scheme_of(location: str) -> str:
    """``s3`` for ``s3://bucket/key``, "" for a local path."""
    match = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+)://", location)
    return match[1].lower() if match else ""


def is_web(location: str) -> bool:
    return scheme_of(location) in ("http", "https")


def absolute(location: str, folder: str = "") -> str:
    """The one way to write a location: local paths absolute, seen from ``folder`` (the working directory if "").

    Raises UnsafeSource for addresses that are not opened here.
    """
    if "\0" in location:
        raise UnsafeSource(f"{location!r}: a path with a zero byte in it is not opened")
    scheme = scheme_of(location)
    if scheme in ("file", "local"):
        return _without_dots(location.partition("://")[2])
    if scheme:
        return _checked_address(location, scheme)
    if scheme_of(folder) and not location.startswith("/"):
        return f"{folder.rstrip('/')}/{location}"
    return _without_dots(os.path.join(folder, os.path.expanduser(location)))  # noqa: PTH111, PTH118


def _without_dots(path: str) -> str:
    """An absolute path. Links keep their names, unless removing a ``..`` that follows one would name another file."""
    plain = os.path.abspath(path)  # noqa: PTH100
    if ".." not in path.split("/"):
        return plain
    real = os.path.realpath(path)
    return plain if real == os.path.realpath(plain) else real


def _checked_address(location: str, scheme: str) -> str:
    if scheme in ("http", "https"):
        if "@" in urlsplit(location).netloc:
            raise UnsafeSource(
                f"{location}: an address with a user name or password is not opened, as it would be stored with the"
                " data set; download the video first"
            )
        return location
    if scheme not in STORAGE:
        raise UnsafeSource(f"{location}: addresses that start with {scheme}:// are not opened here")
    return location


def filesystem(location: str) -> tuple[Any, str]:
    """The fsspec file system of an address and the path in it.

    Raises UnsafeSource for other addresses and chained ones, MissingExtra or SettingsError where a package is missing.
    """
    scheme = scheme_of(location)
    if scheme not in STORAGE or "::" in location:
        raise UnsafeSource(f"{location}: addresses of this kind are not opened here")
    try:
        # Without a cache of listings: a file that vanishes or changes in a long run must be seen.
        fs, path = fsspec.core.url_to_fs(location, use_listings_cache=False)
    except ImportError as error:
        if scheme in ("s3", "s3a"):
            raise MissingExtra(f"reading {location}", "s3") from error
        raise SettingsError(f"{location}: {error}") from error
    return fs, path


def storage_errors() -> tuple[type[BaseException], ...]:
    """What reading from storage raises. The clients' own types count only where their packages are loaded."""
    errors: list[type[BaseException]] = [OSError, asyncio.TimeoutError, TimeoutError]
    for module, names in (("botocore.exceptions", ("BotoCoreError", "ClientError")), ("aiohttp", ("ClientError",))):
        if module in sys.modules:
            errors += [getattr(sys.modules[module], name) for name in names]
    return tuple(errors)


def opening_errors() -> tuple[type[BaseException], ...]:
    """What looking up or opening a place raises: a VideoError where it is refused, or what ``storage_errors`` lists."""
    return (VideoError, *storage_errors())


def stat(location: str) -> Stat:
    """Look up a file or folder. Raises FileNotFoundError, other OSErrors, and what ``storage_errors`` lists."""
    if is_web(location):
        return web_stat(location)
    if scheme_of(location):
        fs, path = filesystem(location)
        return stat_of(fs.info(path))
    status = os.stat(location)  # noqa: PTH116 - a Path would drop what is odd in a name
    if not (modes.S_ISREG(status.st_mode) or modes.S_ISDIR(status.st_mode)):
        raise OSError("not a regular file")
    return Stat(status.st_size, str(status.st_mtime_ns), modes.S_ISDIR(status.st_mode))


def stat_of(info: dict[str, Any]) -> Stat:
    """A ``Stat`` from what fsspec tells about a file."""
    modified = next((info[name] for name in _VALIDATORS if info.get(name)), "unknown")
    if isinstance(modified, datetime.datetime):  # some give a date here and seconds there
        modified = modified.timestamp()
    return Stat(int(info.get("size") or 0), str(modified).strip('"'), info.get("type") == "directory")


def as_named_on_disk(path: str) -> str:
    """The path in the Unicode form (composed or decomposed) in which it exists; unchanged if in none, or an address."""
    if path.isascii() or scheme_of(path) or os.path.lexists(path):
        return path
    forms = (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
    return next((form for form in forms if os.path.lexists(form)), path)


def open_bytes(location: str, size_bytes: int | None = None) -> BinaryIO:
    """Open a local file or one in storage for reading and seeking; of storage only what is read is fetched."""
    if not scheme_of(location):
        return open(location, "rb")  # noqa: PTH123 - the caller closes it
    fs, path = filesystem(location)
    size = stat_of(fs.info(path)).size_bytes if size_bytes is None else size_bytes
    return cast(BinaryIO, io.BufferedReader(RangeReader(fs, path, size), 1 << 16))


class RangeReader(io.RawIOBase):
    """A file in storage, read by ranges. Keeps the last blocks, so that jumping back a little costs nothing."""

    def __init__(self, fs: Any, path: str, size_bytes: int) -> None:
        self.name = path.rpartition("/")[2]
        self._fs, self._path, self._size = fs, path, size_bytes
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block, self._count = -1, 1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = _sought(offset, whence, self._position, self._size)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size or not len(buffer):
            return 0
        number, within = divmod(self._position, BLOCK_BYTES)
        data = self._block(number)[within : within + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._count = min(2 * self._count, MOST_BLOCKS) if number == self._next_block else 1
            self._next_block = number + self._count
            start, end = number * BLOCK_BYTES, min(self._next_block * BLOCK_BYTES, self._size)
            data = self._fetched(start, end)
            for at in range(0, end - start, BLOCK_BYTES):
                self._blocks[(start + at) // BLOCK_BYTES] = data[at : at + BLOCK_BYTES]
            while len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetched(self, start: int, end: int) -> bytes:
        try:
            data: bytes = self._fs.cat_file(self._path, start=start, end=end)
        except storage_errors() as error:
            if isinstance(error, OSError):
                raise
            raise OSError(f"the storage failed: {error}") from error
        if len(data) != end - start:
            raise OSError(f"the storage gave {len(data)} bytes of {end - start}; the file has changed")
        return data


class Slice(io.RawIOBase):
    """``[start, start + size)`` of a file as a file of its own; closing it leaves the whole open."""

    def __init__(self, whole: BinaryIO, start: int, size_bytes: int, name: str) -> None:
        self.name = name
        self._whole, self._start, self._size = whole, start, size_bytes
        self._position = 0
        self._lock = threading.Lock()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = _sought(offset, whence, self._position, self._size)
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._position))
        with self._lock:
            self._whole.seek(self._start + self._position)
            data = self._whole.read(wanted)
        if wanted and not data:
            raise OSError("the archive ends inside this member; it was cut short")
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _sought(offset: int, whence: int, position: int, size: int) -> int:
    target = offset + {os.SEEK_SET: 0, os.SEEK_CUR: position, os.SEEK_END: size}[whence]
    if target < 0:
        raise OSError("seek before the start of the file")
    return target


def web_stat(address: str) -> Stat:
    """Ask a server for a file's length and its validator. ``modified`` is "" where the server gives none.

    Raises FileNotFoundError when the server says so, VideoError for a web page, OSError for everything else.
    """
    try:
        answer = _asked(address, "HEAD")
    except urllib.error.HTTPError as error:
        if error.code not in (400, 403, 405, 501):
            raise _web_error(address, error) from error
        try:  # some servers and most signed addresses answer GET only
            answer = _asked(address, "GET")
        except urllib.error.HTTPError as refused:
            raise _web_error(address, refused) from refused
    with answer:
        headers = answer.headers
    if headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise VideoError(f"{address}: this is a web page, not a video; download the video and give its file")
    strong = headers.get("ETag", "")
    modified = strong.strip('"') if strong and not strong.startswith("W/") else headers.get("Last-Modified", "")
    return Stat(_length(headers.get("Content-Length", "")), modified)


def _length(told: str) -> int:
    """The length that a server tells; 0 where that is none."""
    return int(told) if re.fullmatch(r"[0-9]{1,18}", told.strip()) else 0


def web_chunks(address: str, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of a web address. Raises VideoError where its server sends without end, or next to nothing."""
    began, read = time.monotonic(), 0
    with _asked(address, "GET") as answer:
        while chunk := answer.read1(chunk_bytes):
            read += len(chunk)
            passed = time.monotonic() - began
            if read > MOST_WEB_BYTES:
                raise VideoError(
                    f"{address}: the server sends more than {MOST_WEB_BYTES >> 30} GiB; download the video"
                )
            if passed > 2 * WEB_TIMEOUT_SECONDS and read < LEAST_WEB_RATE * passed:
                raise VideoError(f"{address}: the server sends only {read / passed:.0f} bytes per second; download it")
            yield chunk


def _asked(address: str, method: str) -> Any:
    parts = urlsplit(address)
    plain = parts._replace(
        path=quote(parts.path, safe=_WEB_SAFE), query=quote(parts.query, safe=_WEB_SAFE + "?"), fragment=""
    )
    request = urllib.request.Request(plain.geturl(), method=method, headers={"User-Agent": "sharegpt4video"})
    return _OPENER.open(request, timeout=WEB_TIMEOUT_SECONDS)


class _WithinTheWeb(urllib.request.HTTPRedirectHandler):
    """Follows redirects from http and https to nothing else; Python's own would also ask an FTP server."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not is_web(newurl):
            raise urllib.error.HTTPError(req.full_url, code, "it redirects to no web address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_WithinTheWeb)


def _web_error(address: str, error: urllib.error.HTTPError) -> OSError:
    error.close()
    if error.code in (404, 410):
        return FileNotFoundError(f"{address}: the server has no such file ({error.code})")
    return OSError(f"the server refused: {error.code} {error.reason}; check the address")
