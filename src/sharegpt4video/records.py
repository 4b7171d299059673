"""The plain data that flows through the house: frozen, typed, with units in the names, and JSON in both directions.

Times are seconds of the source's own clock as its decoder gives them; intervals are half open, ``[start, end)``.
Boxes and distances are fractions of the displayed picture (0..1), so they mean the same at every resolution.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from .display import caption_html, caption_line
from .foreign import json_text

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter

Mode = Literal["sliding", "fast"]
StepKind = Literal["opening", "change", "whole"]
KeyframeReason = Literal["first", "cut", "change", "last"]
ShotOpening = Literal["start", "cut", "fade"]
Layout = Literal["separate", "pair", "grid", "strip"]
Torso = Literal["upright", "leaning", "horizontal", "inverted"]

UNANSWERED = r"(?:^|could not be condensed: )(?:unavailable|mixed up)"
"""Matches the problem of a text that nobody has written: the server failed, or answered somebody else."""


def problem_kind(problem: str) -> str:
    """Of a stored problem such as "refused: the server says: …" the first part, which is a ``vlm.base.Problem``."""
    return problem.partition(":")[0]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture: RGB ``pixels`` of shape (height, width, 3) uint8, upright, square pixels.

    ``seconds`` is its presentation time, ``duration_seconds`` how long it stays on screen.
    Raises ValueError if the array is not of that shape and type.
    """

    pixels: np.ndarray[Any, np.dtype[np.uint8]] = field(repr=False)
    seconds: float
    duration_seconds: float

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype.name != "uint8":
            raise ValueError(
                f"a Frame holds (height, width, 3) uint8 pixels, not {self.pixels.shape} {self.pixels.dtype}"
            )

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def end_seconds(self) -> float:
        return self.seconds + self.duration_seconds

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height} at {self.seconds:.3f} s for {self.duration_seconds:.3f} s)"


@dataclass(frozen=True)
class Image:
    """A picture as JPEG bytes, encoded once and re-used byte for byte wherever it is sent, stored or hashed."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True)
class Shot:
    """A run of frames without a cut: ``[start_seconds, end_seconds)``, and how it opens."""

    start_seconds: float
    end_seconds: float
    opens_with: ShotOpening = "start"


@dataclass(frozen=True)
class Keyframe:
    """A frame worth describing, and why it was kept.

    ``similarity`` is the cosine to the keyframe before it in the same shot (None where there is none).
    ``image`` is None when the model that will describe it does not look at pictures.
    """

    seconds: float
    shot_index: int
    reason: KeyframeReason
    similarity: float | None = None
    image: Image | None = field(default=None, repr=False)


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
    ``colours`` are the names of the colours that cover most of it. The rest is for people only: the poses at both
    ends, and in ``arm_raises`` and ``leg_raises``, for each time that limbs went up inside the interval, how many of
    them were up at most.
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


@dataclass(frozen=True)
class CameraMotion:
    """How the camera moved in an interval; all zero for a static camera.

    ``pan_widths`` is positive when the camera turns or travels right (the picture slides left), in picture widths;
    ``tilt_heights`` positive upwards; ``zoom_ratio`` over 1 when it closes in; ``roll_degrees`` positive clockwise;
    ``shake`` is the jitter left after the smooth move, in picture widths. ``moves`` names what is large enough to say
    ("static", "pan left", "pan right", "tilt up", "tilt down", "zoom in", "zoom out", "roll clockwise",
    "roll counter-clockwise", "shake"), largest first; it is empty when the motion could not be measured.
    ``confidence`` is the share of the picture that agrees with the move (0..1).
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
    """

    score: float
    area: float
    centre: tuple[float, float] | None


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
    """A line of text read off the picture at ``seconds``, with the reader's score (0..1)."""

    text: str
    score: float
    seconds: float
    box: Box


@dataclass(frozen=True)
class Facts:
    """What was measured in ``[start_seconds, end_seconds)``; at a single frame where the two are equal.

    ``objects`` were tracked in several frames; what the detector does not know shows in ``motion`` only.
    ``look`` is that of the frame at the end. ``texts`` holds the lines that were not there when the shot was last
    read; it is None when nobody tried to read (extra ``ocr`` absent or off, or not at this keyframe).
    """

    start_seconds: float
    end_seconds: float
    camera: CameraMotion
    motion: PictureMotion
    look: Look
    objects: tuple[TrackedObject, ...] = ()
    texts: tuple[ScreenText, ...] | None = None


