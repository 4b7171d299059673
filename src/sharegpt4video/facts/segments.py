"""The one streaming pass over a video: decode once, and out come segments of keyframes with the facts between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..config import CaptionSettings
from ..records import Facts, Keyframe, Look, Segment, ShotOpening
from ..video.compose import encode_jpeg
from ..video.grid import SLACK_SECONDS
from ..video.keyframes import Candidate, KeyframeSelector, Selected, walked
from ..video.picture import DecodedFrame, Pixels
from ..video.shots import ShotDetector
from .colour import look
from .listen import Listener
from .observe import LOOKAHEAD_SECONDS, Observer, Span

OnKeyframe = Callable[[Keyframe, Callable[[int], Pixels]], None]

FORGET_EVERY_STEPS = 3  # of a shot, wherever segments end: colours are voted on over what is remembered


@dataclass(frozen=True)
class _Note:
    keyframe: Keyframe
    look: Look | None = None
    """None where no facts are measured."""


@dataclass
class _OpenShot:
    """``notes`` are the keyframes not handed on yet, after the last one that was; ``facts`` those of the first ones."""

    index: int
    start_seconds: float
    opens_with: ShotOpening
    notes: list[_Note] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
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
    new_keyframes: int = 1,
) -> Iterator[Segment]:
    """Turn decoded frames into segments ready to be described, in time order.

    Each frame is looked at once. ``with_images`` adds the pictures as JPEG; a model that does not look at pictures
    needs none. Where the settings leave facts out, segments have none. ``detector`` is a new one of the caller's, who
    may have a use for cuts where the settings have none; ``listener`` hears what belongs to the pictures.
    ``on_keyframe`` is called with each keyframe as soon as it is chosen, and with what gives its pixels for a longest
    side.

    A segment is handed on once it has ``new_keyframes``, or the end of its shot: with one, each step can be described
    as soon as it has been seen. What is in the segments does not depend on it.
    """
    observer = Observer(settings.facts, listener) if settings.facts.measure else None
    watcher = _Pass(observer, settings, with_images, on_keyframe, new_keyframes)
    chosen = settings.keyframes
    if chosen.cuts:
        detector = detector or ShotDetector(verify=chosen.verify_cuts)
    elif detector is not None:
        decoded, detector = detector.watching(decoded), None
    for found in walked(watcher.watch(decoded), detector, chosen.every_seconds):
        watcher.follow(found)
        for selected in selector.take(found) if isinstance(found, Candidate) else selector.reach(found):
            yield from watcher.keep(selected)
        del found  # its picture is not held while the next frames are decoded
        yield from watcher.hand_on()
    for selected in selector.end():
        yield from watcher.keep(selected)
    yield from watcher.close()


class _Pass:
    """What the pass remembers: the shot that is open, and how far the video has been seen."""

    def __init__(
        self,
        observer: Observer | None,
        settings: CaptionSettings,
        with_images: bool,
        on_keyframe: OnKeyframe,
        new_keyframes: int,
    ) -> None:
        self._observer, self._on_keyframe, self._new_keyframes = observer, on_keyframe, new_keyframes
        self._settings = settings
        self._with_images = with_images
        self._shot: _OpenShot | None = None
        self._reached: dict[int, float] = {}
        self._followed = 0
        self._end_seconds = 0.0

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        for frame in decoded if self._observer is None else self._observer.watch(decoded):
            self._end_seconds = frame.end_seconds
            yield frame

    def follow(self, found: Candidate | float) -> None:
        """Note how far each shot is known to reach: the selector may hold candidates back."""
        if isinstance(found, Candidate):
            self._followed, found = found.shot_index, found.decoded.seconds
        self._reached[self._followed] = max(found, self._reached.get(self._followed, found))

    def keep(self, selected: Selected) -> Iterator[Segment]:
        candidate = selected.candidate
        if self._shot is not None and candidate.shot_index != self._shot.index:
            yield self._last_of(self._shot, candidate.decoded.seconds)
            self._shot = None
        if self._shot is None:
            self._shot = _OpenShot(candidate.shot_index, candidate.decoded.seconds, candidate.opens_with)
        self._shot.notes.append(self._note(selected))

    def hand_on(self) -> Iterator[Segment]:
        """What is known of the open shot for good, if it is enough for a segment."""
        shot = self._shot
        if shot is None:
            return
        reached = self._reached[shot.index]
        if reached - shot.start_seconds < self._settings.keyframes.every_seconds + SLACK_SECONDS:
            return  # it may be a shot of one keyframe, which covers it
        self._measure(shot, Span(shot.start_seconds, reached), None)
        # The last frame of a shot, when it comes this late, is a keyframe: so none of these is the last one.
        certain = sum(note.keyframe.seconds + LOOKAHEAD_SECONDS <= reached for note in shot.notes)
        if certain - shot.continues >= self._new_keyframes:
            yield self._segment(shot, certain, None)

    def close(self) -> Iterator[Segment]:
        if self._shot is not None:
            yield self._last_of(self._shot, self._end_seconds)

    def _last_of(self, shot: _OpenShot, end_seconds: float) -> Segment:
        self._measure(shot, Span(shot.start_seconds, end_seconds), end_seconds)
        for index in [index for index in self._reached if index <= shot.index]:
            del self._reached[index]
        return self._segment(shot, len(shot.notes), end_seconds)

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

    def _segment(self, shot: _OpenShot, count: int, shot_end_seconds: float | None) -> Segment:
        """Hand on the first ``count`` keyframes; the last of them is the first one of the next segment."""
        segment = Segment(
            shot_index=shot.index,
            shot_start_seconds=shot.start_seconds,
            shot_end_seconds=shot_end_seconds,
            opens_with=shot.opens_with,
            continues=shot.continues,
            keyframes=tuple(note.keyframe for note in shot.notes[:count]),
            facts=tuple(shot.facts[:count]),
            first_number=shot.first_number,
        )
        del shot.notes[: count - 1], shot.facts[: count - 1]
        shot.first_number, shot.continues = shot.first_number + count - 1, True
        return segment

    def _measure(self, shot: _OpenShot, span: Span, shot_end_seconds: float | None) -> None:
        """What happened up to each keyframe after which enough was seen: whether something stays is seen afterwards."""
        if self._observer is None:
            return
        before = shot.facts[-1].end_seconds if shot.facts else shot.start_seconds
        for note in shot.notes[len(shot.facts) :]:
            seconds = note.keyframe.seconds
            if shot_end_seconds is None and seconds + LOOKAHEAD_SECONDS > span.end_seconds:
                return
            assert note.look is not None
            is_last = shot_end_seconds is not None and note is shot.notes[-1]
            shot.facts.append(
                self._observer.facts(before, seconds, span, note.look, shot_end_seconds if is_last else None)
            )
            before = seconds
            steps = shot.first_number + len(shot.facts) - 2  # of the shot, up to this keyframe
            if is_last or (steps and steps % FORGET_EVERY_STEPS == 0):
                self._observer.forget(before)
