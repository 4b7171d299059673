"""What is measured in a video: who and what is where, how the camera and the picture move, what can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Torso = Literal["upright", "leaning", "horizontal", "inverted"]
SoundKind = Literal["silence", "speech", "music"]
Side = Literal["", "left", "right", "top", "bottom", "inside"]

LATER_FIELDS = frozenset(
    {"still", "enters", "leaves", "subject_id", "counts", "from_seconds", "to_seconds", "sound", "quiet"}
)
"""Fields that were added once the keys of requests were stored. While unset they are left out of the keys, so that
answers which were paid for before are still found; whatever is added to these records belongs here too."""


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of the picture's width and height, origin at the top left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True)
class Pose:
    """A person's posture at one time, from body keypoints; None where the joints were not seen well enough.

    ``torso`` is the angle of the line from hips to shoulders; ``arms_raised`` counts wrists held clearly above the
    shoulders, ``legs_raised`` ankles held clearly off the level of the supporting foot. ``confidence`` is the
    mean keypoint score (0..1).
    """

    torso: Torso | None
    arms_raised: int | None
    legs_raised: int | None
    confidence: float


@dataclass(frozen=True)
class TrackedObject:
    """One object followed over several frames, as far as it concerns one interval.

    A box is None where the object was not in the picture at that end of the interval. ``seen_frames`` counts the
    detections of the whole track up to the end of the interval, ``score`` is their mean (0..1).
    ``colours`` are the names of the colours that cover most of it. For people only: the poses at both ends, and in
    ``arm_raises`` and ``leg_raises``, for each time that limbs went up inside the interval, how many of them were up
    at most.

    ``enters`` and ``leaves`` name the edge of the picture that it crossed in this interval, or "inside" for what
    appeared or disappeared within the picture; "" where neither was measured: a late detection is no arrival.
    ``subject_id`` is the same for one subject in the whole video, across cuts; None where that is not known.
    """

    track_id: int
    label: str
    score: float
    seen_frames: int
    start_box: Box | None
    end_box: Box | None
    colours: tuple[str, ...] = ()
    start_pose: Pose | None = None
    end_pose: Pose | None = None
    arm_raises: tuple[int, ...] = ()
    leg_raises: tuple[int, ...] = ()
    enters: Side = ""
    leaves: Side = ""
    subject_id: int | None = None


@dataclass(frozen=True)
class LabelCount:
    """How many objects of one label are in the picture at the end of an interval, where that number is stable.

    ``count`` is None where there are several, but how many is not certain; ``crowd`` where they are too many to count.
    """

    label: str
    count: int | None
    crowd: bool = False


@dataclass(frozen=True)
class CameraMotion:
    """How the camera moved in an interval; all zero for a static camera.

    ``pan_widths`` is positive when the camera turns or travels right (the picture slides left), in picture widths;
    ``tilt_heights`` positive upwards; ``zoom_ratio`` over 1 when it closes in; ``roll_degrees`` positive clockwise;
    ``shake`` is the jitter left after the smooth move, in picture widths. ``moves`` names, in CameraBench's words, what
    is large enough to say, at most two moves, the larger first: "pan", "truck" or "arc" and a way, "tilt" or "pedestal"
    "up" or "down", "zoom" or "dolly" "in" or "out", "roll clockwise" or "roll counter-clockwise", "tracking"; or alone
    "static" or "hand-held". It is empty when the motion could not be measured. Older data has up to all of the first
    kinds, and "shake". ``confidence`` is the share of the picture that agrees with the move (0..1).
    """

    pan_widths: float = 0.0
    tilt_heights: float = 0.0
    zoom_ratio: float = 1.0
    roll_degrees: float = 0.0
    shake: float = 0.0
    moves: tuple[str, ...] = ()
    confidence: float = 0.0


@dataclass(frozen=True)
class PictureMotion:
    """Motion that the camera does not explain. ``score`` is its mean speed in picture widths per second over the
    moving part, ``area`` the share of the picture that moves, ``centre`` where (x, y fractions; None if nothing moves).
    ``still`` is True where motion was measured on every time scale and there was none, False where there was some, and
    None where it is not known. ``quiet`` is the longest part of the interval, in seconds of the video, in which nothing
    moved; None where it is shorter than 1.5 s or not known.
    """

    score: float
    area: float
    centre: tuple[float, float] | None
    still: bool | None = None
    quiet: tuple[float, float] | None = None


@dataclass(frozen=True)
class Look:
    """The look of one frame: mean ``brightness`` and ``contrast`` (0..1), ``sharpness`` (variance of the Laplacian of
    the grey picture at 320 pixels width), and the ``palette``: colour names with the share of the picture they cover,
    largest first.
    """

    brightness: float
    contrast: float
    sharpness: float
    palette: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ScreenText:
    """A line or paragraph of text read off the picture at ``seconds``, with the reader's score (0..1).

    ``from_seconds`` is when it was first there; ``to_seconds`` when it was last there, if it was gone by the end of the
    interval, else None. Both are None in older data, where a line was listed only when it was new.
    """

    text: str
    score: float
    seconds: float
    box: Box
    from_seconds: float | None = None
    to_seconds: float | None = None

    def is_new(self, start_seconds: float, end_seconds: float) -> bool:
        """Whether it appears in an interval; at an instant, whether it is first there."""
        if self.from_seconds is None:
            return True
        return self.from_seconds > start_seconds or (start_seconds == end_seconds == self.from_seconds)


@dataclass(frozen=True)
class SoundSpan:
    """A stretch of sound of one kind, as long as it lasts; speech and music may overlap. ``score`` is the mean of the
    detector's (0..1), for silence 1.
    """

    kind: SoundKind
    start_seconds: float
    end_seconds: float
    score: float


@dataclass(frozen=True)
class Utterance:
    """Words that were heard, as a speech recognizer wrote them down, with the mean log-probability of their tokens
    (None where the recognizer does not give it).
    """

    text: str
    start_seconds: float
    end_seconds: float
    mean_log_probability: float | None = None


@dataclass(frozen=True)
class Sound:
    """What was heard in ``[start_seconds, end_seconds)``, which for the last keyframe of a shot reaches to the shot's
    end. ``track`` is False for a video without sound; all else is then empty.

    ``spans`` reach into the interval and are not cut to it. The shares are those of its time (0..1).
    ``speech`` holds the utterances that begin in the interval; it is None when no recognizer listened.
    """

    start_seconds: float
    end_seconds: float
    track: bool
    spans: tuple[SoundSpan, ...] = ()
    silence_share: float = 0.0
    speech_share: float = 0.0
    music_share: float = 0.0
    speech: tuple[Utterance, ...] | None = None


@dataclass(frozen=True)
class Facts:
    """What was measured in ``[start_seconds, end_seconds)``; at a single frame where the two are equal.

    ``objects`` were tracked in several frames; what the detector does not know shows in ``motion`` only.
    ``look`` is that of the frame at the end. ``texts`` holds the lines that were in view (in older data: those that
    were not there when the shot was last read); it is None when nobody tried to read. ``counts`` holds the labels seen
    more than once or counted for sure at the end; it is None in facts measured before it was there.
    ``sound`` is None when nobody listened.
    """

    start_seconds: float
    end_seconds: float
    camera: CameraMotion
    motion: PictureMotion
    look: Look
    objects: tuple[TrackedObject, ...] = ()
    texts: tuple[ScreenText, ...] | None = None
    counts: tuple[LabelCount, ...] | None = None
    sound: Sound | None = None

    @property
    def known_words(self) -> tuple[str, ...]:
        """All that can be quoted: what was read in view, and what was said."""
        said = self.sound.speech or () if self.sound else ()
        return (*(line.text for line in self.texts or ()), *(one.text for one in said))

    @property
    def new_texts(self) -> tuple[ScreenText, ...]:
        """Those of ``texts`` that appear in the interval, or are first there at its instant."""
        return tuple(line for line in self.texts or () if line.is_new(self.start_seconds, self.end_seconds))


def without_unset(value: Any) -> Any:
    """The JSON of these records without the ``LATER_FIELDS`` that are unset."""
    if isinstance(value, list):
        return [without_unset(item) for item in value]
    if not isinstance(value, dict):
        return value
    unset = {name for name in LATER_FIELDS & value.keys() if value[name] is None or value[name] == ""}
    return {name: without_unset(item) for name, item in value.items() if name not in unset}
