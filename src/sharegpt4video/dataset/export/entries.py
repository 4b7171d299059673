"""What is exported, one thing at a time: a captioned video with its steps, or a clip of one with its own caption."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from ...records import Edit, Provenance, Shot, Sound, SoundSpan, Step, Utterance
from ..rows import CaptionRow, Clip, SourceVideo
from ..sources.places import absolute
from ..store.schema import to_rows

_NESTED = ("shots", "steps", "provenance", "sound", "refused")
REVIEWED = ("edits", "edit_key")
"""Columns that are only worth reading where somebody has edited a caption."""
_PLAIN = tuple(f.name for f in fields(CaptionRow) if f.name not in (*_NESTED, *REVIEWED))
STEP_FIELDS = ("kind", "start_seconds", "end_seconds", "text", "shot_index", "frame_seconds", "problem")
_MADE = ("model", "prompt_set", "prompt_hash", "version", "settings")
ALL_BUT_FACTS = (
    *_PLAIN,
    "shots",
    "sound",
    *(f"steps.list.element.{name}" for name in STEP_FIELDS),
    *(f"provenance.{name}" for name in _MADE),
)
"""The columns an export reads: the measured facts are most of a caption's bytes, and few formats need them."""


SOMEBODY = "unknown"
"""The author of a review that names none, in exports."""
_SHORT = 1e-3
"""A caption that ends this many seconds before the span that was asked for ends with its file."""


@dataclass(frozen=True)
class Entry:
    """A video (``clip`` is None) or a clip of it, with the split it belongs to.

    ``text`` is the caption, ``steps`` are those of the exported part, without the unusable ones unless they were asked
    for. All times are seconds of the file that is exported: what a trainer opens is what it must seek in. That is the
    file that ``location`` names, or the part of it that was cut out for this export and begins at ``cut_at_seconds``.
    """

    row: CaptionRow
    split: str
    clip: Clip | None = None
    with_problems: bool = False
    cut_at_seconds: float | None = None

    @property
    def id(self) -> str:
        return self.row.id if self.clip is None else self.clip.id

    @property
    def text(self) -> str:
        return self.row.summary if self.clip is None else self.clip.text

    @property
    def problem(self) -> str:
        return self.row.summary_problem if self.clip is None else self.clip.problem

    @property
    def edited_by(self) -> tuple[str, ...]:
        """Who rewrote texts of the exported part after the model, each once."""
        if not self.row.edits:
            return ()
        first, last = (-1, len(self.row.steps)) if self.clip is None else (self.clip.first_step, self.clip.last_step)
        own = (edit for edit in self.row.edits if first <= edit.step <= last)
        return tuple(dict.fromkeys(edit.author or SOMEBODY for edit in own))

    @property
    def start_seconds(self) -> float:
        return (self.row.start_seconds if self.clip is None else self.clip.start_seconds) - self.offset_seconds

    @property
    def end_seconds(self) -> float:
        return (self.row.end_seconds if self.clip is None else self.clip.end_seconds) - self.offset_seconds

    @property
    def offset_seconds(self) -> float:
        """Where in the whole video the exported file begins; over 0 if it was cut out."""
        if self.cut_at_seconds is not None:
            return self.cut_at_seconds
        return self.clip.start_seconds if self.clip is not None and self.clip.media else 0.0

    @property
    def location(self) -> str:
        """The file to open: a clip's own, if it was cut, otherwise the whole video's.

        Earlier versions stored the paths of cut files as they were given, relative to the working directory.
        """
        return absolute(self.clip.media) if self.clip is not None and self.clip.media else self.row.location

    @property
    def steps(self) -> tuple[Step, ...]:
        steps = self.row.steps
        if self.clip is not None:
            steps = steps[self.clip.first_step : self.clip.last_step + 1]
        if not self.with_problems:
            steps = tuple(step for step in steps if not step.problem and step.text.strip())
        return tuple(_earlier(step, self.offset_seconds) for step in steps) if self.offset_seconds else steps

    @property
    def speech(self) -> tuple[Utterance, ...] | None:
        """What is said in the exported part, at times of the exported file; None where it was not written down."""
        if self.row.sound is None or self.row.sound.speech is None:
            return None
        start, end, by = self.start_seconds, self.end_seconds, self.offset_seconds
        said = (
            replace(each, start_seconds=each.start_seconds - by, end_seconds=each.end_seconds - by)
            for each in self.row.sound.speech
        )
        return tuple(each for each in said if start <= each.start_seconds < end)

    @property
    def shots(self) -> tuple[Shot, ...]:
        """The shots of the exported part, limited to it."""
        if self.clip is None:
            return self.row.shots
        start, end, by = self.clip.start_seconds, self.clip.end_seconds, self.offset_seconds
        touching = (shot for shot in self.row.shots if shot.start_seconds < end and shot.end_seconds > start)
        return tuple(
            Shot(max(shot.start_seconds, start) - by, min(shot.end_seconds, end) - by, shot.opens_with)
            for shot in touching
        )

    @property
    def is_part(self) -> bool:
        """Whether the file is longer than the described part, so a reader of the whole file needs the times."""
        if self.cut_at_seconds is not None:
            return False
        if self.clip is not None:
            return not self.clip.media
        asked_for = self.row.provenance.settings.get("end_seconds")
        return self.row.start_seconds > 0 or (asked_for is not None and self.row.end_seconds > asked_for - _SHORT)

    @property
    def source(self) -> SourceVideo:
        """The argument of ``sources.open_source`` for the media: the captioned file, or the one cut from it."""
        if self.clip is not None and self.clip.media:
            return SourceVideo(self.id, self.clip.media, self.row.user_id)
        return self.row.original


