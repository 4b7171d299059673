"""What the embedded model says of what is heard: what begins, once, and what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_facts import at, between, steps_of
from sharegpt4video.records import Sound, SoundKind, SoundSpan, Utterance
from sharegpt4video.vlm.embedded.heard import heard_sentence
from sharegpt4video.vlm.embedded.story import summary
from sharegpt4video.vlm.hints import hint_lines


def sound(
    start: float,
    end: float,
    *spans: tuple[SoundKind, float, float],
    said: tuple[tuple[str, float], ...] | None = None,
    score: float = 0.95,
) -> Sound:
    whole = tuple(SoundSpan(kind, first, last, score) for kind, first, last in spans)
    shares = {kind: 1.0 for kind, first, last in spans if first <= start and last >= end}
    speech = None if said is None else tuple(Utterance(text, since, since + 1, -0.2) for text, since in said)
    music, speaks = shares.get("music", 0.0), shares.get("speech", 0.0)
    return Sound(start, end, True, whole, shares.get("silence", 0.0), speaks, music, speech)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (None, ""),
        (Sound(0.0, 2.0, track=False), ""),
        (sound(0.0, 2.0), ""),
        (sound(0.0, 2.0, ("silence", 0.0, 2.0)), ""),
        (sound(0.0, 2.0, ("music", 0.0, 9.0)), "music plays"),
        (sound(2.0, 4.0, ("music", 0.0, 9.0)), ""),  # told when it began
        (sound(2.0, 4.0, ("music", 0.0, 9.0), ("speech", 3.0, 5.0)), "somebody speaks"),
        (sound(0.0, 4.0, ("music", 0.0, 9.0), ("speech", 3.0, 5.0)), "music plays and somebody speaks"),
        (sound(2.0, 4.0, ("speech", 3.0, 5.0), score=0.87), ""),  # cheers reach this
        (sound(2.0, 4.0, ("speech", 3.0, 3.6)), ""),  # a shout
        (sound(2.0, 4.0, ("speech", 3.0, 5.0), said=(("Hello there.", 3.1),)), 'a voice says "Hello there"'),
        (sound(2.0, 4.0, ("speech", 3.0, 5.0), said=(("Savoco.", 3.1),), score=0.89), ""),  # made up, as often as not
        (sound(2.0, 4.0, ("music", 0.0, 9.0), said=(("Savoco.", 3.1),)), ""),
        (
            sound(2.0, 4.0, ("speech", 3.0, 5.0), said=(('Say "cheese".', 3.1), ("Now!", 3.9))),
            "a voice says \"Say 'cheese'. Now!\"",
        ),
    ],
)
def test_what_begins_is_told(heard: Sound | None, expected: str) -> None:
    assert heard_sentence(replace(between(0.0, 2.0), sound=heard)) == expected


def test_a_summary_tells_the_music_and_what_is_said_when() -> None:
    facts = [
        replace(at(0.0), sound=sound(0.0, 0.0)),
        replace(
            between(0.0, 4.0),
            sound=sound(0.0, 4.0, ("music", 0.0, 10.0), ("speech", 2.5, 4.0), said=(("Good morning.", 2.5),)),
        ),
        replace(between(4.0, 8.0), sound=sound(4.0, 10.0, ("music", 0.0, 10.0), said=())),
    ]
    told = summary(steps_of(*facts), 0.0, 10.0)
    assert 'Music plays throughout and a voice says "Good morning" (0:02).' in told
    assert "Somebody speaks for a while." in summary(
        steps_of(replace(between(0.0, 10.0), sound=sound(0.0, 10.0, ("speech", 2.0, 4.0)))), 0.0, 10.0
    )


def test_without_sound_nothing_is_told_of_it() -> None:
    facts = [at(0.0), between(0.0, 4.0)]
    deaf = [replace(one, sound=Sound(one.start_seconds, one.end_seconds, track=False)) for one in facts]
    assert summary(steps_of(*deaf), 0.0, 4.0) == summary(steps_of(*facts), 0.0, 4.0)


def test_another_model_gets_shares_and_words() -> None:
    heard = sound(2.0, 4.0, ("music", 0.0, 9.0), said=(("Hello there.", 3.1),))
    lines = hint_lines((replace(between(2.0, 4.0), sound=heard),))
    assert lines[-2:] == ["sound: music 100 % of the time", 'said at 3.10 s: "Hello there."']
    assert not any("sound" in line for line in hint_lines((replace(at(0.0), sound=sound(0.0, 0.0)),)))
