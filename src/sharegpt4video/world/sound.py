"""The sound of a scene, made from numbers: chords, something like speech, and silence, each at a known time.

The speech is that of a formant synthesizer: a buzz through three resonances that glide from vowel to vowel, with hisses
in between, at the pace of syllables. It says nothing; detectors of speech take it for speech.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SoundKind = Literal["silence", "music", "speech"]
Samples = NDArray[np.float32]

KINDS: tuple[SoundKind, ...] = ("silence", "music", "speech")
RATE = 16_000
LEAST_SECONDS = 2.5
"""Of a part: shorter music is not told from a tone, shorter speech not from a shout."""
MOST_PARTS = 3
_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))  # semitones over C: C, F, G, A minor
_C4_HERTZ = 261.6
_BEAT_SECONDS = 0.4
_SYLLABLE_SECONDS = 0.19
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Formants of a, i, u, e and o in Hz, spoken by men (Peterson and Barney, 1952)."""
_BANDWIDTHS = (80.0, 100.0, 140.0)
_LOUD = 0.25


@dataclass(frozen=True)
class Heard:
    """What is heard in ``[start, end)``, fractions of the video."""

    kind: SoundKind
    start: float
    end: float


def soundtrack(seed: int | str, seconds: float) -> tuple[Heard, ...]:
    """One to three parts of different kinds, one after the other; the same seed gives the same ones."""
    rng = random.Random(f"{seed} sound")
    count = rng.randint(1, max(min(MOST_PARTS, int(seconds / LEAST_SECONDS)), 1))
    kinds = rng.sample(KINDS, count)
    rest = max(seconds - count * LEAST_SECONDS, 0.0)
    shares = sorted(rng.random() for _ in range(count - 1))
    lengths = [right - left for left, right in zip([0.0, *shares], [*shares, 1.0], strict=True)]
    parts, at = [], 0.0
    for number, (kind, length) in enumerate(zip(kinds, lengths, strict=True)):
        end = 1.0 if number == count - 1 else at + (LEAST_SECONDS + rest * length) / seconds
        parts.append(Heard(kind, round(at, 6), round(end, 6)))
        at = end
    return tuple(parts)


def sound_line(heard: Sequence[Heard], seconds: float) -> str:
    """The truth of a track as a sentence: "Music plays from 0.0 to 2.7 s, then somebody speaks until 8.0 s."."""
    words = {"music": "music plays", "speech": "somebody speaks", "silence": "it is silent"}
    if len(heard) == 1:
        return f"{words[heard[0].kind].capitalize()} throughout."
    first, *others = heard
    told = [f"{words[first.kind].capitalize()} from 0.0 to {first.end * seconds:.1f} s"]
    told += [f"then {words[part.kind]} until {part.end * seconds:.1f} s" for part in others]
    return f"{', '.join(told)}."


def samples(heard: Sequence[Heard], seconds: float, seed: int | str = 0) -> Samples:
    """The whole track at 16 kHz, one channel, from -1 to 1."""
    whole = np.zeros(round(seconds * RATE), np.float32)
    for part in heard:
        first, last = round(part.start * len(whole)), round(part.end * len(whole))
        rng = np.random.default_rng([*f"{seed} {part.kind} {part.start}".encode()])
        if part.kind != "silence":
            made = music(last - first, rng) if part.kind == "music" else speech(last - first, rng)
            whole[first:last] = _faded(made)
    return whole


