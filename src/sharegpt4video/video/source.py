"""Opening what a video comes from: a local file, an open binary file, or an http address. Nothing else is followed."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

import av
import av.container
import av.error

from ..errors import VideoError
from .animation import HEAD_BYTES, as_video, kind_of_animation

MAX_PIXELS = 67_108_864
"""Largest picture that is decoded, 8192 x 8192: twice what 8K video needs, and some 200 MB each while decoding."""
MAX_SIDE_PIXELS = 16_384
"""Longest side of a picture that is decoded."""
_most_pixels = MAX_PIXELS
TIMEOUT_SECONDS = 30.0
"""How long a server may be silent before reading from it fails."""

# Containers that hold their pictures themselves. Playlists and scripts (hls, dash, concat, sdp, image sequences) are
# left out: a hostile one would make FFmpeg read other files of this machine or call other servers.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,live_flv,ogg,asf,gif,apng,mxf,nut,ivf,obu,av1,h264,hevc,vvc,"
    "mpegvideo,m4v,h263,vc1,mjpeg,mpjpeg,yuv4mpegpipe,rm,wtv,dv,gxf,jpeg_pipe,png_pipe,webp_pipe,webp,bmp_pipe,tiff_pipe,"
    "jpegxl_pipe,jpegxl_anim,j2k_pipe,ppm_pipe,pgm_pipe,qoi_pipe,mp3,aac,flac,wav"
)

_KINDS = {"a pipe": stat.S_ISFIFO, "a socket": stat.S_ISSOCK}
_FFMPEG_INPUT = re.compile(
    r"(async|avfoundation|cache|concatf?|crypto|data|dshow|fd|ftp|gdigrab|hls|https?|kmsgrab|lavfi|pipe|rtmps?|rtp|rtsp|"
    r"sftp|smb|srt|subfile|tcp|tls|udp|unix|v4l2|video4linux2|x11grab)[:,+]",
    re.IGNORECASE,
)

# What PyAV raises: FFmpeg's errors, and plain ones for values that it cannot represent.
AV_ERRORS = (
    av.error.FFmpegError,
    ValueError,
    RuntimeError,
    MemoryError,
    LookupError,
    ArithmeticError,
    AttributeError,
    TypeError,
    OSError,
)
HTTP_ERRORS = (av.error.HTTPError, av.error.HTTPClientError)

# Titles that are no UTF-8 must not keep a video from being read. PyAV before 19 has to be told; 19 cannot be told.
_READING: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def max_pixels() -> int:
    """Largest picture that this process decodes: ``MAX_PIXELS``, or what ``limit_pixels`` has set."""
    return _most_pixels


def limit_pixels(most: int) -> None:
    """Decode no larger picture in this process from now on; it is refused before anything is decoded."""
    global _most_pixels
    _most_pixels = min(most, MAX_PIXELS)


class Source(Protocol):
    """Where a video's bytes come from. `open` may be called again when `reopens`; `seeks_freely` if that is cheap.

    Sources with the same `identity` have the same bytes.
    """

    name: str
    identity: Hashable
    reopens: bool
    seeks_freely: bool

    def open(self) -> av.container.InputContainer: ...

    def peek(self, offset: int, size: int) -> bytes:
        """Bytes from anywhere, where `seeks_freely`; fewer where the file ends; all that follow for a size of -1."""

    def trouble(self) -> str | None:
        """What went wrong while reading bytes, where FFmpeg only saw the end of them."""


def source_of(video: str | os.PathLike[str] | BinaryIO) -> Source:
    """The source behind a path, an http address or an open binary file. Raises VideoError where it is none of these."""
    if isinstance(video, str):
        if re.match(r"https?://", video, re.IGNORECASE):
            return WebSource(video)
        if not os.path.lexists(video) and (wrong := _no_path(video)):
            raise VideoError(f"{video or repr(video)}: {wrong}")
    if isinstance(video, (str, os.PathLike)):
        return FileSource(Path(video))
    if callable(getattr(video, "read", None)):
        return StreamSource(video)
    raise VideoError(f"a video is a path, an http address or an open binary file, not {type(video).__name__}")


def _no_path(video: str) -> str:
    """What is wrong with a text that looks like something else than a path; "" for what may be one."""
    if not video:
        return "it is empty; is a variable in your command not set?"
    if video == "-":
        return "the video is not read from standard input; save it to a file and give its path"
    scheme, colon, rest = video.partition(":")
    if scheme.lower() == "file" and colon:
        path = unquote(re.sub(r"^//(localhost)?(?=/)", "", rest))
        return f"an address is not needed for a file of this machine; give its path: {path}"
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", video):
        advice = "record or download it to a file and give its path"
        return f"addresses that start with {scheme}:// are not opened, only http and https ones; {advice}"
    if colon and _FFMPEG_INPUT.match(video):
        return f"No such file; inputs that FFmpeg makes or fetches ({scheme}:) are not opened, only files and addresses"
    return ""


class FileSource:
    """A regular file on this machine."""

    reopens = seeks_freely = True

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        try:
            found = path.stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(f"{path}: {reason}; check the path") from error
        if stat.S_ISDIR(found.st_mode):
            raise VideoError(f"{path}: this is a directory; give a video file in it")
        if not stat.S_ISREG(found.st_mode):
            kind = next((name for name, test in _KINDS.items() if test(found.st_mode)), "a device")
            raise VideoError(
                f"{path}: not a regular file but {kind}; save what comes from it to a file and give that"
                " (in Python, give the open file)"
            )
        if found.st_size == 0:
            raise VideoError(f"{path}: the file is empty (0 bytes); copy or download it again")
        self.identity: Hashable = (str(path.absolute()), found.st_size, found.st_mtime_ns, found.st_ino)
        self._animation: StreamSource | None = None
        self._failure: list[str] = []

    def open(self) -> av.container.InputContainer:
        if not os.access(self._path, os.R_OK):
            raise VideoError(f"{self._path}: no permission to read this file")
        if self._animation is None and (kind := kind_of_animation(self.peek(0, HEAD_BYTES))):
            made = as_video(self._path.read_bytes(), kind, self.name, max_pixels(), self._failure)
            self._animation = StreamSource(made, self.name)
        if self._animation is not None:
            return self._animation.open()
        # The prefix keeps FFmpeg from reading a protocol ("concat:a|b") out of an odd file name.
        address = f"file:{self._path.absolute()}"
        return _opened(self.name, lambda: av.open(address, container_options=_options("file"), **_READING))

    def peek(self, offset: int, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def trouble(self) -> str | None:
        return self._failure[-1] if self._failure else None


class WebSource:
    """A video behind an http or https address."""

    reopens, seeks_freely = True, False

    def __init__(self, address: str, timeout_seconds: float | None = None) -> None:
        parts = urlsplit(address)
        self.name = Path(parts.path).name or parts.netloc.rpartition("@")[2]
        self.identity: Hashable = address
        self._address = address
        self._timeout_seconds = timeout_seconds or TIMEOUT_SECONDS

    def open(self) -> av.container.InputContainer:
        microseconds = str(round(self._timeout_seconds * 1e6))
        options = _options("http,https,tls,tcp") | {"timeout": microseconds, "rw_timeout": microseconds}
        # FFmpeg's own limits miss a server that sends a byte now and then; the second one counts whole reads.
        limit = (self._timeout_seconds * 2, self._timeout_seconds)
        return _opened(
            self.name,
            lambda: av.open(self._address, container_options=options, **_READING, timeout=limit),
        )

    def peek(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - a server is not asked for samples
        return b""

    def trouble(self) -> str | None:
        return None


class StreamSource:
    """An open binary file; read from where it stands, again and again if it can seek."""

    def __init__(self, file: BinaryIO | IO[bytes], name: str | None = None) -> None:
        self.name = name or str(getattr(file, "name", "") or type(file).__name__)
        if isinstance(file, io.TextIOBase):
            raise VideoError(f"{self.name}: opened as text; open it with mode 'rb'")
        self._file: Any = file
        self.identity: Hashable = object()
        self.reopens = self.seeks_freely = _can_seek(file)
        self._origin = file.tell() if self.reopens else 0
        self._opened = False
        self._animation: StreamSource | None = None
        self._failure: list[str] = []

    def open(self) -> av.container.InputContainer:
        if self._opened and not self.reopens:
            raise VideoError(f"{self.name}: this stream cannot seek and has been read; open it again for a second pass")
        self._opened = True
        if self._animation is None and self.reopens and (kind := kind_of_animation(self.peek(0, HEAD_BYTES))):
            made = as_video(self.peek(0, -1), kind, self.name, max_pixels(), self._failure)
            self._animation = StreamSource(made, self.name)
        if self._animation is not None:
            return self._animation.open()
        reader = _Seekable(self._file, self._origin, self._failure)
        file = reader if self.reopens else _Forward(self._file, self._failure)
        return _opened(
            self.name,
            lambda: av.open(file, container_options=_options("none"), **_READING, buffer_size=1 << 18),
            self.trouble,
        )

    def peek(self, offset: int, size: int) -> bytes:
        if not self.reopens:
            return b""
        reader = _Seekable(self._file, self._origin, self._failure)
        reader.seek(offset)
        return reader.read(size)

    def trouble(self) -> str | None:
        return self._failure[-1] if self._failure else None


class _Forward:
    """Hands bytes to FFmpeg: never more than asked for, and an error of the file as its end (noted in `failure`)."""

    def __init__(self, file: BinaryIO, failure: list[str]) -> None:
        self._file = file
        self._failure = failure

    def read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (OSError, ValueError) as error:
            self._failure.append(f"reading failed: {error}")
            return b""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            self._failure.append(f"read() gave {type(data).__name__}, not bytes; open the file with mode 'rb'")
            return b""
        # PyAV copies whatever comes into a buffer of `size` bytes.
        return bytes(data if size < 0 else data[:size])


class _Seekable(_Forward):
    """As `_Forward`, with a position of its own, so that several readers can share one file."""

    def __init__(self, file: BinaryIO, origin: int, failure: list[str]) -> None:
        super().__init__(file, failure)
        self._origin = self._position = origin

    def read(self, size: int) -> bytes:
        try:
            self._file.seek(self._position)
        except (OSError, ValueError) as error:
            self._failure.append(f"seeking failed: {error}")
            return b""
        data = super().read(size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            position = self._origin + offset
        elif whence == os.SEEK_CUR:
            position = self._position + offset
        else:
            position = self._file.seek(offset, os.SEEK_END)
        if position < self._origin:
            raise OSError("seek before the start of the file")
        self._position = position
        return self.tell()

    def tell(self) -> int:
        return self._position - self._origin


def _can_seek(file: BinaryIO | IO[bytes]) -> bool:
    seekable = getattr(file, "seekable", None)
    try:
        return bool(seekable()) if callable(seekable) else hasattr(file, "seek") and hasattr(file, "tell")
    except ValueError as error:
        raise VideoError(f"{getattr(file, 'name', file)}: {error}; open the file first") from error


def _options(protocols: str) -> dict[str, str]:
    # Given as container_options: PyAV up to 16 frees memory that is not its own when there are `options` and a
    # container without a header, such as FLV or MPEG-TS.
    return {
        "protocol_whitelist": protocols,
        "format_whitelist": FORMATS,
        "enable_drefs": "0",
    }


def _opened(
    name: str, attempt: Callable[[], Any], trouble: Callable[[], str | None] = lambda: None
) -> av.container.InputContainer:
    try:
        container: av.container.InputContainer = attempt()
    except AV_ERRORS as error:
        raise VideoError(f"{name}: {trouble() or explain(error)}") from error
    return container


def explain(error: Exception) -> str:
    """What an error of FFmpeg means for whoever gave the video, and what to do."""
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return "the server stopped sending; try again later or download the file first"
    if isinstance(error, HTTP_ERRORS):
        return f"the server refused: {error.strerror}; check the address"
    if isinstance(error, av.error.InvalidDataError) or getattr(error, "errno", None) == errno.EINVAL:
        return "not a video in a format that is read here, or damaged beyond reading (playlists are not followed)"
    if isinstance(error, EOFError):
        return "the file ends before its first picture; copy or download it again"
    if isinstance(error, MemoryError):
        return "reading it takes more memory than there is; the header may be damaged"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if re.match(r"https?://", str(getattr(error, "filename", None) or ""), re.IGNORECASE):
        return f"cannot be reached ({reason}); check the address and the network, or download the file first"
    return f"cannot be read ({reason}); copy, download or convert it again"
