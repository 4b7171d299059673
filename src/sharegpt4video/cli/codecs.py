"""The codecs that ``sg4v doctor`` tries: encode a frame of a known colour, decode it, compare."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ..cores import ordinary_priority

RGB = (200, 60, 40)
TOLERANCE = 32  # lossy codecs and colour conversion stay well within it


@dataclass(frozen=True)
class Codec:
    """The common name of a codec, and FFmpeg's names of an encoder, a container and a pixel format for it."""

    title: str
    encoder: str
    container: str = "matroska"
    pixels: str = "yuv420p"


CODECS = {
    "h264": Codec("H.264", "libx264"),
    "hevc": Codec("H.265", "libx265"),
    "av1": Codec("AV1", "libsvtav1"),
    "vp9": Codec("VP9", "libvpx-vp9"),
    "mpeg4": Codec("MPEG-4", "mpeg4"),
    "mjpeg": Codec("MJPEG", "mjpeg", pixels="yuvj420p"),
    "gif": Codec("GIF", "gif", "gif", "rgb8"),
}


def has(name: str, mode: str) -> bool:
    """Whether FFmpeg can decode (``r``) or encode (``w``) by this name."""
    import av
    from av.codec.codec import UnknownCodecError

    try:
        av.codec.Codec(name, mode)  # type: ignore[arg-type]
    except UnknownCodecError:
        return False
    return True


def read_back(name: str) -> None:
    """Encode two frames and decode them. Raises FFmpeg's errors, and ValueError if other pictures come back."""
    import av
    import numpy as np

    codec, file = CODECS[name], io.BytesIO()
    with ordinary_priority(), av.open(file, "w", format=codec.container) as container:
        stream = container.add_stream(codec.encoder, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = codec.pixels
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), RGB, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    if len(pictures) != 2:
        raise ValueError(f"of 2 frames, {len(pictures)} came back")
    colour = np.mean(pictures, axis=(0, 1, 2))
    if np.abs(colour - RGB).max() > TOLERANCE:
        raise ValueError(f"the colour {RGB} came back as {tuple(map(round, colour))}")
