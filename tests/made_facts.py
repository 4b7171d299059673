"""Facts built by hand for the tests of the embedded model."""

from __future__ import annotations

from sharegpt4video.records import (
    Box,
    CameraMotion,
    Facts,
    LabelCount,
    Look,
    PictureMotion,
    Pose,
    ScreenText,
    Side,
    Step,
    TrackedObject,
)

STILL = CameraMotion(moves=("static",), confidence=0.95)
NOT_MEASURED = CameraMotion()
NO_MOTION = PictureMotion(score=0.0, area=0.0, centre=None)
NOTHING_MOVES = PictureMotion(score=0.0, area=0.0, centre=None, still=True)
BRIGHT = Look(0.7, 0.2, 400.0, (("light blue", 0.45), ("green", 0.3), ("white", 0.1)))
DARK = Look(0.2, 0.15, 300.0, (("black", 0.7), ("blue", 0.2)))
BLACK = Look(0.01, 0.005, 0.0, (("black", 1.0),))

CENTRE = Box(0.35, 0.3, 0.62, 0.9)
LEFT = Box(0.05, 0.3, 0.25, 0.9)
RIGHT = Box(0.75, 0.3, 0.95, 0.9)
ENTERING_LEFT = Box(0.0, 0.3, 0.2, 0.9)


def pose(torso: str | None = "upright", arms: int | None = 0, legs: int | None = 0) -> Pose:
    return Pose(torso, arms, legs, 0.6)  # type: ignore[arg-type]


def thing(
    label: str,
    start: Box | None,
    end: Box | None,
    track: int = 1,
    *,
    colours: tuple[str, ...] = (),
    start_pose: Pose | None = None,
    end_pose: Pose | None = None,
    arm_raises: tuple[int, ...] = (),
    leg_raises: tuple[int, ...] = (),
    enters: Side = "",
    leaves: Side = "",
    subject: int | None = None,
) -> TrackedObject:
    poses = (start_pose, end_pose, arm_raises, leg_raises)
    return TrackedObject(track, label, 0.7, 8, start, end, colours, *poses, enters, leaves, subject)


def at(
    seconds: float,
    *objects: TrackedObject,
    look: Look = BRIGHT,
    texts: tuple[str, ...] | None = None,
    counts: tuple[LabelCount, ...] | None = None,
) -> Facts:
    """The facts of one frame."""
    return between(seconds, seconds, *objects, camera=NOT_MEASURED, look=look, texts=texts, counts=counts)


def between(
    start: float,
    end: float,
    *objects: TrackedObject,
    camera: CameraMotion = STILL,
    motion: PictureMotion = NO_MOTION,
    look: Look = BRIGHT,
    texts: tuple[str, ...] | None = None,
    counts: tuple[LabelCount, ...] | None = None,
) -> Facts:
    lines = None if texts is None else tuple(line(text, end, place) for place, text in enumerate(texts))
    return Facts(start, end, camera, motion, look, objects, lines, counts)


def line(text: str, seconds: float, place: int = 0) -> ScreenText:
    return ScreenText(text, 0.95, seconds, Box(0.7, 0.8 + 0.04 * place, 0.95, 0.83 + 0.04 * place))


def steps_of(*facts: Facts) -> tuple[Step, ...]:
    """Steps without text, as a chain of the sliding role carries them; a single-frame fact opens a shot."""
    steps: list[Step] = []
    shot = -1
    for one in facts:
        opens = one.start_seconds == one.end_seconds
        shot += opens
        kind = "opening" if opens else "change"
        steps.append(Step(kind, one.start_seconds, one.end_seconds, "", shot, (one.end_seconds,), (one,)))  # type: ignore[arg-type]
    return tuple(steps)


def yoga() -> tuple[Facts, ...]:
    """A person doing yoga before a still camera: the limbs as they are in a clip of that kind."""
    bent, stands, arm = pose("horizontal", 1, 1), pose("upright", 0, 0), pose("upright", 1, 0)
    low, tall = Box(0.28, 0.35, 0.7, 0.85), Box(0.42, 0.25, 0.58, 0.88)

    def person(start: Box, end: Box, one: Pose, other: Pose) -> TrackedObject:
        return thing("person", start, end, start_pose=one, end_pose=other)

    return (
        at(0.0, person(low, low, bent, bent)),
        between(0.0, 2.0, person(low, low, bent, bent)),
        between(2.0, 4.0, person(low, tall, bent, stands)),
        between(4.0, 10.0, person(tall, tall, stands, stands), motion=NOTHING_MOVES),
        between(10.0, 12.0, person(tall, tall, stands, arm)),
        between(12.0, 14.0, person(tall, tall, arm, arm)),
    )
