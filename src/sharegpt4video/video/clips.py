"""Cut a span out of a video: by copying its coded pictures where that shows exactly the span, else by coding again."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import av
import av.error

from ..errors import SettingsError, VideoError
from ..files import whole_path
from .decoder import Decoder
from .remux import CannotCopy, CodedRun, find_run, opened_at, run_packets
from .restart import canonical_name
from .sound import Sound
from .source import Source, source_of
from .streams import has_alpha_layer
from .transcode import Coding, transcode

How = Literal["copied", "re-encoded"]

WRITING_ERRORS = (av.error.FFmpegError, OSError, ValueError)


@dataclass(frozen=True)
class _Format:
    """What a kind of file can hold; None: anything. ``hides_start``: see `Sound`."""

    name: str
    video: frozenset[str] | None
    audio: frozenset[str] | None
    video_codec: str = "libx264"
    audio_codec: str = "aac"
    hides_start: bool = False


_MP4 = _Format(
    "mp4",
    frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"}),
    frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus"}),
    hides_start=True,
)
_MOV = _Format(
    "mov",
    frozenset({"h264", "hevc", "mpeg4", "prores", "mjpeg", "dnxhd"}),
    frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le"}),
    hides_start=True,
)
_WEBM = _Format("webm", frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"}), "libvpx-vp9", "libopus")
_PREVIEW = replace(_MP4, audio=frozenset({"aac", "mp3"}))
FORMATS = {".mp4": _MP4, ".m4v": _MP4, ".mov": _MOV, ".mkv": _Format("matroska", None, None), ".webm": _WEBM}
"""What a clip can be written as, by the ending of its name."""


@dataclass(frozen=True)
class Cut:
    """What was written: ``[start_seconds, end_seconds)`` of the source's clock, which is 0 and on in the clip.

    ``how`` tells whether the coded pictures were copied; ``reason`` says why not ("" if they were).
    """

    how: How
    start_seconds: float
    end_seconds: float
    frames: int
    size_bytes: int
    reason: str = ""
    warnings: tuple[str, ...] = ()


def cut(
    source: str | os.PathLike[str] | BinaryIO,
    target: str | os.PathLike[str],
    start_seconds: float,
    end_seconds: float,
    *,
    exact: bool = True,
    audio: bool = True,
    crf: int | None = None,
    preset: str = "fast",
    codec: str | None = None,
) -> Cut:
    """Write ``[start_seconds, end_seconds)`` of a video (times of `VideoReader`) to a file whose times begin at 0.

    Every picture on screen in the span is in the clip, at its own time; the first and the last are cut to fit. The
    coded pictures are copied where that gives exactly this: the span begins at a keyframe, and no picture from after
    its end is needed. Otherwise they are re-encoded.

    exact   False: copy from the keyframe before on, wherever possible; the `Cut` says what was written
    audio   the main sound track comes along, to within one of its frames; a source that cannot seek is cut without
    crf, preset, codec   quality (lower is better; 18, VP9 24), speed and encoder of what is re-encoded; by default
            H.264, and VP9 in .webm. Pictures are turned upright then; pixel aspect and colours stay as they are

    The ending of ``target`` tells the kind of file (see `FORMATS`); it appears only when it is complete. Matroska and
    WebM cannot say how long the last picture lasts. Raises VideoError if the source cannot be read, nothing is shown
    in the span, or the target cannot be written; SettingsError for an ending or an encoder that is not known.
    """
    path, video = Path(target), source_of(source)
    form = _format_of(path)
    coding = _coding(form, codec, crf, preset)
    if not (start_seconds < end_seconds and math.isfinite(start_seconds)):
        raise VideoError(f"{video.name}: a clip ends after it starts, not from {start_seconds} s to {end_seconds} s")
    with _left_in_place(source, video):
        try:
            return _copied(video, path, form, start_seconds, end_seconds, exact=exact, audio=audio)
        except CannotCopy as error:
            return _coded(video, path, form, start_seconds, end_seconds, coding, str(error), audio=audio)
        except WRITING_ERRORS as error:
            done = _coded(video, path, form, start_seconds, end_seconds, coding, "copying failed", audio=audio)
            return replace(done, warnings=(f"copying failed: {error}", *done.warnings))


def preview(
    source: str | os.PathLike[str], target: str | os.PathLike[str], *, side_pixels: int, end_seconds: float
) -> Cut:
    """Write a small copy that every browser plays, H.264 in MP4 with its sound, up to ``end_seconds``.

    Its longer side has at most ``side_pixels``. Raises VideoError as `cut` does.
    """
    coding = Coding(crf=26, preset="veryfast", side_pixels=side_pixels)
    return _coded(source_of(source), Path(target), _PREVIEW, 0.0, end_seconds, coding, "a preview", audio=True)


@contextmanager
def _left_in_place(source: str | os.PathLike[str] | BinaryIO, video: Source) -> Iterator[None]:
    """An open file is read from where it stands; put back there, it can be cut again."""
    if isinstance(source, (str, os.PathLike)) or not video.reopens:
        yield
        return
    position = source.tell()
    try:
        yield
    finally:
        source.seek(position)


def _copied(
    video: Source, path: Path, form: _Format, start_seconds: float, end_seconds: float, *, exact: bool, audio: bool
) -> Cut:
    run = find_run(video, start_seconds, end_seconds, exact=exact)
    with opened_at(video, None) as decoder:
        zero, first = decoder.zero, float(run.start - decoder.zero)
        name = canonical_name(decoder.stream.codec_context)
        if form.video is not None and name not in form.video:
            raise CannotCopy(f"{path.suffix} files do not hold {name}")
        if has_alpha_layer(decoder.stream):
            raise CannotCopy("its transparency would be lost")
    with opened_at(video, run.found_from) as decoder, written(path, form) as output:
        # Opaque: packets are copied, so no encoder is needed, least of all one of the decoder's name.
        stream = output.add_stream_from_template(decoder.stream, opaque=True)
        stream.time_base = run.time_base
        with sound_for(video, output, form, audio=audio) as sound:
            sound.begin(run.start, float(run.end - run.start))
            _copy(decoder, output, stream, run, sound)
            warnings = tuple(sound.warnings)
    return Cut("copied", first, float(run.end - zero), len(run.durations), path.stat().st_size, "", warnings)


def _copy(decoder: Decoder, output: Any, stream: Any, run: CodedRun, sound: Sound) -> None:
    for packet in run_packets(decoder, run):
        packet.stream = stream
        sound.until(float(packet.dts * run.time_base))
        output.mux(packet)
    sound.until(float(run.end - run.start))


def _coded(
    video: Source,
    path: Path,
    form: _Format,
    start_seconds: float,
    end_seconds: float,
    coding: Coding,
    reason: str,
    *,
    audio: bool,
) -> Cut:
    try:
        with (
            closing(Decoder(video)) as decoder,
            written(path, form) as output,
            sound_for(video, output, form, audio=audio) as sound,
        ):
            done = transcode(decoder, output, start_seconds, end_seconds, coding, sound)
    except WRITING_ERRORS as error:
        raise VideoError(f"{path}: cannot be written from {video.name} ({error})") from error
    size = path.stat().st_size
    return Cut("re-encoded", done.start_seconds, done.end_seconds, done.frames, size, reason, done.warnings)


@contextmanager
def sound_for(video: Source, output: Any, form: _Format, *, audio: bool) -> Iterator[Sound]:
    """The sound of a source, to be written into an output of this format."""
    sound = Sound(video, output, wanted=audio, copied=form.audio, codec=form.audio_codec, hides_start=form.hides_start)
    with closing(sound):
        yield sound


@contextmanager
def written(path: Path, form: _Format) -> Iterator[Any]:
    """An output under a temporary name, which gets its own when all went well. Raises VideoError."""
    options = {"movflags": "+faststart"} if form.hides_start else {}
    with whole_path(path, ending=".part") as unfinished:
        try:
            output = av.open(f"file:{unfinished.absolute()}", "w", format=form.name, options=options)
        except WRITING_ERRORS as error:
            raise VideoError(f"{path}: cannot be written ({error}); is there such a folder, and room in it?") from error
        with output:
            yield output


def _format_of(path: Path) -> _Format:
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise SettingsError(f"{path}: a clip's name ends in {', '.join(FORMATS)}, not {path.suffix or 'nothing'}")
    return form


def _coding(form: _Format, codec: str | None, crf: int | None, preset: str) -> Coding:
    name = codec or form.video_codec
    try:
        av.Codec(name, "w")
    except ValueError as error:
        raise SettingsError(f"no encoder is called {name!r} here; leave codec out for {form.video_codec}") from error
    return Coding(name, (24 if name.startswith("libvpx") else 18) if crf is None else crf, preset)