def _earlier(step: Step, seconds: float) -> Step:
    return replace(
        step,
        start_seconds=step.start_seconds - seconds,
        end_seconds=step.end_seconds - seconds,
        frame_seconds=tuple(at - seconds for at in step.frame_seconds),
    )


def suffix_of(location: str) -> str:
    """The extension of a video's file name in lower case, with its dot; ``.mp4`` if it has no usable one."""
    suffix = PurePath(location.split("?")[0]).suffix.lower()
    return suffix if suffix.isascii() and 2 <= len(suffix) <= 6 and suffix[1:].isalnum() else ".mp4"


def caption_rows(batch: pa.RecordBatch, *, facts: bool) -> list[CaptionRow]:
    """The captions of a batch that was read with ``ALL_BUT_FACTS``, or with all columns when ``facts`` is true."""
    if facts:
        return to_rows(CaptionRow, batch)
    return [_caption_row(plain) for plain in batch.to_pylist()]


def _caption_row(plain: dict[str, Any]) -> CaptionRow:
    """Without the checks of ``to_rows``, which would cost more than the rest of an export."""
    shots = tuple(Shot(**shot) for shot in plain["shots"])
    steps = tuple(Step(**step | {"frame_seconds": tuple(step["frame_seconds"])}) for step in plain["steps"])
    made = plain["provenance"]
    provenance = Provenance(**made | {"settings": _settings(made["settings"])})
    known = {name: plain[name] for name in _PLAIN} | {"warnings": tuple(plain["warnings"])}
    if plain.get("edits"):
        known |= {"edits": tuple(Edit(**edit) for edit in plain["edits"]), "edit_key": plain["edit_key"]}
    return CaptionRow(**known, shots=shots, steps=steps, provenance=provenance, sound=_sound(plain.get("sound")))


def _sound(plain: dict[str, Any] | None) -> Sound | None:
    if plain is None:
        return None
    said = plain["speech"]
    speech = None if said is None else tuple(Utterance(**each) for each in said)
    return Sound(**plain | {"spans": tuple(SoundSpan(**each) for each in plain["spans"]), "speech": speech})


@lru_cache(maxsize=64)
def _settings(text: str) -> dict[str, Any]:
    """Stored settings; nearly all rows of a data set have the same."""
    return dict(json.loads(text)) if text else {}


def clip_text(clip: Clip) -> str:
    """A clip, as text for a `DiskMultimap`."""
    return json.dumps(asdict(clip), ensure_ascii=False)


def clips_of(texts: Sequence[str]) -> Iterator[Clip]:
    """The clips that ``clip_text`` wrote, in the order of time."""
    yield from sorted((Clip(**json.loads(text)) for text in texts), key=lambda clip: (clip.start_seconds, clip.id))
