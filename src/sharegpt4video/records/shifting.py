"""Captions and facts on another clock: a clip that was cut out of a video begins at 0."""

from __future__ import annotations

from dataclasses import replace

from .captions import Shot, Step, VideoCaption
from .measured import Facts, ScreenText, Sound


def caption_earlier(caption: VideoCaption, by: float) -> VideoCaption:
    """The same caption with all its times that many seconds earlier."""
    return replace(
        caption,
        start_seconds=caption.start_seconds - by,
        end_seconds=caption.end_seconds - by,
        shots=tuple(Shot(shot.start_seconds - by, shot.end_seconds - by, shot.opens_with) for shot in caption.shots),
        steps=tuple(step_earlier(step, by) for step in caption.steps),
        sound=None if caption.sound is None else _sound_earlier(caption.sound, by),
    )


def step_earlier(step: Step, by: float) -> Step:
    """The same step with its times, and those of its facts, that many seconds earlier."""
    return replace(
        step,
        start_seconds=step.start_seconds - by,
        end_seconds=step.end_seconds - by,
        frame_seconds=tuple(at - by for at in step.frame_seconds),
        facts=tuple(facts_earlier(facts, by) for facts in step.facts),
    )


def facts_earlier(facts: Facts, by: float) -> Facts:
    """The same facts with all their times that many seconds earlier."""
    quiet = facts.motion.quiet
    return replace(
        facts,
        start_seconds=facts.start_seconds - by,
        end_seconds=facts.end_seconds - by,
        motion=replace(facts.motion, quiet=None if quiet is None else (quiet[0] - by, quiet[1] - by)),
        texts=None if facts.texts is None else tuple(_text_earlier(text, by) for text in facts.texts),
        sound=None if facts.sound is None else _sound_earlier(facts.sound, by),
    )


def _text_earlier(text: ScreenText, by: float) -> ScreenText:
    since, until = text.from_seconds, text.to_seconds
    return replace(
        text,
        seconds=text.seconds - by,
        from_seconds=None if since is None else since - by,
        to_seconds=None if until is None else until - by,
    )


def _sound_earlier(sound: Sound, by: float) -> Sound:
    speech = sound.speech
    return replace(
        sound,
        start_seconds=sound.start_seconds - by,
        end_seconds=sound.end_seconds - by,
        spans=tuple(
            replace(span, start_seconds=span.start_seconds - by, end_seconds=span.end_seconds - by)
            for span in sound.spans
        ),
        speech=None
        if speech is None
        else tuple(
            replace(said, start_seconds=said.start_seconds - by, end_seconds=said.end_seconds - by) for said in speech
        ),
    )
