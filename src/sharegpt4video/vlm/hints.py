"""Measured facts as short plain lines with units, for a model to read with the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..records import Box, CameraMotion, Facts, PictureMotion, Pose, Side, Sound, TrackedObject

_MAX_OBJECTS = 12
_MAX_TEXTS = 12
_MAX_COLOURS = 5
_LEAST_SOUND_SHARE = 0.05
_GROWN = 1.25  # an object whose box covers this many times the area it did is worth saying
_MOVING_AREA = 0.005  # less of the picture than this is noise


def hint_lines(facts: Sequence[Facts]) -> list[str]:
    """The facts as lines, in order; what was not measured is left out.

    Facts of several intervals each follow a line with their times. Distances are in picture widths or heights.
    """
    blocks = [(one, list(_lines(one))) for one in facts]
    blocks = [(one, lines) for one, lines in blocks if lines]
    if len(blocks) < 2:
        return [line for _, lines in blocks for line in lines]
    return [line for one, lines in blocks for line in (_times(one), *lines)]


def _times(facts: Facts) -> str:
    if facts.start_seconds == facts.end_seconds:
        return f"at {facts.start_seconds:.2f} s:"
    return f"{facts.start_seconds:.2f} s to {facts.end_seconds:.2f} s:"


def _lines(facts: Facts) -> Iterator[str]:
    instant = facts.start_seconds == facts.end_seconds
    if not instant:
        yield from _camera(facts.camera)
    for thing in facts.objects[:_MAX_OBJECTS]:
        yield _object(thing, instant)
    if len(facts.objects) > _MAX_OBJECTS:
        yield f"{len(facts.objects) - _MAX_OBJECTS} more objects"
    if not instant:
        yield from _motion(facts.motion)
    elif facts.look.palette:
        colours = ", ".join(f"{name} {share * 100:.0f} %" for name, share in facts.look.palette[:_MAX_COLOURS])
        yield f"colours of the picture: {colours}"
    yield from _texts(facts)
    if facts.sound is not None and facts.sound.end_seconds > facts.sound.start_seconds:
        yield from _sound(facts.sound)


def _camera(camera: CameraMotion) -> Iterator[str]:
    if camera.moves:
        yield "camera: " + "; ".join(_move(move, camera) for move in camera.moves)


def _move(move: str, camera: CameraMotion) -> str:
    word = move.split()[0]
    amounts = {
        "pan": f"{abs(camera.pan_widths):.2f} picture widths",
        "tilt": f"{abs(camera.tilt_heights):.2f} picture heights",
        "zoom": f"{camera.zoom_ratio:.2f} times",
        "roll": f"{abs(camera.roll_degrees):.0f} degrees",
        "dolly": f"the picture grows {camera.zoom_ratio:.2f} times",
        "truck": f"{abs(camera.pan_widths):.2f} picture widths",
        "pedestal": f"{abs(camera.tilt_heights):.2f} picture heights",
    }
    return f"{move}, {amounts[word]}" if word in amounts else move


def _object(thing: TrackedObject, instant: bool) -> str:
    name = f"{thing.label} #{thing.track_id}"
    if thing.colours:
        name += f" ({', '.join(thing.colours)})"
    said = [_path(thing, instant), _growth(thing.start_box, thing.end_box), *_poses(thing, instant)]
    return f"{name}: " + ", ".join(part for part in said if part)


def _path(thing: TrackedObject, instant: bool) -> str:
    """Where it is, and that it came or went where that was measured: what is found late was there before."""
    start, end = thing.start_box, thing.end_box
    if start and end:
        before, after = _place(start), _place(end)
        if instant or before == after:
            return ("" if instant else "stays at the ") + after
        return f"{before} → {after}"
    came = f"comes into view{_edge('from', thing.enters)}" if thing.enters else ""
    went = f"goes out of view{_edge('at', thing.leaves)}" if thing.leaves else ""
    if end:
        return f"{came or 'seen later'}, then at the {_place(end)}"
    if start:
        return f"{went or 'not seen to the end'}, before that at the {_place(start)}"
    return ", ".join(part for part in (came, went) if part) or "in the picture for a part of the time"


def _edge(word: str, side: Side) -> str:
    return "" if side in ("", "inside") else f" {word} the {side}"


def _place(box: Box) -> str:
    """One of nine places: "centre", "left", "upper right"…"""
    x, y = box.centre
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    if down and not across:
        return f"{down} centre"
    return f"{down} {across}".strip() or "centre"


def _growth(start: Box | None, end: Box | None) -> str:
    if start is None or end is None:
        return ""
    before, after = start.width * start.height, end.width * end.height
    if before <= 0 or after <= 0 or 1 / _GROWN < after / before < _GROWN:
        return ""
    return f"{'larger' if after > before else 'smaller'}, {after / before:.2f} times the area"


def _poses(thing: TrackedObject, instant: bool) -> Iterator[str]:
    before, after = _posture(thing.start_pose), _posture(thing.end_pose)
    for part in ("torso", "arms raised", "legs raised"):
        first, last = before.get(part), after.get(part)
        if last is None or instant or first == last:
            said = last or first
            if said not in (None, "0"):  # nobody need be told of an arm that stays down
                yield f"{part} {said}"
        else:
            yield f"{part} {first} → {last}" if first is not None else f"{part} {last} at the end"
    for limbs, raises in (("arms", thing.arm_raises), ("legs", thing.leg_raises)):
        if raises:
            yield f"{limbs} went up {len(raises)} time{'s' if len(raises) > 1 else ''}"


def _posture(pose: Pose | None) -> dict[str, str | None]:
    if pose is None:
        return {}
    arms = None if pose.arms_raised is None else str(pose.arms_raised)
    legs = None if pose.legs_raised is None else str(pose.legs_raised)
    return {"torso": pose.torso, "arms raised": arms, "legs raised": legs}


def _motion(motion: PictureMotion) -> Iterator[str]:
    if motion.centre is not None and motion.area >= _MOVING_AREA:
        x, y = motion.centre
        where = _place(Box(x, y, x, y))
        yield (
            f"motion not due to the camera: {motion.area * 100:.0f} % of the picture, around the {where},"
            f" {motion.score:.2f} picture widths per second"
        )


def _sound(sound: Sound) -> Iterator[str]:
    """The shares of the time that are worth knowing, and what is said."""
    shares = (("music", sound.music_share), ("speech", sound.speech_share), ("silence", sound.silence_share))
    heard = [f"{name} {share * 100:.0f} % of the time" for name, share in shares if share >= _LEAST_SOUND_SHARE]
    if heard:
        yield f"sound: {', '.join(heard)}"
    for one in (sound.speech or ())[:_MAX_TEXTS]:
        yield f'said at {one.start_seconds:.2f} s: "{one.text}"'


def _texts(facts: Facts) -> Iterator[str]:
    """Each text once, from top to bottom: those that appear, those that stay, those that go."""
    texts, new = facts.texts or (), facts.new_texts
    gone = [line for line in texts if line.to_seconds is not None]
    stay = [line for line in texts if line not in new and line not in gone]
    if facts.start_seconds == facts.end_seconds:
        new, stay = texts, []
    for words, lines in (("on-screen text", new), ("on-screen text that stays", stay), ("on-screen text gone", gone)):
        read = list(dict.fromkeys(line.text.strip() for line in lines))
        if shown := [f'"{text}"' for text in read if text][:_MAX_TEXTS]:
            yield f"{words}: {', '.join(shown)}"
