"""What is said stands in the subtitles, marked as speech, with the step in which it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_captions import captioned, step
from sharegpt4video.records import Sound, Utterance
from sharegpt4video.subtitles import cues, srt, vtt

STEPS = [
    step("opening", 0.0, 0.0, "A street."),
    step("change", 0.0, 2.0, "A car comes."),
    step("change", 2.0, 6.0, 'A voice says "Good morning".'),
]


def said(*words: tuple[str, float]) -> Sound:
    return Sound(0.0, 6.0, True, speech=tuple(Utterance(text, at, at + 1.0) for text, at in words))


@pytest.mark.parametrize(
    ("sound", "lines"),
    [
        (None, [[], [], []]),
        (Sound(0.0, 6.0, True), [[], [], []]),  # nobody wrote it down
        (said(("Watch out!", 1.5)), [[], ["[speech] Watch out!"], []]),
        (said(("Watch\nout!", 1.9), ("Thanks.", 2.0)), [[], ["[speech] Watch out!"], ["[speech] Thanks."]]),
        (said(("Good morning.", 3.0)), [[], [], []]),  # the step quotes it
        (said(("Late.", 9.0)), [[], [], ["[speech] Late."]]),
    ],
)
def test_speech_comes_with_its_step(sound: Sound | None, lines: list[list[str]]) -> None:
    caption = replace(captioned(STEPS, 6.0), sound=sound)
    found = cues(caption)
    assert [[line for line in cue.text.split("\n") if line.startswith("[speech]")] for cue in found] == lines
    assert [(cue.start_ms, cue.end_ms) for cue in found] == [(0, 1000), (1000, 2000), (2000, 6000)]
    for text in (srt(caption), vtt(caption)):
        assert text.count("[speech]") == sum(map(len, lines))


def test_speech_without_a_step_has_no_cue() -> None:
    assert cues(replace(captioned([STEPS[0]], 6.0), steps=(), sound=said(("Hello.", 1.0)))) == []