@dataclass(frozen=True)
class Step:
    """One description and the time span it covers.

    ``opening`` describes the first frame of a shot, ``change`` what happens from one keyframe to the next, ``whole``
    the entire video (fast mode). The steps of a shot cover it without gaps: an opening followed by changes is an
    instant (``start_seconds == end_seconds``), a single opening covers its shot. ``problem`` says why the text is not
    to be trusted ("" for a good one); such a text is kept as it came, and never passed on as context.
    """

    kind: StepKind
    start_seconds: float
    end_seconds: float
    text: str
    shot_index: int
    frame_seconds: tuple[float, ...]
    facts: tuple[Facts, ...] = field(default=(), repr=False)
    problem: str = ""


@dataclass(frozen=True)
class Segment:
    """A run of keyframes of one shot, ready to be described in one chain; long shots come as several segments.

    ``facts[i]`` was measured between ``keyframes[i - 1]`` and ``keyframes[i]``; ``facts[0]`` at the first of them.
    There are none where nothing was measured.
    When ``continues`` is true the first keyframe is the last one of the segment before and has been described.
    ``first_number`` says which keyframe of its shot the first one is, counted from 1.
    ``shot_end_seconds`` is None unless this segment closes the shot.
    """

    shot_index: int
    shot_start_seconds: float
    shot_end_seconds: float | None
    opens_with: ShotOpening
    continues: bool
    keyframes: tuple[Keyframe, ...]
    facts: tuple[Facts, ...]
    first_number: int = 1

    @property
    def shot(self) -> Shot:
        """The shot it belongs to; one that is still open reaches to its last keyframe."""
        end = self.shot_end_seconds or self.keyframes[-1].seconds
        return Shot(self.shot_start_seconds, end, self.opens_with)


@dataclass(frozen=True)
class Provenance:
    """How a caption came about, enough to make it again."""

    model: str
    prompt_set: str
    prompt_hash: str
    version: str
    settings: dict[str, Any] = field(repr=False)
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    request_keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, repr=False)
class VideoCaption:
    """The caption of a video, or of the part ``[start_seconds, end_seconds)`` of it.

    video            name of the file or address
    width, height    as displayed, in pixels
    shots, steps     in time order; times in seconds
    summary          one text for the whole; ``summary_problem`` says why it is not to be trusted ("" for a good one)
    provenance       model, prompts, settings, requests, tokens and cost
    warnings         what could not be read
    content_id       hash of the file's bytes ("" in older captions)
    model_identity   the model with the options that decide its answers ("" in older captions)

    ``content_id`` and ``model_identity`` show whether a caption belongs to a video, whatever the file is called. In a
    notebook, a caption shows its keyframes beside the text.
    """

    video: str
    width: int
    height: int
    start_seconds: float
    end_seconds: float
    mode: Mode
    shots: tuple[Shot, ...]
    steps: tuple[Step, ...]
    summary: str
    provenance: Provenance
    summary_problem: str = ""
    warnings: tuple[str, ...] = ()
    content_id: str = ""
    model_identity: str = ""

    def __repr__(self) -> str:
        return caption_line(type(self).__name__, self.video, self)

    def _repr_html_(self) -> str:
        read = self.__dict__.get("_pictures")
        return caption_html(self.video, self, read(self) if read else {})

    def showing(self, pictures: Callable[[VideoCaption], Mapping[float, Image]]) -> VideoCaption:
        """The same caption, whose keyframes a notebook gets from this function. It is not part of the record."""
        object.__setattr__(self, "_pictures", pictures)
        return self

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each text that is not to be trusted; empty if all are good."""
        lines = [
            f"step {number} ({step.start_seconds:.2f}-{step.end_seconds:.2f} s): {step.problem}"
            for number, step in enumerate(self.steps)
            if step.problem
        ]
        return (*lines, f"summary: {self.summary_problem}") if self.summary_problem else tuple(lines)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The problems of texts that got no answer. Captioning again later may help."""
        problems = (*(step.problem for step in self.steps), self.summary_problem)
        return tuple(problem for problem in problems if re.search(UNANSWERED, problem))

    @property
    def answered(self) -> bool:
        """Whether the model has answered anything at all."""
        return not self.unanswered or any(step.text or not step.problem for step in self.steps)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The caption as JSON text; ``VideoCaption.from_json`` reads it back to an equal value.

        Half a surrogate pair in a text, which UTF-8 cannot hold, is spelled out as in ``\\udce9``.
        """
        from pydantic_core import PydanticSerializationError

        adapter = _caption_adapter()
        try:
            document = adapter.dump_json(self, indent=indent).decode()
        except PydanticSerializationError:
            document = json.dumps(adapter.dump_python(self, mode="json"), ensure_ascii=False, indent=indent)
        return json_text(document)

    @staticmethod
    def from_json(text: str | bytes) -> VideoCaption:
        """Read what ``to_json`` wrote. Raises ValueError naming the field that does not fit."""
        return _caption_adapter().validate_json(text)


@cache
def _caption_adapter() -> TypeAdapter[VideoCaption]:
    from pydantic import TypeAdapter

    return TypeAdapter(VideoCaption)  # some 30 ms to make
