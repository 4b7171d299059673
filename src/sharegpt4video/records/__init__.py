"""The plain data that flows through the house: frozen, typed, with units in the names, and JSON in both directions.

Times are seconds of the source's own clock as its decoder gives them; intervals are half open, ``[start, end)``.
Boxes and distances are fractions of the displayed picture (0..1), so they mean the same at every resolution.
"""

from .captions import (
    UNANSWERED,
    Frame,
    Image,
    Keyframe,
    KeyframeReason,
    Layout,
    Mode,
    Provenance,
    Segment,
    Shot,
    ShotOpening,
    Step,
    StepKind,
    VideoCaption,
    problem_kind,
)
from .measured import (
    LATER_FIELDS,
    Box,
    CameraMotion,
    Facts,
    LabelCount,
    Look,
    PictureMotion,
    Pose,
    ScreenText,
    Side,
    Torso,
    TrackedObject,
    without_unset,
)

__all__ = [
    "LATER_FIELDS",
    "UNANSWERED",
    "Box",
    "CameraMotion",
    "Facts",
    "Frame",
    "Image",
    "Keyframe",
    "KeyframeReason",
    "LabelCount",
    "Layout",
    "Look",
    "Mode",
    "PictureMotion",
    "Pose",
    "Provenance",
    "ScreenText",
    "Segment",
    "Shot",
    "ShotOpening",
    "Side",
    "Step",
    "StepKind",
    "Torso",
    "TrackedObject",
    "VideoCaption",
    "problem_kind",
    "without_unset",
]
