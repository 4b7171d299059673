"""Animations that FFmpeg does not read, or not all of: their pictures through Pillow, as a video that it does read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import IO, Any

import av
import numpy as np
from PIL import Image as Pillow
from PIL import features

from ..errors import VideoError

HEAD_BYTES = 4096
"""So many bytes tell whether a file is one."""
_ANIMATED = 0x02  # flag of the VP8X chunk
_AVIF_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_NAMES = {"WEBP": "WebP", "AVIF": "AVIF"}
_UNTOLD_MILLISECONDS = 100
"""How long a picture without a length is shown, as browsers do."""


def kind_of_animation(head: bytes) -> str:
    """``WEBP`` or ``AVIF`` for a file that begins so and has to be read through Pillow, else "".

    FFmpeg reads no animated WebP; of AVIF it leaves out the transparency.
    """
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & _ANIMATED:
        return "WEBP"
    if head[4:12] == b"ftypavis" and _AVIF_ALPHA in head and features.check("avif"):
        return "AVIF"
    return ""


def as_video(data: bytes, kind: str, name: str, most_pixels: int, failure: list[str]) -> IO[bytes]:
    """A temporary file that is a video with the same pictures at the same times, losslessly, transparency included.

    What cannot be read at the end is left out, and why is added to ``failure``. Raises VideoError if nothing can be.
    """
    with ExitStack() as stack:
        made = stack.enter_context(tempfile.TemporaryFile())
        try:
            with Pillow.open(io.BytesIO(data), formats=[kind]) as opened:
                if opened.width * opened.height > most_pixels:
                    raise VideoError(f"{name}: pictures of {opened.width}x{opened.height} are too large; scale it down")
                _write(made, opened.size, _pictures(opened, failure))
        except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
            raise VideoError(
                f"{name}: this animated {_NAMES[kind]} cannot be read ({error}); copy or download it again"
            ) from error
        made.seek(0)
        stack.pop_all()  # it is the caller's now, and goes when it is closed
    return made


def _pictures(opened: Any, failure: list[str]) -> Iterator[tuple[Any, int]]:
    """Each picture as RGBA, and for how many milliseconds it is shown."""
    for number in range(opened.n_frames):
        try:
            opened.seek(number)
            pixels = np.asarray(opened.convert("RGBA"))
        except (OSError, ValueError, EOFError) as error:
            if number == 0:
                raise
            failure.append(f"only {number} of {opened.n_frames} pictures could be read: {error}")
            return
        yield pixels, int(opened.info.get("duration") or 0) or _UNTOLD_MILLISECONDS


def _write(made: IO[bytes], size: tuple[int, int], pictures: Iterator[tuple[Any, int]]) -> None:
    base = Fraction(1, 1000)
    with av.open(made, "w", format="mov") as output:
        stream: Any = output.add_stream("png", rate=25, options={"pred": "none"})
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "rgba", base
        stream.codec_context.time_base = base
        at = 0
        for pixels, milliseconds in pictures:
            frame = av.VideoFrame.from_ndarray(pixels, "rgba")
            frame.pts, frame.time_base = at, base
            for packet in stream.encode(frame):
                packet.duration = milliseconds
                output.mux(packet)
            at += milliseconds
        output.mux(stream.encode(None))
