"""``sg4v keyframes`` and ``sg4v facts``: what is found and measured in a video, without asking a model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..files import write_whole
from ..foreign import terminal_line
from ..times import show_span, show_time
from ..wording import counted
from .console import exit_codes, print_json, print_text, say
from .files import fitted, video_name
from .options import (
    Config,
    Encoder,
    End,
    Every,
    Json,
    Listen,
    MaxGap,
    Ocr,
    Sets,
    Similarity,
    Speech,
    Start,
    Video,
    fact_options,
    keyframe_options,
    read_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records import Facts, Keyframe, Pose, Sound, TrackedObject


def keyframes(
    video: Video,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write the frames here, as JPEG.", file_okay=False)
    ] = None,
    json: Json = False,
    start: Start = None,
    end: End = None,
    config: Config = None,
    changes: Sets = None,
    every: Every = None,
    encoder: Encoder = None,
    similarity: Similarity = None,
    max_gap: MaxGap = None,
) -> None:
    """Find the frames worth describing: when, in which shot, and why."""
    from .. import pipeline

    with exit_codes():
        chosen = keyframe_options(every, encoder, similarity, max_gap)
        settings = read_settings(config, changes, start_seconds=start, end_seconds=end, **chosen)
        found = []
        for keyframe in pipeline.keyframes(video, settings):
            path = _write_picture(keyframe, video, out) if out else None
            found.append(_plain_keyframe(keyframe, path))
            if not json:
                print_text(_keyframe_line(keyframe, path))
        if json:
            print_json({"video": Path(video).name, "keyframes": found})
        else:
            say(counted(len(found), "keyframe"))


def facts(
    video: Video,
    json: Json = False,
    start: Start = None,
    end: End = None,
    ocr: Ocr = None,
    sound: Listen = None,
    speech: Speech = None,
    config: Config = None,
    changes: Sets = None,
    every: Every = None,
    encoder: Encoder = None,
    similarity: Similarity = None,
    max_gap: MaxGap = None,
) -> None:
    """Measure what happens between keyframes: camera, motion, objects, people, text, colours."""
    from .. import pipeline

    with exit_codes():
        how = fact_options(ocr, sound, speech) | keyframe_options(every, encoder, similarity, max_gap)
        settings = read_settings(config, changes, start_seconds=start, end_seconds=end, **how)
        found = []
        for measured in pipeline.measure(video, settings):
            found.append(asdict(measured))
            if not json:
                print_text("\n".join(facts_lines(measured)))
        if json:
            print_json({"video": Path(video).name, "facts": found})


def _write_picture(keyframe: Keyframe, video: str, folder: Path) -> Path | None:
    """Name the picture by its time, padded so that names sort as times do."""
    if keyframe.image is None:
        return None
    suffix = f"_{keyframe.seconds:010.3f}s.jpg"
    path = folder / f"{fitted(video_name(video), suffix, folder)}{suffix}"
    write_whole(path, keyframe.image.jpeg)
    return path


def _plain_keyframe(keyframe: Keyframe, path: Path | None) -> dict[str, Any]:
    return {
        "seconds": keyframe.seconds,
        "shot_index": keyframe.shot_index,
        "reason": keyframe.reason,
        "similarity": keyframe.similarity,
        "file": str(path) if path else None,
    }


def _keyframe_line(keyframe: Keyframe, path: Path | None) -> str:
    likeness = "" if keyframe.similarity is None else f", similarity {keyframe.similarity:.3f}"
    place = f"  {terminal_line(path)}" if path else ""
    return f"[{show_time(keyframe.seconds)}] shot {keyframe.shot_index + 1}, {keyframe.reason}{likeness}{place}"


def facts_lines(measured: Facts) -> list[str]:
    """The facts of one interval for a reader: the time, then a line for each thing measured."""
    look = measured.look
    lines = [f"[{show_span(measured.start_seconds, measured.end_seconds)}]"]
    if measured.end_seconds > measured.start_seconds:
        camera = ", ".join(measured.camera.moves) or "not measured"
        lines.append(f"  camera   {camera}")
        lines.append(f"  motion   {measured.motion.score:.3f} widths/s over {measured.motion.area:.0%} of the picture")
    for thing in measured.objects:
        lines.append(f"  {thing.label:<8} {_where(thing)}")
        lines += [f"           {posture}" for posture in _postures(thing)]
    palette = ", ".join(f"{name} {share:.0%}" for name, share in look.palette[:4])
    light = f"brightness {look.brightness:.2f}, contrast {look.contrast:.2f}, sharpness {look.sharpness:.0f}"
    lines.append(f"  look     {light}; {palette}")
    for text in measured.texts or ():
        until = "" if text.to_seconds is None else f", until {show_time(text.to_seconds)}"
        when = "" if text.from_seconds is None else f" from {show_time(text.from_seconds)}{until}"
        lines.append(f'  text     "{terminal_line(text.text)}"{when}')
    return [*lines, *_heard(measured.sound)]


def _heard(sound: Sound | None) -> Iterator[str]:
    """What was heard: the shares of the time, and what is said."""
    if sound is None or not sound.track:
        return
    shares = (("silence", sound.silence_share), ("speech", sound.speech_share), ("music", sound.music_share))
    yield f"  sound    {', '.join(f'{name} {share:.0%}' for name, share in shares)}"
    yield from (
        f'  said     "{terminal_line(one.text)}" at {show_time(one.start_seconds)}' for one in sound.speech or ()
    )


def _where(thing: TrackedObject) -> str:
    boxes = [thing.start_box, thing.end_box]
    places = ["outside" if box is None else f"({box.centre[0]:.2f}, {box.centre[1]:.2f})" for box in boxes]
    colours = f", {' and '.join(thing.colours)}" if thing.colours else ""
    return f"#{thing.track_id} {places[0]} → {places[1]}, seen in {counted(thing.seen_frames, 'frame')}{colours}"


def _postures(thing: TrackedObject) -> Iterator[str]:
    """A person's posture at both ends, and what the limbs did in between."""
    poses = [_posture(pose) for pose in (thing.start_pose, thing.end_pose)]
    if any(poses):
        yield poses[1] if poses[0] == poses[1] else " → ".join(pose or "not seen" for pose in poses)
    for limbs, counts in (("arms", thing.arm_raises), ("legs", thing.leg_raises)):
        if counts:
            yield f"{limbs} went up: {', '.join(f'{count} at once' for count in counts)}"


def _posture(pose: Pose | None) -> str:
    if pose is None:
        return ""
    counts = (("arm", pose.arms_raised), ("leg", pose.legs_raised))
    limbs = [f"{count} {limb}{'s' * (count > 1)} raised" for limb, count in counts if count]
    return ", ".join([pose.torso or "torso not seen", *limbs])
