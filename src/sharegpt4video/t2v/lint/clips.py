"""Rules about the files: whether they open, and which of their frames, in which rate and size, meet the caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..manifests import Window
from .notes import Notes, Sample
from .probing import Header, header_of
from .reading import is_there

UNSEEN_SECONDS = 0.25
"""A tail of a clip that is not taken is harmless when it is shorter: a caption hardly tells of it."""
_FRAMES_OFF, _RATE_OFF = 1, 0.02
_SMALLER = 0.99
_BESIDE = {"video_mask": "mask-too-short", "reference_video": "reference-too-short",
           "ref_media_path": "reference-too-short"}  # fmt: skip
_PICTURES = (".png", ".jpg", ".jpeg", ".heic", ".heif", ".bmp", ".tiff", ".webp")  # they hold for all frames


@dataclass(frozen=True)
class Needs:
    """What a trainer needs of files.

    endings   those that it looks at; empty: any
    most      files that last longer than this many times the frames it takes are dropped; 0: none are
    resamples whether it takes frames at the rate of the model; if not, a clip of another rate is sped up or slowed down
    """

    endings: Sequence[str] = ()
    most: float = 0.0
    resamples: bool = False


def check_clip(notes: Notes, sample: Sample, window: Window, needs: Needs) -> None:
    """Look at the file of a sample."""
    path = sample.path
    if path is None:
        return
    if needs.endings and path.suffix.lower() not in needs.endings:
        notes.at("unknown-ending", f"ends in {path.suffix or 'nothing'}", sample)
        return
    if not (is_there(path) and path.is_file()):
        notes.at("missing-file", f"there is no {path.name} where it is looked for", sample)
        return
    if not notes.settings.files:
        return
    header = header_of(path)
    if isinstance(header, str):
        notes.at("unreadable-file", header, sample)
        notes.at("shifts-captions", f"{header}; every row after it gets the caption of the row before", sample)
        return
    _check_told(notes, sample, header)
    _check_frames(notes, sample, header, window, needs)
    _check_beside(notes, sample, header, window)
    if notes.width and (header.width < notes.width * _SMALLER or header.height < notes.height * _SMALLER):
        detail = f"has {header.width}x{header.height} of {notes.width}x{notes.height}"
        notes.at("size-too-small", detail, sample)
    if not header.has_sound:
        notes.at("no-sound", "has no sound", sample)


def _check_told(notes: Notes, sample: Sample, header: Header) -> None:
    """What the manifest says of the file, against the file."""
    limits = {"frames": _FRAMES_OFF, "fps": header.fps * _RATE_OFF, "width": 0, "height": 0}
    for name, told in sample.told.items():
        true = float(getattr(header, name))
        turned = {header.width, header.height}
        if name in ("width", "height") and told in turned:  # turned for showing
            continue
        if told and abs(told - true) > limits[name]:
            notes.at("wrong-field", f"says {name} {told:g}, the file has {true:g}", sample)


def _check_frames(notes: Notes, sample: Sample, header: Header, window: Window, needs: Needs) -> None:
    rate = notes.fps if notes.fps > 0 else 0.0
    resampled = needs.resamples and rate > 0 and header.fps > 0 and notes.fps >= 0
    frames = int(header.frames * rate / header.fps) if resampled else header.frames
    seen = f"has {header.frames} frames" + (f", {frames} at {rate:g} per second" if frames != header.frames else "")
    if not resampled and rate and abs(header.fps - rate) > rate * _RATE_OFF:
        notes.at("another-rate", f"has {header.fps:.6g} frames per second, not {rate:g}", sample)
    least = 1 if notes.whole else notes.frames or window.minimum
    if frames < least:
        notes.at("too-few-frames", f"{seen}, fewer than {least}", sample)
        detail = f"{seen}, fewer than {least}; every row after it gets the caption of the row before"
        notes.at("shifts-captions", detail, sample)
        return
    if not notes.frames or not header.fps:
        return
    per_second = rate if resampled else header.fps
    count = max((one for one in notes.buckets if one <= frames), default=notes.frames)
    unseen = (frames - count) / per_second
    if needs.most and frames > needs.most * count:
        notes.at("too-long", f"{seen}, over {needs.most:g} times {count}", sample)
    elif window.frames not in ("whole", "spread") and unseen > UNSEEN_SECONDS:
        taken = {"head": "the first", "middle": "the middle"}.get(window.frames, "a run of")
        detail = f"{seen}, of which {taken} {count} are taken; {unseen:.1f} s of what is told are not seen"
        notes.at("caption-tells-more", detail, sample)


def _check_beside(notes: Notes, sample: Sample, header: Header, window: Window) -> None:
    """Masks and references that are videos, against the frames that are taken of their clip."""
    longest = (header.frames - window.add) // window.step * window.step + window.add
    taken = max((one for one in notes.buckets if one <= header.frames), default=notes.frames or longest)
    for name, kind in _BESIDE.items():
        path = sample.beside.get(name)
        if path is None or not path.is_file() or path.suffix.lower() in _PICTURES:
            continue
        found = header_of(path)
        if isinstance(found, str):
            notes.at("unreadable-file", f"{name} {path.name} {found}", sample)
        elif found.frames < min(taken, header.frames):
            notes.at(kind, f"{name} {path.name} has {found.frames} frames, and {taken} are taken of the clip", sample)


def check_settings(notes: Notes, window: Window, multiple: int) -> None:
    """The frames and the size that the trainer is set to."""
    if notes.frames and window.step > 1 and (notes.frames - window.add) % window.step:
        fits = (notes.frames - window.add) // window.step * window.step + window.add
        detail = f"{notes.frames} is not {window.step}n + {window.add}; {fits} is, and {fits + window.step}"
        notes.found("frames-off-step", detail)
    for name, side in (("width", notes.width), ("height", notes.height)):
        if side and multiple > 1 and side % multiple:
            notes.found("size-off-step", f"a {name} of {side} is not a multiple of {multiple}")
