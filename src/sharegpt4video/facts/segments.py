"""The one streaming pass over a video: decode once, and out come segments of keyframes with the facts between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..config import CaptionSettings
from ..records import Facts, Keyframe, Look, Segment, ShotOpening
from ..video.compose import encode_jpeg
from ..video.keyframes import Candidate, KeyframeSelector, Selected, candidates
from ..video.picture import DecodedFrame, Pixels
from ..video.shots import ShotDetector
from .colour import look
from .listen import Listener
from .observe import Observer, Span

OnKeyframe = Callable[[Keyframe, Callable[[int], Pixels]], None]

SEGMENT_KEYFRAMES = 4  # a longer shot is handed on in parts: steps come early, memory does not grow with its length


@dataclass(frozen=True)
class _Note:
    keyframe: Keyframe
    look: Look | None = None
    """None where no facts are measured."""


@dataclass
class _OpenShot:
    index: int
    start_seconds: float
    opens_with: ShotOpening
    notes: list[_Note] = field(default_factory=list)
    continues: bool = False
    first_number: int = 1


def segments(
    decoded: Iterable[DecodedFrame],
    selector: KeyframeSelector,
    settings: CaptionSettings,
    *,
    with_images: bool,
    detector: ShotDetector | None = None,
    listener: Listener | None = None,
    on_keyframe: OnKeyframe = lambda *_: None,
) -> Iterator[Segment]:
    """Turn decoded frames into segments ready to be described, in time order.

    Each frame is looked at once. ``with_images`` adds the pictures as JPEG; a model that does not look at pictures
    needs none. Where the settings leave facts out, segments have none. ``detector`` is a new one of the caller's,
    ``listener`` hears what belongs to the pictures. ``on_keyframe`` is called with each keyframe as soon as it is
    chosen, and with what gives its pixels for a longest side.
    """
    observer = Observer(settings.facts, listener) if settings.facts.measure else None
    watcher = _Pass(observer, settings, with_images, on_keyframe)
    chosen = settings.keyframes
    detector = detector or ShotDetector(verify=chosen.verify_cuts)
    flow = candidates(watcher.watch(decoded), detector, chosen.every_seconds)
    for selected in selector.select(watcher.follow(flow)):
        yield from watcher.keep(selected)
    yield from watcher.close()


class _Pass:
    """What the pass remembers: the shot that is open, and how far the video has been seen."""

    def __init__(
        self, observer: Observer | None, settings: CaptionSettings, with_images: bool, on_keyframe: OnKeyframe
    ) -> None:
        self._observer, self._on_keyframe = observer, on_keyframe
        self._settings = settings
        self._with_images = with_images
        self._shot: _OpenShot | None = None
        self._candidate_seconds: dict[int, float] = {}
        self._end_seconds = 0.0

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        for frame in decoded if self._observer is None else self._observer.watch(decoded):
            self._end_seconds = frame.end_seconds
            yield frame

    def follow(self, flow: Iterable[Candidate]) -> Iterator[Candidate]:
        """Note how far each shot is known to reach: the selector may hold candidates back."""
        for candidate in flow:
            self._candidate_seconds[candidate.shot_index] = candidate.decoded.seconds
            yield candidate

    def keep(self, selected: Selected) -> Iterator[Segment]:
        candidate = selected.candidate
        if self._shot is not None and candidate.shot_index != self._shot.index:
            yield self._segment(self._shot, shot_end_seconds=candidate.decoded.seconds)
            self._shot = None
        if self._shot is None:
            self._shot = _OpenShot(candidate.shot_index, candidate.decoded.seconds, candidate.opens_with)
        shot = self._shot
        if len(shot.notes) >= SEGMENT_KEYFRAMES:
            yield self._segment(shot, shot_end_seconds=None)
            shot.first_number += len(shot.notes) - 1
            shot.notes, shot.continues = shot.notes[-1:], True
        shot.notes.append(self._note(selected))

    def close(self) -> Iterator[Segment]:
        if self._shot is not None:
            yield self._segment(self._shot, shot_end_seconds=self._end_seconds)

    def _note(self, selected: Selected) -> _Note:
        candidate = selected.candidate
        seconds = candidate.decoded.seconds
        picture = candidate.decoded.frame(self._settings.image_side_pixels).pixels
        keyframe = Keyframe(
            seconds=seconds,
            shot_index=candidate.shot_index,
            reason=selected.reason,
            similarity=selected.similarity,
            image=encode_jpeg(picture, self._settings.jpeg_quality) if self._with_images else None,
        )
        self._on_keyframe(keyframe, lambda side_pixels: candidate.decoded.frame(side_pixels).pixels)
        if self._observer is None:
            return _Note(keyframe)
        return _Note(keyframe, look(picture))

    def _segment(self, shot: _OpenShot, *, shot_end_seconds: float | None) -> Segment:
        known = shot_end_seconds if shot_end_seconds is not None else self._candidate_seconds[shot.index]
        facts = self._facts(shot.notes, Span(shot.start_seconds, known), shot_end_seconds)
        for index in [index for index in self._candidate_seconds if index < shot.index]:
            del self._candidate_seconds[index]
        return Segment(
            shot_index=shot.index,
            shot_start_seconds=shot.start_seconds,
            shot_end_seconds=shot_end_seconds,
            opens_with=shot.opens_with,
            continues=shot.continues,
            keyframes=tuple(note.keyframe for note in shot.notes),
            facts=facts,
            first_number=shot.first_number,
        )

    def _facts(self, notes: list[_Note], span: Span, shot_end_seconds: float | None) -> tuple[Facts, ...]:
        """What was measured up to each keyframe of a part of a shot; nothing where no facts are measured."""
        facts: list[Facts] = []
        before = notes[0].keyframe.seconds
        for note in notes:
            if self._observer is not None and note.look is not None:
                seconds = note.keyframe.seconds
                heard = shot_end_seconds if note is notes[-1] else None
                facts.append(self._observer.facts(before, seconds, span, note.look, heard))
                before = seconds
        if self._observer is not None:
            self._observer.forget(before)
        return tuple(facts)
