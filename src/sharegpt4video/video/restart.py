"""Where decoding can begin, by what a coded picture says of itself: containers call other pictures keyframes too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

_H264_IDR, _H264_SEI = 5, 6
_HEVC_RANDOM_ACCESS = range(16, 22)  # BLA, IDR and CRA pictures
_SEI_RECOVERY_POINT = 6
_SLICE_KINDS = {"h264": range(1, 6), "hevc": range(32)}
_AV1_SEQUENCE, _AV1_FRAME_HEADER, _AV1_FRAME = 1, 3, 6
_INTRA = 1  # picture_coding_type of MPEG-1 and MPEG-2


class Restart(IntEnum):
    """What comes out when decoding begins at a picture, the better the higher.

    NONE    nothing that can be relied on: the picture needs others. Also with intra refresh, where each picture renews
            a part: of x264's, some are not whole yet when they say so
    OPEN    right pictures from this one on; those shown before it may need others
    CLOSED  as OPEN, and the stream itself says that nothing looks back over it
    """

    NONE = 0
    OPEN = 1
    CLOSED = 2


def restart_of(packet: Any, stream: Any) -> Restart:
    """Whether decoding can begin at a packet. Of codecs that are not known here the container's word counts."""
    if not packet.is_keyframe:
        return Restart.NONE
    context = stream.codec_context
    name = canonical_name(context)
    if name in ("h264", "hevc"):
        units = nal_units(bytes(packet), nal_length_bytes(name, bytes(context.extradata or b"")))
        return _h264(units) if name == "h264" else _hevc(units)
    judge = _JUDGES.get(name)
    return Restart.CLOSED if judge is None or judge(bytes(packet)) else Restart.NONE


def canonical_name(context: Any) -> str:
    """The codec itself (``av1``), whichever decoder was taken for it (``libdav1d``)."""
    return str(getattr(context.codec, "canonical_name", context.name))


def nal_length_bytes(codec: str, headers: bytes) -> int:
    """How long the length fields before the NAL units of H.264 or HEVC are; 0 where start codes part them."""
    at = 4 if codec == "h264" else 21
    return (headers[at] & 3) + 1 if headers[:1] == b"\1" and len(headers) > at + 1 else 0


def nal_units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The NAL units of a packet, behind length fields (ISO/IEC 14496-15) or (0 bytes) start codes, without padding."""
    if length_bytes == 0:
        for unit in data.split(b"\0\0\1")[1:]:
            yield unit.rstrip(b"\0")
        return
    at = 0
    while at + length_bytes <= len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        yield data[at : at + size].rstrip(b"\0")
        at += size


def obu_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The units of an AV1 packet (header byte without its size flag, payload)."""
    at = 0
    while at < len(data):
        header = data[at]
        body = at + 1 + (header >> 2 & 1)
        size, used = _leb128(data, body) if header & 2 else (len(data) - body, 0)
        yield header & ~2, data[body + used : body + used + size]
        at = body + used + size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A little-endian base 128 number, and how many bytes it takes."""
    value = used = 0
    while at + used < len(data) and used < 8:
        byte = data[at + used]
        value |= (byte & 127) << 7 * used
        used += 1
        if not byte & 128:
            break
    return value, used


def _h264(units: Iterator[bytes]) -> Restart:
    """IDR pictures, and others by their recovery point (ITU-T H.264, D.2.8)."""
    found = Restart.NONE
    for unit in units:
        kind = unit[0] & 31 if unit else 0
        if kind == _H264_IDR:
            return Restart.CLOSED
        if kind == _H264_SEI and _recovery_frames(unit) == 0:
            found = Restart.OPEN
        if kind in _SLICE_KINDS["h264"]:
            break
    return found


def _hevc(units: Iterator[bytes]) -> Restart:
    for unit in units:
        kind = unit[0] >> 1 & 63 if unit else 63
        if kind in _SLICE_KINDS["hevc"]:
            return Restart.CLOSED if kind in _HEVC_RANDOM_ACCESS else Restart.NONE
    return Restart.NONE


def _recovery_frames(unit: bytes) -> int | None:
    """``recovery_frame_cnt`` of an SEI unit; None where it holds no recovery point."""
    data = unit[1:].replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 <= len(data):
        kind, at = _sei_number(data, at)
        size, at = _sei_number(data, at)
        if kind == _SEI_RECOVERY_POINT:
            return _exp_golomb(data[at : at + size])
        at += size
    return None


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(data) and data[at] == 255:
        value, at = value + 255, at + 1
    return (value + data[at] if at < len(data) else value), at + 1


def _exp_golomb(data: bytes) -> int:
    bits = "".join(f"{byte:08b}" for byte in data[:9])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "0", 2) - 1


def _mpeg_video(data: bytes) -> bool:
    at = data.find(b"\0\0\1\0")
    return at < 0 or len(data) < at + 6 or data[at + 5] >> 3 & 7 == _INTRA


def _mpeg4(data: bytes) -> bool:
    at = data.find(b"\0\0\1\xb6")
    return at < 0 or len(data) < at + 5 or data[at + 4] >> 6 == 0


def _vp8(data: bytes) -> bool:
    return not data[0] & 1


def _vp9(data: bytes) -> bool:
    """``frame_marker`` (2 bits), profile (2, a third one in profile 3), ``show_existing_frame``, ``frame_type``."""
    bits = f"{data[0]:08b}"
    at = 5 if bits[2:4] == "11" else 4
    return bits[at : at + 2] == "00"


def _av1(data: bytes) -> bool:
    """A sequence header, and a frame header with ``show_existing_frame`` 0 and ``frame_type`` 0 (a key frame)."""
    headed = False
    for header, payload in obu_units(data):
        kind = header >> 3 & 15
        headed = headed or kind == _AV1_SEQUENCE
        if kind in (_AV1_FRAME_HEADER, _AV1_FRAME):
            return headed and bool(payload) and payload[0] >> 5 == 0
    return False


_JUDGES: dict[str, Callable[[bytes], bool]] = {
    "mpeg1video": _mpeg_video,
    "mpeg2video": _mpeg_video,
    "mpeg4": _mpeg4,
    "vp8": _vp8,
    "vp9": _vp9,
    "av1": _av1,
}