def music(count: int, rng: np.random.Generator) -> Samples:
    """Plucked chords, a beat each, with a bass."""
    beat = round(_BEAT_SECONDS * RATE)
    made = np.zeros(count + 4 * beat, np.float64)
    at = np.arange(4 * beat) / RATE
    for number, first in enumerate(range(0, count, beat)):
        chord = _CHORDS[number // 4 % len(_CHORDS)]
        notes = [chord[0] - 24, chord[number % 3], chord[(number + 1) % 3] + 12 * int(rng.integers(2))]
        for note in notes:
            hertz = _C4_HERTZ * 2 ** (note / 12)
            tone = sum(np.sin(2 * np.pi * hertz * overtone * at) / overtone**1.5 for overtone in range(1, 7))
            made[first : first + len(at)] += tone * np.exp(-at * 3.0) * np.minimum(at * 200, 1.0)
    return _level(made[:count])


def speech(count: int, rng: np.random.Generator) -> Samples:
    """Syllables: a hiss now and then, and a vowel whose pitch falls along each phrase."""
    made: list[NDArray[np.float64]] = []
    length = 0
    while length < count:
        for syllable in _phrase(rng):
            made.append(syllable)
            length += len(syllable)
    return _level(np.concatenate(made)[:count])


def _phrase(rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    syllables = int(rng.integers(5, 10))
    pitch, before = 150.0 * rng.uniform(0.85, 1.15), _VOWELS[int(rng.integers(len(_VOWELS)))]
    for number in range(syllables):
        after = _VOWELS[int(rng.integers(len(_VOWELS)))]
        seconds = _SYLLABLE_SECONDS * rng.uniform(0.75, 1.3) * (1.5 if number == syllables - 1 else 1.0)
        if rng.random() < 0.5:
            yield _hiss(0.05 * rng.uniform(0.8, 1.5), rng)
        hertz = pitch * (1.15 - 0.3 * number / syllables)
        yield _vowel(seconds, hertz, hertz * 0.94, before, after, rng)
        yield np.zeros(round(0.015 * RATE))
        before = after
    yield np.zeros(round(0.25 * RATE))


def _vowel(
    seconds: float, first_hertz: float, last_hertz: float, before: Sequence[float], after: Sequence[float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    count = round(seconds * RATE)
    share = np.linspace(0, 1, count)
    hertz = first_hertz + (last_hertz - first_hertz) * share + 2.0 * np.sin(2 * np.pi * 5.0 * share * seconds)
    phase = np.cumsum(hertz) / RATE
    buzz = np.diff(np.floor(phase), prepend=0.0) + 0.01 * rng.standard_normal(count)
    glide = np.clip(share * 2.5, 0, 1)
    for number, width in enumerate(_BANDWIDTHS):
        centre = before[number] + (after[number] - before[number]) * glide
        buzz = _resonance(buzz, centre, width)
    envelope = np.minimum(np.minimum(share * 8, (1 - share) * 5), 1.0)
    top = np.abs(buzz).max() or 1.0
    return np.asarray(buzz / top * envelope)


def _resonance(sound: NDArray[np.float64], hertz: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A second-order resonance whose centre moves (D. H. Klatt, 1980)."""
    radius = float(np.exp(-np.pi * width / RATE))
    turn = 2 * radius * np.cos(2 * np.pi * hertz / RATE)
    gain = 1 - turn + radius * radius
    made = np.empty_like(sound)
    last = one_before = 0.0
    square = radius * radius
    for at, (value, a) in enumerate(zip((sound * gain).tolist(), turn.tolist(), strict=True)):
        last, one_before = value + a * last - square * one_before, last
        made[at] = last
    return made


def _hiss(seconds: float, rng: np.random.Generator) -> NDArray[np.float64]:
    noise = np.diff(rng.standard_normal(round(seconds * RATE) + 1))
    return np.asarray(0.12 * noise * np.hanning(len(noise)))


def _level(made: NDArray[np.float64]) -> Samples:
    loudness = float(np.sqrt(np.mean(made**2))) if len(made) else 0.0
    return np.clip(made * (_LOUD / 2.5 / loudness if loudness else 1.0), -1, 1).astype(np.float32)


def _faded(made: Samples) -> Samples:
    """Without clicks at the ends."""
    ramp = min(round(0.01 * RATE), len(made) // 2)
    if ramp:
        made[:ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
        made[-ramp:] *= np.linspace(1, 0, ramp, dtype=np.float32)
    return made
